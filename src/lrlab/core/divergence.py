"""When a run has diverged."""

import math

from lrlab.core.metric import Metric
from lrlab.core.record import Record

# A finite loss this many times the untrained one has left the region where training could go on.
EXPLODED = 1e4
_TRAINING_LOSSES = ("loss", "train_loss")


def divergence(record: Record, metric: Metric, *, untrained: float | None = None) -> str:
    """Why ``record`` shows that its run has diverged, or "".

    A run has diverged when its metric is not finite, when its training loss is NaN (an infinite one may be a
    skipped step of a loss scaler), or when a metric that should fall stands at 10,000 times its untrained value.

    Args:
        record: The newest record.
        metric: The study's metric.
        untrained: The metric before training, if known.
    """
    where = f"at unit {record.at:g}" + (f" (step {record.step})" if record.step is not None else "")
    for name in _TRAINING_LOSSES:
        if math.isnan(record.metrics.get(name, 0.0)):
            return f"{name} became nan {where}"
    value = record.metrics.get(metric.name)
    if value is None or record.at == 0:
        return ""
    if not math.isfinite(value):
        return f"{metric.name} became {value} {where}"
    if metric.direction == "min" and untrained is not None and value > EXPLODED * max(abs(untrained), 1e-12):
        return f"{metric.name} rose to {value:.3g} {where}, from {untrained:.3g} before training"
    return ""
