"""Numbers that a program prints: a pattern on its output."""

import re
import warnings

from lrlab.core.errors import SpecError
from lrlab.readers.cells import number
from lrlab.readers.growing import GrowingFile, Locate
from lrlab.readers.names import Names
from lrlab.readers.protocol import Reading, Row

_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|\x08")
_ENDS = re.compile(rb"[\r\n]")
_NOT_FINITE = re.compile(r"(?i)\b(?:nan|inf(?:inity)?)\b")
_LONGEST_LINE = 2**16
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def plain_text(raw: bytes) -> str:
    """What a program has printed, without the control sequences of terminals."""
    return _ESCAPES.sub(b"", raw).decode("utf-8", "replace")


def default_pattern(metric: str) -> str:
    """A pattern for what people usually print: ``val_loss=0.5``, ``val_loss: 0.5``, ``'val_loss': 0.5``."""
    return rf"(?<![\w/-]){re.escape(metric)}['\"]?\s*[=:]?\s*({_NUMBER})"


def compiled(pattern: str, metric: str) -> tuple[re.Pattern[str], dict[int, str]]:
    """The pattern, and which column each of its groups is.

    Args:
        pattern: A regular expression with one group, or with named groups such as
            ``epoch (?P<epoch>\\d+).*loss (?P<val_loss>\\S+)``.
        metric: The name of a group without one.

    Raises:
        SpecError: If it is none, has no group, or several without names.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what some later version of Python may read otherwise
            made = re.compile(pattern)
    except re.error as error:
        raise SpecError(
            f"read: {pattern!r} is no regular expression: {error}.",
            hint="Such as stdout:val_loss=([0-9.e+-]+).",
        ) from None
    names = {index: name for name, index in made.groupindex.items()}
    if made.groups == 0:
        raise SpecError(
            f"read: {pattern!r} has no group, so it names no number.",
            hint="Put the number in parentheses, such as val_loss=([0-9.e+-]+).",
        )
    if not names and made.groups == 1:
        names = {1: metric}
    if not names:
        raise SpecError(
            f"read: {pattern!r} has {made.groups} groups, and none has a name.",
            hint="Name those that count, such as (?P<epoch>[0-9]+), and write the others (?:...).",
        )
    return made, names


class OutputReader:
    """Reads what a program has printed into a file, progress bars included.

    A piece ends at a line feed or a carriage return. A bar that is drawn again on its line with the same numbers is no
    new report, unless something without them was drawn there in between. Control sequences of terminals are taken out, and ``nan`` and ``inf`` stand where the pattern expects a number.

    Args:
        locate: Where the output is kept.
        pattern: A regular expression; see ``compiled``.
        metric: The name of a group without one.
        names: What the columns are called in lrlab.

    Raises:
        SpecError: If the pattern is none.
    """

    def __init__(self, locate: Locate, *, pattern: str, metric: str, names: Names) -> None:
        self._file = GrowingFile(locate)
        self._pattern, self._groups = compiled(pattern, metric)
        self._names = names
        self._begin()

    def _begin(self) -> None:
        self._rest = b""
        self._number = 1
        self._last: dict[str, float] = {}
        self._same_line = False  # whether only carriage returns and blanks have come since the last match

    @property
    def pattern(self) -> str:
        """The regular expression."""
        return self._pattern.pattern

    @property
    def source(self) -> str:
        """See ``Reader``."""
        return "the output"

    @property
    def found(self) -> bool:
        """See ``Reader``: a program always has an output."""
        return True

    @property
    def columns(self) -> tuple[str, ...]:
        """See ``Reader``: what was found so far."""
        return tuple(self._last)

    @property
    def epochs_from(self) -> int | None:
        """See ``Reader``."""
        return None

    def read(self, *, final: bool = False) -> Reading:
        """See ``Reader``."""
        chunk = self._file.read()
        if chunk.anew:
            self._begin()
        data = self._rest + chunk.data
        rows = []
        begin = 0
        for end in _ENDS.finditer(data):
            rows += self._rows(data[begin : end.start()])
            if end[0] == b"\n":
                self._number += 1
                self._same_line = False
            begin = end.end()
        self._rest = data[begin:][-_LONGEST_LINE:]
        if final:
            rows += self._rows(self._rest)
            self._rest = b""
        return Reading(rows=tuple(rows), anew=chunk.anew)

    def _rows(self, raw: bytes) -> list[Row]:
        text = plain_text(raw)
        # Of the same length, so that the groups of a pattern made for digits stand where the words stand.
        match = self._pattern.search(_NOT_FINITE.sub(lambda word: "9" * len(word[0]), text))
        if match is None:
            if text.strip():  # something else was drawn there meanwhile: what comes next is a new report
                self._same_line = False
            return []
        where = f"the output, line {self._number}"
        numbers: dict[str, float] = {}
        for index, name in self._groups.items():
            if match[index] is None:
                continue
            found = text[slice(*match.span(index))]
            value = number(found.rstrip(".,;"))
            if value is None:
                raise SpecError(
                    f"{where}: the pattern's {name} must be a number, got {found!r:.60}.",
                    hint="Make its group match the number alone, such as ([0-9.e+-]+).",
                )
            numbers[name] = value
        if not numbers or (self._same_line and numbers == self._last):
            return []
        self._last, self._same_line = numbers, True
        return [self._names.row(numbers, place=f"line {self._number}", where=where)]
