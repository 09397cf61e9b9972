"""From checkups of a run that goes on to the few sentences that a person should hear."""

from dataclasses import dataclass
from typing import Literal

from lrlab.core.errors import SpecError
from lrlab.core.verdict import SEVERITIES, Checkup, Severity, Verdict

Change = Literal["appeared", "worse", "cleared"]
LEVELS: tuple[Severity, ...] = ("note", "warn", "error")
_NO_SYMPTOMS = ("healthy", "cannot_tell")
_OF_THE_END = ("underfitting", "wasted_tail")  # mean nothing while nobody knows how long the training is
_SIGNS = {"note": "note", "warn": "WARNING", "error": "ERROR", "ok": "ok"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A verdict that has come, has become graver, or has gone.

    Args:
        change: ``appeared``, ``worse`` or ``cleared``.
        verdict: The verdict; of one that has gone, as it was when it was last told.
        step: Optimizer steps seen; epochs, where ``unit`` says so.
        source: What is watched, as a person would name it.
        unit: ``step`` or ``epoch``.
    """

    change: Change
    verdict: Verdict
    step: int
    source: str = ""
    unit: str = "step"

    def __str__(self) -> str:
        verdict = self.verdict
        if self.change == "cleared":
            return f"{self.unit} {self.step}: cleared: {verdict.sentence} [{verdict.symptom}]"
        advice = "" if verdict.advice is None else f" {verdict.advice.text}"
        sure = f"[{verdict.symptom}, {verdict.confidence:.2f}]"
        return f"{self.unit} {self.step}: {_SIGNS[verdict.severity]}: {verdict.sentence}{advice} {sure}"


class Debounce:
    """Tells what two checkups in a row agree on, once.

    A symptom is told when it was not there and two checkups in a row have it; again only if it becomes graver than it
    was told; and when two in a row have it no more. That a grave one is now less grave is not told: a confidence that
    wavers about a limit would be told for ever.

    Args:
        level: The least severity that counts.

    Raises:
        SpecError: If the level is none.
    """

    def __init__(self, *, level: str = "note") -> None:
        if level not in LEVELS:
            raise SpecError(f"watch: level must be one of {', '.join(LEVELS)}, got {level!r}.")
        self._least = SEVERITIES.index(level)
        self._told: dict[str, Verdict] = {}
        self._before: dict[str, Verdict] | None = None  # of the checkup before; None before the first

    def update(self, checkup: Checkup, *, last: bool = False) -> tuple[Alert, ...]:
        """Take in the next checkup; what there is to tell, the gravest first.

        Args:
            checkup: It.
            last: Whether none will follow; then an error is told at once, as no second one can confirm it.
        """
        silent = _NO_SYMPTOMS if checkup.total_steps is not None else (*_NO_SYMPTOMS, *_OF_THE_END)
        now = {
            verdict.symptom: verdict
            for verdict in checkup.verdicts
            if verdict.weight >= self._least and verdict.symptom not in silent
        }
        before, self._before = self._before, now
        if before is None and not last:
            return ()
        before = before or {}
        alerts = []
        for symptom, verdict in now.items():
            told = self._told.get(symptom)
            held = min(verdict.weight, before[symptom].weight) if symptom in before else -1
            if last and verdict.severity == "error":
                held = verdict.weight
            if held > (told.weight if told is not None else -1):
                self._told[symptom] = verdict
                change: Change = "appeared" if told is None else "worse"
                alerts.append(_alert(change, verdict, checkup))
        for symptom in [name for name in self._told if name not in now and name not in before]:
            gone = self._told.pop(symptom)
            alerts.append(_alert("cleared", gone, checkup))
        return tuple(alerts)


def _alert(change: Change, verdict: Verdict, checkup: Checkup) -> Alert:
    return Alert(change=change, verdict=verdict, step=checkup.steps, source=checkup.source, unit=checkup.unit)
