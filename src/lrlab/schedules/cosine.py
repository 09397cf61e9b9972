"""Cosine decay."""

import math
from dataclasses import dataclass

from lrlab.schedules.checks import share, step_count
from lrlab.schedules.protocol import Schedule


def cosine(steps: int, *, floor: float = 0.0) -> Schedule:
    r"""Decay from 1 to ``floor`` along half a cosine.

    .. math:: m(t) = f + (1-f)\,\tfrac12\bigl(1+\cos(\pi \min(t, T)/T)\bigr)

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.

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
class Cosine:
    """See ``cosine``."""

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", step_count("cosine", self.steps))
        object.__setattr__(self, "floor", share("cosine", "floor", self.floor))

    @property
    def name(self) -> str:
        """``cosine``."""
        return "cosine"

    def __call__(self, step: int, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.floor
        fallen = 0.5 * (1.0 - math.cos(math.pi * step / self.steps))
        return max(1.0 - (1.0 - self.floor) * fallen, self.floor)
