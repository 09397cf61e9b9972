"""What all schedules that fall once from 1 to a floor have in common."""

from dataclasses import dataclass
from typing import ClassVar

from lrlab.schedules.checks import put, share, step_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """A fall from 1 to ``floor`` in ``steps`` steps, without a jump; its formula is its subclass's.

    Args:
        steps: Length of the fall, in optimizer steps; at least 1.
        floor: Multiplier at the end and afterwards; in ``[0, 1]``.
    """

    name: ClassVar[str] = "decay"

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        put(self, steps=step_count(self.name, self.steps), floor=share(self.name, "floor", self.floor))

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return self.floor, 1.0

    @property
    def end(self) -> int:
        """See ``ClosedForm``."""
        return self.steps

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()
