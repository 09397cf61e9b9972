"""Kinds of arguments that a schedule has: how each is read, written, checked, stored and bound."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lrlab.core.errors import SpecError
from lrlab.core.question import is_real
from lrlab.schedules.checks import interval
from lrlab.schedules.lengths import Frame, Length, written

Value = Any  # a number, a word, a truth value, a Length, or a tuple of them: frozen and hashable
Plain = Any  # what JSON has

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(%?)", re.IGNORECASE)


class Kind(Protocol):
    """One kind of argument.

    Attributes:
        told: What is expected, for a sentence: ``a length such as 500st``.
        many: Whether it takes a list with commas, each item read by ``read``.
    """

    @property
    def told(self) -> str: ...

    @property
    def many(self) -> bool: ...

    def read(self, word: str, /) -> Value:
        """The value that a word says; ``ValueError`` where it says none (``SpecError`` is one)."""
        ...

    def write(self, value: Value, /) -> str:
        """The words of a value."""
        ...

    def check(self, value: Value, /) -> Value:
        """The value in its normal form; ``ValueError`` where it breaks the rule."""
        ...

    def plain(self, value: Value, /) -> Plain:
        """The value for JSON."""
        ...

    def of_plain(self, plain: Plain, /) -> Value:
        """The value that JSON has; ``ValueError`` where it is none."""
        ...

    def bind(self, value: Value, frame: Frame, /) -> object:
        """The value as the schedule wants it, with every length in optimizer steps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number within limits; ``30%`` is 0.3 where 1 is the largest."""

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    whole: bool = False
    many: bool = False

    @property
    def told(self) -> str:
        rule = interval(least=self.least, above=self.above, most=self.most).removeprefix("lie ")
        return f"a {'whole ' if self.whole else ''}number {rule.removeprefix('be ').removeprefix('a finite number')}".strip()

    def read(self, word: str, /) -> Value:
        match = _NUMBER.fullmatch(word)
        if not match or (match[2] and self.most != 1):
            raise ValueError
        return self.check(float(match[1]) / 100 if match[2] else float(match[1]))

    def check(self, value: Value, /) -> Value:
        if not is_real(value) or not (self.least <= value <= self.most and value > self.above):
            raise ValueError
        if self.whole and value != int(value):
            raise ValueError
        return int(value) if self.whole else float(value)

    def write(self, value: Value, /) -> str:
        return written(value)

    def plain(self, value: Value, /) -> Plain:
        return value

    def of_plain(self, plain: Plain, /) -> Value:
        return self.check(plain)

    def bind(self, value: Value, frame: Frame, /) -> object:
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words, which stands by itself.

    Args:
        words: The words.
        also: Other spellings, and the word that each means.
    """

    words: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict, hash=False)
    many: bool = False

    @property
    def told(self) -> str:
        return f"one of {', '.join(self.words)}"

    def read(self, word: str, /) -> Value:
        return self.check(self.also.get(word, word))

    def check(self, value: Value, /) -> Value:
        if value not in self.words:
            raise ValueError
        return value

    def write(self, value: Value, /) -> str:
        return str(value)

    def plain(self, value: Value, /) -> Plain:
        return value

    def of_plain(self, plain: Plain, /) -> Value:
        return self.check(plain)

    def bind(self, value: Value, frame: Frame, /) -> object:
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A word that stands there or does not."""

    many: bool = False
    told: str = "true or false"

    def read(self, word: str, /) -> Value:
        return True

    def check(self, value: Value, /) -> Value:
        if not isinstance(value, bool):
            raise ValueError
        return value

    def write(self, value: Value, /) -> str:
        return ""

    def plain(self, value: Value, /) -> Plain:
        return value

    def of_plain(self, plain: Plain, /) -> Value:
        return self.check(plain)

    def bind(self, value: Value, frame: Frame, /) -> object:
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A length."""

    many: bool = False
    told: str = "a length such as 500st, 10ep or 5%"

    def read(self, word: str, /) -> Value:
        return Length.parse(word)

    def check(self, value: Value, /) -> Value:
        if isinstance(value, Length):
            return value
        raise ValueError

    def write(self, value: Value, /) -> str:
        return str(value)

    def plain(self, value: Value, /) -> Plain:
        return int(value.amount) if value.unit == "st" else str(value)

    def of_plain(self, plain: Plain, /) -> Value:
        if isinstance(plain, str):
            return Length.parse(plain)
        if isinstance(plain, bool):
            raise ValueError
        return Length(amount=plain)

    def bind(self, value: Value, frame: Frame, /) -> object:
        return value.steps(frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place and a multiplier: ``10%:0.5``."""

    many: bool = False
    told: str = "a point such as 0:0 or 10%:1"

    def read(self, word: str, /) -> Value:
        place, colon, multiplier = word.partition(":")
        if not colon:
            raise ValueError
        return Length.parse(place), _MULTIPLIER.read(multiplier)

    def check(self, value: Value, /) -> Value:
        place, multiplier = value
        return _SPAN.check(place), _MULTIPLIER.check(multiplier)

    def write(self, value: Value, /) -> str:
        return f"{value[0]}:{written(value[1])}"

    def plain(self, value: Value, /) -> Plain:
        return [_SPAN.plain(value[0]), value[1]]

    def of_plain(self, plain: Plain, /) -> Value:
        if not isinstance(plain, list | tuple) or len(plain) != 2:
            raise ValueError
        return _SPAN.of_plain(plain[0]), _MULTIPLIER.of_plain(plain[1])

    def bind(self, value: Value, frame: Frame, /) -> object:
        return value[0].steps(frame), value[1]


_SPAN = Span()
_MULTIPLIER = Number(least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """At least one of another kind, with commas between them."""

    item: Kind
    many: bool = True

    @property
    def told(self) -> str:
        return self.item.told

    def read(self, word: str, /) -> Value:
        return self.item.read(word)

    def check(self, value: Value, /) -> Value:
        return self._each(value, self.item.check)

    def write(self, value: Value, /) -> str:
        return ", ".join(map(self.item.write, value))

    def plain(self, value: Value, /) -> Plain:
        return [self.item.plain(one) for one in value]

    def of_plain(self, plain: Plain, /) -> Value:
        return self._each(plain, self.item.of_plain)

    def bind(self, value: Value, frame: Frame, /) -> object:
        return tuple(self.item.bind(one, frame) for one in value)

    def _each(self, given: object, change: Callable[[Value], Value]) -> Value:
        if not isinstance(given, list | tuple) or not given:
            raise ValueError
        return tuple(map(change, given))


def because(error: ValueError) -> str:
    """The rule that a value broke, if the kind told one."""
    return error.what.partition(": ")[2].rpartition(", got")[0] if isinstance(error, SpecError) else ""
