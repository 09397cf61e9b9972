"""A schedule as it is written: by name, with lengths that may be relative to a training that is not known yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lrlab.core.errors import SpecError
from lrlab.schedules.families import (
    FAMILIES,
    LEFT_OUT,
    REQUIRED,
    REST,
    WRITTEN_AS,
    Argument,
    Family,
    family_of,
)
from lrlab.schedules.kinds import Choice, Flag, Value, because
from lrlab.schedules.lengths import Frame, Length, LengthNeeded
from lrlab.schedules.protocol import AnyFeedback, Schedule

_DEEPEST = 50  # schedules inside each other; far above any use, far below Python's limit
_KIND = "kind"  # the key that holds the name in JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A schedule before its training is known; ``bind`` makes the schedule.

    Two specs that say the same are equal: arguments that stand at their default are left out.

    Args:
        name: Name of the family.
        arguments: Name and value of each argument that is given.
        parts: The schedules that it is made of, if it is.

    Raises:
        SpecError: If there is no such family, or an argument or a part breaks its rule.

    Example:
        >>> spec = Spec(name="cosine", arguments=(("floor", 0.1),))
        >>> str(spec), spec.bind(total_steps=90)
        ('cosine to 0.1', Cosine(steps=90, floor=0.1))
    """

    name: str
    arguments: tuple[tuple[str, Value], ...] = ()
    parts: "tuple[Spec, ...]" = ()

    def __post_init__(self) -> None:
        family = family_of(self.name)
        given = dict(self.arguments)
        kept = {name: checked(family, name, value) for name, value in given.items()}
        in_order = [argument for argument in family.arguments if argument.field in kept]
        for argument in family.arguments:
            if argument.default is REQUIRED and argument.field not in kept:
                raise SpecError(f"schedule: {family.name} needs {argument.field}, {argument.kind.told}.")
        if len(self.parts) != len(family.parts):
            raise SpecError(
                f"schedule: {family.name} is made of {len(family.parts)} schedules, got {len(self.parts)}."
            )
        for part in self.parts:
            if FAMILIES[part.name].feedback:
                raise SpecError(
                    f"schedule: {part.name} looks at a metric, so it cannot be a part of {family.name}."
                )
        if self._depth() > _DEEPEST:
            raise SpecError(f"schedule: more than {_DEEPEST} schedules are inside each other.")
        object.__setattr__(self, "name", family.name)
        arguments = tuple((a.field, kept[a.field]) for a in in_order if not _same(kept[a.field], a.default))
        object.__setattr__(self, "arguments", arguments)

    def __str__(self) -> str:
        """The canonical text; ``parse`` reads it back."""
        if self.name == "warmup":
            return f"{self._words()} then {self.parts[0]}"
        if self.name == "then":
            first = f"({self.parts[0]})" if self.parts[0].name in ("warmup", "then") else str(self.parts[0])
            return f"{first} {self._words(named=False)} then {self.parts[1]}"
        return f"{self._words()} ({self.parts[0]})" if self.parts else self._words()

    def bind(
        self, *, total_steps: int | None = None, steps_per_epoch: int | None = None, after: int = 0
    ) -> Schedule | AnyFeedback:
        """The schedule in a training of that length.

        Per cent are of the whole training, and of one repetition inside ``repeat``. A part that tells no length fills
        what is left. Places, such as those of ``multi-step``, count from the start of their part.

        Args:
            total_steps: Optimizer steps of the training; not needed where every length is in steps or epochs.
            steps_per_epoch: Optimizer steps in an epoch; not needed where nothing is in epochs.
            after: Optimizer steps of a warm-up that stands before it and is not part of it.

        Raises:
            SpecError: If a length that is needed is not given, or an argument breaks its rule.
        """
        rest = None if total_steps is None else total_steps - after
        return self._bound(Frame(whole=total_steps, rest=rest, steps_per_epoch=steps_per_epoch))

    @property
    def needs_length(self) -> bool:
        """Whether it cannot be bound without the length of the training or of an epoch."""
        try:
            self.bind()
        except LengthNeeded:
            return True
        return False

    @property
    def feedback(self) -> bool:
        """Whether it looks at a metric, and so is bound to a ``Feedback``."""
        return FAMILIES[self.name].feedback

    def check(self) -> None:
        """Refuse what no training can use, as far as that can be told before the training is known.

        Raises:
            SpecError: If arguments contradict each other.
        """
        if len(set(self._units())) <= 1:  # lengths of two units cannot be compared yet
            self.bind(total_steps=10**9, steps_per_epoch=1)

    def to_json(self) -> dict[str, object]:
        """The spec as what JSON has: ``{"kind": "cosine", "floor": 0.1}``; whole numbers are steps."""
        family = FAMILIES[self.name]
        arguments = {name: family.argument(name).kind.plain(value) for name, value in self.arguments}
        parts = {name: part.to_json() for name, part in zip(family.parts, self.parts, strict=True)}
        return {_KIND: self.name, **arguments, **parts}

    @classmethod
    def from_json(cls, plain: object, *, depth: int = 0) -> "Spec":
        """The spec that ``to_json`` wrote.

        Raises:
            SpecError: If it is something else; the sentence says which name and what was expected.
        """
        if not isinstance(plain, Mapping) or not isinstance(plain.get(_KIND), str):
            raise SpecError(
                f"schedule: JSON must be an object with a name as its {_KIND}, got {plain!r:.60}.",
                hint='Such as {"kind": "cosine", "floor": 0.1}.',
            )
        if depth > _DEEPEST:
            raise SpecError(f"schedule: more than {_DEEPEST} schedules are inside each other.")
        family = family_of(plain[_KIND])
        for part in family.parts:
            if part not in plain:
                raise SpecError(f"schedule: {family.name} needs {part}, the schedule that it is made of.")
        arguments = []
        for name, value in plain.items():
            if name == _KIND or name in family.parts:
                continue
            argument = family.argument(str(name))
            try:
                arguments.append((argument.field, argument.kind.of_plain(value)))
            except (ValueError, TypeError) as error:
                raise _wrong(family, argument, value, error) from None
        parts = tuple(cls.from_json(plain[part], depth=depth + 1) for part in family.parts)
        return cls(name=family.name, arguments=tuple(arguments), parts=parts)

    def _words(self, *, named: bool = True) -> str:
        family = FAMILIES[self.name]
        words = [self.name] if named else []
        for name, value in self.arguments:
            argument = family.argument(name)
            words += [argument.word, argument.kind.write(value)]
        return " ".join(filter(None, words))

    def _depth(self) -> int:
        return 1 + max((part._depth() for part in self.parts), default=0)

    def _units(self) -> Iterator[str]:
        """The units of every length that is given or stands at a default."""
        given = dict(self.arguments)
        for argument in FAMILIES[self.name].arguments:
            yield from _units(given.get(argument.field, argument.default))
        for part in self.parts:
            yield from part._units()

    def _bound(self, frame: Frame) -> Schedule | AnyFeedback:
        family = FAMILIES[self.name]
        given = dict(self.arguments)
        values: dict[str, object] = {}
        for argument in family.arguments:
            value = given.get(argument.field, argument.default)
            if value is REST:
                values[argument.field] = frame.left(self.name)
            elif value != LEFT_OUT:
                values[argument.field] = argument.kind.bind(value, frame)
        for name, part, inside in zip(family.parts, self.parts, self._frames(values, frame), strict=True):
            values[name] = part._bound(inside)
        made: Schedule | AnyFeedback = family.make(**values)
        return made

    def _frames(self, values: Mapping[str, object], frame: Frame) -> list[Frame]:
        """The frame of each part."""
        steps = values.get("every", values.get("steps", 0))
        assert isinstance(steps, int)  # lengths are bound
        if self.name == "repeat":
            return [Frame(whole=steps, rest=steps, steps_per_epoch=frame.steps_per_epoch)]
        if self.name == "then":
            first = Frame(whole=frame.whole, rest=steps, steps_per_epoch=frame.steps_per_epoch)
            return [first, frame.after(steps)]
        return [frame.after(steps) if self.name == "warmup" else frame for _ in self.parts]


