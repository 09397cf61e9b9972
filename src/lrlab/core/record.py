"""One moment of a training: where it was, and what it measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lrlab.core.errors import SpecError


def as_number(name: str, value: object) -> float:
    """``value`` as a float: Python, NumPy and zero-dimensional tensor numbers are accepted.

    Raises:
        SpecError: If it is not one real number; the sentence names the metric.
    """
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str | bytes) or value is None or isinstance(value, complex):
        raise SpecError(f"report: {name} must be a number, got {value!r}.")
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise SpecError(f"report: {name} is too large for a float: {str(value)[:40]}.") from None
    except Exception as error:
        raise SpecError(
            f"report: {name} must be one number, got {type(value).__name__}.",
            why=f"({type(error).__name__}: {error})",
            hint="Reduce it first, for example with .mean() or .item().",
        ) from None


@dataclass(frozen=True, slots=True)
class Record:
    """What a run measured at one moment.

    Args:
        at: Progress in the task's units; fractions inside a unit, whole at a unit's end, 0 before training.
        metrics: Name to value; values that are not finite are kept.
        step: Optimizer steps done so far, where known.

    Raises:
        SpecError: If ``at`` is negative or not finite, a value is no number, or ``step`` is negative.
    """

    at: float
    metrics: Mapping[str, float]
    step: int | None = None

    def __post_init__(self) -> None:
        at = as_number("at", self.at)
        if not math.isfinite(at) or at < 0:
            raise SpecError(f"record: at must be finite and at least 0, got {self.at!r}.")
        for name in self.metrics:
            if not isinstance(name, str) or not name:
                raise SpecError(f"record: a metric's name must be a non-empty string, got {name!r}.")
        if self.step is not None and (
            isinstance(self.step, bool) or int(self.step) != self.step or self.step < 0
        ):
            raise SpecError(f"record: step must be a whole number of at least 0, got {self.step!r}.")
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "metrics", {name: as_number(name, v) for name, v in self.metrics.items()})
        object.__setattr__(self, "step", None if self.step is None else int(self.step))

    @property
    def ends_unit(self) -> bool:
        """Whether this record stands at the end of a whole unit."""
        return self.at > 0 and self.at == int(self.at)

    def same(self, other: "Record") -> bool:
        """Equality to the bit: NaN equals NaN, 0.0 differs from -0.0."""
        return self.key() == other.key()

    def key(self) -> tuple[object, ...]:
        """A comparable form that tells every bit apart that a float can hold but a NaN's payload."""
        values = sorted((name, value.hex()) for name, value in self.metrics.items())
        return (self.at.hex(), self.step, tuple(values))
