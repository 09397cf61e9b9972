"""What is true of a schedule over one training, in numbers."""

from dataclasses import dataclass

import numpy as np

from lrlab.core.question import whole_number
from lrlab.schedules.evaluate import values
from lrlab.schedules.protocol import Schedule

_SAME = 1e-12  # of the peak: smaller differences are rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Numbers of a schedule over the steps of one training.

    Args:
        steps: Length of the training, in optimizer steps.
        peak: The largest multiplier.
        peak_step: The first step that has it.
        mean: Mean multiplier.
        area: Sum of the multipliers; times the rate it is how far the training can walk.
        warmup_steps: Steps at the beginning at which the multiplier still rises.
        warmup_share: The same as a share of the training.
        last: Multiplier of the last step.
        last_over_peak: The same over the peak; 0 where the peak is 0.
        first_decay_step: The first step whose multiplier is lower than the one before; None where none is.
    """

    steps: int
    peak: float
    peak_step: int
    mean: float
    area: float
    warmup_steps: int
    warmup_share: float
    last: float
    last_over_peak: float
    first_decay_step: int | None


def facts(schedule: Schedule, total_steps: int) -> Facts:
    """The facts of ``schedule`` over steps ``0 .. total_steps - 1``.

    Args:
        schedule: Any schedule.
        total_steps: Length of the training, in optimizer steps; at least 1.

    Raises:
        SpecError: If ``total_steps`` is outside its range.

    Example:
        >>> from lrlab.schedules.join import warmup
        >>> from lrlab.schedules.linear import linear
        >>> found = facts(warmup(linear(90), 10), 100)
        >>> found.peak, found.warmup_share, found.first_decay_step, round(found.area, 6)
        (1.0, 0.1, 11, 50.0)
    """
    total_steps = whole_number("facts: total_steps", total_steps, 1)
    curve = values(schedule, np.arange(total_steps))
    peak = float(curve.max())
    change = np.diff(curve)
    falls = np.flatnonzero(change < -_SAME * peak)
    stays = np.flatnonzero(change <= _SAME * peak)
    rising = int(stays[0]) if stays.size else total_steps - 1
    area, last = float(curve.sum()), float(curve[-1])
    return Facts(
        steps=total_steps,
        peak=peak,
        peak_step=int(curve.argmax()),
        mean=area / total_steps,
        area=area,
        warmup_steps=rising,
        warmup_share=rising / total_steps,
        last=last,
        last_over_peak=last / peak if peak > 0 else 0.0,
        first_decay_step=int(falls[0]) + 1 if falls.size else None,
    )
