"""``lrlab resume``."""

from lrlab.cli import options
from lrlab.cli.control import NoWait, ask, go_on, refuse_here
from lrlab.cli.output import STUDY, Output


def resume(
    name: options.StudyName,
    no_wait: NoWait = False,
    store: options.Store = None,
    workers: options.Workers = None,
    max_time: options.MaxTime = None,
    memory: options.Memory = None,
    threads: options.Threads = 1,
    devices: options.Devices = None,
    form: options.StudyFormat = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Continue an interrupted study here, or let a paused one go on where it waits."""
    from lrlab.api.engines import open_lab

    output = Output.of("resume", form, known=STUDY, json=json, quiet=quiet)
    running = {"workers": workers, "max_time": max_time, "memory": memory, "devices": devices}
    running["threads"] = threads if threads != 1 else None
    if open_lab(store).runs_elsewhere(name):
        refuse_here("resume", name, running)
        ask(output, name, "resume", store=store, no_wait=no_wait)
        return
    go_on(output, name, store=store, **running)
