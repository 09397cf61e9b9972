"""A schedule from whatever names it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lrlab.core.errors import SpecError
from lrlab.core.question import whole_number
from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.join import warmup as warm_up
from lrlab.schedules.linear import linear
from lrlab.schedules.protocol import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSchedule:
    """A schedule, or a function that makes one, with a name for people and hints; its text is the name."""

    name: str
    given: "Schedule | Callable[[int], Schedule]"

    def __str__(self) -> str:
        return self.name


ScheduleLike = str | Schedule | Callable[[int], Schedule] | NamedSchedule

# Name to the schedule that fills a number of steps.
_FAMILIES: dict[str, Callable[[int], Schedule]] = {
    "constant": lambda steps: constant(),
    "linear": linear,
    "cosine": cosine,
}
NAMES = tuple(_FAMILIES)


def resolve(schedule: ScheduleLike, *, total_steps: int, warmup: float = 0) -> Schedule:
    """The schedule of a training of ``total_steps`` optimizer steps.

    Args:
        schedule: A name (``constant``, ``linear``, ``cosine``: a decay to 0 at the end of training), a schedule,
            or a function that is given the number of steps after the warm-up and returns a schedule. A schedule
            with a length of its own keeps it, and the warm-up precedes it.
        total_steps: Length of the training, warm-up included; at least 1.
        warmup: A linear rise from 0 (see ``join.warmup``): a share of the training below 1, rounded up to whole
            steps, or a whole number of steps below ``total_steps``.

    Raises:
        SpecError: If an argument breaks its rule.

    Example:
        >>> [resolve("linear", total_steps=20, warmup=0.2)(t) for t in (0, 2, 4, 12, 20)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if isinstance(schedule, NamedSchedule):
        schedule = schedule.given
    total_steps = whole_number("total_steps", total_steps, 1)
    rise = warmup_steps(warmup, total_steps)
    if isinstance(schedule, str):
        return warm_up(_FAMILIES[check_name(schedule)](total_steps - rise), rise)
    if isinstance(schedule, Schedule):
        return warm_up(schedule, rise)
    made = _callable(schedule)(total_steps - rise)
    if not isinstance(made, Schedule):
        raise SpecError(
            f"schedule: the function must return a schedule for a number of steps, got {made!r:.60}.",
            hint="Such as lambda steps: cosine(steps, floor=0.1).",
        )
    return warm_up(made, rise)


def named(schedule: ScheduleLike) -> "str | NamedSchedule":
    """``schedule`` in a form whose text is a short name: a name stays one.

    Raises:
        SpecError: If no schedule has that name, or it is neither a schedule nor a function.
    """
    if isinstance(schedule, str):
        return check_name(schedule)
    if isinstance(schedule, NamedSchedule):
        return schedule
    if isinstance(schedule, Schedule):
        return NamedSchedule(name=schedule.name, given=schedule)
    function = schedule.func if isinstance(schedule, partial) else _callable(schedule)
    name = getattr(function, "__name__", type(function).__name__)
    return NamedSchedule(name="own" if name == "<lambda>" else name, given=schedule)


def _callable(schedule: object) -> Callable[[int], object]:
    if not callable(schedule):
        raise SpecError(f"schedule: expected one of {', '.join(NAMES)} or a schedule, got {schedule!r:.60}.")
    return schedule


def check_name(name: str) -> str:
    """``name`` in lower case.

    Raises:
        SpecError: If no schedule has that name; the sentence lists them.
    """
    if name.lower() not in _FAMILIES:
        raise SpecError(f"schedule: there is no {name!r}; there are {', '.join(NAMES)}.")
    return name.lower()


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
        raise SpecError(
            f"warmup: must be shorter than the training of {total_steps} steps, got {steps} steps.",
            hint="Give a share such as 0.05, or train longer.",
        )
    return steps
