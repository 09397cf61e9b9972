"""A range of learning rates, on the only axis that suits them: a logarithmic one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrlab.core.errors import SpecError

if TYPE_CHECKING:
    from typing import Self


def positive_rate(value: object, who: str = "lr") -> float:
    """``value`` as a learning rate.

    Raises:
        SpecError: If it is not a finite number above zero.
    """
    if isinstance(value, bool) or value is None:
        raise SpecError(f"{who}: a learning rate must be a number above 0, got {value!r}.")
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise SpecError(f"{who}: a learning rate must be a number such as 3e-4, got {value!r}.") from None
    if not math.isfinite(rate) or rate <= 0:
        raise SpecError(
            f"{who}: a learning rate must be finite and above 0, got {value!r}.",
            hint="The axis is logarithmic; start a range at 1e-6, say.",
        )
    return rate


def tidy_rate(rate: float) -> float:
    """``rate`` with three significant digits, so that it can be read, copied and found again."""
    return float(f"{rate:.2e}")


@dataclass(frozen=True, slots=True)
class LRRange:
    """The rates from ``low`` to ``high``, both included; absolute learning rates.

    Raises:
        SpecError: If a bound is not above zero, or ``low`` is not below ``high``.

    Example:
        >>> LRRange.parse("1e-4:1e-1").points(4)
        (0.0001, 0.001, 0.01, 0.1)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", positive_rate(self.low, "lr range"))
        object.__setattr__(self, "high", positive_rate(self.high, "lr range"))
        if self.low >= self.high:
            swap = f" Did you mean {_pair(self.high, self.low)}?" if self.low > self.high else ""
            raise SpecError(
                f"lr range: the low end must be below the high end, got {_pair(self.low, self.high)}.{swap}",
                hint="To train at one rate there is nothing to search." if self.low == self.high else "",
            )

    @classmethod
    def parse(cls, value: "str | Sequence[float] | LRRange") -> "Self":
        """Read ``"1e-5:1e-1"`` or a pair of numbers."""
        if isinstance(value, LRRange):
            return cls(value.low, value.high)
        if isinstance(value, str):
            parts: Sequence[object] = value.split(":")
        elif isinstance(value, Sequence):
            parts = value
        else:
            raise SpecError(f'lr range: expected a pair such as (1e-5, 1e-1) or "1e-5:1e-1", got {value!r}.')
        if len(parts) != 2:
            raise SpecError(f'lr range: expected a pair such as (1e-5, 1e-1) or "1e-5:1e-1", got {value!r}.')
        return cls(positive_rate(parts[0], "lr range"), positive_rate(parts[1], "lr range"))

    def __str__(self) -> str:
        return _pair(self.low, self.high)

    @property
    def decades(self) -> float:
        """Width of the range, in factors of ten."""
        return math.log10(self.high / self.low)

    def points(self, count: int) -> tuple[float, ...]:
        """``count`` rates with equal ratios, both ends included; inner ones have three significant digits."""
        if count < 2:
            raise SpecError(f"lr range: at least 2 points are needed, got {count}.")
        step = self.decades / (count - 1)
        inner = (tidy_rate(10 ** (math.log10(self.low) + k * step)) for k in range(1, count - 1))
        # Rounding must not merge neighbours of a very narrow range or push them out of it.
        kept = dict.fromkeys(rate for rate in inner if self.low < rate < self.high)
        return (self.low, *kept, self.high)

    def __contains__(self, rate: float) -> bool:
        return self.low <= rate <= self.high

    def clip(self, rate: float) -> float:
        """``rate``, moved to the nearer end where it lies outside."""
        return min(max(rate, self.low), self.high)


def format_lr(rate: float, *, digits: int = 3) -> str:
    """A rate as a person writes it: ``2.4e-3``, ``1e-2``, ``1``, ``20``.

    Args:
        rate: Learning rate, absolute; NaN reads ``unknown``.
        digits: Significant digits at most.
    """
    if math.isnan(rate):
        return "unknown"
    mantissa, exponent = f"{rate:.{digits - 1}e}".split("e")
    if 0 <= int(exponent) <= 2:
        return f"{float(f'{rate:.{digits - 1}e}'):g}"
    short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{short}e{int(exponent)}"


def _pair(low: float, high: float) -> str:
    """Two rates as they are typed: ``1e-4:10``."""
    return f"{format_lr(low, digits=6)}:{format_lr(high, digits=6)}"
