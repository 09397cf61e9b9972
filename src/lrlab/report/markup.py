"""HTML that is escaped unless it says that it need not be."""

import re
from collections.abc import Iterable
from html import escape

from lrlab.report.words import plain

_EMPTY = frozenset({"meta", "img", "br"})


class Safe(str):
    """HTML as it is to stand on the page; every other string is text and gets escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: object) -> Safe:
    """An element.

    Args:
        name: Its name.
        children: Text, which is escaped, or ``Safe`` HTML.
        attributes: Values, escaped; ``class_`` is ``class``, other underscores are hyphens; None and False leave
            the attribute out, True gives it without a value.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Safe(f"<{name}{given}>")
    return Safe(f"<{name}{given}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Safe:
    """The parts one after the other, text among them escaped."""
    return Safe(
        "".join(part if isinstance(part, Safe) else escape(plain(part), quote=False) for part in parts)
    )


def unbroken(text: str, **attributes: object) -> Safe:
    """Text in which numbers, such as ``6e-4`` and ``3 %``, are elements of their own that no line tears apart.

    Args:
        text: Any text.
        attributes: Of these elements; they make white space unbreakable.
    """
    parts = re.split(r"(\d[\d.]*(?:e-?\d+| %))", text)
    return joined(tag("span", part, **attributes) if at % 2 else part for at, part in enumerate(parts))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(plain(str(value)))}"'
