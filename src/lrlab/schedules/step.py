"""Decay in steps: every so often, or at given places."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import factor, put, share, step_count
from lrlab.schedules.evaluate import as_steps, every_nth, real_jumps
from lrlab.schedules.exponential import falls_to
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def step(every: int, *, by: float = 0.1, floor: float = 0.0) -> ClosedForm:
    r"""Fall by a factor at once, every so many steps.

    .. math:: m(t) = \max\bigl(b^{\lfloor t/n \rfloor}, f\bigr)

    Without a floor these are the values of PyTorch's ``StepLR``, which reaches them by multiplying.

    Args:
        every: Distance ``n`` between falls, in optimizer steps; at least 1.
        by: Factor ``b`` of each; above 0 and at most 1.
        floor: Multiplier ``f`` below which it does not fall; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``; it jumps at every multiple of ``every``.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        He et al., Deep Residual Learning, CVPR 2016, https://arxiv.org/abs/1512.03385, section 4.2.

    Example:
        >>> [step(30, by=0.5)(t) for t in (0, 29, 30, 60)]
        [1.0, 1.0, 0.5, 0.25]
    """
    return Step(every=every, by=by, floor=floor)


def multi_step(at: tuple[int, ...], *, by: float = 0.1, floor: float = 0.0) -> ClosedForm:
    r"""Fall by a factor at once, at given steps.

    .. math:: m(t) = \max\bigl(b^{\#\{i: t \ge a_i\}}, f\bigr)

    Without a floor these are the values of PyTorch's ``MultiStepLR``, which reaches them by multiplying.

    Args:
        at: The steps ``a`` at which it falls, ascending, each at least 1; one that stands there twice falls twice.
        by: Factor ``b`` of each; above 0 and at most 1.
        floor: Multiplier ``f`` below which it does not fall; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``; it jumps at each of the steps.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        He et al., Deep Residual Learning, CVPR 2016, https://arxiv.org/abs/1512.03385, section 4.2.

    Example:
        >>> [multi_step((30, 60), by=0.5)(t) for t in (0, 29, 30, 60, 90)]
        [1.0, 1.0, 0.5, 0.25, 0.25]
    """
    return MultiStep(at=at, by=by, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """See ``step``."""

    name: ClassVar[str] = "step"

    every: int
    by: float = 0.1
    floor: float = 0.0

    def __post_init__(self) -> None:
        put(self, every=step_count(self.name, self.every, what="every"))
        put(self, by=factor(self.name, "by", self.by), floor=share(self.name, "floor", self.floor))

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
        return max(math.pow(self.by, step // self.every), self.floor)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        result: Values = np.maximum(self.by ** (as_steps(steps) // self.every), self.floor)
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return real_jumps(self, every_nth(self.every, until))


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiStep:
    """See ``multi_step``."""

    name: ClassVar[str] = "multi-step"

    at: tuple[int, ...]
    by: float = 0.1
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.at, tuple | list) or not self.at:
            raise SpecError(
                f"multi-step: at must hold the steps at which the rate falls, got {self.at!r:.60}.",
                hint="Such as at=(3000, 6000).",
            )
        places = tuple(step_count(self.name, place, what="at") for place in self.at)
        if list(places) != sorted(places):
            raise SpecError(f"multi-step: at must ascend, got {', '.join(map(str, places))}.")
        put(self, at=places, by=factor(self.name, "by", self.by), floor=share(self.name, "floor", self.floor))

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return max(self.by ** len(self.at), self.floor), 1.0

    @property
    def end(self) -> int:
        """See ``ClosedForm``."""
        return self.at[-1]

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        return max(self.by ** bisect_right(self.at, step), self.floor)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        levels = np.array([max(self.by**falls, self.floor) for falls in range(len(self.at) + 1)])
        result: Values = levels[np.searchsorted(np.array(self.at), as_steps(steps), side="right")]
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return real_jumps(self, dict.fromkeys(place for place in self.at if place < until))
