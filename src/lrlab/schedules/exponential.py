"""Exponential decay."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.checks import factor, put, share, step_count
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def exponential(by: float, *, every: int = 1, floor: float = 0.0) -> ClosedForm:
    r"""Fall by the same factor in every stretch of time, smoothly.

    .. math:: m(t) = \max\bigl(b^{\,t/n}, f\bigr)

    With ``every=1`` and no floor these are the values of PyTorch's ``ExponentialLR``, which reaches them by multiplying
    step by step. In steps instead of smoothly: ``step``.

    Args:
        by: Factor ``b``; above 0 and at most 1.
        every: Stretch ``n`` in which the rate falls by it, in optimizer steps; at least 1.
        floor: Multiplier ``f`` below which it does not fall; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``; without a floor it goes on falling.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Li and Arora, An Exponential Learning Rate Schedule for Deep Learning, ICLR 2020,
        https://arxiv.org/abs/1910.07454 (of what exponential rates do).

    Example:
        >>> [exponential(0.5, every=10)(t) for t in (0, 10, 20)]
        [1.0, 0.5, 0.25]
    """
    return Exponential(by=by, every=every, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential:
    """See ``exponential``."""

    name: ClassVar[str] = "exponential"

    by: float
    every: int = 1
    floor: float = 0.0

    def __post_init__(self) -> None:
        put(self, by=factor(self.name, "by", self.by), floor=share(self.name, "floor", self.floor))
        put(self, every=step_count(self.name, self.every, what="every"))

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return (1.0 if self.by == 1.0 else self.floor), 1.0

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        falls = falls_to(self.by, self.floor)
        return None if falls is None else falls * self.every

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        return max(math.pow(self.by, step / self.every), self.floor)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        result: Values = np.maximum(self.by ** (as_steps(steps) / self.every), self.floor)
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()


def falls_to(by: float, floor: float) -> int | None:
    """After how many falls by ``by`` nothing is above ``floor``; None where that never happens."""
    if by == 1.0 or floor == 1.0:
        return 0
    if floor == 0.0:
        return None
    # Rounding may take one fall more; a later end is true as well.
    return math.ceil(math.log(floor) / math.log(by)) + 1
