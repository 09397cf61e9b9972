"""What a checkup of a run says: whether its learning rate is right, and what else is wrong with it."""

import math
from dataclasses import dataclass
from typing import Literal

from lrlab.core.errors import SpecError

Severity = Literal["ok", "note", "warn", "error"]
SEVERITIES: tuple[Severity, ...] = ("ok", "note", "warn", "error")  # from the lightest to the gravest
Word = Literal["too_high", "right", "too_low", "unknown"]
WORDS: tuple[Word, ...] = ("too_low", "right", "too_high", "unknown")


def _share(who: str, value: float) -> None:
    if not (isinstance(value, float | int) and 0 <= value <= 1):
        raise SpecError(f"{who}: confidence must lie in 0..1, got {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One number that a verdict rests on.

    Args:
        name: What was measured, in words, such as ``loss at the end over loss at its lowest``.
        value: What it came to.
        threshold: What it was compared with; None where it is only told.
        source: The column that it was read from, such as ``val_loss``.
        first_step: First step of the stretch that it was measured on.
        last_step: Its last step.
        unit: What steps are here: ``step``, or ``epoch`` where the log counts epochs and nothing tells how long those are.
    """

    name: str
    value: float
    threshold: float | None = None
    source: str = ""
    first_step: int = 0
    last_step: int = 0
    unit: str = "step"

    def __str__(self) -> str:
        limit = "" if self.threshold is None else f" (limit {self.threshold:.3g})"
        span = f"{self.unit}s {self.first_step} to {self.last_step}"
        if self.first_step == self.last_step:
            span = f"{self.unit} {self.first_step}"
        return f"{self.name} {self.value:.3g}{limit}{f', {self.source} at {span}' if self.source else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to change.

    Args:
        change: What is to be changed: ``lr``, ``warmup_steps``, ``decay_step``, ``total_steps`` or ``schedule``; ``decay_epoch``
            and ``epochs`` where the log counts epochs; ``data`` where no rate is to blame.
        factor: What to multiply it by; None where a value or only a sentence is given.
        value: What to set it to; None where there is none.
        text: The same as a sentence.

    Raises:
        SpecError: If the factor is not positive.
    """

    change: str
    text: str
    factor: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if self.factor is not None and not (math.isfinite(self.factor) and self.factor > 0):
            raise SpecError(f"advice: factor must be positive and finite, got {self.factor!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One symptom, or the word that there is none.

    Args:
        symptom: Stable name, such as ``diverged`` or ``overfitting``; ``healthy`` and ``cannot_tell`` are verdicts too.
        severity: ``ok``, ``note``, ``warn`` or ``error``.
        confidence: How likely it is true, 0 to 1.
        sentence: What it means, for a person.
        evidence: What it rests on.
        advice: What to change; None where there is nothing to change.

    Raises:
        SpecError: If severity or confidence breaks its rule.
    """

    symptom: str
    severity: Severity
    confidence: float
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    advice: Advice | None = None

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise SpecError(
                f"verdict: severity must be one of {', '.join(SEVERITIES)}, got {self.severity!r}."
            )
        _share("verdict", self.confidence)

    @property
    def weight(self) -> int:
        """Its severity as a number, 0 for ``ok``."""
        return SEVERITIES.index(self.severity)

    @property
    def first_step(self) -> int:
        """The first step of its evidence."""
        return min((one.first_step for one in self.evidence), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateVerdict:
    """Whether the learning rate is right.

    Args:
        verdict: ``too_high``, ``right``, ``too_low``, or ``unknown`` where nothing can be told.
        confidence: How likely the verdict is true, 0 to 1; 0 where it is unknown.
        factor: What to multiply the rate by; 1 where it is right or unknown.
        probabilities: Of too low, right and too high, which sum to 1; empty where too little was logged to tell them.
            An unknown verdict has them where too low and too high are both too likely to tell either.

    Raises:
        SpecError: If a value breaks its rule.
    """

    verdict: Word
    confidence: float
    factor: float
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in WORDS:
            raise SpecError(f"rate: verdict must be one of {', '.join(WORDS)}, got {self.verdict!r}.")
        _share("rate", self.confidence)
        if not (math.isfinite(self.factor) and self.factor > 0):
            raise SpecError(f"rate: factor must be positive and finite, got {self.factor!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """What could not be looked for.

    Args:
        symptom: Name of the symptom.
        missing: The columns or arguments that were missing.
        text: The same as a sentence.
    """

    symptom: str
    missing: tuple[str, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """Everything that a run's log tells.

    Args:
        rate: Whether the learning rate is right.
        verdicts: Every symptom that was found, the gravest first; ``healthy`` or ``cannot_tell`` where there is none.
        unchecked: What could not be looked for.
        source: What was looked at, as a person would name it.
        columns: The columns that were used.
        steps: Optimizer steps (or rows) seen; epochs, where ``unit`` says so.
        total_steps: Length of the whole training; None where it was not told.
        optimizer: Its name; "" where it was not told.
        lr: The peak rate that was applied; None where it was not logged.
        unit: What ``steps`` and the steps of the evidence are: ``step`` or ``epoch``.
    """

    rate: RateVerdict
    verdicts: tuple[Verdict, ...]
    unchecked: tuple[Unchecked, ...] = ()
    source: str = ""
    columns: tuple[str, ...] = ()
    steps: int = 0
    total_steps: int | None = None
    optimizer: str = ""
    lr: float | None = None
    unit: str = "step"

    @property
    def severity(self) -> Severity:
        """The gravest one."""
        return max((verdict.severity for verdict in self.verdicts), key=SEVERITIES.index, default="ok")

    def found(self, symptom: str) -> Verdict | None:
        """The verdict of that name, or None."""
        return next((verdict for verdict in self.verdicts if verdict.symptom == symptom), None)

    def fails(self, level: str) -> bool:
        """Whether a verdict is at least as grave as ``level``."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(level)
