"""Text and values made fit to be kept: valid UTF-8, without NUL characters, of bounded length."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from lrlab.core.record import Record

T = TypeVar("T")

TEXT_BYTES = 64 * 1024  # a traceback of endless recursion must not fill the file
_HEAD_BYTES = TEXT_BYTES // 4  # of a traceback the end says most


def clean(value: T) -> T:
    """``value`` with every string in it, keys included, made fit to be kept.

    Looks into dataclasses, mappings, lists and tuples; what needs no change is returned as it is.
    """
    kept: Any = value
    if isinstance(value, str):
        if not _plain(value) and (text := clean_text(value)) != value:
            kept = text
    elif isinstance(value, Record):
        if not all(map(_plain, value.metrics)):  # this often, looking into a record must be quick
            kept = replace(value, metrics=_clean_mapping(value.metrics))
    elif is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        new = {name: clean(part) for name, part in old.items()}
        if any(new[name] is not old[name] for name in old):
            kept = replace(value, **new)
    elif isinstance(value, Mapping):
        kept = _clean_mapping(value)
    elif isinstance(value, tuple | list):
        parts = [clean(part) for part in value]
        if any(new is not old for new, old in zip(parts, value, strict=True)):
            kept = type(value)._make(parts) if hasattr(value, "_make") else type(value)(parts)
    return kept  # type: ignore[no-any-return]


def clean_text(text: str) -> str:
    """``text`` as UTF-8 can hold it, without NUL characters, at most 64 KiB long.

    Surrogates become the character that a pair of them means, or U+FFFD. Text that is nothing but NUL
    characters becomes U+FFFD as well, since names may not be empty. What is too long loses its middle, and
    says so.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = whole.replace("\0", "") or ("\N{REPLACEMENT CHARACTER}" if text else "")
    data = whole.encode()
    if len(data) <= TEXT_BYTES:
        return whole
    mark = f"\n[... {len(data) - TEXT_BYTES} bytes or more left out ...]\n".encode()
    tail_bytes = TEXT_BYTES - _HEAD_BYTES - len(mark)
    return (data[:_HEAD_BYTES] + mark + data[-tail_bytes:]).decode(errors="ignore")


def _plain(text: str) -> bool:
    return text.isascii() and "\0" not in text and len(text) <= TEXT_BYTES


def _clean_mapping(mapping: Mapping[Any, T]) -> Mapping[Any, T]:
    kept = {clean(key): clean(part) for key, part in mapping.items()}
    same = len(kept) == len(mapping) and all(
        key in kept and kept[key] is part for key, part in mapping.items()
    )
    return mapping if same else kept
