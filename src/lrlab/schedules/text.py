"""Read the text of a schedule; an error points at the word."""

import re
from dataclasses import dataclass

from lrlab.core.errors import SpecError
from lrlab.schedules.families import FAMILIES, Argument, Family, nearest, unknown
from lrlab.schedules.kinds import Choice, Flag, Value, because
from lrlab.schedules.written import Spec

_TOKEN = re.compile(r"[(),]|[^\s(),]+")
_LONGEST = 2_000  # characters
_DEEPEST = 20  # brackets inside each other, or parts after each other
_WIDEST = 90  # characters of the text that an error shows


def parse(text: str) -> Spec:
    """The schedule that a text names.

    ``NAME words`` is a schedule, ``warmup LENGTH then ...`` rises first, ``NAME for LENGTH then ...`` goes on with
    another, ``scale NUMBER (...)``, ``clip from NUMBER to NUMBER (...)`` and ``repeat LENGTH (...)`` change what stands
    in brackets. Lengths are ``500st`` (steps, also a bare number), ``10ep`` (epochs) and ``5%`` (of the training).
    Large and small letters are the same, and so are ``-`` and ``_``.

    Args:
        text: Such as ``"warmup 5% then cosine to 0.01"``.

    Returns:
        The spec; ``str`` of it is the canonical text.

    Raises:
        SpecError: If it is no schedule; the sentence says what was expected, and a line shows where.

    Example:
        >>> spec = parse("Warmup 5% then cosine to 0.010 over 90%")
        >>> str(spec)
        'warmup 5% then cosine to 0.01 over 90%'
        >>> spec.bind(total_steps=1000)(50)
        1.0
    """
    reader = _Reader(text)
    spec = _sequence(reader, depth=0)
    if reader.next is not None:
        raise reader.fault('expected "then" or the end of the text')
    return spec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str
    start: int

    @property
    def word(self) -> str:
        return self.text.lower().replace("_", "-")


