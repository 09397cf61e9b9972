"""Reduce the rate when a metric no longer gets better: the schedule with feedback."""

from dataclasses import dataclass
from typing import ClassVar

from lrlab.core import wire
from lrlab.core.errors import SpecError
from lrlab.schedules.checks import choice, factor, number, put, share, step_count
from lrlab.schedules.protocol import Feedback

DIRECTIONS = ("min", "max")
THRESHOLDS = ("relative", "absolute")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateauState:
    """What a plateau remembers: all of it.

    Args:
        multiplier: What the learning rate is multiplied by now.
        best: The best value so far; None before the first.
        bad: How many values in a row were not better.
        resting: How many values of the cool-down are left.
        seen: How many values there were.
    """

    multiplier: float = 1.0
    best: float | None = None
    bad: int = 0
    resting: int = 0
    seen: int = 0


def plateau(
    *,
    by: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    measured: str = "relative",
    cooldown: int = 0,
    floor: float = 0.0,
    direction: str = "min",
) -> Feedback[PlateauState]:
    r"""Multiply the rate by ``by`` when more than ``patience`` values in a row were not better than the best.

    A value is better where it is below :math:`(1 - \epsilon)` times the best (``relative``), or below the best by more
    than :math:`\epsilon` (``absolute``); for ``max`` the other way round. After a reduction, values that are not
    better do not count for ``cooldown`` values. NaN is never better. The rules are those of PyTorch's
    ``ReduceLROnPlateau``, which besides leaves out a reduction of less than ``eps = 1e-8`` in absolute rate, and never
    goes on below a rate of about that size; here only ``floor`` ends the reductions.

    Args:
        by: Factor of a reduction; above 0 and at most 1.
        patience: How many values in a row may be no better; at least 0.
        threshold: How much better counts, :math:`\epsilon`; at least 0, where relative at most 1.
        measured: ``"relative"`` or ``"absolute"``.
        cooldown: Values to wait after a reduction; at least 0.
        floor: Multiplier below which it does not go; in ``[0, 1]``.
        direction: Whether small (``"min"``) or large (``"max"``) is good.

    Returns:
        The schedule with feedback; it is given one value at a time, usually one an epoch.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        He et al., Deep Residual Learning, CVPR 2016, https://arxiv.org/abs/1512.03385, section 3.4 (by hand).

    Example:
        >>> rule = plateau(by=0.5, patience=1)
        >>> state = rule.start()
        >>> for loss in (1.0, 0.9, 0.9, 0.9):
        ...     state = rule.next(state, loss)
        >>> rule.multiplier(state)
        0.5
    """
    return Plateau(
        by=by,
        patience=patience,
        threshold=threshold,
        measured=measured,
        cooldown=cooldown,
        floor=floor,
        direction=direction,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """See ``plateau``."""

    name: ClassVar[str] = "plateau"

    by: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    measured: str = "relative"
    cooldown: int = 0
    floor: float = 0.0
    direction: str = "min"

    def __post_init__(self) -> None:
        put(self, by=factor(self.name, "by", self.by), floor=share(self.name, "floor", self.floor))
        put(self, patience=step_count(self.name, self.patience, least=0, what="patience"))
        put(self, cooldown=step_count(self.name, self.cooldown, least=0, what="cooldown"))
        put(self, threshold=number(self.name, "threshold", self.threshold, least=0))
        choice(self.name, "measured", self.measured, THRESHOLDS)
        choice(self.name, "direction", self.direction, DIRECTIONS)
        if self.measured == "relative" and self.threshold > 1.0:
            raise SpecError(
                f"plateau: threshold must lie in [0, 1] where it is relative, got {self.threshold:g}."
            )

    def start(self) -> PlateauState:
        """See ``Feedback``."""
        return PlateauState()

    def next(self, state: PlateauState, metric: float, /) -> PlateauState:
        """See ``Feedback``."""
        better = self._is_better(metric, state.best)
        bad = 0 if better or state.resting else state.bad + 1
        reduces = bad > self.patience
        return PlateauState(
            multiplier=max(state.multiplier * self.by, self.floor) if reduces else state.multiplier,
            best=metric if better else state.best,
            bad=0 if reduces else bad,
            resting=self.cooldown if reduces else max(state.resting - 1, 0),
            seen=state.seen + 1,
        )

    def multiplier(self, state: PlateauState, /) -> float:
        """See ``Feedback``."""
        return state.multiplier

    def dump(self, state: PlateauState, /) -> str:
        """See ``Feedback``."""
        return wire.dumps(PlateauState, state)

    def load(self, text: str, /) -> PlateauState:
        """See ``Feedback``."""
        return wire.loads(PlateauState, text)

    def _is_better(self, metric: float, best: float | None) -> bool:
        sign = 1.0 if self.direction == "max" else -1.0
        if best is None:
            return sign * metric > float("-inf")
        if self.measured == "absolute":
            return sign * metric > sign * best + self.threshold
        return sign * metric > sign * best * (1.0 + sign * self.threshold)
