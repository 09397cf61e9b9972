"""``lrlab pause``, ``lrlab stop`` and ``lrlab extend``: what a shell asks of the process that runs a study."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lrlab.cli import options
from lrlab.cli.output import STUDY, Output
from lrlab.core.errors import SpecError

NoWait = Annotated[
    bool,
    typer.Option(
        "--no-wait", help="Leave the command and do not wait for the answer of the study's process."
    ),
]


def pause(
    name: options.StudyName,
    no_wait: NoWait = False,
    store: options.Store = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Let a study rest at the next whole unit; lrlab resume goes on."""
    from lrlab.cli.answers import command

    output = Output(json=json, quiet=quiet)
    ask(output, name, "pause", store=store, no_wait=no_wait)
    output.note(f"It goes on with: {command('resume', name, store)}")


def stop(
    name: options.StudyName,
    no_wait: NoWait = False,
    store: options.Store = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Stop a study that another process runs, at the next whole unit; its results stay."""
    from lrlab.cli.answers import command

    output = Output(json=json, quiet=quiet)
    ask(output, name, "stop", store=store, no_wait=no_wait)
    output.note(f"Its results: {command('studies show', name, store)}")


def extend(
    name: options.StudyName,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", metavar="RUNS", help="A higher price limit.", show_default=False),
    ] = None,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="More seeds.", show_default=False)] = None,
    lr: Annotated[
        str | None,
        typer.Option("--lr", metavar="LOW:HIGH", help="A range that holds the old one.", show_default=False),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(metavar="T", help="A larger tolerance.", show_default=False)
    ] = None,
    budget: Annotated[int | None, typer.Option("--budget", hidden=True)] = None,
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
    """Ask more of a study: a running one takes it over, any other one goes on here.

    Everything can only be widened. The budget cannot change, because schedules stretch over it.
    """
    from lrlab.api import extend as api
    from lrlab.api.engines import open_lab

    output = Output.of("extend", form, known=STUDY, json=json, quiet=quiet)
    changes = {"max_cost": max_cost, "seeds": seeds, "lr": lr, "tolerance": tolerance, "budget": budget}
    running = {"workers": workers, "max_time": max_time, "memory": memory, "devices": devices}
    running["threads"] = threads if threads != 1 else None
    lab = open_lab(store)
    study = lab.study(name)
    api.check(study, **changes)
    if lab.runs_elsewhere(name):
        refuse_here("extend", name, running)
        given = {key: value for key, value in changes.items() if value is not None}
        ask(output, name, "extend", store=store, no_wait=no_wait, arguments=given)
        return
    study = api.widen(name, store=store, **changes)
    output.note(study.events[-1].text)
    if not study.target:
        _say_what_to_repeat(output, name, changes)
        return
    go_on(output, name, store=store, **running)


def go_on(output: Output, name: str, *, store: str | None, **running: Any) -> None:
    """Continue a study in this process, and end the command with its answer."""
    from lrlab.api import sweep as api
    from lrlab.cli.answers import give
    from lrlab.cli.watching import carry_out

    answer = carry_out(
        api.resume,
        name,
        output=output,
        store=store,
        workers=running["workers"],
        max_time=running["max_time"],
        memory_gib=running["memory"],
        threads=running["threads"] or 1,
        devices=options.device_names(running["devices"]),
    )
    give(output, answer, store=store)


def ask(
    output: Output,
    name: str,
    kind: str,
    *,
    store: str | None,
    no_wait: bool,
    arguments: Mapping[str, object] | None = None,
) -> None:
    """Send a command to the process that runs a study, and print what it says."""
    from lrlab.api.engines import open_lab
    from lrlab.core.command import Command
    from lrlab.studies.orders import WAIT_S

    command = Command(kind=kind, arguments=arguments or {})
    reply = open_lab(store).order(
        name,
        command,
        wait_s=0.0 if no_wait else WAIT_S,
        told=lambda text: output.note(f"{name}: {text}"),
    )
    output.result(f"{name}: {reply.text}")
    output.document(
        "command",
        {"study": name, "kind": kind, "id": command.id, "fate": reply.fate, "text": reply.text},
    )


def refuse_here(verb: str, name: str, running: Mapping[str, object]) -> None:
    """Refuse options that are for training in this process, where another one has the study."""
    given = [f"--{key.replace('_', '-')}" for key, value in running.items() if value is not None]
    if given:
        raise SpecError(
            f"{verb}: study {name} is run by another process, which keeps its own {' and '.join(given)}.",
            hint="Leave them out, or stop the study first.",
        )


def _say_what_to_repeat(output: Output, name: str, changes: Mapping[str, object]) -> None:
    """Name the call that continues a study whose task only its own program can build."""
    given = {key: value for key, value in changes.items() if value is not None}
    call = (
        f"lrlab.sweep(..., {', '.join(f'{key}={value!r}' for key, value in given.items())}, study={name!r})"
    )
    output.result(f"Study {name} asks more now. Only its own program can train it; there, repeat: {call}")
    output.document("extend", {"study": name, "changes": given, "repeat": call})
