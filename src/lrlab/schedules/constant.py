"""The rate as it is given, throughout."""

from dataclasses import dataclass

from lrlab.schedules.protocol import Schedule


def constant() -> Schedule:
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

    @property
    def name(self) -> str:
        """``constant``."""
        return "constant"

    def __call__(self, step: int, /) -> float:
        """See ``Schedule``."""
        return 1.0
