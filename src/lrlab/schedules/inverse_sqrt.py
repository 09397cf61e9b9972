"""Decay with the square root of the time."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.checks import put, step_count
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values

_TIMESCALE = 10_000  # where there is no warm-up to tell it; as in Hugging Face Transformers


def inverse_sqrt(warmup: int = 0, *, timescale: int | None = None) -> ClosedForm:
    r"""Rise along a line, then fall with the square root of the time; it never ends.

    .. math:: m(t) = \begin{cases} t/w & t < w \\ \sqrt{\tau/(t - w + \tau)} & t \ge w \end{cases}

    These are the values of Hugging Face's ``get_inverse_sqrt_schedule``. In the form of the paper, with the model's
    width in it: ``noam``.

    Args:
        warmup: Length of the rise ``w``, in optimizer steps; 0 starts at the peak.
        timescale: How long the fall takes to get going, :math:`\tau`, in optimizer steps; by default the warm-up, or
            10 000 steps where there is none.

    Returns:
        The schedule; multipliers lie in ``[0, 1]``.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762, eq. 3; Zhai et al., Scaling
        Vision Transformers, 2022, https://arxiv.org/abs/2106.04560 (with a timescale).

    Example:
        >>> [inverse_sqrt(100)(t) for t in (0, 50, 100, 400)]
        [0.0, 0.5, 1.0, 0.5]
    """
    warmup = step_count("inverse-sqrt", warmup, least=0, what="warmup")
    return InverseSqrt(warmup=warmup, timescale=timescale or warmup or _TIMESCALE)


def noam(width: int, warmup: int) -> ClosedForm:
    r"""The schedule of the Transformer, in absolute rates for a base rate of 1.

    .. math:: m(t) = d^{-1/2} \min\bigl((t+1)^{-1/2},\; (t+1)\,w^{-3/2}\bigr)

    The paper counts steps from 1, so the very first rate is not 0. Its peak is :math:`(d w)^{-1/2}`, at step ``w - 1``.

    Args:
        width: Width of the model ``d``; at least 1.
        warmup: Length of the rise ``w``, in optimizer steps; at least 1.

    Returns:
        The schedule; multipliers lie in ``[0, 1]``; it never ends.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762, eq. 3.

    Example:
        >>> round(noam(512, 4000)(3999), 7)
        0.0006988
    """
    return Noam(width=width, warmup=warmup)


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseSqrt:
    """See ``inverse_sqrt``."""

    name: ClassVar[str] = "inverse-sqrt"

    warmup: int
    timescale: int

    def __post_init__(self) -> None:
        put(self, warmup=step_count(self.name, self.warmup, least=0, what="warmup"))
        put(self, timescale=step_count(self.name, self.timescale, what="timescale"))

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return 0.0, 1.0

    @property
    def end(self) -> None:
        """See ``ClosedForm``."""
        return None

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step < self.warmup:
            return step / self.warmup
        return math.sqrt(self.timescale / (step - self.warmup + self.timescale))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        fall = np.sqrt(self.timescale / (np.maximum(at - self.warmup, 0.0) + self.timescale))
        return np.where(at < self.warmup, at / max(self.warmup, 1), fall)

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Noam:
    """See ``noam``."""

    name: ClassVar[str] = "noam"

    width: int
    warmup: int

    def __post_init__(self) -> None:
        put(self, warmup=step_count(self.name, self.warmup, what="warmup"))
        put(self, width=step_count(self.name, self.width, what="width"))

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return 0.0, self.width**-0.5 * self.warmup**-0.5

    @property
    def end(self) -> None:
        """See ``ClosedForm``."""
        return None

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        number = step + 1
        return math.pow(self.width, -0.5) * min(1.0 / math.sqrt(number), number * math.pow(self.warmup, -1.5))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        number = as_steps(steps) + 1
        result: Values = self.width**-0.5 * np.minimum(1.0 / np.sqrt(number), number * self.warmup**-1.5)
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()
