"""Files that grow while they are read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lrlab.core.errors import SpecError

Locate = Callable[[], Path | None]

_TAIL_BYTES = 256  # of what was read; they must still be there, or the file is another one
_LONGEST_LINE = 2**24


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that are new, and whether the file begins anew with them."""

    data: bytes
    anew: bool = False


class GrowingFile:
    """A file, read on from where it was left.

    Whether it is still the same file is told by its content: the last bytes that were read must stand where they
    stood. So a log that its program writes whole again and again, longer each time, reads like one that grows.

    Args:
        locate: Where it is now; None while there is none.
    """

    def __init__(self, locate: Locate) -> None:
        self._locate = locate
        self._offset = 0
        self._tail = b""

    def read(self) -> Chunk:
        """What is new; nothing while there is no file, or an empty one.

        Raises:
            SpecError: If it cannot be read.
        """
        path = self._locate()
        if path is None:
            return Chunk(b"")
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                if size == 0:  # perhaps it is just being written anew
                    return Chunk(b"")
                file.seek(self._offset - len(self._tail))
                anew = file.read(len(self._tail)) != self._tail
                if anew:
                    self._offset, self._tail = 0, b""
                    file.seek(0)
                data = file.read()
        except FileNotFoundError:
            return Chunk(b"")
        except OSError as error:
            raise SpecError(f"{path}: cannot be read: {error.strerror or error}.") from None
        self._offset += len(data)
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        return Chunk(data, anew)


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line of a text, without its end; lines count from 1."""

    number: int
    text: str


class Lines:
    """The lines of a text file; a last line waits for its end.

    Args:
        locate: Where the file is now; None while there is none.
    """

    def __init__(self, locate: Locate) -> None:
        self._locate = locate
        self._file = GrowingFile(locate)
        self._rest = b""
        self._number = 0

    @property
    def path(self) -> Path | None:
        """Where the file is now."""
        return self._locate()

    def read(self, *, final: bool = False) -> tuple[list[Line], bool]:
        """The new lines, and whether the file begins anew with them.

        Raises:
            SpecError: If the file is no text; the sentence names the line.
        """
        chunk = self._file.read()
        if chunk.anew:
            self._rest, self._number = b"", 0
        *whole, self._rest = (self._rest + chunk.data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise SpecError(f"{self.path}, line {self._number + 1}: no line of a log is this long.")
        if final and self._rest:
            whole.append(self._rest)
            self._rest = b""
        lines = []
        for raw in whole:
            self._number += 1
            lines.append(Line(self._number, self._text(raw)))
        return lines, chunk.anew

    def _text(self, raw: bytes) -> str:
        if self._number == 1 and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise SpecError(f"{self.path}: is UTF-16 text, expected UTF-8.", hint="Save it as UTF-8.")
        try:
            text = raw.decode("utf-8-sig" if self._number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise SpecError(
                f"{self.path}, line {self._number}, byte {error.start + 1}: expected UTF-8 text.",
                hint="Save it as UTF-8, or name the log and not the model.",
            ) from None
        if "\0" in text:
            raise SpecError(
                f"{self.path}, line {self._number}: expected text, got binary data.",
                hint="Name the log that the program writes.",
            )
        return text.removesuffix("\r")
