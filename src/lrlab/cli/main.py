"""The command line: ``lrlab COMMAND``.

Commands import what they need inside their bodies, so that ``lrlab --help`` answers at once.
"""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, cast

import typer

from lrlab.cli.control import extend, pause, stop
from lrlab.cli.delete import delete
from lrlab.cli.demo import demo
from lrlab.cli.diagnose import diagnose
from lrlab.cli.doctor import doctor
from lrlab.cli.export import export
from lrlab.cli.foreign import ForeignCommand
from lrlab.cli.help import GUIDE, show_help
from lrlab.cli.importing import import_file
from lrlab.cli.init import init
from lrlab.cli.output import Output
from lrlab.cli.plot import plot
from lrlab.cli.report import report
from lrlab.cli.resume import resume
from lrlab.cli.runs import runs
from lrlab.cli.scale import scale
from lrlab.cli.schedule import schedule
from lrlab.cli.studies import studies
from lrlab.cli.sweep import sweep
from lrlab.cli.targets import targets
from lrlab.cli.ui import ui
from lrlab.cli.version import version
from lrlab.cli.watch import watch
from lrlab.core.errors import LrlabError

app = typer.Typer(
    name="lrlab",
    help="Which learning rate, and which schedule, for this model, this data and this optimizer?",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command(cls=ForeignCommand)(sweep)
app.command()(resume)
app.command()(pause)
app.command()(stop)
app.command()(extend)
app.add_typer(studies, name="studies")
app.add_typer(schedule, name="schedule")
app.command()(scale)
app.command()(runs)
app.command()(delete)
app.command()(diagnose)
app.command()(watch)
app.command()(plot)
app.command()(report)
app.command()(export)
app.command(name="import")(import_file)
app.command()(targets)
app.command()(init)
app.command()(ui)
app.command()(doctor)
app.command()(version)
app.command(name="help")(show_help)

# Typer has no public name for the root of what a wrong line raises.
_UsageError = cast(type[Exception], typer.BadParameter.__bases__[0])


@app.callback(invoke_without_command=True)
def lrlab(
    context: typer.Context,
    debug: Annotated[  # taken by ``run``, wherever it stands
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")
    ] = False,
) -> None:
    """Which learning rate, and which schedule, for this model, this data and this optimizer?"""
    if context.invoked_subcommand is None:
        Output().result(GUIDE)


def run(args: Sequence[str]) -> int:
    """Carry out one command line.

    Args:
        args: The words after ``lrlab``.

    Returns:
        The exit code; ``lrlab help exit-codes`` lists them.
    """
    end = args.index("--") if "--" in args else len(args)
    own, foreign = list(args[:end]), list(args[end:])
    debug = "--debug" in own
    output = _output(own)
    words = [word for word in own if word != "--debug"] + foreign
    try:
        code = typer.main.get_command(app)(args=words, prog_name="lrlab", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except LrlabError as error:
        if debug:
            traceback.print_exc()
        return output.error(error)
    except _UsageError as error:
        return _usage(error, output)
    except typer.Abort:
        return 130
    except OSError as error:
        if error.errno not in _PLACES:
            return _failure(error, output, debug=debug)
        if debug:
            traceback.print_exc()
        return _place(error, output)
    except Exception as error:
        return _failure(error, output, debug=debug)


def _output(words: Sequence[str]) -> Output:
    """How an error is told, before anybody has understood the line."""
    verb = next((word for word in words if not word.startswith("-")), "")
    forms = [words[k + 1] for k in range(len(words) - 1) if words[k] == "--format"]
    forms += [word.removeprefix("--format=") for word in words if word.startswith("--format=")]
    form = forms[-1] if forms and verb in _FORMED else ""
    return Output(json="--json" in words or form in ("json", "jsonl"), events=form == "jsonl")


_FORMED = ("sweep", "resume", "extend", "studies", "runs", "targets")  # --format of others names a file's

# What is wrong with a place that was named, where no command has said it better: the exit code, and what to do.
_PLACES = {
    errno.ENOSPC: (1, "Make room there, or name another place."),
    errno.ENAMETOOLONG: (2, "Name a shorter one."),
    errno.EACCES: (1, "Give yourself the right to it, or name another place."),
    errno.EPERM: (1, "Give yourself the right to it, or name another place."),
}


def _place(error: OSError, output: Output) -> int:
    """A file, folder or output that cannot be used."""
    exit_code, hint = _PLACES[error.errno or errno.ENOSPC]
    if error.filename is None:  # the output itself, which can tell nothing more
        output = Output()
    name = "the output" if error.filename is None else str(error.filename)
    name = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
    return output.failure(
        f"{name}: cannot be used: {error.strerror}.",
        code="usage" if exit_code == 2 else "error",
        exit_code=exit_code,
        hint=hint,
    )


_LONGEST_NAME = 200  # characters shown


def _failure(error: Exception, output: Output, *, debug: bool) -> int:
    """An error that no sentence was written for."""
    if debug:
        traceback.print_exception(error)
    return output.failure(
        f"internal error: {type(error).__name__}: {error}",
        code="internal",
        exit_code=1,
        hint="" if debug else "Add --debug to see where, and please report it.",
    )


def _usage(error: Exception, output: Output) -> int:
    """A line that the command does not understand."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "lrlab"
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    return output.failure(said, code="usage", exit_code=2, hint=f"{command} --help shows what it takes.")


def main() -> None:
    """Entry point of the program ``lrlab``."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # a foreign character must not end the program
    sys.exit(run(sys.argv[1:]))
