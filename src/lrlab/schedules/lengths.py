"""Lengths as people write them: steps, epochs, or a share of the training."""

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from lrlab.core.errors import SpecError
from lrlab.core.question import is_real, whole_number

Unit = Literal["st", "ep", "%"]
_WRITTEN = re.compile(r"(\d+\.?\d*(?:e\+?\d+)?|\.\d+)(st|ep|%)?", re.IGNORECASE)
_HAIR = 1e-9  # taken off, so that 0.1 of 30 is 3 and not, for want of bits, 4


class LengthNeeded(SpecError):
    """A length is relative to one that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What lengths are relative to.

    Args:
        whole: Optimizer steps that per cent are of; None if not known.
        rest: Optimizer steps that are left for a part that tells no length; None if not known.
        steps_per_epoch: Optimizer steps in an epoch; None if not known.
    """

    whole: int | None = None
    rest: int | None = None
    steps_per_epoch: int | None = None

    def after(self, steps: int) -> "Frame":
        """The frame of what follows ``steps`` steps; perhaps nothing is left for it."""
        return self if self.rest is None else replace(self, rest=max(self.rest - steps, 0))

    def left(self, who: str) -> int:
        """The steps that are left.

        Raises:
            LengthNeeded: If they are not known.
            SpecError: If there are none.
        """
        if self.rest is None:
            raise LengthNeeded(
                f"{who}: fills what is left of the training, and the length of the training is not known.",
                hint=f"Give total_steps, or write the length: {who} over 900st.",
            )
        if self.rest < 1:
            raise SpecError(
                f"{who}: fills what is left of the training, and what comes before it leaves no step.",
                hint="Shorten that, or train longer.",
            )
        return self.rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A length in optimizer steps (``500st``), epochs (``10ep``) or per cent of the training (``5%``).

    Args:
        amount: How many; at least 0, whole where they are steps, at most 100 where they are per cent.
        unit: ``"st"``, ``"ep"`` or ``"%"``.

    Raises:
        SpecError: If it breaks its rule.

    Example:
        >>> length = Length.parse("5%")
        >>> length.steps(Frame(whole=1000)), str(length)
        (50, '5%')
    """

    amount: float
    unit: Unit = "st"

    def __post_init__(self) -> None:
        if self.unit not in ("st", "ep", "%"):
            raise SpecError(f"length: the unit must be st, ep or %, got {self.unit!r:.40}.")
        if not is_real(self.amount) or self.amount < 0:
            raise SpecError(f"length: must be at least 0, got {self.amount!r:.40}.")
        if self.unit == "st":
            whole_number("length", self.amount, 0)
        if self.unit == "%" and self.amount > 100:
            raise SpecError(f"length: must be at most 100%, got {self}.")
        object.__setattr__(self, "amount", float(self.amount))

    @classmethod
    def parse(cls, text: str) -> "Length":
        """The length that a word says; a bare number counts optimizer steps.

        Raises:
            SpecError: If the word is no length.
        """
        match = _WRITTEN.fullmatch(text)
        if not match:
            raise SpecError(f"length: must be such as 500st, 10ep or 5%, got {text!r:.40}.")
        unit: Unit = (match[2] or "st").lower()  # type: ignore[assignment]
        return cls(amount=float(match[1]), unit=unit)

    def __str__(self) -> str:
        return f"{written(self.amount)}{self.unit}"

    def steps(self, frame: Frame) -> int:
        """The length in whole optimizer steps, rounded up.

        Raises:
            LengthNeeded: If it is relative to a length that ``frame`` does not know.
        """
        if self.unit == "st":
            return int(self.amount)
        if self.unit == "ep":
            if frame.steps_per_epoch is None:
                raise LengthNeeded(
                    f"schedule: {self} needs the number of optimizer steps in an epoch, which is not known.",
                    hint="Give steps_per_epoch, or count in steps: 500st.",
                )
            return math.ceil(self.amount * frame.steps_per_epoch - _HAIR)
        if frame.whole is None:
            raise LengthNeeded(
                f"schedule: {self} needs the length of the training, which is not known.",
                hint="Give total_steps, or count in steps: 500st.",
            )
        return math.ceil(self.amount * frame.whole / 100 - _HAIR)


def written(number: float) -> str:
    """A number as it is written: every bit of it, and ``1`` instead of ``1.0``."""
    number = float(number)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
