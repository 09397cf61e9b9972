"""What can be asked of any schedule, also of one that has only a name and a call."""

import math
from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from lrlab.schedules.protocol import ClosedForm, Schedule, Steps, Values

_JUMP = 1e-9  # smaller differences are rounding
_BLOCK = 2**15  # steps whose values, and what they are computed from, stay in a core's cache


def tells(schedule: Schedule) -> TypeGuard[ClosedForm]:
    """Whether a schedule is a ``ClosedForm``.

    Its class is asked: ``isinstance`` with a protocol would compute every property, and those of its parts, and theirs.
    """
    return all(hasattr(type(schedule), name) for name in ("values", "bounds", "end", "jumps"))


def as_steps(steps: Steps) -> Values:
    """Steps as an array of floats, which hold every whole number that a training reaches."""
    return np.asarray(steps, dtype=np.float64)


def values(schedule: Schedule, steps: Steps) -> Values:
    """The multipliers of many steps, in their shape.

    Args:
        schedule: Any; one that has ``values`` computes them at once, another is called for each step.
        steps: 0-based optimizer steps, whole numbers of any shape.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> values(linear(4), [0, 1, 2, 9]).tolist()
        [1.0, 0.75, 0.5, 0.0]
    """
    at = as_steps(steps)
    if not tells(schedule):
        return np.array([schedule(int(step)) for step in at.ravel()], dtype=np.float64).reshape(at.shape)
    if at.size <= _BLOCK:
        return schedule.values(at)
    blocks = [schedule.values(at.ravel()[i : i + _BLOCK]) for i in range(0, at.size, _BLOCK)]
    return np.concatenate(blocks).reshape(at.shape)


def bounds(schedule: Schedule) -> tuple[float, float]:
    """The least and the largest multiplier; 0 and infinity, which every schedule keeps, where it tells none."""
    return schedule.bounds if tells(schedule) else (0.0, math.inf)


def end(schedule: Schedule) -> int | None:
    """A step from which on the multiplier no longer changes; None where there is none, or it tells none."""
    return schedule.end if tells(schedule) else None


def jumps(schedule: Schedule, until: int) -> tuple[int, ...]:
    """Steps in ``[1, until)`` where the schedule says that it jumps."""
    return schedule.jumps(until) if tells(schedule) else ()


def before(schedule: Schedule, step: int) -> float:
    """The multiplier right before ``step``: where a jump at ``step`` comes from."""
    return schedule(math.nextafter(step, 0)) if tells(schedule) else schedule(step)


def differs(one: float, other: float) -> bool:
    """Whether going from one multiplier to the other at once is a jump."""
    return abs(one - other) > _JUMP


def real_jumps(schedule: Schedule, places: Iterable[int]) -> tuple[int, ...]:
    """Those of the places at which the multiplier does jump."""
    return tuple(at for at in places if differs(before(schedule, at), schedule(at)))


def every_nth(every: int, until: int) -> tuple[int, ...]:
    """The multiples of ``every`` in ``[1, until)``."""
    return tuple(range(every, until, every))
