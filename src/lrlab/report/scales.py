"""Axes: which values they span and where their ticks stand."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from lrlab.core.lr_range import format_lr
from lrlab.core.metric import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Scale = Literal["linear", "log"]

# Beyond three interquartile ranges a value is "far out" (Tukey, Exploratory Data Analysis, 1977).
_FAR_OUT = 3.0
# From this ratio of the upper quartile to the best value on, a linear axis hides the bottom of the curve.
_LOG_FROM = 30.0


# Beyond this a drawing library's own arithmetic overflows, and no reader gains anything.
LARGEST = 1e100


def showable(value: float) -> bool:
    """Whether a value has a place on a linear axis."""
    return abs(value) <= LARGEST


def placeable(value: float) -> bool:
    """Whether a value has a place on a logarithmic axis."""
    return 1 / LARGEST <= value <= LARGEST


def y_scale(
    values: "Sequence[float] | NDArray[np.float64]", metric: Metric, *, keep: Sequence[float] = ()
) -> Scale:
    """``"log"`` for a loss above zero whose values span decades, else ``"linear"``.

    Args:
        values: What is drawn; values that have no place on an axis do not count.
        metric: What they are.
        keep: Values that the axis will hold in any case.
    """
    finite = _Ascending(values, "linear", float)
    if metric.direction == "max" or not len(finite) or not placeable(finite[0]):
        return "linear"
    return "log" if max([quantile(finite, 0.75), *keep]) / finite[0] >= _LOG_FROM else "linear"


def robust_range(
    values: "Sequence[float] | NDArray[np.float64]",
    *,
    metric: Metric,
    scale: Scale,
    keep: Sequence[float] = (),
) -> tuple[float, float] | None:
    """The range of an axis that shows ``values`` but for those that are far out on the worse side.

    Args:
        values: What is drawn; values that have no place on the axis do not count.
        metric: Tells which side is worse; good values are never cut off.
        scale: Whether distances are differences or ratios.
        keep: Values that the range must hold in any case.

    Returns:
        ``(low, high)`` with a margin of 6 %, low below high; None where nothing has a place.
    """
    to, back, fits = (math.log10, _power, placeable) if scale == "log" else (float, float, showable)
    finite = _Ascending(values, scale, lambda value: metric.loss(to(value)), turned=metric.direction == "max")
    must = [metric.loss(to(value)) for value in keep if fits(value)]
    if not len(finite) and not must:
        return None
    inside = []
    if len(finite):
        low, high = quantile(finite, 0.25), quantile(finite, 0.75)
        end = bisect_right(finite, high + _FAR_OUT * (high - low)) if high > low else len(finite)
        inside = [finite[0], finite[end - 1]]
    least, most = min(inside + must), max(inside + must)
    margin = 0.06 * (most - least) or 0.1 * abs(least) or 0.1
    low, high = sorted(back(metric.loss(value)) for value in (least - margin, most + margin))
    return low, high


def lr_ticks(low: float, high: float, *, most: int = 9) -> tuple[float, ...]:
    """Round rates from ``low`` to ``high`` on a logarithmic axis, ascending; at most ``most``."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for heads in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{head}e{power}") for power in range(first, last + 1) for head in heads]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    stride = math.ceil(len(ticks) / most) or 1
    # A range within one leading digit, such as 2.1e-3 to 2.4e-3, has no round rate inside.
    return tuple(ticks[::stride]) or (low, high)


def tick_labels(ticks: Sequence[float]) -> tuple[str, ...]:
    """How ``ticks`` are written: ``1e-3``, ``2.5e-3``; never 0."""
    return tuple(format_lr(tick) for tick in ticks)


def value_labels(ticks: Sequence[float]) -> tuple[str, ...]:
    """How a metric's ``ticks`` on a log axis are written: ``0.05``, ``20``, ``1e6``."""
    return tuple(f"{tick:g}" if 1e-3 <= tick < 1e4 else format_lr(tick) for tick in ticks)


class _Ascending(Sequence[float]):
    """Those of many values that have a place on an axis, ascending; each is worked out when it is looked at.

    Args:
        values: In any order.
        scale: Of the axis.
        to: What is made of a value; ascending, or descending where it is ``turned``.
        turned: Whether the largest value comes first.
    """

    def __init__(
        self,
        values: "Sequence[float] | NDArray[np.float64]",
        scale: Scale,
        to: Callable[[float], float],
        *,
        turned: bool = False,
    ) -> None:
        import numpy as np  # lists of runs load this module, and draw nothing

        own = np.asarray(values, dtype=np.float64)
        fits = np.abs(own) <= LARGEST if scale == "linear" else (own >= 1 / LARGEST) & (own <= LARGEST)
        ordered = own[fits]
        if (ordered[1:] < ordered[:-1]).any():
            ordered = np.sort(ordered)
        self._ordered = ordered[::-1] if turned else ordered
        self._to = to

    def __len__(self) -> int:
        return len(self._ordered)

    def __getitem__(self, place: int) -> float:  # type: ignore[override]
        return self._to(float(self._ordered[place]))


def quantile(ascending: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie, with straight lines between them."""
    place = share * (len(ascending) - 1)
    left = int(place)
    right = min(left + 1, len(ascending) - 1)
    part = place - left
    return ascending[left] * (1 - part) + ascending[right] * part


def _power(value: float) -> float:
    return float(10**value)
