"""Arguments and options that several commands share."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from lrlab.cli.output import Output, in_ci
from lrlab.core.errors import SpecError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the result only: no progress and no notes.")
]
TableFormat = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="text|json|csv", help="How it is printed; text by default.", show_default=False
    ),
]
StudyFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="text|json|jsonl",
        help="How it is printed; jsonl: an event a line while it trains (lrlab help events).",
        show_default=False,
    ),
]
NoInput = Annotated[
    bool,
    typer.Option("--no-input", help="Never ask: what would be asked is an error. So is it where CI is set."),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        help="Folder of studies; by default $LRLAB_STORE, else the user's data folder.",
        show_default=False,
    ),
]
StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="Its name; lrlab studies lists them.", show_default=False)
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Worker processes; 0 trains in this process. By default one a GPU, else one for two cores.",
        show_default=False,
    ),
]
MaxTime = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Save and end after this time; lrlab resume goes on.", show_default=False
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        metavar="GIB",
        help="Memory that all workers together may keep; by default 60 % of what is free.",
        show_default=False,
    ),
]
Threads = Annotated[int, typer.Option(metavar="N", help="Threads of numerical libraries in each worker.")]
Devices = Annotated[
    str | None,
    typer.Option(
        metavar="0,1", help="GPUs, dealt out to the workers in turn; one worker each.", show_default=False
    ),
]


def device_names(devices: str | None) -> tuple[str, ...]:
    """The parts of ``--devices``."""
    return tuple(part.strip() for part in (devices or "").split(",") if part.strip())


def check_word(verb: str, option: str, word: str | None, words: Sequence[str]) -> None:
    """Refuse a word that is none of ``words``.

    Raises:
        SpecError: The sentence lists them.
    """
    if word is not None and word not in words:
        raise SpecError(f"{verb}: {option} must be one of {', '.join(words)}, got {word!r}.")


def may_ask(output: Output, *, no_input: bool) -> bool:
    """Whether there is a person to ask: at a terminal, who has not said otherwise, outside of continuous integration."""
    return not (no_input or output.json or in_ci()) and sys.stdin.isatty()


def check_count(verb: str, option: str, count: int | None) -> None:
    """Refuse a number of lines below 1.

    Raises:
        SpecError: The sentence names the number.
    """
    if count is not None and count < 1:
        raise SpecError(f"{verb}: {option} must be at least 1, got {count}.")
