"""Schedules one after the other."""

import math
from dataclasses import dataclass

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import choice, inner, put, share, step_count
from lrlab.schedules.evaluate import as_steps, before, bounds, differs, end, jumps, values
from lrlab.schedules.protocol import Schedule, Steps, Values

RISES = ("linear", "cosine", "exponential")


def warmup(schedule: Schedule, steps: int, *, start: float = 0.0, shape: str = "linear") -> Schedule:
    r"""Rise from ``start`` for ``steps`` steps, then follow ``schedule`` from its start.

    .. math:: m(t) = \begin{cases} s(0)\,r(t/W) & t < W \\ s(t-W) & t \ge W \end{cases}

    with :math:`r(x) = a + (1-a)\,x` (``linear``), :math:`a + (1-a)(1-\cos \pi x)/2` (``cosine``) or :math:`a^{1-x}`
    (``exponential``). The warm-up precedes: a decay that should end with a training of ``T`` steps is ``T - W`` steps
    long, as in Hugging Face Transformers (``get_linear_schedule_with_warmup``, ``get_cosine_schedule_with_warmup``),
    whose values these are. With ``start`` 0 the multiplier of step 0 is 0. PyTorch's ``LinearLR`` followed by another
    in ``SequentialLR`` gives the values of the linear one.

    Args:
        schedule: What follows.
        steps: Length of the rise ``W``, in optimizer steps; 0 leaves ``schedule`` as it is.
        start: Where it rises from, ``a``, as a share of what follows; in ``[0, 1]``, above 0 where it is exponential.
        shape: ``"linear"``, ``"cosine"`` or ``"exponential"``.

    Returns:
        The schedule; continuous at the joint.

    Raises:
        SpecError: If an argument is outside its range, or ``schedule`` is none.

    References:
        Goyal et al., Accurate, Large Minibatch SGD, 2017, https://arxiv.org/abs/1706.02677, section 2.2.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> rise_and_fall = warmup(linear(10), 4)
        >>> [rise_and_fall(t) for t in (0, 1, 4, 9, 14)]
        [0.0, 0.25, 1.0, 0.5, 0.0]
    """
    if step_count("warmup", steps, least=0) == 0 and isinstance(schedule, Schedule):
        return schedule
    return Warmup(schedule=schedule, steps=steps, start=start, shape=shape)


def then(first: Schedule, steps: int, second: Schedule) -> Schedule:
    r"""Follow ``first`` for ``steps`` steps, then ``second`` from its start.

    .. math:: m(t) = \begin{cases} s_1(t) & t < W \\ s_2(t-W) & t \ge W \end{cases}

    These are the values of PyTorch's ``SequentialLR`` over schedulers that are given by formulas.

    Args:
        first: What comes first.
        steps: For how many optimizer steps; at least 1.
        second: What follows.

    Returns:
        The schedule; it jumps at the joint unless the second starts where the first ends.

    Raises:
        SpecError: If an argument is outside its range, or not a schedule.

    Example:
        >>> from lrlab.schedules.constant import constant
        >>> from lrlab.schedules.linear import linear
        >>> late = then(constant(), 10, linear(10))
        >>> [late(t) for t in (0, 10, 15, 20)]
        [1.0, 1.0, 0.5, 0.0]
    """
    return Then(first=first, steps=steps, second=second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmup:
    """See ``warmup``."""

    schedule: Schedule
    steps: int
    start: float = 0.0
    shape: str = "linear"

    def __post_init__(self) -> None:
        inner("warmup", self.schedule, "warmup(cosine(900), 100)")
        put(self, steps=step_count("warmup", self.steps), start=share("warmup", "start", self.start))
        choice("warmup", "shape", self.shape, RISES)
        if self.shape == "exponential" and self.start == 0.0:
            raise SpecError("warmup: start must be above 0 where shape is exponential, got 0.0.")

    @property
    def name(self) -> str:
        """``warmup+`` and the name of what follows."""
        return f"warmup+{self.schedule.name}"

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        low, high = bounds(self.schedule)
        return min(low, self.schedule(0) * self.start), high

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        return _after(self.steps, end(self.schedule))

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.schedule(step - self.steps)  # type: ignore[arg-type]
        x = step / self.steps
        if self.shape == "exponential":
            return self.schedule(0) * math.pow(self.start, 1.0 - x)
        if self.shape == "cosine":
            x = 0.5 * (1.0 - math.cos(math.pi * x))
        return self.schedule(0) * (self.start + (1.0 - self.start) * x)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        result = np.asarray(values(self.schedule, np.maximum(at - self.steps, 0.0)))
        early = at < self.steps
        result[early] = self._risen(at[early])
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return tuple(self.steps + at for at in jumps(self.schedule, until - self.steps))

    def _risen(self, at: Values) -> Values:
        """The values of steps before its end."""
        x = at / self.steps
        if self.shape == "exponential":
            return np.asarray(self.schedule(0) * self.start ** (1.0 - x))
        x = 0.5 * (1.0 - np.cos(math.pi * x)) if self.shape == "cosine" else x
        return np.asarray(self.schedule(0) * (self.start + (1.0 - self.start) * x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """See ``then``."""

    first: Schedule
    steps: int
    second: Schedule

    def __post_init__(self) -> None:
        for given in (self.first, self.second):
            inner("then", given, "then(constant(), 100, cosine(900))")
        put(self, steps=step_count("then", self.steps))

    @property
    def name(self) -> str:
        """The names of both, with ``+``."""
        return f"{self.first.name}+{self.second.name}"

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        (low, high), (other_low, other_high) = bounds(self.first), bounds(self.second)
        return min(low, other_low), max(high, other_high)

    @property
    def end(self) -> int | None:
        """See ``ClosedForm``."""
        return _after(self.steps, end(self.second))

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step < self.steps:
            return self.first(step)  # type: ignore[arg-type]
        return self.second(step - self.steps)  # type: ignore[arg-type]

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        result = np.asarray(values(self.second, np.maximum(at - self.steps, 0.0)))
        early = at < self.steps
        result[early] = values(self.first, at[early])
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        joint = differs(before(self.first, self.steps), self.second(0)) and self.steps < until
        return (
            *jumps(self.first, min(self.steps, until)),
            *((self.steps,) if joint else ()),
            *(self.steps + at for at in jumps(self.second, until - self.steps)),
        )


def _after(steps: int, ending: int | None) -> int | None:
    return None if ending is None else steps + ending
