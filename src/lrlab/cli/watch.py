"""``lrlab watch``."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lrlab.cli import diagnosis_options, options
from lrlab.cli.diagnose import FAILED, document
from lrlab.cli.output import EVENTS, Output, one_document, speaks_unicode, width
from lrlab.core.errors import LrlabError, NotFoundError, SpecError
from lrlab.core.lr_range import positive_rate
from lrlab.readers.names import parse_columns

_SHORTEST_S = 0.02


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|DIR|STUDY",
            help="A log that grows (.csv, .tsv, .jsonl, trainer_state.json, TensorBoard's files) or a folder with one, "
            "also one that is not there yet; or a study, whose run is named by --lr.",
            show_default=False,
        ),
    ],
    optimizer: diagnosis_options.Optimizer = None,
    total_steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Optimizer steps of the whole training; the watching ends there.",
            show_default=False,
        ),
    ] = None,
    lr: diagnosis_options.Rate = None,
    seed: diagnosis_options.Seed = None,
    schedule: diagnosis_options.Schedule = None,
    warmup: diagnosis_options.Warmup = 0.0,
    steps_per_epoch: diagnosis_options.StepsPerEpoch = None,
    column: diagnosis_options.Column = None,
    every: Annotated[float, typer.Option(metavar="SECONDS", help="Time between looks.")] = 2.0,
    idle: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Nothing new for so long ends the watching; by default a file is watched until Ctrl-C.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        str, typer.Option(metavar="note|warn|error", help="The least severity that is told.")
    ] = "note",
    alerts: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Append each alert there, a JSON line.", show_default=False),
    ] = None,
    on_alert: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Start this for each alert, which it reads as JSON, and from LRLAB_ALERT_SENTENCE and the like.",
            show_default=False,
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="warn|error",
            help="End with exit code 6 if the last checkup has a verdict as grave as this.",
            show_default=False,
        ),
    ] = None,
    store: options.Store = None,
    json: Annotated[
        bool, typer.Option("--json", help="An event a line: each alert, at the end the checkup.")
    ] = False,
) -> None:
    """Follow a training that runs, and say when its learning rate is wrong.

    A verdict is told when two checkups in a row have it, once, and again if it becomes graver or clears. At the end
    stands the whole checkup, as lrlab diagnose prints it.
    """
    output = Output(json=json, events=json)
    try:
        options.check_word("watch", "--fail-on", fail_on, ("warn", "error"))
        _check_seconds("--every", every, _SHORTEST_S)
        _check_seconds("--idle", idle, 0.0)
        looks = _looks(
            source,
            {
                "optimizer": optimizer,
                "total_steps": total_steps,
                "lr": None if lr is None else positive_rate(lr, "watch: --lr"),
                "schedule": schedule,
                "warmup": int(warmup) if warmup >= 1 and warmup == int(warmup) else warmup,
                "steps_per_epoch": steps_per_epoch,
            },
            columns=parse_columns(column or ()),
            seed=seed,
            store=store,
            level=level,
            every_s=every,
            idle_s=idle,
        )
        if total_steps is None:
            output.note("watch: without --total-steps each look takes the log for a whole training.")
        with _listeners(alerts, on_alert, output) as tell:
            checkup, interrupted = _shown(looks, tell, output)
        _conclude(checkup, source, output, interrupted=interrupted, fail_on=fail_on)
    except LrlabError as error:
        if not json:
            raise
        raise typer.Exit(output.error(error)) from None


def _check_seconds(option: str, seconds: float | None, least: float) -> None:
    if seconds is not None and not least <= seconds < 1e6:
        raise SpecError(
            f"watch: {option} must be a number of seconds of at least {least:g}, got {seconds:g}."
        )


def _looks(
    source: str,
    settings: dict[str, Any],
    *,
    columns: dict[str, str],
    seed: int | None,
    store: str | None,
    level: str,
    every_s: float,
    idle_s: float | None,
) -> Iterator[Any]:
    """What ``follow`` gives; what is wrong with the arguments is said now."""
    from lrlab.api.diagnose import Settings
    from lrlab.api.follow import follow, source_of
    from lrlab.diagnosis.alerts import Debounce

    told = Settings(**settings)
    followed = source_of(source, columns=columns, lr=told.lr, seed=seed, store=store)
    return follow(
        followed,
        told,
        debounce=Debounce(level=level),
        every_s=every_s,
        idle_s=idle_s,
        clock=time.monotonic,
        sleep=time.sleep,
    )


@contextlib.contextmanager
def _listeners(alerts: Path | None, on_alert: str | None, output: Output) -> Iterator[Any]:
    """One function that tells everybody."""
    from lrlab.api import alarms

    def complain(text: str) -> None:
        output.note(f"watch: {text}")

    def show(alert: Any) -> None:
        if output.json:
            event = {"schema": EVENTS, "event": "alert", **alarms.document(alert)}
            print(one_document(event), file=sys.stdout, flush=True)
        else:
            output.result(str(alert))
            sys.stdout.flush()

    found = [] if alerts is None else [alarms.to_file(alerts)]
    if on_alert is not None:
        found.append(alarms.Command(on_alert, complain=complain))
    listeners = alarms.Listeners(found, complain=complain)

    def tell(alert: Any) -> None:
        show(alert)
        listeners(alert)

    try:
        yield tell
    finally:
        listeners.close()


def _shown(looks: Iterator[Any], tell: Any, output: Output) -> tuple[Any, bool]:
    """Tell what comes; the last checkup, and whether Ctrl-C has ended it."""
    checkup = None
    # A shell starts what it puts in the background with Ctrl-C ignored; whoever sends the signal means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for look in looks:
            checkup = look.checkup
            if look.waits_for:
                output.note(f"watch: waiting for {look.waits_for}.")
            for alert in look.alerts:
                tell(alert)
    except KeyboardInterrupt:
        return checkup, True
    return checkup, False


def _conclude(checkup: Any, source: str, output: Output, *, interrupted: bool, fail_on: str | None) -> None:
    if checkup is not None:
        output.result(checkup.summary(width=width(), unicode=speaks_unicode(sys.stdout)))
        output.document("checkup", document(checkup))
    if interrupted:
        output.note("watch: interrupted; the training itself was not touched.")
        raise typer.Exit(130)
    if checkup is None:
        raise NotFoundError(
            f"watch: nothing has come from {source}.", hint="Is it the file that the training writes?"
        )
    if fail_on is not None and checkup.fails(fail_on):
        raise typer.Exit(FAILED)
