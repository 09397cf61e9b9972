"""Linear decay."""

from dataclasses import dataclass

from lrlab.schedules.checks import share, step_count
from lrlab.schedules.protocol import Schedule


def linear(steps: int, *, floor: float = 0.0) -> Schedule:
    r"""Decay from 1 to ``floor`` along a line.

    .. math:: m(t) = 1 - (1-f)\,\min(t, T)/T

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``.

    Raises:
        SpecError: If ``steps`` or ``floor`` is outside its range.

    References:
        Defazio et al., Optimal Linear Decay Learning Rate Schedules and Further Refinements, 2023,
        https://arxiv.org/abs/2310.07831.

    Example:
        >>> decay = linear(100, floor=0.1)
        >>> [round(decay(t), 3) for t in (0, 50, 100, 500)]
        [1.0, 0.55, 0.1, 0.1]
    """
    return Linear(steps=steps, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """See ``linear``."""

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", step_count("linear", self.steps))
        object.__setattr__(self, "floor", share("linear", "floor", self.floor))

    @property
    def name(self) -> str:
        """``linear``."""
        return "linear"

    def __call__(self, step: int, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.floor
        return max(1.0 - (1.0 - self.floor) * step / self.steps, self.floor)
