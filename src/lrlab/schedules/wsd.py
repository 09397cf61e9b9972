"""Warm-up, stable, decay: a trunk that a short decay ends, whenever that is wanted."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import choice, put, share, step_count
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values
from lrlab.schedules.shapes import SHAPES, all_fallen, fallen

DECAYS = (*SHAPES, "exponential")


def wsd(steps: int, *, warmup: int = 0, decay: int, shape: str = "sqrt", floor: float = 0.0) -> ClosedForm:
    r"""Rise along a line, stay at 1, and fall to ``floor`` at the end.

    .. math:: m(t) = \begin{cases} t/w & t < w \\ 1 & w \le t < T - d \\
        1 - (1-f)\,g(x) & x = \min\bigl(1, (t - T + d)/d\bigr) \end{cases}

    with :math:`g(x)` as ``x`` (``linear``), :math:`(1-\cos \pi x)/2` (``cosine``), :math:`\sqrt{x}` (``sqrt``, the
    "1-sqrt" of the papers) or :math:`x^2` (``square``, "1-square"); ``exponential`` is :math:`m = f^x`.

    Args:
        steps: Length of the whole ``T``, in optimizer steps; at least 1.
        warmup: Length of the rise ``w``; 0 starts at the peak.
        decay: Length of the fall ``d``; at least 1.
        shape: How it falls.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``, above 0 where ``shape`` is ``exponential``.

    Returns:
        The schedule; multipliers lie in ``[0, 1]``.

    Raises:
        SpecError: If an argument is outside its range, or rise and fall are longer than the whole.

    References:
        Hu et al., MiniCPM, 2024, https://arxiv.org/abs/2404.06395; Hägele et al., Scaling Laws and
        Compute-Optimal Training Beyond Fixed Training Durations, 2024, https://arxiv.org/abs/2405.18392
        (shapes; ``sqrt`` did best).

    Example:
        >>> [wsd(100, warmup=10, decay=20, shape="linear")(t) for t in (0, 5, 10, 80, 90, 100)]
        [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    """
    return Wsd(steps=steps, warmup=warmup, decay=decay, shape=shape, floor=floor)


def trapezoid(steps: int, *, rise: int, fall: int, floor: float = 0.0) -> ClosedForm:
    r"""Rise along a line, stay, fall along a line: ``wsd`` with a linear decay.

    Args:
        steps: Length of the whole, in optimizer steps; at least 1.
        rise: Length of the rise; 0 starts at the peak.
        fall: Length of the fall; at least 1.
        floor: Multiplier at the end and afterwards; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[0, 1]``.

    Raises:
        SpecError: If an argument is outside its range, or rise and fall are longer than the whole.

    References:
        Xing et al., A Walk with SGD, 2018, https://arxiv.org/abs/1802.08770.

    Example:
        >>> trapezoid(100, rise=10, fall=20) == wsd(100, warmup=10, decay=20, shape="linear")
        True
    """
    return Wsd(steps=steps, warmup=rise, decay=fall, shape="linear", floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wsd:
    """See ``wsd``."""

    name: ClassVar[str] = "wsd"

    steps: int
    warmup: int = 0
    decay: int
    shape: str = "sqrt"
    floor: float = 0.0

    def __post_init__(self) -> None:
        put(self, steps=step_count(self.name, self.steps), floor=share(self.name, "floor", self.floor))
        put(self, warmup=step_count(self.name, self.warmup, least=0, what="warmup"))
        put(self, decay=step_count(self.name, self.decay, what="decay"))
        choice(self.name, "shape", self.shape, DECAYS)
        if self.warmup + self.decay > self.steps:
            raise SpecError(
                f"wsd: warm-up and decay must fit into the {self.steps} steps, "
                f"got {self.warmup} and {self.decay} steps.",
                hint="Shorten one of them, or train longer.",
            )
        if self.shape == "exponential" and self.floor == 0.0:
            raise SpecError("wsd: floor must be above 0 where shape is exponential, got 0.0.")

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return (0.0 if self.warmup else self.floor), 1.0

    @property
    def end(self) -> int:
        """See ``ClosedForm``."""
        return self.steps

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step < self.warmup:
            return step / self.warmup
        late = step - (self.steps - self.decay)
        if late <= 0:
            return 1.0
        if late >= self.decay:
            return self.floor
        x = late / self.decay
        if self.shape == "exponential":
            return max(math.pow(self.floor, x), self.floor)
        return fallen(self.floor, SHAPES[self.shape].of(x))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        late = at - (self.steps - self.decay)
        x = np.clip(late / self.decay, 0.0, 1.0)
        if self.shape == "exponential":
            fall = np.maximum(self.floor**x, self.floor)
        else:
            fall = all_fallen(self.floor, SHAPES[self.shape].many(x))
        fall = np.where(late >= self.decay, self.floor, fall)
        return np.where(at < self.warmup, at / max(self.warmup, 1), fall)

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()
