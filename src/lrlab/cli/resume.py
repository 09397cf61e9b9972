"""``lrlab resume``."""

from lrlab.cli import options
from lrlab.cli.output import Output


def resume(
    name: options.StudyName,
    store: options.Store = None,
    workers: options.Workers = None,
    max_time: options.MaxTime = None,
    memory: options.Memory = None,
    threads: options.Threads = 1,
    devices: options.Devices = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Continue an interrupted study, to the answer that it would have given."""
    from lrlab.api import sweep as api
    from lrlab.cli.answers import give
    from lrlab.cli.watching import carry_out

    output = Output(json=json, quiet=quiet)
    answer = carry_out(
        api.resume,
        name,
        output=output,
        store=store,
        workers=workers,
        max_time=max_time,
        memory_gib=memory,
        threads=threads,
        devices=options.device_names(devices),
    )
    give(output, answer, store=store)
