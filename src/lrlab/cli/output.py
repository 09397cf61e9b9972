"""The output contract: the result on stdout, everything else on stderr, errors in three lines at most."""

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import TextIO

from lrlab.core.errors import LrlabError
from lrlab.report.words import plain

_FALLBACK_WIDTH = 100
NARROWEST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one command says, and in which form.

    Args:
        json: Exactly one JSON document on stdout instead of text.
        quiet: Nothing but the result, and errors.
    """

    json: bool = False
    quiet: bool = False

    def result(self, text: str) -> None:
        """Print the result for a person; nothing where a document is asked for."""
        if not self.json:
            print(plain(text), file=sys.stdout)

    def document(self, kind: str, content: Mapping[str, object], *, ok: bool = True) -> None:
        """Print the result for a program, where one is asked for.

        Args:
            kind: Names the document: its ``schema`` is ``lrlab.KIND/1``.
            content: What it holds; numbers that are not finite become null.
            ok: Whether the command gives what it was asked for.
        """
        if self.json:
            whole = {"schema": f"lrlab.{kind}/1", "ok": ok, **content}
            print(json.dumps(_strict(whole), indent=2, allow_nan=False), file=sys.stdout)

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


def redraws(stream: TextIO) -> bool:
    """Whether lines can be drawn anew in place: a terminal that understands it, and nobody who asked for less."""
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown") or bool(os.environ.get("NO_COLOR"))
    return stream.isatty() and not dumb
