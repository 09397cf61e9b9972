"""Logs of runs, a window of lines at a time: long ones are never read whole, and colours stay."""

import re
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lrlab.readers.output import plain_text
from lrlab.report.words import plain

_CHUNK = 2**20  # bytes
_LONGEST_LINE = 2**14  # bytes; of a longer one the end is shown
_MOST_KEPT = 32
_SGR = re.compile(rb"\x1b\[([0-9;:]*)m")
_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",)}

Piece = tuple[str, str]


@dataclass
class _Index:
    """Where the lines of one file begin.

    Args:
        path: The file.
        starts: Byte offset of every line, the last one of what is not yet a line.
        size: Bytes that were looked through.
        identity: Tells the file from another one of the same path.
    """

    path: Path
    starts: "array[int]" = field(default_factory=lambda: array("q", [0]))
    size: int = 0
    identity: tuple[int, int] = (0, 0)

    def grow(self, file: BinaryIO) -> None:
        """Look through what has come."""
        status = self.path.stat()
        identity = (status.st_dev, status.st_ino)
        if identity != self.identity or status.st_size < self.size:
            self.starts, self.size, self.identity = array("q", [0]), 0, identity
        file.seek(self.size)
        while chunk := file.read(_CHUNK):
            ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == ord("\n"))
            self.starts.extend((ends + self.size + 1).tolist())
            self.size += len(chunk)

    @property
    def lines(self) -> int:
        """How many there are; one that has no end yet counts."""
        return len(self.starts) - (self.starts[-1] == self.size)

    def raw(self, file: BinaryIO, number: int) -> bytes:
        """A line as a terminal would show it in the end: of a bar that is drawn over itself, the last state."""
        begin = self.starts[number]
        end = self.starts[number + 1] - 1 if number + 1 < len(self.starts) else self.size
        file.seek(max(begin, end - _LONGEST_LINE))
        return file.read(max(end - file.tell(), 0)).rstrip(b"\r").rpartition(b"\r")[2]


class Logs:
    """The logs that were looked at lately."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, _Index] = OrderedDict()
        self._lock = threading.Lock()

    def window(self, path: Path, first: int | None, count: int) -> tuple[int, int, list[list[Piece]]]:
        """Lines of a log.

        Args:
            path: The file.
            first: The first one, from 0; None for the end.
            count: How many at most.

        Returns:
            How many lines the log has, the number of the first one here, and the lines, each in pieces: a text and the
            words of its look (``red``, ``bold``, ...), as the program's colour codes tell. No file is an empty log.
        """
        try:
            with self._lock, path.open("rb") as file:
                index = self._index(path, file)
                total = index.lines
                begin = max(total - count, 0) if first is None else min(first, total)
                raw = [index.raw(file, k) for k in range(begin, min(begin + count, total))]
        except OSError:
            return 0, 0, []
        return total, begin, [pieces(line) for line in raw]

    def find(self, path: Path, text: str, start: int, *, backwards: bool = False) -> int | None:
        """The number of the next line from ``start`` on that holds ``text``, in whatever case; None where none does.

        The search goes on at the other end of the log, so every line is looked at once.
        """
        wanted = text.casefold()
        try:
            with self._lock, path.open("rb") as file:
                index = self._index(path, file)
                for number in _round(index.lines, start, backwards=backwards):
                    if wanted in plain_text(index.raw(file, number)).casefold():
                        return number
        except OSError:
            return None
        return None

    def _index(self, path: Path, file: BinaryIO) -> _Index:
        index = self._known.setdefault(path, _Index(path))
        self._known.move_to_end(path)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        index.grow(file)
        return index


def _round(lines: int, start: int, *, backwards: bool) -> Iterator[int]:
    """Every number below ``lines`` once, from ``start`` on."""
    for k in range(lines):
        yield (start - k if backwards else start + k) % lines


def pieces(line: bytes) -> list[Piece]:
    """A line in pieces of one look, without control codes: text and words such as ``red bold``."""
    found: list[Piece] = []
    hue, attributes = "", dict[str, None]()
    place = 0
    for match in [*_SGR.finditer(line), None]:
        text = plain(plain_text(line[place : match.start() if match else len(line)]))
        if text:
            found.append((text, " ".join([*([hue] if hue else []), *attributes])))
        if match is None:
            break
        place = match.end()
        hue = _applied(match[1], hue, attributes)
    return found


def _applied(codes: bytes, hue: str, attributes: dict[str, None]) -> str:
    """The hue after a colour code; ``attributes`` are changed."""
    numbers = [int(part) if part else 0 for part in re.split(rb"[;:]", codes)]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            hue = ""
            attributes.clear()
        elif code in _ATTRIBUTES:
            attributes[_ATTRIBUTES[code]] = None
        elif code in _ENDS:
            for name in _ENDS[code]:
                attributes.pop(name, None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            hue = _HUES[code % 10]
        elif code == 39:
            hue = ""
        elif code in (38, 48):
            told, numbers = _extended(numbers)
            hue = (
                told if code == 38 else hue
            )  # what stands behind text is left as it is, so that it can be read
    return hue


def _extended(numbers: list[int]) -> tuple[str, list[int]]:
    """The nearest of the eight hues to a colour of 256 or of three parts, and the codes after it."""
    if numbers[:1] == [5] and len(numbers) >= 2:
        index = numbers[1]
        if index < 16:
            return _HUES[index % 8], numbers[2:]
        if index >= 232:
            return ("white" if index > 243 else "black"), numbers[2:]
        parts = ((index - 16) // 36, (index - 16) // 6 % 6, (index - 16) % 6)
        return _nearest(parts), numbers[2:]
    if numbers[:1] == [2] and len(numbers) >= 4:
        return _nearest((numbers[1], numbers[2], numbers[3])), numbers[4:]
    return "", []


def _nearest(parts: tuple[int, int, int]) -> str:
    top = max(parts)
    if top == 0:
        return "black"
    red, green, blue = (part > 0.6 * top for part in parts)
    return _HUES[red + 2 * green + 4 * blue]
