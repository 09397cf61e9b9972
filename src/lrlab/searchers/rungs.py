"""Where on the logarithmic axis a race puts its rates."""

import math
from collections.abc import Sequence

from lrlab.core.lr_range import LRRange, tidy_rate
from lrlab.core.run import RunKey

CLOSEST_DECADES = 0.15  # no two rates that a race chooses are closer


def rungs(searched: LRRange, count: int) -> list[float]:
    """``count`` rates with equal ratios over the range; a single one is its middle."""
    if count < 2:
        return [inside(searched.low, searched.high, 0.5)][: max(count, 0)]
    return list(searched.points(count))


def near(rate: float, others: Sequence[float]) -> bool:
    """Whether one of the others is as good as the same rate."""
    return any(abs(math.log10(rate / other)) < CLOSEST_DECADES for other in others)


def inside(low: float, high: float, share: float) -> float:
    """The rate at ``share`` of the way from ``low`` to ``high`` on the logarithmic axis, rounded if that has room."""
    rate = low * (high / low) ** share
    return tidy_rate(rate) if low < tidy_rate(rate) < high else rate


def spread(leader: RunKey, keys: Sequence[RunKey], count: int) -> list[RunKey]:
    """The leader and ``count - 1`` others, each as far as can be from those before it, the higher one of equals."""
    chosen = [leader]
    rest = [key for key in keys if key != leader]
    while rest and len(chosen) < count:
        farthest = max(
            rest, key=lambda key: (round(min(abs(math.log10(key.lr / o.lr)) for o in chosen), 1), key)
        )
        chosen.append(farthest)
        rest.remove(farthest)
    return chosen
