"""Polynomial decay."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.checks import number, put
from lrlab.schedules.decay import Decay
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values
from lrlab.schedules.shapes import all_fallen, fallen


def polynomial(steps: int, *, power: float = 1.0, floor: float = 0.0) -> ClosedForm:
    r"""Decay from 1 to ``floor`` with a power of the time that is left.

    .. math:: m(t) = f + (1-f)\,\bigl(1 - \min(t, T)/T\bigr)^p

    With ``floor=0`` these are the values of PyTorch's ``PolynomialLR``, which reaches them by multiplying step by step;
    with a floor those of Hugging Face's ``get_polynomial_decay_schedule_with_warmup`` (``lr_end`` over the peak).

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        power: Exponent ``p``, above 0 and at most 100; 1 is a line, 2 falls early.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Chen et al., DeepLab, 2017, https://arxiv.org/abs/1606.00915 ("poly", power 0.9).

    Example:
        >>> [polynomial(100, power=2)(t) for t in (0, 50, 100, 500)]
        [1.0, 0.25, 0.0, 0.0]
    """
    return Polynomial(steps=steps, power=power, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polynomial(Decay):
    """See ``polynomial``."""

    name: ClassVar[str] = "polynomial"

    power: float = 1.0

    def __post_init__(self) -> None:
        Decay.__post_init__(self)  # not super(): a class with slots is made twice
        put(self, power=number(self.name, "power", self.power, above=0, most=100))

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.floor
        return fallen(self.floor, 1.0 - (1.0 - step / self.steps) ** self.power)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        left = 1.0 - np.minimum(as_steps(steps), self.steps) / self.steps
        return np.where(left <= 0, self.floor, all_fallen(self.floor, 1.0 - left**self.power))
