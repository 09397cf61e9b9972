"""Where on the logarithmic axis a race puts its rates, and where in time it compares them."""

import math
from collections.abc import Iterable, Sequence

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


def joined(rates: Sequence[float], known: Iterable[float]) -> list[float]:
    """The rates that are known, and those of ``rates`` that are not between them or at them.

    An extended question keeps the rates that were trained for the narrower one, and adds new ones where none is within
    half a step.

    Args:
        rates: Ascending, with equal ratios.
        known: Rates that were trained before; where there are none, ``rates`` comes back as it is.
    """
    before = sorted(set(known))
    if not before:
        return list(rates)
    step = math.log10(rates[-1] / rates[0]) / max(len(rates) - 1, 1) if rates else 0.0
    apart = max(step / 2, CLOSEST_DECADES) - 1e-9
    new = [rate for rate in rates if all(abs(math.log10(rate / other)) > apart for other in before)]
    return sorted((*before, *new))


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


def whole_slices(
    slices: Sequence[tuple[float, float]], budget: int, *, first: int = 1
) -> list[tuple[int, float]]:
    """Shares of the budget as whole units, at least one; where slices fall together their parts of the money do too.

    Args:
        slices: (share of the budget, part of the free money), ascending.
        budget: Units of a full run.
        first: Units of the first one at least.
    """
    whole: list[tuple[int, float]] = []
    for share, part in slices:
        units = max(1, first, round(budget * share))
        if whole and whole[-1][0] == units:
            part = 1 - (1 - whole.pop()[1]) * (1 - part)
        whole.append((units, part))
    return whole
