"""A small canvas of characters: lines of dots, and marks on top of them."""

import math
import unicodedata
from itertools import pairwise

# Bits of a braille character's dots: two columns of four, from the top.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


class Canvas:
    """A picture of ``width`` by ``height`` characters; places run from 0 to 1, to the right and upwards.

    With ``unicode`` a line is drawn in braille, eight dots a character, else in full stops.
    """

    def __init__(self, width: int, height: int, *, unicode: bool) -> None:
        self.width, self.height, self.unicode = width, height, unicode
        self._lit = [[0] * width for _ in range(height)]
        self._marks: dict[tuple[int, int], str] = {}

    def line(self, points: list[tuple[float, float]], *, every: int = 1) -> None:
        """Join ``points``, from left to right; with ``every`` above 1 only each so-manieth dot is lit."""
        wide, high = (2 * self.width, 4 * self.height) if self.unicode else (self.width, self.height)
        for (x0, y0), (x1, y1) in pairwise(points):
            a, b = x0 * (wide - 1), x1 * (wide - 1)
            steps = max(1, round(max(abs(b - a), abs(y1 - y0) * (high - 1))))
            # Only what is inside: a line to a score of 1e18 has more dots than there is time for.
            ends = sorted(((edge - y0) / (y1 - y0) for edge in (0, 1)) if y1 != y0 else (0.0, 1.0))
            first, last = math.floor(max(ends[0], 0) * steps), math.ceil(min(ends[1], 1) * steps)
            for step in range(first - first % every, last + 1, every):
                part = step / steps
                y = y0 + part * (y1 - y0)
                if 0 <= y <= 1:
                    self._light(round(a + part * (b - a)), round((1 - y) * (high - 1)))

    def _light(self, column: int, row: int) -> None:
        if self.unicode:
            self._lit[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
        else:
            self._lit[row][column] = 1

    def mark(self, x: float, y: float, sign: str) -> None:
        """Put a character at a place, over lines and earlier marks."""
        self._marks[self.row(y), self.column(x)] = sign

    def column(self, x: float) -> int:
        """The column of a place."""
        return round(min(max(x, 0.0), 1.0) * (self.width - 1))

    def row(self, y: float) -> int:
        """The row of a place, from the top."""
        return round((1 - min(max(y, 0.0), 1.0)) * (self.height - 1))

    def rows(self) -> list[str]:
        """The lines of the picture, from the top, each ``width`` characters."""
        lines = []
        for row, lit in enumerate(self._lit):
            dots = [chr(0x2800 + bits) if self.unicode and bits else "." if bits else " " for bits in lit]
            lines.append("".join(self._marks.get((row, column), dot) for column, dot in enumerate(dots)))
        return lines


def cells(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf") else
        2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )  # fmt: skip


def fitted(text: str, width: int, *, more: str = "…") -> str:
    """The text, cut to ``width`` columns where it is longer."""
    if cells(text) <= width:
        return text
    kept = ""
    for character in text:
        if cells(kept + character) > width - cells(more):
            break
        kept += character
    return (kept + more)[: max(width, 0)]


def wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    """The words of a text in lines of at most ``width`` columns; lines after the first are indented, the first as it is."""
    lines: list[str] = []
    line = text[: len(text) - len(text.lstrip(" "))]
    for word in text.split():
        for piece in _pieces(word, width - cells(indent)):
            if line.strip() and cells(line) + 1 + cells(piece) > width:
                lines.append(line)
                line = indent + piece
            else:
                line = f"{line} {piece}" if line.strip() else line + piece
    return [*lines, line] if line.strip() else lines


def _pieces(word: str, room: int) -> list[str]:
    """A word that is too long for a line, in parts that are not."""
    pieces = [""]
    for character in word:
        if cells(pieces[-1] + character) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces
