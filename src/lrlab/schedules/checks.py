"""What the arguments of every schedule must keep."""

import math

from lrlab.core.errors import SpecError
from lrlab.core.question import whole_number


def step_count(who: str, steps: object, *, least: int = 1) -> int:
    """``steps`` as a whole number of at least ``least``.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule.
    """
    return whole_number(f"{who}: steps", steps, least, hint="It counts optimizer steps.")


def share(who: str, what: str, value: object) -> float:
    """``value`` as a number in ``[0, 1]``.

    Raises:
        SpecError: If it is anything else; the sentence names the schedule and the argument.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= 1:  # type: ignore[arg-type, operator]
        raise SpecError(f"{who}: {what} must lie in [0, 1], got {value!r}.")
    return float(value)  # type: ignore[arg-type]
