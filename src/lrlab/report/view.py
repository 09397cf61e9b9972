"""What of the learning curves is asked for: which metric, along which axis, how smooth."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import SpecError
from lrlab.report.scales import Scale

Floats = NDArray[np.float64]

_BLOCK = (
    256.0  # half-lives that are weighted together; 2 to this power is still far inside what a float holds
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How the learning curves are to be shown; the defaults are how they are shown at first.

    Args:
        metric: Name of what is drawn; "" for the study's own.
        x: ``"unit"`` (epochs, or whatever a budget counts) or ``"step"`` (optimizer steps).
        scale: ``"linear"`` or ``"log"``; "" for what suits the values.
        smooth: Half-life of the moving average, in what ``x`` counts; 0 for none.
        by: ``"run"``: a line a run; ``"rate"``: a line a rate, the mean of its seeds, with their range.
        every: Whether all lines are drawn, however many.
        window: Ends of a part of the x axis, in what ``x`` counts: only its points are drawn, and one on each side so
            that lines reach the edge; smoothing still rests on all. None for everything.

    Raises:
        SpecError: If a value breaks its rule.
    """

    metric: str = ""
    x: Literal["unit", "step"] = "unit"
    scale: Scale | Literal[""] = ""
    smooth: float = 0.0
    by: Literal["run", "rate"] = "run"
    every: bool = False
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("x", self.x, ("unit", "step")), ("scale", self.scale, ("", "linear", "log")),
                                   ("by", self.by, ("run", "rate"))):  # fmt: skip
            if value not in known:
                words = ", ".join(word for word in known if word)
                raise SpecError(f"view: {name} must be one of {words}, got {value!r:.40}.")
        if not (math.isfinite(self.smooth) and 0 <= self.smooth <= 1e12):
            raise SpecError(
                f"view: smooth is a half-life and must be finite and at least 0, got {self.smooth!r}."
            )
        if self.window is not None and not (
            all(map(math.isfinite, self.window)) and self.window[0] < self.window[1]
        ):
            raise SpecError(
                f"view: window must be two finite ends, the lower one first, got {self.window!r:.80}."
            )

    @property
    def grows(self) -> bool:
        """Whether what comes later only adds points behind those that are drawn."""
        return self.smooth == 0 and self.by == "run"


def smoothed(x: Floats, y: Floats, half_life: float) -> Floats:
    """The average of all values so far, one that lies ``half_life`` back counting half as much.

    It needs no correction at its begin, holds a constant exactly, and asks for no even distances.

    Args:
        x: Places, ascending and finite; shape ``[n]``.
        y: Values, finite; shape ``[n]``.
        half_life: In what ``x`` counts; above 0.

    Returns:
        One average for each place; shape ``[n]``.
    """
    if len(x) == 0:
        return y
    largest = float(np.abs(y).max()) or 1.0
    y = y / largest  # so that no weighted sum leaves what a float holds
    ages = (x - x[0]) / half_life
    block = np.floor(ages / _BLOCK)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(block)) + 1))
    found = np.empty_like(y)
    total, weight, before = 0.0, 0.0, 0.0
    for first, end in zip(starts.tolist(), [*starts[1:].tolist(), len(x)], strict=True):
        begin = float(ages[first])
        kept = 2.0 ** (before - begin) if before - begin > -1000 else 0.0
        weights = np.exp2(ages[first:end] - begin)
        totals = np.cumsum(y[first:end] * weights) + total * kept
        sums = np.cumsum(weights) + weight * kept
        found[first:end] = totals / sums
        total, weight = float(totals[-1] / weights[-1]), float(sums[-1] / weights[-1])
        before = float(ages[end - 1])
    return found * largest
