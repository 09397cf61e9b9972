"""One cycle: up, down, and down to nearly nothing; with the momentum that goes with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import choice, number, put, share, step_count
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values

ANNEALS = ("cosine", "linear")
Phase = tuple[float, float, float, float]  # from step, to step, from value, to value


def one_cycle(
    steps: int,
    *,
    rise: float = 0.3,
    start: float = 0.04,
    floor: float = 4e-6,
    anneal: str = "cosine",
    three_phase: bool = False,
) -> ClosedForm:
    r"""Rise from ``start`` to 1 and fall to ``floor``, in one cycle.

    .. math:: m(t) = \begin{cases} A(s, 1, t/r) & t \le r \\ A(1, f, (t-r)/(T-1-r)) & t > r \end{cases},
        \quad r = \rho T - 1

    where ``A`` goes from its first to its second argument along half a cosine or a line. With three phases it falls
    back to ``start`` as fast as it rose (until ``2 r``), and then to ``floor``. These are the values of PyTorch's
    ``OneCycleLR`` over ``max_lr``: ``start`` is ``1 / div_factor`` and ``floor`` is ``start / final_div_factor``. Like
    there, the floor is reached at the last step ``T - 1``, and the peak lies at ``rise * T - 1``, which need not be
    whole. Where that is not above 0, PyTorch begins beyond its peak or divides by zero; here it begins at the peak.
    After the end the floor stays, where PyTorch raises an error.

    Args:
        steps: Length of the cycle ``T``, in optimizer steps; at least 2.
        rise: Share of it that rises; in ``[0, 1]``, with three phases in ``[0, 0.5]``.
        start: Multiplier ``s`` at the beginning; in ``[0, 1]``.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.
        anneal: ``"cosine"`` or ``"linear"``.
        three_phase: Whether it falls to ``start`` first.

    Returns:
        The schedule; multipliers lie in ``[min(start, floor), 1]``.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Smith and Topin, Super-Convergence, 2018, https://arxiv.org/abs/1708.07120; Smith, A Disciplined
        Approach to Neural Network Hyper-Parameters, 2018, https://arxiv.org/abs/1803.09820 (momentum, three phases).

    Example:
        >>> [round(one_cycle(100)(t), 6) for t in (0, 29, 99, 500)]
        [0.04, 1.0, 4e-06, 4e-06]
    """
    return OneCycle(steps=steps, rise=rise, start=start, floor=floor, anneal=anneal, three_phase=three_phase)


def momentum(schedule: "OneCycle", *, low: float = 0.85, high: float = 0.95) -> "Momentum":
    """The momentum (Adam: beta1) that goes with a cycle: low where the rate is high, and the other way round.

    Args:
        schedule: The cycle.
        low: Momentum where the rate is at its peak; in ``[0, 1]``.
        high: Momentum at the beginning and from the end of the cycle on; at least ``low``, in ``[0, 1]``.

    Returns:
        Momentum by step, itself and no multiplier; the values of PyTorch's ``OneCycleLR``.

    Raises:
        SpecError: If an argument is outside its range.

    Example:
        >>> [round(momentum(one_cycle(100))(t), 3) for t in (0, 29, 99)]
        [0.95, 0.85, 0.95]
    """
    return Momentum(schedule=schedule, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle:
    """See ``one_cycle``."""

    name: ClassVar[str] = "one-cycle"

    steps: int
    rise: float = 0.3
    start: float = 0.04
    floor: float = 4e-6
    anneal: str = "cosine"
    three_phase: bool = False

    def __post_init__(self) -> None:
        put(self, steps=step_count(self.name, self.steps, least=2))
        put(self, rise=share(self.name, "rise", self.rise), start=share(self.name, "start", self.start))
        put(self, floor=share(self.name, "floor", self.floor))
        choice(self.name, "anneal", self.anneal, ANNEALS)
        if not isinstance(self.three_phase, bool):
            raise SpecError(f"one-cycle: three_phase must be True or False, got {self.three_phase!r:.60}.")
        if self.three_phase and self.rise > 0.5:
            raise SpecError(
                f"one-cycle: rise must be at most 0.5 with three phases, got {self.rise:g}.",
                hint="It falls as long as it rises.",
            )

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return min(self.start, self.floor), 1.0

    @property
    def end(self) -> int:
        """See ``ClosedForm``."""
        return self.steps - 1

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        return _annealed(self.phases(self.start, 1.0, self.floor), step, self.anneal)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        return _all_annealed(self.phases(self.start, 1.0, self.floor), as_steps(steps), self.anneal)

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()

    def phases(self, first: float, top: float, last: float) -> list[Phase]:
        """The phases of something that is ``first`` at the beginning, ``top`` at the peak and ``last`` at the end."""
        peak, end = max(self.rise * self.steps - 1, 0.0), self.steps - 1
        if not self.three_phase:
            turns = [(0.0, first), (peak, top), (end, last)]
        else:
            turns = [(0.0, first), (peak, top), (2 * peak, first), (end, last)]
        return [(begin, stop, low, high) for (begin, low), (stop, high) in pairwise(turns) if stop > begin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum:
    """See ``momentum``."""

    schedule: OneCycle
    low: float = 0.85
    high: float = 0.95

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, OneCycle):
            raise SpecError(
                f"momentum: it goes with a one-cycle schedule, got {self.schedule!r:.60}.",
                hint="Such as momentum(one_cycle(1000)).",
            )
        put(self, high=share("momentum", "high", self.high))
        put(self, low=number("momentum", "low", self.low, least=0, most=self.high))

    def __call__(self, step: float, /) -> float:
        """The momentum of a step."""
        return _annealed(self._phases, step, self.schedule.anneal)

    def values(self, steps: Steps, /) -> Values:
        """The momentum of many steps, in their shape."""
        return _all_annealed(self._phases, as_steps(steps), self.schedule.anneal)

    @property
    def _phases(self) -> list[Phase]:
        return self.schedule.phases(self.high, self.low, self.high)


def _annealed(phases: Sequence[Phase], step: float, anneal: str) -> float:
    for begin, stop, low, high in phases:
        if step < stop:
            x = (step - begin) / (stop - begin)
            if anneal == "cosine":
                x = 0.5 * (1.0 - math.cos(math.pi * x))
            return low + (high - low) * x
    return phases[-1][3]


def _all_annealed(phases: Sequence[Phase], at: Values, anneal: str) -> Values:
    result = np.full_like(at, phases[-1][3])
    for begin, stop, low, high in phases:
        inside = (at >= begin) & (at < stop)
        x = (at[inside] - begin) / (stop - begin)
        if anneal == "cosine":
            x = 0.5 * (1.0 - np.cos(math.pi * x))
        result[inside] = low + (high - low) * x
    return result
