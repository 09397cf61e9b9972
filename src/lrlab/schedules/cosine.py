"""Cosine decay."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.decay import Decay
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def cosine(steps: int, *, floor: float = 0.0) -> ClosedForm:
    r"""Decay from 1 to ``floor`` along half a cosine.

    .. math:: m(t) = f + (1-f)\,\tfrac12\bigl(1+\cos(\pi \min(t, T)/T)\bigr)

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.

    PyTorch's ``CosineAnnealingLR`` has the same values up to ``T``, reached step by step from the rate before; after
    ``T`` it rises again, where this one stays at the floor.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``.

    Raises:
        SpecError: If ``steps`` or ``floor`` is outside its range.

    References:
        Loshchilov and Hutter, SGDR, ICLR 2017, https://arxiv.org/abs/1608.03983, eq. 5.

    Example:
        >>> decay = cosine(100, floor=0.1)
        >>> [round(decay(t), 3) for t in (0, 50, 100, 500)]
        [1.0, 0.55, 0.1, 0.1]
    """
    return Cosine(steps=steps, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine(Decay):
    """See ``cosine``."""

    name: ClassVar[str] = "cosine"

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.floor
        fallen = 0.5 * (1.0 - math.cos(math.pi * step / self.steps))
        return max(1.0 - (1.0 - self.floor) * fallen, self.floor)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = np.minimum(as_steps(steps), self.steps)
        fallen = 0.5 * (1.0 - np.cos(math.pi * at / self.steps))
        result = np.asarray(np.maximum(1.0 - (1.0 - self.floor) * fallen, self.floor))
        result[at >= self.steps] = self.floor
        return result
