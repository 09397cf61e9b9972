"""What the arguments of every schedule must keep."""

import math

from lrlab.core.errors import SpecError
from lrlab.core.question import is_real, whole_number
from lrlab.schedules.protocol import Schedule


def step_count(who: str, steps: object, *, least: int = 1, what: str = "steps") -> int:
    """``steps`` as a whole number of at least ``least``.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule.
    """
    return whole_number(f"{who}: {what}", steps, least, hint="It counts optimizer steps.")


def share(who: str, what: str, value: object) -> float:
    """``value`` as a number in ``[0, 1]``.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule and the argument.
    """
    return number(who, what, value, least=0, most=1)


def factor(who: str, what: str, value: object) -> float:
    """``value`` as a number above 0 and at most 1.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule and the argument.
    """
    return number(who, what, value, above=0, most=1)


def number(
    who: str,
    what: str,
    value: object,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
) -> float:
    """``value`` as a finite number of at least ``least``, above ``above`` and at most ``most``.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule and the argument.
    """
    if isinstance(value, int | float) and is_real(value) and least <= value <= most and value > above:
        return float(value)
    raise SpecError(f"{who}: {what} must {interval(least=least, above=above, most=most)}, got {value!r:.60}.")


def interval(*, least: float = -math.inf, above: float = -math.inf, most: float = math.inf) -> str:
    """The rule in words: ``lie in [0, 1]``, ``be above 0``."""
    low = max(least, above)
    opening, left = ("(", "be above") if above >= least else ("[", "be at least")
    if math.isfinite(low) and math.isfinite(most):
        return f"lie in {opening}{low:g}, {most:g}]"
    return f"{left} {low:g}" if math.isfinite(low) else "be a finite number"


def choice(who: str, what: str, value: object, allowed: tuple[str, ...]) -> str:
    """``value``, one of the words ``allowed``.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule and the argument.
    """
    if isinstance(value, str) and value in allowed:
        return value
    raise SpecError(f"{who}: {what} must be one of {', '.join(allowed)}, got {value!r:.60}.")


def inner(who: str, value: object, example: str) -> Schedule:
    """``value``, a schedule that ``who`` is made of.

    Raises:
        SpecError: If it is anything else.
    """
    if isinstance(value, Schedule):
        return value
    raise SpecError(f"{who}: expected a schedule, got {value!r:.60}.", hint=f"Such as {example}.")


def put(schedule: object, **values: object) -> None:
    """Set fields of a frozen value that is being made."""
    for name, value in values.items():
        object.__setattr__(schedule, name, value)