class _Reader:
    """The words of a text, one after the other."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise SpecError(f"schedule: expected a text, got {text!r:.60}.")
        if len(text) > _LONGEST:
            raise SpecError(
                f"schedule: the text must have at most {_LONGEST} characters, got {len(text)}.",
                hint="Many points are better given in Python or JSON.",
            )
        self.text = re.sub(r"\s", " ", text)
        self._tokens = [_Token(text=match[0], start=match.start()) for match in _TOKEN.finditer(self.text)]
        self._at = 0
        if not self._tokens:
            raise SpecError("schedule: the text is empty.", hint='Such as "warmup 5% then cosine to 0.01".')

    @property
    def next(self) -> _Token | None:
        """The word that comes next; None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def is_next(self, *words: str) -> bool:
        return self.next is not None and self.next.word in words

    def take(self, expected: str) -> _Token:
        """The next word, whatever it is."""
        token = self.next
        if token is None:
            raise self.fault(f"expected {expected}")
        self._at += 1
        return token

    def expect(self, word: str, what: str) -> None:
        """Pass over a word that must come next."""
        if not self.is_next(word):
            raise self.fault(f"expected {what}")
        self._at += 1

    def fault(self, sentence: str, *, at: _Token | None = None) -> SpecError:
        """The error that points at a word, by default the next one, or behind the last."""
        token = at or self.next
        start = token.start if token else len(self.text.rstrip())
        length = len(token.text) if token else 1
        got = f"{token.text!r:.40}" if token else "the end of the text"
        begin = max(start - _WIDEST // 2, 0)
        shown = self.text[begin : begin + _WIDEST].rstrip()
        dots = "..." if begin else ""
        pointer = " " * (len(dots) + start - begin) + "^" * min(length, _WIDEST)
        tail = "..." if begin + _WIDEST < len(self.text) else ""
        return SpecError(
            f"schedule: {sentence}, got {got} at character {start + 1}:\n  {dots}{shown}{tail}\n  {pointer}"
        )


def _sequence(reader: _Reader, *, depth: int) -> Spec:
    """One part, and what follows it."""
    if depth > _DEEPEST:
        raise reader.fault(f"expected at most {_DEEPEST} schedules inside or after each other")
    begin = reader.next
    if reader.is_next("warmup"):
        reader.take("warmup")
        arguments = _arguments(reader, FAMILIES["warmup"])
        reader.expect("then", '"then" and the schedule that follows the warm-up')
        return _made(reader, begin, "warmup", arguments, (_sequence(reader, depth=depth + 1),))
    part = _part(reader, depth=depth)
    if reader.is_next("for"):
        reader.take("for")
        steps = _value(reader, FAMILIES["then"].argument("steps"))
        reader.expect("then", '"then" and the schedule that follows')
        rest = _sequence(reader, depth=depth + 1)
        return _made(reader, begin, "then", (("steps", steps),), (part, rest))
    if reader.is_next("then"):
        raise reader.fault('expected "for" and a length before "then", such as "constant for 50% then"')
    return part


def _part(reader: _Reader, *, depth: int) -> Spec:
    """A schedule, or something in brackets."""
    if reader.is_next("("):
        return _bracket(reader, depth=depth)
    begin = reader.take("the name of a schedule")
    name = begin.word
    if name not in FAMILIES or name == "then":
        raise reader.fault(unknown(begin.text), at=begin)
    family = FAMILIES[name]
    if name == "step" and reader.next is not None and reader.next.text[0].isdigit():
        family = FAMILIES["multi-step"]  # places instead of a distance
    arguments = _arguments(reader, family)
    parts = (_bracket(reader, depth=depth),) if family.parts else ()
    return _made(reader, begin, family.name, arguments, parts)


def _bracket(reader: _Reader, *, depth: int) -> Spec:
    reader.expect("(", '"(" and a schedule')
    inside = _sequence(reader, depth=depth + 1)
    reader.expect(")", '")"')
    return inside


def _arguments(reader: _Reader, family: Family) -> tuple[tuple[str, Value], ...]:
    """The arguments that stand after a name."""
    given: dict[str, Value] = {}
    while (token := reader.next) is not None and token.word not in ("then", "(", ")"):
        if token.word == "for" and not any(argument.word == "for" for argument in family.arguments):
            break
        argument = _meant(family, token.word, given)
        if argument is None:
            raise reader.fault(
                f"{family.name} {family.takes}{nearest(token.word, _words(family))}",
            )
        if argument.field in given:
            raise reader.fault(f"{argument.field} of {family.name} is given twice")
        if argument.word:
            reader.take(argument.word)
        given[argument.field] = True if isinstance(argument.kind, Flag) else _value(reader, argument)
    for argument in family.arguments:
        if argument.default == "required" and argument.field not in given:
            where = f'"{argument.word}" and ' if argument.word else ""
            raise reader.fault(f"expected {where}{argument.kind.told} for {family.name}")
    return tuple(given.items())


def _meant(family: Family, word: str, given: dict[str, Value]) -> Argument | None:
    """The argument that a word belongs to."""
    for argument in family.arguments:
        if argument.word == word:
            return argument
        if isinstance(argument.kind, Choice) and (word in argument.kind.words or word in argument.kind.also):
            return argument
    first = family.arguments[0] if family.arguments else None
    takes_number = first is not None and not first.word and not isinstance(first.kind, Choice)
    return first if first and takes_number and first.field not in given and not word.isalpha() else None


def _words(family: Family) -> list[str]:
    words = [argument.word for argument in family.arguments]
    return [*words, *(w for a in family.arguments if isinstance(a.kind, Choice) for w in a.kind.words)]


def _value(reader: _Reader, argument: Argument) -> Value:
    """The value that comes next, a list where the argument takes one."""
    items = [_item(reader, argument)]
    while argument.kind.many and reader.is_next(","):
        reader.take(",")
        items.append(_item(reader, argument))
    return tuple(items) if argument.kind.many else items[0]


def _item(reader: _Reader, argument: Argument) -> Value:
    after = f' after "{argument.word}"' if argument.word else ""
    expected = f"{argument.kind.told}{after}"
    token = reader.take(expected)
    try:
        return argument.kind.read(token.word)
    except ValueError as error:
        why = because(error)
        raise reader.fault(f"expected {expected}{f' ({why})' if _is_news(why) else ''}", at=token) from None


def _is_news(why: str) -> bool:
    """Whether a reason tells more than what was expected."""
    return bool(why) and not why.startswith("must be such as")


def _made(
    reader: _Reader,
    begin: _Token | None,
    name: str,
    arguments: tuple[tuple[str, Value], ...],
    parts: tuple[Spec, ...],
) -> Spec:
    try:
        return Spec(name=name, arguments=arguments, parts=parts)
    except SpecError as error:
        sentence = error.what.removeprefix("schedule: ").rstrip(".")
        raise reader.fault(sentence, at=begin) from None
