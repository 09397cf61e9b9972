"""The output contract: the result on stdout, everything else on stderr, errors in three lines at most."""

import csv
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Final, TextIO

from lrlab.core.errors import LrlabError, SpecError
from lrlab.report.words import plain

TABLE = ("text", "json", "csv")  # forms of what is a table
STUDY = ("text", "json", "jsonl")  # forms of a study that is carried out
EVENTS: Final = "lrlab.event/1"
_FALLBACK_WIDTH = 100
NARROWEST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one command says, and in which form.

    Args:
        json: Exactly one JSON document on stdout instead of text.
        quiet: Nothing but the result, and errors.
        events: With ``json``: the document is the last of a stream of events, each on a line of its own.
        csv: A table for programs on stdout instead of text.
    """

    json: bool = False
    quiet: bool = False
    events: bool = False
    csv: bool = False

    @classmethod
    def of(
        cls, verb: str, form: str | None, *, known: Sequence[str], json: bool, quiet: bool = False
    ) -> "Output":
        """What a command with ``--format`` says.

        Args:
            verb: The command.
            form: The word behind ``--format``.
            known: ``TABLE`` or ``STUDY``.
            json: Whether ``--json`` was given, which is ``--format json``.
            quiet: As in the class.

        Raises:
            SpecError: If there is no such form, or two are asked for.
        """
        if form is not None and form not in known:
            raise SpecError(f"{verb}: --format must be one of {', '.join(known)}, got {form!r}.")
        if json and form not in (None, "json"):
            raise SpecError(
                f"{verb}: --json and --format {form} ask for two forms of one output.", hint="Leave one out."
            )
        return cls(
            json=json or form in ("json", "jsonl"), quiet=quiet, events=form == "jsonl", csv=form == "csv"
        )

    def result(self, text: str) -> None:
        """Print the result for a person; nothing where another form is asked for."""
        if not (self.json or self.csv):
            print(plain(text), file=sys.stdout)

    def rows(self, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
        """Print a table for a program, where one is asked for: empty is what is not there or not finite."""
        if self.csv:
            writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow({name: _strict(value) for name, value in row.items()})

    def document(self, kind: str, content: Mapping[str, object], *, ok: bool = True) -> None:
        """Print the result for a program, where one is asked for.

        Args:
            kind: Names the document: its ``schema`` is ``lrlab.KIND/1``.
            content: What it holds; numbers that are not finite become null.
            ok: Whether the command gives what it was asked for.
        """
        if self.json:
            if self.events:
                whole = {
                    "schema": EVENTS,
                    "event": "result" if ok else "error",
                    "kind": kind,
                    "ok": ok,
                    **content,
                }
                print(one_document(whole), file=sys.stdout)
                return
            whole = {"schema": f"lrlab.{kind}/1", "ok": ok, **content}
            print(one_document(whole, indent=2), file=sys.stdout)

    def note(self, text: str) -> None:
        """Print something that is not the result."""
        if not self.quiet:
            print(plain(text), file=sys.stderr)

    def error(self, error: LrlabError) -> int:
        """Print what went wrong; the exit code that goes with it."""
        return self.failure(
            error.what, code=error.code, exit_code=error.exit_code, why=error.why, hint=error.hint
        )

    def failure(self, what: str, *, code: str, exit_code: int, why: str = "", hint: str = "") -> int:
        """Print what went wrong, why, and what to do, a line each; ``exit_code`` comes back."""
        if self.json:
            message = " ".join(part.strip() for part in (what, why) if part)
            self.document("error", {"error": {"code": code, "message": message, "hint": hint}}, ok=False)
        else:
            lines = [f"lrlab: {what}", *(indent(part.strip(), "  ") for part in (why, hint) if part)]
            print(plain("\n".join(lines)), file=sys.stderr)
        return exit_code


def one_document(content: Mapping[str, object], *, indent: int | None = None) -> str:
    """Strict JSON; numbers that are not finite become null."""
    return json.dumps(_strict(content), indent=indent, allow_nan=False)


def _strict(value: object) -> object:
    """``value`` as strict JSON knows it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _strict(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_strict(part) for part in value]
    return value


def width() -> int:
    """Columns to write in: ``COLUMNS``, else the terminal's, else 100."""
    return max(shutil.get_terminal_size((_FALLBACK_WIDTH, 24)).columns, NARROWEST)


def speaks_unicode(stream: TextIO) -> bool:
    """Whether ``stream`` can show signs such as ``✓`` and braille."""
    return (getattr(stream, "encoding", None) or "").lower().startswith(("utf", "cp65001"))


def in_ci() -> bool:
    """Whether continuous integration has started us: nobody is there to answer or to watch."""
    return os.environ.get("CI", "").casefold() not in ("", "0", "false")


def redraws(stream: TextIO) -> bool:
    """Whether lines can be drawn anew in place: a terminal that understands it, and nobody who asked for less."""
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown") or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not dumb and not in_ci()
