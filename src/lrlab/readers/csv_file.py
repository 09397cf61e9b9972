"""Logs as CSV or TSV with a header: Keras, Lightning, Ultralytics, pandas, and what people write by hand."""

import csv
import re
from collections.abc import Mapping

from lrlab.core.errors import SpecError
from lrlab.readers.cells import is_absent, number
from lrlab.readers.growing import Line, Lines, Locate
from lrlab.readers.names import Names
from lrlab.readers.protocol import Reading, Row

DELIMITERS = ("\t", ";", ",")
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")


class CsvReader:
    """Reads a table of numbers with a header, parted by commas, semicolons, tabs or blanks.

    Names may be padded, cells empty (sparse rows), the header repeated. A column whose first cell is no number is a
    text and left out; a text in a column of numbers is an error.

    Args:
        locate: Where the file is now.
        names: What the columns are called in lrlab.
    """

    def __init__(self, locate: Locate, *, names: Names) -> None:
        self._lines = Lines(locate)
        self._names = names
        self._begin()

    def _begin(self) -> None:
        self._header: list[str] = []
        self._delimiter = ""
        self._comment = ""  # the last one before the header, which may be the header
        self._numeric: dict[str, bool] = {}  # whether the column holds numbers, once it is known

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
        return tuple(name for name in self._header if name and self._numeric.get(name, True))

    @property
    def epochs_from(self) -> int | None:
        """See ``Reader``."""
        return None

    def read(self, *, final: bool = False) -> Reading:
        """See ``Reader``."""
        lines, anew = self._lines.read()
        if anew:
            self._begin()
        rows = [row for line in lines if (row := self._row(line)) is not None]
        if final:
            rest, _ = self._lines.read(final=True)
            # A program that was ended in the middle of a line leaves a row without its last cells.
            rows += [row for line in rest if self._is_whole(line) and (row := self._row(line)) is not None]
        return Reading(rows=tuple(rows), anew=anew)

    def _row(self, line: Line) -> Row | None:
        text = line.text.strip()
        if text.startswith("#"):
            self._comment = text.lstrip("# ")
            return None
        if not text or (not self._header and not self._take_header(line)):
            return None
        cells = self._split(line)
        if [cell.strip() for cell in cells] == self._header:
            return None
        if len(cells) != len(self._header):
            raise SpecError(
                f"{self._where(line)}: expected {len(self._header)} cells, as the header has, got {len(cells)}.",
                hint=f"The header is {', '.join(self._header)}.",
            )
        numbers = self._numbers(line, dict(zip(self._header, cells, strict=True)))
        if not numbers:
            return None
        return self._names.row(numbers, place=f"line {line.number}", where=self._where(line))

    def _numbers(self, line: Line, cells: Mapping[str, str]) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for name, cell in cells.items():
            if not name or is_absent(cell):
                continue
            value = number(cell)
            if value is None and DECIMAL_COMMA.fullmatch(cell.strip()):
                raise SpecError(
                    f"{self._where(line)}, column {name}: expected a decimal point, got {cell.strip()!r:.60}.",
                    hint="Write the file again with decimal points, such as 0.25.",
                )
            if self._numeric.setdefault(name, value is not None) and value is None:
                raise SpecError(
                    f"{self._where(line)}, column {name}: expected a number, got {cell.strip()!r:.60}.",
                    hint="Numbers are written like 0.25, 1e-3, nan or inf; an empty cell is no value.",
                )
            if value is not None and self._numeric[name]:
                numbers[name] = value
        return numbers

    def _take_header(self, line: Line) -> bool:
        """Take the names of the columns; whether they stood in a comment, and ``line`` is a row already."""
        text = line.text.strip()
        self._delimiter = next((sign for sign in DELIMITERS if sign in text), "")
        header = [cell.strip() for cell in self._split(line)]
        # Blanks part words too: a line of a program's output is no header because it begins with a word.
        is_row = number(header[0]) is not None or (
            not self._delimiter and any(number(cell) is not None for cell in header)
        )
        if is_row:
            cells = len(header)
            header = [cell.strip() for cell in self._split(Line(line.number, self._comment))]
            if len(header) != cells:
                raise SpecError(
                    f"{self._where(line)}: expected a header that names the columns, got {text!r:.60}.",
                    hint="The first line must be like epoch,loss,val_loss.",
                )
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise SpecError(f"{self._where(line)}: two columns are named {twice[0]}.", hint="Rename one.")
        self._header = header
        return is_row

    def _split(self, line: Line) -> list[str]:
        if not self._delimiter:
            return line.text.split()
        try:
            return next(
                csv.reader([line.text], delimiter=self._delimiter, strict=True, skipinitialspace=True)
            )
        except csv.Error as error:
            raise SpecError(
                f"{self._where(line)}: expected cells parted by {self._delimiter!r} ({error}).",
                hint="A quoted cell must end on its line.",
            ) from None

    def _is_whole(self, line: Line) -> bool:
        try:
            return not self._header or len(self._split(line)) == len(self._header)
        except SpecError:
            return False

    def _where(self, line: Line) -> str:
        return f"{self.source}, line {line.number}"
