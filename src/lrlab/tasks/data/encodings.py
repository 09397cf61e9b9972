"""Bytes of a text file as text: UTF-8 and marked Unicode, Windows-1252 with a caution, or a named encoding."""

import codecs

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"  # what calls itself Latin-1 nearly always means it: its quotes, dashes and the euro


def decoded(raw: bytes, *, where: str, encoding: str | None = None) -> tuple[str, tuple[Caution, ...]]:
    """The text, and what a reader must know about it.

    Args:
        raw: The whole file.
        where: Its name, for errors.
        encoding: What it is written in; by default what its mark says, else UTF-8, else Windows-1252 with a caution.

    Raises:
        SpecError: If there is no such encoding, a byte does not fit it, or it is no text; with line and byte.
    """
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    if encoding is not None:
        name = _known(encoding)
        text = _strict(raw, "utf-8-sig" if name == "utf-8" else name, where=where, named=encoding)
        return text.removeprefix("\ufeff"), ()
    if marked is not None:
        return _strict(raw, marked, where=where, named=None), ()
    if b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise SpecError(
            f"{where}, line {line}: expected text, got a byte 0: this is another kind of file.",
            hint="Save it as text in UTF-8, or name its encoding, such as --encoding utf-16.",
        )
    try:
        return raw.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        return _western(raw, error, where=where)


def _western(raw: bytes, error: UnicodeDecodeError, *, where: str) -> tuple[str, tuple[Caution, ...]]:
    try:
        text, name = raw.decode(_WESTERN), "Windows-1252"
    except UnicodeDecodeError:  # five bytes mean nothing there
        text, name = raw.decode("latin-1"), "Latin-1"
    said = (
        f"{where} is not UTF-8 (line {_line(error)}) and was read as {name}. If letters look wrong, name what it is "
        "with --encoding, or save it in UTF-8."
    )
    return text, (Caution(code="ENCODING", text=said),)


def _strict(raw: bytes, name: str, *, where: str, named: str | None) -> str:
    try:
        return raw.decode(name)
    except UnicodeError as error:
        if not isinstance(error, UnicodeDecodeError):
            raise SpecError(f"{where}: it is not in {named or name}: {error}.", hint=_hint(named)) from None
        begins = "" if named else f"it begins as {name.removesuffix('-sig').upper()} and is none: "
        place = len(raw) - len(error.object) + error.start + 1  # a mark is not part of the object
        raise SpecError(
            f"{where}, line {_line(error)}: {begins}byte {place} of the file (0x{error.object[error.start]:02x}) does "
            f"not fit: {error.reason}.",
            hint=_hint(named),
        ) from None


def _hint(named: str | None) -> str:
    rest = "Save it in UTF-8"
    return f"{rest}, or name another --encoding." if named else f"{rest}, or name what it is with --encoding."


def _line(error: UnicodeDecodeError) -> int:
    """The line in which it stands, from 1."""
    before = error.object[: error.start].decode(error.encoding, errors="ignore")
    return before.count("\n") + 1


def _known(encoding: str) -> str:
    """Its name in Python.

    Raises:
        SpecError: If it is none, or none of text.
    """
    try:
        "a".encode(encoding)  # refuses codecs such as base64, which know no text
        return codecs.lookup(encoding).name
    except (LookupError, TypeError, ValueError):
        raise SpecError(
            f"encoding: there is no encoding of text {encoding!r}.",
            hint="Name one such as utf-8, utf-16, cp1252, latin-1, shift_jis or gb18030.",
        ) from None
