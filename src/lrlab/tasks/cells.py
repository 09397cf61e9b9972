"""Rows of text cells out of a file: CSV in its dialects, Parquet, and scikit-learn's own data sets."""

import csv
import importlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrlab.core.answer import Caution
from lrlab.core.errors import NotFoundError, SpecError

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LONGEST_CELL = 2**24  # characters; the csv module's own bound of 128 KiB is too low for texts
_SKLEARN = ("breast_cancer", "diabetes", "digits", "iris", "wine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table as text.

    Args:
        where: File that it comes from, for errors.
        header: Names of the columns.
        rows: Cells without surrounding blanks, one list a row; "" where there is none.
        lines: Line of each row in the file, from 1.
        delimiter: What parts the cells; "" where the file is no text.
        warnings: What a reader must know.
    """

    where: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str = ""
    warnings: tuple[Caution, ...] = ()

    def index(self, column: str, *, option: str) -> int:
        """Where a column is.

        Raises:
            SpecError: If there is none of that name.
        """
        if column not in self.header:
            raise SpecError(
                f"{self.where}: there is no column {column!r}.",
                why=f"It has {', '.join(map(repr, self.header[:12]))}{', ...' if len(self.header) > 12 else ''}.",
                hint=f"Name one of these with {option}.",
            )
        return self.header.index(column)


def read_cells(path: str) -> Cells:
    """Rows of a ``.parquet`` file, of ``sklearn:NAME``, or of text that commas, semicolons or tabs part.

    Raises:
        NotFoundError: If the file, or a package that reads it, is not there.
        SpecError: If it is no such table; the sentence names the file, the line and what was expected.
    """
    if path.startswith("sklearn:"):
        return _sklearn_cells(path)
    if path.lower().endswith((".parquet", ".pq")):
        return _parquet_cells(existing_file(path))
    text, warnings = read_text(path)
    name = Path(path).name
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise SpecError(f"{name}: the file is empty.", hint="Give a header and rows.")
    delimiter = _delimiter(name, first)
    rows, lines = _parsed(name, text, delimiter)
    header, skipped = _header(name, rows[0], lines[0])
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(rows[0]):
            raise SpecError(
                f"{name}, line {line}: expected {len(rows[0])} cells as in the header, got {len(row)}.",
                hint=f"The cells are parted by {_DELIMITERS[delimiter]}; put a cell that holds one in double quotes.",
            )
    if len(rows) == 1:
        raise SpecError(f"{name}: there is a header and no row.", hint="Give rows below it.")
    body = [row[skipped:] for row in rows[1:]]
    if skipped:
        text = "The first column has no name and is left out: it numbers the rows."
        warnings = (*warnings, Caution(code="LEFT_OUT", text=text))
    return Cells(
        where=name, header=header, rows=body, lines=lines[1:], delimiter=delimiter, warnings=warnings
    )


def existing_file(path: str) -> Path:
    """The file at ``path``.

    Raises:
        NotFoundError: If there is none.
    """
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is not there"
        raise NotFoundError(f"{path}: expected a file, and it {what}.", hint="Check its path.")
    return file


def read_text(path: str) -> tuple[str, tuple[Caution, ...]]:
    """A text file: UTF-8, UTF-16 with its mark, else Latin-1 with a caution.

    Raises:
        NotFoundError: If there is no such file.
        SpecError: If it cannot be read, or is no text.
    """
    file = existing_file(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror or error}.") from None
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16"), ()
        if b"\0" in raw:
            line = raw[: raw.index(b"\0")].count(b"\n") + 1
            raise SpecError(
                f"{file.name}, line {line}: expected text, got a byte 0: this is another kind of file.",
                hint="Save the table as CSV in UTF-8.",
            )
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        if error.encoding.startswith("utf-16"):
            raise SpecError(
                f"{file.name}: it begins as UTF-16 and is none: {error.reason} at byte {error.start}.",
                hint="Save it in UTF-8.",
            ) from None
        line = raw[: error.start].count(b"\n") + 1
        text = f"{file.name} is not UTF-8 (line {line}) and was read as Latin-1. If letters look wrong, save it in UTF-8."
        return raw.decode("latin-1"), (Caution(code="ENCODING", text=text),)


def load_package(module: str, package: str, why: str) -> Any:
    """A package that not everybody has.

    Raises:
        NotFoundError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise NotFoundError(
            f"{why} needs {package}, which is not installed.", hint=f"Install it with: pip install {package}"
        ) from None


def _delimiter(name: str, header: str) -> str:
    outside = "".join(part for index, part in enumerate(header.split('"')) if index % 2 == 0)
    counts = {mark: outside.count(mark) for mark in _DELIMITERS}
    best = max(counts, key=lambda mark: counts[mark])
    if not counts[best]:
        raise SpecError(
            f"{name}, line 1: expected names of columns parted by commas, semicolons or tabs, got {header[:60]!r}.",
            hint="A table has at least two columns and a header.",
        )
    return best


def _parsed(name: str, text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Rows that are not blank, and the line at which each begins."""
    csv.field_size_limit(_LONGEST_CELL)
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise SpecError(
            f"{name}, line {line}: expected cells parted by {_DELIMITERS[delimiter]}, got something else: {error}.",
            hint="Look for a double quote that is not closed, or not doubled inside a quoted cell.",
        ) from None
    if not rows:
        raise SpecError(f"{name}: the file has no row.", hint="Give a header and rows.")
    return rows, lines


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends; a file of old Macs has lone carriage returns."""
    return iter(io.StringIO(text, newline="") if "\n" in text else io.StringIO(text.replace("\r", "\n")))


def _header(name: str, cells: list[str], line: int) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and how many columns at the start are left out."""
    skipped = 1 if not cells[0] and len(cells) > 2 else 0
    names = cells[skipped:]
    if all(is_number(cell) for cell in names):
        raise SpecError(
            f"{name}, line {line}: expected the names of the columns, got only numbers.",
            hint="Put a line with a name for each column on top.",
        )
    for column, given in enumerate(names, start=1 + skipped):
        if not given:
            raise SpecError(f"{name}, line {line}: column {column} has no name.", hint="Give it one.")
    twice = [given for given, count in Counter(names).items() if count > 1]
    if twice:
        raise SpecError(
            f"{name}, line {line}: two columns have the name {twice[0]!r}.", hint="Rename one of them."
        )
    return tuple(names), skipped


def is_number(text: str) -> bool:
    """Whether a cell is a number, NaN and infinity included; ``1_000`` is none."""
    if "_" in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet_cells(file: Path) -> Cells:
    parquet = load_package("pyarrow.parquet", "pyarrow", f"{file.name}: Parquet")
    try:
        table = parquet.read_table(file)
        columns: dict[str, list[object]] = table.to_pydict()
    except Exception as error:  # pyarrow has many
        raise SpecError(
            f"{file.name}: cannot be read as Parquet: {error}.", hint="Write the file again."
        ) from None
    if not columns or not len(next(iter(columns.values()))):
        raise SpecError(f"{file.name}: the file has no row.", hint="Give a table with rows.")
    rows = list(map(list, zip(*(_texts(values) for values in columns.values()), strict=True)))
    return Cells(where=file.name, header=tuple(columns), rows=rows, lines=list(range(1, len(rows) + 1)))


def _texts(values: Iterable[object]) -> list[str]:
    return ["" if value is None else str(value).strip() for value in values]


def _sklearn_cells(path: str) -> Cells:
    found = load_sklearn(path)
    names = [str(name) for name in getattr(found, "target_names", ())]
    rows = [
        [*map(repr, map(float, sample)), names[int(target)] if names else repr(float(target))]
        for sample, target in zip(found.data, found.target, strict=True)
    ]
    header = (*(str(name) for name in found.feature_names), "target")
    return Cells(where=path, header=header, rows=rows, lines=list(range(1, len(rows) + 1)))


def load_sklearn(path: str) -> Any:
    """The data set that ``sklearn:NAME`` names.

    Raises:
        NotFoundError: If scikit-learn is not installed.
        SpecError: If it has none of that name inside it.
    """
    name = path.removeprefix("sklearn:")
    if name not in _SKLEARN:
        known = ", ".join(_SKLEARN)
        raise SpecError(
            f"sklearn: expected one of {known}, got {name!r}.", hint=f"Such as sklearn:{_SKLEARN[-1]}."
        )
    return getattr(load_package("sklearn.datasets", "scikit-learn", path), f"load_{name}")()
