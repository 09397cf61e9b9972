"""Cosine decay that starts again and again."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.checks import factor, put, share, step_count
from lrlab.schedules.evaluate import as_steps, real_jumps
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def restarts(every: int, *, times: int = 1, peak: float = 1.0, floor: float = 0.0) -> ClosedForm:
    r"""Decay along half a cosine, jump back up, and again: stochastic gradient descent with warm restarts.

    .. math:: m(t) = f + (p_i - f)\,\tfrac12\bigl(1+\cos(\pi\,(t - S_i)/T_i)\bigr), \quad
        T_i = n k^i,\; S_i = \textstyle\sum_{j<i} T_j,\; p_i = \max(q^i, f)

    With ``peak=1`` these are the values of PyTorch's ``CosineAnnealingWarmRestarts``.

    Args:
        every: Length ``n`` of the first cycle, in optimizer steps; at least 1.
        times: How many times as long each next cycle is, ``k``; at least 1.
        peak: How high each next peak is, as a share ``q`` of the one before; above 0 and at most 1.
        floor: Multiplier ``f`` at the end of each cycle; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``; it jumps at every restart and never ends.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Loshchilov and Hutter, SGDR, ICLR 2017, https://arxiv.org/abs/1608.03983, eq. 5.

    Example:
        >>> [round(restarts(10, times=2, peak=0.5)(t), 3) for t in (0, 5, 10, 20, 30)]
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    return Restarts(every=every, times=times, peak=peak, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """See ``restarts``."""

    name: ClassVar[str] = "restarts"

    every: int
    times: int = 1
    peak: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        put(self, every=step_count(self.name, self.every, what="every"))
        put(self, times=step_count(self.name, self.times, what="times"))
        put(self, peak=factor(self.name, "peak", self.peak), floor=share(self.name, "floor", self.floor))

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return self.floor, 1.0

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        return 0 if self.floor == 1.0 else None

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if self.times == 1:
            cycle = int(step // self.every)
            start, length = cycle * self.every, self.every
        else:
            cycle, start, length = 0, 0, self.every
            while step >= start + length:
                cycle, start, length = cycle + 1, start + length, length * self.times
        top = max(self.peak**cycle, self.floor)
        return self.floor + (top - self.floor) * (0.5 * (1.0 + math.cos(math.pi * (step - start) / length)))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        if self.times == 1:
            cycle: Values = at // self.every
            start, length = cycle * self.every, np.full_like(at, self.every)
        else:
            starts = np.array(self._starts(int(at.max(initial=0.0)) + 1), dtype=np.float64)
            index = np.searchsorted(starts, at, side="right") - 1
            cycle, start = index.astype(np.float64), starts[index]
            length = self.every * np.float64(self.times) ** cycle
        top = np.maximum(self.peak**cycle, self.floor)
        wave = 0.5 * (1.0 + np.cos(math.pi * (at - start) / length))
        result: Values = self.floor + (top - self.floor) * wave
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return real_jumps(self, self._starts(until)[1:])

    def _starts(self, until: int) -> list[int]:
        """Steps before ``until`` at which a cycle starts."""
        starts, length = [0], self.every
        while starts[-1] + length < until:
            starts.append(starts[-1] + length)
            length *= self.times
        return starts
