"""Triangles, again and again."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.checks import choice, factor, put, share, step_count
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values

SHAPES = ("triangular", "triangular2", "exp-range")


def cyclic(
    up: int,
    *,
    down: int | None = None,
    floor: float = 0.1,
    shape: str = "triangular",
    decay: float = 1.0,
) -> ClosedForm:
    r"""Rise from ``floor`` to 1 along a line, fall back, and again.

    .. math:: m(t) = f + (1-f)\,\Delta(t)\,h(t), \quad
        \Delta(t) = \min\Bigl(\frac{t \bmod (u+d)}{u}, \frac{u + d - t \bmod (u+d)}{d}\Bigr)

    and ``h`` is 1 (``triangular``), :math:`2^{-i}` in cycle ``i`` (``triangular2``) or :math:`\gamma^t`
    (``exp-range``). These are the values of PyTorch's ``CyclicLR`` over ``max_lr``, with ``floor`` as ``base_lr`` over
    ``max_lr``. What halves or decays is the height above the floor, not the rate, and ``decay`` counts steps, not
    cycles, as there. PyTorch counts cycles in floating point, so its last bits drift by about 1e-16 a cycle.

    Args:
        up: Length of a rise ``u``, in optimizer steps; at least 1.
        down: Length of a fall ``d``; by default as long as the rise.
        floor: Multiplier ``f`` at the bottom; in ``[0, 1]``.
        shape: ``"triangular"``, ``"triangular2"`` or ``"exp-range"``.
        decay: What the height is multiplied by at each step of ``exp-range``, :math:`\gamma`; above 0 and at most 1.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``; with a ``decay`` or ``triangular2`` it is continuous too.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Smith, Cyclical Learning Rates for Training Neural Networks, WACV 2017, https://arxiv.org/abs/1506.01186.

    Example:
        >>> [cyclic(4, floor=0.5)(t) for t in (0, 2, 4, 6, 8)]
        [0.5, 0.75, 1.0, 0.75, 0.5]
    """
    return Cyclic(up=up, down=up if down is None else down, floor=floor, shape=shape, decay=decay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cyclic:
    """See ``cyclic``."""

    name: ClassVar[str] = "cyclic"

    up: int
    down: int
    floor: float = 0.1
    shape: str = "triangular"
    decay: float = 1.0

    def __post_init__(self) -> None:
        put(self, up=step_count(self.name, self.up, what="up"))
        put(self, down=step_count(self.name, self.down, what="down"))
        put(self, floor=share(self.name, "floor", self.floor), decay=factor(self.name, "decay", self.decay))
        choice(self.name, "shape", self.shape, SHAPES)

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
        length = self.up + self.down
        cycle, place = step // length, step % length
        height = place / self.up if place <= self.up else (length - place) / self.down
        if self.shape == "triangular2":
            height *= 0.5**cycle
        elif self.shape == "exp-range":
            height *= self.decay**step
        return self.floor + (1.0 - self.floor) * height

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at, length = as_steps(steps), self.up + self.down
        cycle, place = at // length, at % length
        height = np.where(place <= self.up, place / self.up, (length - place) / self.down)
        if self.shape == "triangular2":
            height *= 0.5**cycle
        elif self.shape == "exp-range":
            height *= self.decay**at
        result: Values = self.floor + (1.0 - self.floor) * height
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()
