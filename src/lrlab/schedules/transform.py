"""Schedules made from one schedule: scaled, kept within limits, repeated."""

from dataclasses import dataclass

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import inner, number, put, step_count
from lrlab.schedules.evaluate import (
    as_steps,
    before,
    bounds,
    differs,
    end,
    every_nth,
    jumps,
    real_jumps,
    values,
)
from lrlab.schedules.protocol import Schedule, Steps, Values


def scale(schedule: Schedule, by: float) -> Schedule:
    r"""Multiply every multiplier.

    .. math:: m(t) = c\,s(t)

    Args:
        schedule: What to scale.
        by: Factor ``c``; at least 0.

    Returns:
        The schedule; its bounds are scaled too.

    Raises:
        SpecError: If an argument is outside its range, or ``schedule`` is none.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> [scale(linear(10), 0.5)(t) for t in (0, 5, 10)]
        [0.5, 0.25, 0.0]
    """
    return Scale(schedule=schedule, by=by)


def clip(schedule: Schedule, low: float, high: float) -> Schedule:
    r"""Keep every multiplier within limits.

    .. math:: m(t) = \min(\max(s(t), a), b)

    Args:
        schedule: What to clip.
        low: Least multiplier ``a``; at least 0.
        high: Largest multiplier ``b``; at least ``low``.

    Returns:
        The schedule; multipliers lie in ``[low, high]``.

    Raises:
        SpecError: If an argument is outside its range, or ``schedule`` is none.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> [clip(linear(10), 0.1, 0.8)(t) for t in (0, 5, 10)]
        [0.8, 0.5, 0.1]
    """
    return Clip(schedule=schedule, low=low, high=high)


def repeat(schedule: Schedule, every: int) -> Schedule:
    r"""Start again every so many steps.

    .. math:: m(t) = s(t \bmod n)

    Args:
        schedule: What to repeat.
        every: Length ``n`` of each repetition, in optimizer steps; at least 1.

    Returns:
        The schedule; it jumps at each start unless it ends where it begins.

    Raises:
        SpecError: If an argument is outside its range, or ``schedule`` is none.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> [repeat(linear(10), 10)(t) for t in (0, 5, 10, 15)]
        [1.0, 0.5, 1.0, 0.5]
    """
    return Repeat(schedule=schedule, every=every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """See ``scale``."""

    schedule: Schedule
    by: float

    def __post_init__(self) -> None:
        inner("scale", self.schedule, "scale(cosine(900), 0.5)")
        put(self, by=number("scale", "by", self.by, least=0))

    @property
    def name(self) -> str:
        """The name of what is scaled."""
        return self.schedule.name

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        if self.by == 0.0:
            return 0.0, 0.0
        low, high = bounds(self.schedule)
        return self.by * low, self.by * high

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        return end(self.schedule)

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        return self.by * self.schedule(step)  # type: ignore[arg-type]

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        result: Values = self.by * values(self.schedule, steps)
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return real_jumps(self, jumps(self.schedule, until))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """See ``clip``."""

    schedule: Schedule
    low: float
    high: float

    def __post_init__(self) -> None:
        inner("clip", self.schedule, "clip(cosine(900), 0.01, 1)")
        put(
            self,
            low=number("clip", "low", self.low, least=0),
            high=number("clip", "high", self.high, least=0),
        )
        if self.high < self.low:
            raise SpecError(f"clip: high must be at least low, got low {self.low:g} and high {self.high:g}.")

    @property
    def name(self) -> str:
        """The name of what is clipped."""
        return self.schedule.name

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        low, high = bounds(self.schedule)
        return min(max(low, self.low), self.high), max(min(high, self.high), self.low)

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        return end(self.schedule)

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        value = self.schedule(step)  # type: ignore[arg-type]
        return self.low if value < self.low else self.high if value > self.high else value

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        result: Values = np.clip(values(self.schedule, steps), self.low, self.high)
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return real_jumps(self, jumps(self.schedule, until))


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """See ``repeat``."""

    schedule: Schedule
    every: int

    def __post_init__(self) -> None:
        inner("repeat", self.schedule, "repeat(one_cycle(1000), 1000)")
        put(self, every=step_count("repeat", self.every, what="every"))

    @property
    def name(self) -> str:
        """``repeat+`` and the name of what is repeated."""
        return f"repeat+{self.schedule.name}"

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return bounds(self.schedule)

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        return 0 if end(self.schedule) == 0 else None

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        return self.schedule(step % self.every)  # type: ignore[arg-type]

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        return values(self.schedule, as_steps(steps) % self.every)

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        starts = every_nth(self.every, until) if self._jumps_back else ()
        inside = jumps(self.schedule, min(self.every, until))
        rounds = range(0, until, self.every) if inside else ()
        return tuple(
            sorted({*starts, *(start + at for start in rounds for at in inside if start + at < until)})
        )

    @property
    def _jumps_back(self) -> bool:
        return differs(before(self.schedule, self.every), self.schedule(0))
