"""Writes event files as TensorBoard's own writers do, for the tests of their reader."""

import struct
from pathlib import Path

from lrlab.readers.event_file import masked_crc


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, kind: int, body: bytes) -> bytes:
    return varint(number << 3 | kind) + (varint(len(body)) + body if kind == 2 else body)


def frame(event: bytes) -> bytes:
    head = struct.pack("<Q", len(event))
    return head + struct.pack("<I", masked_crc(head)) + event + struct.pack("<I", masked_crc(event))


def version() -> bytes:
    """What every file begins with."""
    return frame(field(1, 1, struct.pack("<d", 1.7e9)) + field(3, 2, b"brain.Event:2"))


def scalar(step: int, *, tensor: bool = False, **values: float) -> bytes:
    """One event with scalars; ``__`` in a name stands for ``/``."""
    summary = b""
    for name, value in values.items():
        tag = field(1, 2, name.replace("__", "/").encode())
        if tensor:  # as TensorFlow 2 writes it
            body = field(1, 0, varint(1)) + field(2, 2, b"") + field(4, 2, struct.pack("<f", value))
            summary += field(1, 2, tag + field(9, 2, b"") + field(8, 2, body))
        else:
            summary += field(1, 2, tag + field(2, 5, struct.pack("<f", value)))
    clock = field(1, 1, struct.pack("<d", 1.7e9 + step))
    return frame(clock + field(2, 0, varint(step)) + field(5, 2, summary))


def picture(step: int, size: int) -> bytes:
    """One event with a picture of ``size`` bytes."""
    summary = field(1, 2, field(1, 2, b"image") + field(4, 2, b"\x89" * size))
    return frame(field(2, 0, varint(step)) + field(5, 2, summary))


def write(path: Path, *events: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(version() + b"".join(events))
