"""What a training says of its rate before it begins, so that what it applied can be compared with it."""

from dataclasses import dataclass
from typing import Literal

from lrlab.core.question import whole_number
from lrlab.schedules.protocol import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePlan:
    """The rates of a whole training, as multiples of the rate that is asked for.

    A moment is an optimizer step or a unit, counted from 0: the rate of the ``n``-th is told by the record that ends it,
    whose ``step`` or ``at`` is ``n + 1``.

    Args:
        schedule: Multiplier of each moment.
        length: Moments in the whole training; None where that is not known.
        counts: What a moment is.
        column: The metric under which the records tell the applied rate.
        since: The first moment that is compared.
        rises: Whether a warm-up may last longer than ``since``: then what comes before the first moment that is as
            planned counts as part of it, and so does a rate that only ever rises towards the plan.
        tolerance: Relative difference that is rounding: 1e-5 holds what is told with six digits.

    Raises:
        SpecError: If a number breaks its rule.
    """

    schedule: Schedule
    length: int | None
    counts: Literal["step", "unit"] = "step"
    column: str = "lr"
    since: int = 0
    rises: bool = False
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        whole_number("plan: since", self.since, 0)
        if self.length is not None:
            whole_number("plan: length", self.length, 1)
