"""Logs as JSON lines: one object a line."""

import json
from collections.abc import Iterator, Mapping

from lrlab.core.errors import SpecError
from lrlab.readers.cells import number
from lrlab.readers.growing import Line, Lines, Locate
from lrlab.readers.names import Names
from lrlab.readers.protocol import Reading, Row

_DEEPEST = 8


def numbers_in(
    thing: Mapping[str, object], *, prefix: str = "", deep: int = 0
) -> Iterator[tuple[str, float]]:
    """The numbers of a JSON object; those of objects in it are named ``outer/inner``, lists are left out."""
    for name, value in thing.items():
        if isinstance(value, Mapping) and deep < _DEEPEST:
            yield from numbers_in(value, prefix=f"{prefix}{name}/", deep=deep + 1)
        elif isinstance(value, str):
            found = number(value)
            if found is not None:
                yield prefix + name, found
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                yield prefix + name, float(value)
            except OverflowError:
                yield prefix + name, float("inf") if value > 0 else float("-inf")


class JsonLinesReader:
    """Reads one JSON object a line; ``NaN`` and ``Infinity`` are known, as words and as texts.

    Args:
        locate: Where the file is now.
        names: What the keys are called in lrlab.
    """

    def __init__(self, locate: Locate, *, names: Names) -> None:
        self._lines = Lines(locate)
        self._names = names
        self._columns: dict[str, None] = {}

    @property
    def source(self) -> str:
        """See ``Reader``."""
        return str(self._lines.path or "the log")

    @property
    def found(self) -> bool:
        """See ``Reader``."""
        return self._lines.path is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """See ``Reader``."""
        return tuple(self._columns)

    @property
    def epochs_from(self) -> int | None:
        """See ``Reader``."""
        return None

    def read(self, *, final: bool = False) -> Reading:
        """See ``Reader``."""
        lines, anew = self._lines.read()
        if anew:
            self._columns.clear()
        rows = [row for line in lines if (row := self._row(line)) is not None]
        if final:
            rest, _ = self._lines.read(final=True)
            rows += [row for line in rest if _is_whole(line) and (row := self._row(line)) is not None]
        return Reading(rows=tuple(rows), anew=anew)

    def _row(self, line: Line) -> Row | None:
        if not line.text.strip():
            return None
        where = f"{self.source}, line {line.number}"
        try:
            thing = json.loads(line.text)
        except json.JSONDecodeError as error:
            raise SpecError(
                f"{where}, column {error.colno}: expected one JSON object a line ({error.msg}).",
                hint='A line must be like {"epoch": 1, "val_loss": 0.5}.',
            ) from None
        except (RecursionError, ValueError):
            raise SpecError(f"{where}: expected one flat JSON object.") from None
        if not isinstance(thing, dict):
            what = "a list" if isinstance(thing, list) else f"{line.text.strip()!r:.40}"
            raise SpecError(
                f"{where}: expected a JSON object, got {what}.",
                hint='A line must be like {"epoch": 1, "val_loss": 0.5}.',
            )
        numbers = dict(numbers_in(thing))
        self._columns |= dict.fromkeys(numbers)
        return self._names.row(numbers, place=f"line {line.number}", where=where) if numbers else None


def _is_whole(line: Line) -> bool:
    """Whether the last line was written to its end, which a program that was ended may not have done."""
    try:
        json.loads(line.text)
    except (ValueError, RecursionError):
        return False
    return True
