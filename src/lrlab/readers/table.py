"""A long log as columns at once: what the readers would give row by row, in a fraction of the time.

A reader of rows spends some ten microseconds a row, which a log of a million rows is too long for. Here each column is taken
as a whole. What is not plain (quotes, comments, rows of different lengths, texts in a column of numbers) is left to the reader of
rows, which says where and why.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lrlab.readers.cells import is_absent, number
from lrlab.readers.csv_file import DECIMAL_COMMA, DELIMITERS
from lrlab.readers.names import Names

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LONG = 2**20  # bytes; below it the reader of rows takes less than a tenth of a second
_AT_ONCE = 2**16  # lines of JSON that are objects at the same time
_MOST_COLUMNS = 62  # that matter, of a row: which of them it has is one number
_NOT_PLAIN = ('"', "\n#", "\r", "\0")  # what the reader of rows has rules for


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns of a log that lrlab has names for.

    Args:
        values: Column, by the log's own name, to a number a row; 0 where there is none.
        there: The same columns to whether a row has a number there, which may be NaN too.
        named: Every column, by the log's own names.
    """

    values: dict[str, Floats]
    there: dict[str, Flags]
    named: tuple[str, ...]

    def sets(self) -> Iterator[tuple[tuple[str, ...], npt.NDArray[np.int64]]]:
        """Which columns a row has, and the rows that have just these; each row once."""
        code = np.zeros(len(next(iter(self.there.values()), ())), dtype=np.int64)
        for place, flags in enumerate(self.there.values()):
            code |= flags.astype(np.int64) << place
        names = tuple(self.there)
        for one in np.unique(code).tolist():
            has = tuple(name for place, name in enumerate(names) if one >> place & 1)
            yield has, np.flatnonzero(code == one)


def long_table(path: Path, names: Names) -> Table | None:
    """A long CSV or JSON lines file as columns; None where it is short, in another format, or not plain.

    Args:
        path: The file.
        names: What its columns are called in lrlab.
    """
    read = _READERS.get(path.suffix.lower())
    try:
        if read is None or path.stat().st_size < _LONG:
            return None
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None
    found = read(text, names)
    # A row with nothing that matters may be a row all the same, which counts where rows are counted.
    plain = found is not None and found.there and np.any(list(found.there.values()), axis=0).all()
    return found if plain else None


def _of_csv(text: str, names: Names) -> Table | None:
    head, _, body = text.partition("\n")
    delimiter = next((sign for sign in DELIMITERS if sign in head), "")
    header = [cell.strip() for cell in head.split(delimiter or None)]
    if not delimiter or head.lstrip().startswith("#") or number(header[0]) is not None:
        return None
    if len(set(header)) < len(header) or any(sign in text for sign in _NOT_PLAIN):
        return None
    lines = body.split("\n")
    last = lines.pop()  # "" where the file ends with an end of line; else it may not be whole
    if last.count(delimiter) == len(header) - 1:
        lines.append(last)
    lines = [line for line in lines if line.strip(f"{delimiter} ")]
    if not lines or any(line.count(delimiter) != len(header) - 1 for line in lines):
        return None
    cells = delimiter.join(lines).split(delimiter)
    columns = {name: cells[place :: len(header)] for place, name in enumerate(header) if name}
    return _table(columns, names, _of_cells)


def _of_json(text: str, names: Names) -> Table | None:
    lines = text.split("\n")
    if not lines[-1].rstrip().endswith("}"):
        lines.pop()  # "", or not whole
    lines = [line for line in lines if line.strip()]
    columns: dict[str, list[object]] = {}
    for first in range(0, len(lines), _AT_ONCE):
        part = lines[first : first + _AT_ONCE]
        try:
            rows = json.loads(f"[{','.join(part)}]")
        except (ValueError, RecursionError):
            return None
        if len(rows) != len(part) or not all(isinstance(row, dict) for row in rows):
            return None
        for name in dict.fromkeys(chain.from_iterable(rows)):
            columns.setdefault(name, [None] * first)
        for name, column in columns.items():
            column += [row.get(name) for row in rows]
    if any(dict in set(map(type, column)) for column in columns.values()):
        return None  # objects in objects have names of their own
    return _table(columns, names, _of_values)


def _table(columns: "Mapping[str, list[Any]]", names: Names, numbers_of: "_Numbers") -> Table | None:
    """The columns that matter as numbers."""
    matter = [name for name in columns if names.matters(name)]
    if len(matter) > _MOST_COLUMNS:
        return None
    values, there, named = {}, {}, dict.fromkeys(columns)
    for name in matter:
        try:
            numbers = numbers_of(columns[name])
        except (TypeError, ValueError, OverflowError):
            return None
        if numbers is None:
            del named[name]
            continue
        has = [one is not None for one in numbers]
        there[name] = np.array(has, dtype=bool)
        values[name] = np.array(
            numbers if all(has) else [0.0 if n is None else n for n in numbers], dtype=float
        )
    return Table(values=values, there=there, named=tuple(named))


def _of_cells(column: list[str]) -> Sequence[float | None] | None:
    """The numbers of a column of texts, None where there is none; None where it holds texts from its first cell on.

    Raises:
        ValueError: If texts stand among numbers, or numbers have a decimal comma.
    """
    whole = "".join(column)
    if (
        whole.isascii() and "_" not in whole
    ):  # what Python takes for a number then, the reader of rows takes too
        try:
            return list(map(float, column))
        except ValueError:
            pass
    numbers = [None if is_absent(cell) else number(cell) for cell in column]
    first = next((place for place, cell in enumerate(column) if not is_absent(cell)), None)
    if first is not None and numbers[first] is None and not any(map(DECIMAL_COMMA.fullmatch, column)):
        return None
    if any(one is None and not is_absent(cell) for one, cell in zip(numbers, column, strict=True)):
        raise ValueError
    return numbers


def _of_values(column: list[Any]) -> Sequence[float | None] | None:
    """The numbers of a column of JSON values, of which truth values, lists and words are none; None where there is none.

    Raises:
        OverflowError: If a whole number is too large.
    """
    kinds = set(map(type, column))
    if kinds <= {float, int}:
        return list(map(float, column))
    numbers = [
        float(value) if type(value) in (float, int) else number(value) if isinstance(value, str) else None
        for value in column
    ]
    return numbers if any(one is not None for one in numbers) else None


_Numbers = Callable[[list[Any]], Sequence[float | None] | None]
_READERS: dict[str, Callable[[str, Names], Table | None]] = {
    ".csv": _of_csv,
    ".tsv": _of_csv,
    ".jsonl": _of_json,
    ".ndjson": _of_json,
}
