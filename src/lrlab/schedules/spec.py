"""A schedule from whatever names it: a text, a schedule, or a function that makes one."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from lrlab.core.errors import SpecError
from lrlab.core.question import whole_number
from lrlab.schedules.families import NAMES
from lrlab.schedules.join import Warmup
from lrlab.schedules.join import warmup as warm_up
from lrlab.schedules.protocol import AnyFeedback, Feedback, Schedule
from lrlab.schedules.text import parse
from lrlab.schedules.written import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSchedule:
    """A schedule, or a function that makes one, with a name for people and hints; its text is the name."""

    name: str
    given: "Schedule | AnyFeedback | Callable[[int], Schedule]"

    def __str__(self) -> str:
        return self.name


ScheduleLike = str | Spec | Schedule | AnyFeedback | Callable[[int], Schedule] | NamedSchedule


def resolve(
    schedule: ScheduleLike, *, total_steps: int, warmup: float = 0, steps_per_epoch: int | None = None
) -> Schedule:
    """The schedule of a training of ``total_steps`` optimizer steps.

    Args:
        schedule: A text (see ``text.parse``: ``"cosine"``, ``"wsd decay 20%"``), a spec, a schedule, or a function
            that is given the number of steps after the warm-up and returns a schedule. A text fills the training; a
            schedule with a length of its own keeps it, and the warm-up precedes it.
        total_steps: Length of the training, warm-up included; at least 1.
        warmup: A linear rise from 0 (see ``join.warmup``): a share of the training below 1, rounded up to whole
            steps, or a whole number of steps below ``total_steps``. A text that begins with a warm-up takes no other.
        steps_per_epoch: Optimizer steps in an epoch, for lengths in epochs.

    Raises:
        SpecError: If an argument breaks its rule, or the schedule looks at a metric (``feedback``).

    Example:
        >>> [resolve("linear", total_steps=20, warmup=0.2)(t) for t in (0, 2, 4, 12, 20)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    total_steps = whole_number("total_steps", total_steps, 1)
    rise = warmup_steps(warmup, total_steps)
    given = _read(schedule)
    if isinstance(given, Spec):
        if rise and given.name == "warmup":
            raise SpecError(
                f"warmup: the schedule {str(given)!r} has a warm-up of its own, got {warmup!r} besides.",
                hint="Give one of them.",
            )
        given = given.bind(total_steps=total_steps, steps_per_epoch=steps_per_epoch, after=rise)
        if isinstance(given, Warmup) and given.steps >= total_steps:
            raise _too_long(given.steps, total_steps)
    if isinstance(given, Feedback):
        raise SpecError(f"schedule: {given.name} looks at a metric, so it is no function of the step.")
    if isinstance(given, Schedule):
        return warm_up(given, rise)
    made = _callable(given)(total_steps - rise)
    if not isinstance(made, Schedule):
        raise SpecError(
            f"schedule: the function must return a schedule for a number of steps, got {made!r:.60}.",
            hint="Such as lambda steps: cosine(steps, floor=0.1).",
        )
    return warm_up(made, rise)


def feedback(schedule: ScheduleLike) -> AnyFeedback | None:
    """The schedule, where it is one that looks at a metric, such as ``"plateau patience 3"``; else None.

    Raises:
        SpecError: If it is a text that breaks its rule.
    """
    given = _read(schedule)
    if isinstance(given, Spec) and given.feedback:
        return cast("AnyFeedback", given.bind())
    return given if isinstance(given, Feedback) else None


def needs_length(schedule: ScheduleLike) -> bool:
    """Whether ``resolve`` uses the length of the training or of an epoch, the warm-up left aside."""
    given = _read(schedule)
    return given.needs_length if isinstance(given, Spec) else not isinstance(given, Schedule | Feedback)


def named(schedule: ScheduleLike) -> "str | NamedSchedule":
    """``schedule`` in a form whose text is a short name: a text becomes its canonical one.

    Raises:
        SpecError: If a text names no schedule, or it is neither a schedule nor a function.
    """
    if isinstance(schedule, NamedSchedule):
        return schedule
    given = _read(schedule)
    if isinstance(given, Spec):
        given.check()
        return str(given)
    if isinstance(given, Schedule | Feedback):
        return NamedSchedule(name=given.name, given=given)
    function = given.func if isinstance(given, partial) else _callable(given)
    name = getattr(function, "__name__", type(function).__name__)
    return NamedSchedule(name="own" if name == "<lambda>" else name, given=given)


def _read(schedule: ScheduleLike) -> "Spec | Schedule | AnyFeedback | Callable[[int], Schedule]":
    given = schedule.given if isinstance(schedule, NamedSchedule) else schedule
    return parse(given) if isinstance(given, str) else given


def _callable(schedule: object) -> Callable[[int], object]:
    if not callable(schedule):
        raise SpecError(f"schedule: expected one of {', '.join(NAMES)} or a schedule, got {schedule!r:.60}.")
    return schedule


def check_warmup(warmup: float) -> float:
    """``warmup`` as a share below 1 or a whole number of steps.

    Raises:
        SpecError: If it is neither.
    """
    if isinstance(warmup, float) and not isinstance(warmup, bool) and 0 <= warmup < 1:
        return warmup
    if isinstance(warmup, int) and not isinstance(warmup, bool) and warmup >= 0:
        return warmup
    raise SpecError(
        f"warmup: must be a share of the training in [0, 1), such as 0.05, or a whole number of steps, got {warmup!r}."
    )


def warmup_steps(warmup: float, total_steps: int) -> int:
    """``warmup`` in optimizer steps.

    Raises:
        SpecError: If it breaks its rule, or leaves no step of ``total_steps`` for the rest.
    """
    warmup = check_warmup(warmup)
    # A hair is taken off so that 0.1 of 30 is 3 and not, for want of bits, 4.
    steps = math.ceil(warmup * total_steps - 1e-9) if isinstance(warmup, float) else warmup
    if steps > 0 and steps >= total_steps:
        raise _too_long(steps, total_steps)
    return steps


def _too_long(steps: int, total_steps: int) -> SpecError:
    return SpecError(
        f"warmup: must be shorter than the training of {total_steps} steps, got {steps} steps.",
        hint="Give a share such as 0.05, or train longer.",
    )
