"""The rate as it is given, throughout."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def constant() -> ClosedForm:
    r"""Keep the learning rate.

    .. math:: m(t) = 1

    Returns:
        The schedule; every multiplier is 1.

    Example:
        >>> constant()(1_000)
        1.0
    """
    return Constant()


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """See ``constant``."""

    name: ClassVar[str] = "constant"

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        return 1.0, 1.0

    @property
    def end(self) -> int:
        """See ``ClosedForm``."""
        return 0

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        return 1.0

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        return np.ones_like(as_steps(steps))

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        return ()
