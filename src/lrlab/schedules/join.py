"""Schedules made of schedules."""

from dataclasses import dataclass

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import step_count
from lrlab.schedules.protocol import Schedule


def warmup(schedule: Schedule, steps: int) -> Schedule:
    r"""Rise from 0 along a line for ``steps`` steps, then follow ``schedule`` from its start.

    .. math:: m(t) = \begin{cases} s(0)\,t/W & t < W \\ s(t-W) & t \ge W \end{cases}

    The warm-up precedes: a decay that should end with a training of ``T`` steps is ``T - W`` steps long, as in
    Hugging Face Transformers (``get_linear_schedule_with_warmup``, ``get_cosine_schedule_with_warmup``), whose
    values these are. The multiplier of step 0 is 0.

    Args:
        schedule: What follows.
        steps: Length of the rise ``W``, in optimizer steps; 0 leaves ``schedule`` as it is.

    Returns:
        The schedule; continuous at the joint.

    Raises:
        SpecError: If ``steps`` is negative or no whole number, or ``schedule`` is none.

    References:
        Goyal et al., Accurate, Large Minibatch SGD, 2017, https://arxiv.org/abs/1706.02677, section 2.2.

    Example:
        >>> from lrlab.schedules.linear import linear
        >>> rise_and_fall = warmup(linear(10), 4)
        >>> [rise_and_fall(t) for t in (0, 1, 4, 9, 14)]
        [0.0, 0.25, 1.0, 0.5, 0.0]
    """
    if step_count("warmup", steps, least=0) == 0 and isinstance(schedule, Schedule):
        return schedule
    return Warmup(schedule=schedule, steps=steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmup:
    """See ``warmup``."""

    schedule: Schedule
    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise SpecError(
                f"warmup: expected a schedule, got {self.schedule!r:.60}.",
                hint="Such as warmup(cosine(900), 100).",
            )
        object.__setattr__(self, "steps", step_count("warmup", self.steps))

    @property
    def name(self) -> str:
        """``warmup+`` and the name of what follows."""
        return f"warmup+{self.schedule.name}"

    def __call__(self, step: int, /) -> float:
        """See ``Schedule``."""
        if step < self.steps:
            return self.schedule(0) * step / self.steps
        return self.schedule(step - self.steps)
