"""Carry out a study in the foreground: progress on stderr, an interrupt as a sentence and an exit code."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import typer

from lrlab.api.results import Answer
from lrlab.api.targets import build
from lrlab.cli.answers import command
from lrlab.cli.events import EventLines
from lrlab.cli.output import Output
from lrlab.cli.progress_view import progress_view
from lrlab.core.errors import StudyInterrupted
from lrlab.studies.progress import ProgressListener
from lrlab.tasks.protocol import Task


def build_task(target: Mapping[str, object]) -> "Task | dict[str, Task]":
    """The task that a command names, or those of its arms; what its module prints goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        return build(target)


def carry_out(
    ask: Callable[..., Answer], /, *args: Any, output: Output, store: str | None, **settings: Any
) -> Answer:
    """Call ``ask`` (``sweep`` or ``resume`` of the Python side) and show how it goes.

    What the training prints goes to stderr: stdout is for the result.

    Raises:
        typer.Exit: After a signal, with the exit code 128 and its number; everything is saved.
    """
    stdout = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr), _progress(output, stdout) as listener:
            return ask(*args, store=store, progress=listener, **settings)
    except StudyInterrupted as interrupt:
        code = 128 + interrupt.signal
        output.failure(
            f"interrupted; study {interrupt.study} is saved.",
            code="terminated" if code == 143 else "interrupted",
            exit_code=code,
            hint=f"It goes on with: {command('resume', interrupt.study, store)}",
        )
        raise typer.Exit(code) from None
    except KeyboardInterrupt:  # the second signal, or one before there was anything to save
        output.failure(
            "ended at once.",
            code="interrupted",
            exit_code=130,
            hint="lrlab studies lists what is saved, and lrlab resume STUDY goes on.",
        )
        raise typer.Exit(130) from None


def _progress(output: Output, stdout: TextIO) -> "contextlib.AbstractContextManager[ProgressListener | None]":
    if output.events:
        return contextlib.nullcontext(EventLines(stdout))
    return contextlib.nullcontext() if output.quiet else progress_view(sys.stderr)
