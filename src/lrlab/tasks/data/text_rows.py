"""Rows of a file of texts: JSON lines, and CSV or TSV in the ways in which texts are written, quoted or not."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.tasks.data.cells import Cells, Rows, csv_rows, is_number, read_text

_DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
_LONGEST_NAME = 40  # characters; a longer first cell is a text
_SHOWN = 60


def read_rows(path: str, *, encoding: str | None = None, named: Sequence[str] = ()) -> Cells:
    """Rows of a ``.jsonl`` file, or of text that tabs, semicolons or commas part.

    A first line of names is a header; where there is none, columns are called ``1``, ``2`` and so on. In a file with
    tabs a double quote is a character like others, unless a cell is wholly quoted.

    Args:
        path: The file.
        encoding: Of the file; by default what it looks like.
        named: Columns that the reader was told of: a first line that has one of these is a header.

    Raises:
        NotFoundError: If the file is not there.
        SpecError: If it is no such file; the sentence names it, the line and what was expected.
    """
    name = Path(path).name
    text, warnings = read_text(path, encoding=encoding)
    first = next((line for line in _lines(text) if line.strip()), "")
    if not first:
        raise SpecError(f"{name}: the file is empty.", hint="Give a text and its label in each line.")
    if path.lower().endswith((".jsonl", ".ndjson", ".json")) or first.lstrip()[0] == "{":
        header, rows, lines = _objects(name, text)
        return Cells(where=name, header=header, rows=rows, lines=lines, warnings=warnings)
    delimiter, found = _parted(name, text, first)
    rows, lines = found.rows, found.lines
    if not rows[0][0] and _is_header([row[1:] for row in rows], named):
        rows = [row[1:] for row in rows]
        text = "The first column has no name and is left out: it numbers the rows."
        warnings = (*warnings, Caution(code="LEFT_OUT", text=text))
    if _is_header(rows, named):
        header = _header(name, rows[0], lines[0])
        rows, lines = rows[1:], lines[1:]
        if not rows:
            raise SpecError(f"{name}: there is a header and no row.", hint="Give rows below it.")
    else:
        header = tuple(str(column) for column in range(1, len(rows[0]) + 1))
    return Cells(where=name, header=header, rows=rows, lines=lines, delimiter=delimiter, warnings=warnings)


def _lines(text: str) -> list[str]:
    """Lines without their ends; unlike ``splitlines`` it breaks at no other character that a text may hold."""
    return re.split("\r\n|\r|\n", text)


# --- tabs, semicolons, commas ------------------------------------------------------------------------------


def _parted(name: str, text: str, first: str) -> tuple[str, Rows]:
    """What parts the cells, and the cells: the first of tabs, semicolons and commas that parts every line alike."""
    outside = "".join(part for index, part in enumerate(first.split('"')) if index % 2 == 0)
    candidates = [mark for mark in _DELIMITERS if mark in first]
    if not candidates:
        raise SpecError(
            f"{name}, line 1: expected a text and a label parted by a tab, a comma or a semicolon, got "
            f"{first[:_SHOWN]!r}.",
            hint="Save the texts as CSV, TSV or JSON lines.",
        )
    tried: dict[str, Rows] = {}
    for mark in candidates:
        tried[mark] = found = _as_tabbed(text) if mark == "\t" else _as_quoted(text, mark)
        if found.fault is None:
            return mark, found
    mark = "\t" if "\t" in candidates else max(candidates, key=outside.count)
    line, said = tried[mark].fault or (1, "")
    quoted = "" if mark == "\t" else "; a cell that holds one, or a double quote, stands in double quotes"
    raise SpecError(
        f"{name}, line {line}: {said}.",
        hint=f"The cells are parted by {_DELIMITERS[mark]}{quoted}.",
    )


def _as_tabbed(text: str) -> Rows:
    """A line a row, where each has as many tabs; else cells in quotes may hold tabs and ends of lines."""
    numbered = [(line, row) for line, row in enumerate(_lines(text), start=1) if row.strip()]
    rows = [[_unquoted(cell.strip()) for cell in row.split("\t")] for _, row in numbered]
    plain = _checked(rows, [line for line, _ in numbered])
    if plain.fault is None:
        return plain
    quoted = _as_quoted(text, "\t")
    return plain if quoted.fault else quoted


def _unquoted(cell: str) -> str:
    """``"a ""b"" c"`` without its quotes; other quotes belong to the text."""
    inner = cell[1:-1]
    whole = len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"').strip() if whole else cell


def _as_quoted(text: str, mark: str) -> Rows:
    """Rows by the rules of CSV."""
    found = csv_rows(_with_ends(text), mark)
    return found if found.fault else _checked(found.rows, found.lines)


def _with_ends(text: str) -> Iterator[str]:
    return (line + "\n" for line in _lines(text))


def _checked(rows: list[list[str]], lines: list[int]) -> Rows:
    """The rows, and where one has another number of cells than most."""
    if not rows:
        return Rows(rows, lines, (1, "expected a row, got none"))
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    for row, line in zip(rows, lines, strict=True):
        if len(row) != usual:
            return Rows(rows, lines, (line, f"expected {usual} cells as in most lines, got {len(row)}"))
    return Rows(rows, lines, None if usual > 1 else (lines[0], "expected at least two cells, got 1"))


def _is_header(rows: list[list[str]], named: Sequence[str]) -> bool:
    """Whether the first row names the columns: it has no number and no text, and names nothing that occurs below."""
    first = rows[0]
    if any(name in first and not name.isdigit() for name in named):
        return True
    if any(not cell or is_number(cell) or len(cell) > _LONGEST_NAME for cell in first):
        return False
    return not any(row[place] == cell for row in rows[1:] for place, cell in enumerate(first))


def _header(name: str, cells: list[str], line: int) -> tuple[str, ...]:
    for column, cell in enumerate(cells, start=1):
        if not cell:
            raise SpecError(f"{name}, line {line}: column {column} has no name.", hint="Give it one.")
    twice = [cell for cell, count in Counter(cells).items() if count > 1]
    if twice:
        raise SpecError(
            f"{name}, line {line}: two columns have the name {twice[0]!r}.", hint="Rename one of them."
        )
    return tuple(cells)


# --- JSON lines --------------------------------------------------------------------------------------------


def _objects(name: str, text: str) -> tuple[tuple[str, ...], list[list[str]], list[int]]:
    """Fields in the order in which they come up, rows and lines."""
    header: dict[str, None] = {}
    found: list[dict[str, object]] = []
    lines: list[int] = []
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        found.append(_object(name, number, line))
        lines.append(number)
        header.update(dict.fromkeys(found[-1]))
    rows = [[_cell(each.get(field)) for field in header] for each in found]
    return tuple(header), rows, lines


def _object(name: str, number: int, line: str) -> dict[str, object]:
    hint = 'Write one object a line, such as {"text": "...", "label": "good"}.'
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        said = (
            f"{error.msg} at character {error.pos + 1}"
            if isinstance(error, json.JSONDecodeError)
            else str(error)
        )
        raise SpecError(
            f"{name}, line {number}: expected a JSON object, got {line.strip()[:_SHOWN]!r}: {said}.",
            hint=hint,
        ) from None
    if not isinstance(value, dict):
        raise SpecError(
            f"{name}, line {number}: expected a JSON object, got {line.strip()[:_SHOWN]!r}.", hint=hint
        )
    for field, cell in value.items():
        if isinstance(cell, dict | list):
            raise SpecError(
                f"{name}, line {number}, field {field!r}: expected a text or a number, got {json.dumps(cell)[:_SHOWN]}.",
                hint="Write its parts as fields of their own.",
            )
        if isinstance(cell, str) and any("\ud800" <= mark <= "\udfff" for mark in cell):
            raise SpecError(
                f"{name}, line {number}, field {field!r}: expected a text, got half of a character pair (\\ud800 to "
                "\\udfff).",
                hint="Write the character itself, or both halves.",
            )
    return value


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()
