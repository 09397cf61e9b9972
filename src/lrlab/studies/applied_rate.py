"""Whether a training uses the rate that it is asked to use."""

import math
from collections.abc import Iterable, Mapping

from lrlab.core.lr_range import format_lr
from lrlab.core.run import Run

APPLIED = "lr"  # the metric under which a training tells the rate that it applies
_FEWEST_RUNS = 3  # one may be clamped, two may be rounded alike
_LEAST_RATIO = 4.0  # of the rates asked for; nearer ones may look alike in a log with few digits


def ignored(runs: Iterable[Run]) -> str | None:
    """Why the rate is ignored, as a sentence; "" where it is applied, None where that cannot be told yet.

    It is where at least three runs that were asked for clearly different rates tell the same applied rates at every
    moment that they share. Whole curves are compared, so that a warm-up from a fixed rate is no sign; zeros are none
    either, since every warm-up may begin and every decay end there.

    Args:
        runs: Every run, with its records.
    """
    curves = {run.lr: curve for run in runs if (curve := _applied(run))}
    if not curves:
        return None
    shared = set.intersection(*(set(curve) for curve in curves.values()))
    told = [{curve[at] for curve in curves.values()} for at in shared]
    if any(len(rates) > 1 for rates in told):
        return ""
    rates = sorted({rate for (rate,) in told if rate > 0})
    if not rates or len(curves) < _FEWEST_RUNS or max(curves) / min(curves) < _LEAST_RATIO:
        return None
    asked = ", ".join(format_lr(lr) for lr in sorted(curves))
    applied = format_lr(rates[0]) + (f" to {format_lr(rates[-1])}" if len(rates) > 1 else "")
    return f"The training ignores the learning rate: runs that were asked for {asked} all applied {applied}."


CURE = (
    "Look for what sets it instead: an option of another name, a configuration file, a scheduler with a rate of its own, "
    "or an optimizer that chooses it (optimizer=auto)."
)


def _applied(run: Run) -> Mapping[float, float]:
    """Moment to applied rate, where the run tells it."""
    told = {record.at: record.metrics[APPLIED] for record in run.records if APPLIED in record.metrics}
    return {at: rate for at, rate in told.items() if math.isfinite(rate)}