def spec_of(schedule: Schedule | AnyFeedback) -> Spec:
    """A schedule as it is written, with every length in steps.

    Raises:
        SpecError: If it, or a part of it, is not one of lrlab's.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> str(spec_of(linear(90, floor=0.1)))
        'linear to 0.1 over 90st'
    """
    family = WRITTEN_AS.get(type(schedule))
    if family is None:
        raise SpecError(
            f"schedule: {type(schedule).__name__} has no text and no JSON form; only lrlab's own schedules have one.",
            hint="Write its values as points: piecewise.",
        )
    arguments = [(a.field, _with_lengths(getattr(schedule, a.field), a)) for a in family.arguments]
    parts = tuple(spec_of(getattr(schedule, part)) for part in family.parts)
    return Spec(name=family.name, arguments=tuple(arguments), parts=parts)


def checked(family: Family, name: str, value: Value) -> Value:
    """The value of an argument in its normal form.

    Raises:
        SpecError: If there is no such argument, or the value breaks its rule.
    """
    argument = family.argument(name)
    try:
        return argument.kind.check(value)
    except (ValueError, TypeError) as error:
        raise _wrong(family, argument, value, error) from None


def _wrong(family: Family, argument: Argument, value: object, error: Exception) -> SpecError:
    why = because(error) if isinstance(error, ValueError) else ""
    rule = f"({why})" if why else ""
    return SpecError(
        f"schedule: {argument.field} of {family.name} must be {argument.kind.told}, got {value!r:.60} {rule}".strip()
        + "."
    )


def _same(value: Value, default: Value) -> bool:
    return type(value) is type(default) and bool(value == default)


def _units(value: Value) -> Iterator[str]:
    if isinstance(value, Length):
        if value.amount:
            yield value.unit
    elif value is REST:
        yield "%"
    elif isinstance(value, tuple):
        for one in value:
            yield from _units(one)


def _with_lengths(value: Value, argument: Argument) -> Value:
    """What a bound schedule has, with its numbers of steps as lengths again."""
    return value if isinstance(argument.kind, Choice | Flag) else argument.kind.of_plain(value)
