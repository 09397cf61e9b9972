"""Rows of text cells out of a file: CSV in its dialects, Parquet, and scikit-learn's own data sets."""

import csv
import importlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from lrlab.core.answer import Caution
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.tasks.data.encodings import decoded

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LONGEST_CELL = 2**24  # characters; the csv module's own bound of 128 KiB is too low for texts
_ROW_NAMES = re.compile(r"__index_level_\d+__")  # what pandas writes beside the columns
_SKLEARN = ("breast_cancer", "diabetes", "digits", "iris", "wine")


class Rows(NamedTuple):
    """Cells by row, the line at which each begins, and what is wrong with them: a line and what it has, or None."""

    rows: list[list[str]]
    lines: list[int]
    fault: tuple[int, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table as text.

    Args:
        where: File that it comes from, for errors.
        header: Names of the columns.
        rows: Cells without surrounding blanks, one list a row; "" where there is none.
        lines: Line of each row in the file, from 1.
        delimiter: What parts the cells; "" where nothing does.
        warnings: What a reader must know.
        parts: ``train``, ``val`` or ``test`` for each row where the data is divided by its makers, else ().
        counted: What a row is called in errors: ``line`` of a text file, or ``row``.
    """

    where: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str = ""
    warnings: tuple[Caution, ...] = ()
    parts: tuple[str, ...] = ()
    counted: str = "line"

    def place(self, row: int, column: int | None = None) -> str:
        """Where a row, or a cell of it, stands, in words."""
        cell = "" if column is None else f", column {self.header[column]!r}"
        return f"{self.where}, {self.counted} {self.lines[row]}{cell}"

    def take(self, rows: Sequence[int], *, warnings: tuple[Caution, ...] = ()) -> "Cells":
        """These rows only, with further warnings."""
        return replace(
            self,
            rows=[self.rows[i] for i in rows],
            lines=[self.lines[i] for i in rows],
            parts=tuple(self.parts[i] for i in rows) if self.parts else (),
            warnings=self.warnings + warnings,
        )

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


def read_cells(path: str, *, encoding: str | None = None) -> Cells:
    """Rows of a ``.parquet`` file, of ``sklearn:NAME``, or of text that commas, semicolons or tabs part.

    Args:
        path: The file.
        encoding: Of a text file; by default what it looks like.

    Raises:
        NotFoundError: If the file, or a package that reads it, is not there.
        SpecError: If it is no such table; the sentence names the file, the line and what was expected.
    """
    binary = path.lower().endswith((".parquet", ".pq"))
    if encoding is not None and (binary or path.startswith("sklearn:")):
        raise SpecError(f"encoding: {path} is no text file, and has none.", hint="Leave --encoding out.")
    if path.startswith("sklearn:"):
        return _sklearn_cells(path)
    if binary:
        return _parquet_cells(existing_file(path))
    text, warnings = read_text(path, encoding=encoding)
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


def read_text(path: str, *, encoding: str | None = None) -> tuple[str, tuple[Caution, ...]]:
    """A text file, and what a reader must know about it; see ``decoded``.

    Raises:
        NotFoundError: If there is no such file.
        SpecError: If it cannot be read, or is no text.
    """
    file = existing_file(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SpecError(
            f"{path}: cannot be read: {error.strerror or error}.", hint="Check who may read it."
        ) from None
    return decoded(raw, where=file.name, encoding=encoding)


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
    rows, lines, fault = csv_rows(_lines(text), delimiter)
    if fault is not None:
        line, said = fault
        raise SpecError(
            f"{name}, line {line}: {said}.",
            hint="Look for a double quote that is not closed, or not doubled inside a quoted cell.",
        )
    if not rows:
        raise SpecError(f"{name}: the file has no row.", hint="Give a header and rows.")
    return rows, lines


def csv_rows(text: Iterator[str], delimiter: str) -> Rows:
    """Rows by the rules of CSV, without blank ones, as far as the lines of ``text`` keep them."""
    csv.field_size_limit(_LONGEST_CELL)
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        said = f"expected cells parted by {_DELIMITERS[delimiter]}, got something else: {error}"
        return Rows(rows, lines, (line, said))
    return Rows(rows, lines, None)


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
        kept = [name for name in table.column_names if not _ROW_NAMES.fullmatch(name)]
        columns: dict[str, list[object]] = table.select(kept).to_pydict()
    except Exception as error:  # pyarrow has many
        said = str(error).partition("\n")[0].rstrip(".")
        raise SpecError(
            f"{file.name}: cannot be read as Parquet: {said}.",
            hint="Write the file again, each column with a name of its own.",
        ) from None
    if not columns or not len(next(iter(columns.values()))):
        raise SpecError(f"{file.name}: the file has no row.", hint="Give a table with rows.")
    rows = list(map(list, zip(*(_texts(values) for values in columns.values()), strict=True)))
    lines = list(range(1, len(rows) + 1))
    return Cells(where=file.name, header=tuple(columns), rows=rows, lines=lines, counted="row")


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
    return Cells(where=path, header=header, rows=rows, lines=list(range(1, len(rows) + 1)), counted="row")


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
