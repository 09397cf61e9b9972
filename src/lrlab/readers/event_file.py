"""TensorBoard's event files: TFRecord frames around protocol buffers, as far as scalars need them.

Written here rather than taken from the package tensorboard, which weighs 60 MB with its dependencies, and whose reader
wants whole folders; the two formats have not changed since 2015.

References:
    TFRecord, https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details; protocol buffers,
    https://protobuf.dev/programming-guides/encoding; the polynomial of CRC-32C is Castagnoli's, 0x1EDC6F41.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits in reverse
_HEAD = struct.Struct("<QI")  # length of the event, masked checksum of the length
_LARGEST_SCALARS = 2**20  # larger events hold pictures or graphs, and are passed over

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _DOUBLE = 1, 2  # types of tensors


def _table() -> tuple[int, ...]:
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C of ``data``, rotated and shifted as TFRecord has it.

    Example:
        >>> hex(masked_crc(b"123456789"))  # the CRC itself is 0xe3069283
        '0xc78ab0e5'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class Damage(ValueError):
    """Bytes that are no event file; the text says where and how."""


@dataclass(frozen=True, slots=True)
class Event:
    """The scalars of one event.

    Args:
        step: The step that they were written with.
        scalars: Tag to value.
    """

    step: int
    scalars: dict[str, float]


def take_events(data: bytes, *, first: int) -> tuple[list[Event], int]:
    """The events with scalars at the start of ``data``, and how many bytes whole records take there.

    Args:
        data: Bytes of an event file from a record's start on; the last record may be incomplete.
        first: Where they stand in the file, for a message.

    Raises:
        Damage: If a checksum or a message is wrong.
    """
    events, at = [], 0
    while len(data) - at >= _HEAD.size:
        length, crc = _HEAD.unpack_from(data, at)
        if masked_crc(data[at : at + 8]) != crc:
            raise Damage(f"byte {first + at}: the checksum of a record's length is wrong")
        end = at + _HEAD.size + length + 4
        if len(data) < end:
            break
        if length <= _LARGEST_SCALARS:
            body = data[at + _HEAD.size : end - 4]
            if masked_crc(body) != int.from_bytes(data[end - 4 : end], "little"):
                raise Damage(f"byte {first + at}: the checksum of a record is wrong")
            try:
                event = _event(body)
            except (IndexError, struct.error, UnicodeDecodeError) as error:
                raise Damage(f"byte {first + at}: a record is no event ({error})") from None
            if event.scalars:
                events.append(event)
        at = end
    return events, at


def _event(body: bytes) -> Event:
    step, scalars = 0, {}
    for field in _fields(body):
        if field.number == 2 and field.kind == _VARINT:
            step = field.integer - 2**64 if field.integer >= 2**63 else field.integer
        elif field.number == 5 and field.kind == _BYTES:
            for value in _fields(field.raw):
                if value.number == 1 and value.kind == _BYTES:
                    scalars.update(_scalar(value.raw))
    return Event(step, scalars)


def _scalar(body: bytes) -> dict[str, float]:
    """The tag and the value of a summary, if it is one number: a plain one, or a tensor as TensorFlow 2 writes it."""
    tag, found = "", None
    for field in _fields(body):
        if field.number == 1 and field.kind == _BYTES:
            tag = field.raw.decode()
        elif field.number == 2 and field.kind == _FIXED32:
            (found,) = struct.unpack("<f", field.raw)
        elif field.number == 8 and field.kind == _BYTES:
            found = _tensor(field.raw)
    return {tag: found} if tag and found is not None else {}


def _tensor(body: bytes) -> float | None:
    """The number that a tensor of one float or double holds."""
    fields = {field.number: field for field in _fields(body)}
    form = {_FLOAT: ("<f", 5), _DOUBLE: ("<d", 6)}.get(fields[1].integer) if 1 in fields else None
    if form is None:
        return None
    content = fields.get(4) or fields.get(form[1])
    if content is None or len(content.raw) != struct.calcsize(form[0]):
        return None
    number: float = struct.unpack(form[0], content.raw)[0]
    return number


class _Field(NamedTuple):
    """One field of a message: its value as an integer, or its bytes."""

    number: int
    kind: int
    integer: int = 0
    raw: bytes = b""


def _fields(body: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            integer, at = _varint(body, at)
            yield _Field(number, kind, integer=integer)
        elif kind in (_FIXED32, _FIXED64, _BYTES):
            length = {_FIXED32: 4, _FIXED64: 8}.get(kind, 0)
            if kind == _BYTES:
                length, at = _varint(body, at)
            if at + length > len(body):
                raise IndexError("a field is longer than its message")
            yield _Field(number, kind, raw=body[at : at + length])
            at += length
        else:
            raise IndexError(f"unknown kind of field {kind}")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError("a number is too long")
