"""Long runs a second time, as columns in a file beside the study's: what a chart reads in a moment.

The database is the truth. Blocks are appended after the transaction that committed their records, and no record ever
changes, so a block that is whole and whose last record is the database's is right; everything else is read from the
database. Without the file everything works, only slower.

A block: its header's length and checksum, the header (JSON), then its arrays, little-endian.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.core import wire
from lrlab.core.history import History
from lrlab.core.record import Record

if TYPE_CHECKING:
    from lrlab.store.files import StudyFiles

BLOCK = 4096  # records; a run with fewer has no file
_HEAD = struct.Struct("<4sII")
_MAGIC = b"lrc1"
_LONGEST_HEADER = 2**20


class Block:
    """A block, and where in the run it lies.

    Args:
        first: Index of its first record.
        last: Checksum of its last record's text in the database.
        history: Its records.
        end: Where in the file it ends.
    """

    __slots__ = ("end", "first", "history", "last")

    def __init__(self, *, first: int, last: int, history: History, end: int) -> None:
        self.first = first
        self.last = last
        self.history = history
        self.end = end

    @property
    def until(self) -> int:
        """Index of the record behind its last one."""
        return self.first + len(self.history)


def checksum(text: str) -> int:
    """Of a record's text."""
    return zlib.crc32(text.encode())


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a file that are whole, from the first on; none where there is no file."""
    try:
        data = memoryview(path.read_bytes())
    except OSError:
        return []
    blocks: list[Block] = []
    place = until = 0
    with suppress(ValueError, TypeError, KeyError, struct.error):  # from here on it was never written whole
        while place < len(data):
            block = _block(data, place)
            if block.first != until:
                break
            blocks.append(block)
            place, until = block.end, block.until
    return blocks


def _block(data: memoryview, place: int) -> Block:
    """The block at ``place``.

    Raises:
        ValueError, TypeError, KeyError, struct.error: If there is no whole one.
    """
    import numpy as np

    magic, length, check = _HEAD.unpack_from(data, place)
    begin = place + _HEAD.size
    header = data[begin : begin + length]
    if magic != _MAGIC or length > _LONGEST_HEADER or len(header) != length or zlib.crc32(header) != check:
        raise ValueError("no header")
    told = json.loads(bytes(header))
    place = begin + length
    arrays: list[Any] = []
    for size, check in told["arrays"]:
        part = data[place : place + 8 * size]
        if len(part) != 8 * size or zlib.crc32(part) != check:
            raise ValueError("no array")
        arrays.append(np.frombuffer(part, dtype="<i8" if told["kinds"][len(arrays)] == "i" else "<f8"))
        place += 8 * size
    at, steps, *rest = arrays
    metrics: dict[str, Any] = {}
    for name, sparse in told["metrics"]:
        index = rest.pop(0) if sparse else None
        values = rest.pop(0)
        if len(values) != (len(at) if index is None else len(index)) or not _inside(index, len(at)):
            raise ValueError("no metric")
        metrics[name] = (index, values)
    if len(at) == 0 or len(steps) != len(at):
        raise ValueError("no records")
    return Block(first=told["first"], last=told["last"], history=History(at, steps, metrics), end=place)


def _inside(places: Any, count: int) -> bool:
    """Whether places ascend and lie in ``range(count)``; None is all of them."""
    return (
        places is None
        or len(places) == 0
        or bool(places[0] >= 0 and places[-1] < count and (places[1:] > places[:-1]).all())
    )


def _bytes_of(first: int, records: Sequence[Record]) -> bytes:
    """The block of records, the first of which has the index ``first``.

    Raises:
        OverflowError: If a step has no place in 64 bits.
    """
    import numpy as np

    history = History.of(records)
    arrays: list[tuple[str, Any]] = [("f", history.at), ("i", history.steps)]
    for index, values in history.metrics.values():
        if index is not None:
            arrays.append(("i", index))
        arrays.append(("f", np.where(np.isnan(values), np.nan, values)))  # as the text has it: one NaN
    parts = [array.astype("<i8" if kind == "i" else "<f8").tobytes() for kind, array in arrays]
    header = json.dumps({
        "first": first,
        "last": checksum(wire.dumps(Record, records[-1])),
        "kinds": "".join(kind for kind, _ in arrays),
        "arrays": [(len(part) // 8, zlib.crc32(part)) for part in parts],
        "metrics": [(name, index is not None) for name, (index, _) in history.metrics.items()],
    }).encode()  # fmt: skip
    return _HEAD.pack(_MAGIC, len(header), zlib.crc32(header)) + header + b"".join(parts)


class ColumnWriter:
    """Appends to the files of one study's runs; whatever fails ends the run's file and nothing else.

    Args:
        files: The study's files; its owner alone holds one.
    """

    def __init__(self, files: "StudyFiles") -> None:
        self._files = files
        self._done: dict[
            int, int
        ] = {}  # by number of the run: how many of its records the file has; -1: no more

    def catch_up(self, number: int, records: Sequence[Record]) -> None:
        """Append what is not there, if it is enough for a block.

        Args:
            number: Of the run, from 1.
            records: All of its committed ones.
        """
        done = self._done.get(number, 0)
        if done < 0 or len(records) - done < BLOCK:
            return
        path = self._files.column_file(number)
        try:
            if number not in self._done:
                done = self._done[number] = _continued(path, records)
            if len(records) - done < BLOCK:
                return
            with path.open("ab") as file:
                file.write(_bytes_of(done, records[done:]))
            path.chmod(0o600)
            self._done[number] = len(records)
        except (OSError, OverflowError):
            self._done[number] = -1


def _continued(path: Path, records: Sequence[Record]) -> int:
    """How many records the file rightly has; what follows them is cut off.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    end = done = 0
    for block in read_blocks(path):
        if block.until > len(records) or block.last != checksum(wire.dumps(Record, records[block.until - 1])):
            break
        end, done = block.end, block.until
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(end)
    return done
