"""Runs looked at closely: what a checkup says of one, and whether its rate was applied as planned."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lrlab.api.diagnose import diagnose
from lrlab.core.errors import LrlabError
from lrlab.core.run import Run
from lrlab.core.verdict import Checkup, Verdict
from lrlab.report.checkup_text import rate_sentence
from lrlab.schedules.spec import feedback, resolve
from lrlab.web.shelf import Seen

MOST_RECORDS = 20_000  # a longer run takes seconds, and a page waits for none
_ICONS = {"ok": "✓", "note": "i", "warn": "▲", "error": "✕"}
_OFF = 0.01  # how far an applied rate may lie from the planned one


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What is known of one run besides its numbers.

    Args:
        checkup: What its log tells; None where it cannot be told.
        why_not: Why it cannot, or "".
        spans: For each verdict the stretch that it rests on, in the study's units; None where it names none.
    """

    checkup: Checkup | None
    why_not: str = ""
    spans: tuple[tuple[float, float] | None, ...] = ()

    @property
    def rate(self) -> str:
        """Whether its rate is right, as a sentence; "" where nothing is known."""
        return "" if self.checkup is None else rate_sentence(self.checkup.rate, lr=self.checkup.lr)

    def document(self) -> dict[str, Any]:
        """The same for the API."""
        if self.checkup is None:
            return {"rate": None, "verdicts": [], "unchecked": [], "why_not": self.why_not}
        return {
            "rate": {"verdict": self.checkup.rate.verdict, "confidence": self.checkup.rate.confidence,
                     "factor": self.checkup.rate.factor, "text": self.rate},
            "verdicts": [
                _verdict(verdict, span)
                for verdict, span in zip(self.checkup.verdicts, self.spans, strict=True)
            ],
            "unchecked": [{"symptom": gap.symptom, "missing": list(gap.missing), "text": gap.text}
                          for gap in self.checkup.unchecked],
            "why_not": "",
        }  # fmt: skip


def _verdict(verdict: Verdict, span: tuple[float, float] | None) -> dict[str, Any]:
    return {
        "symptom": verdict.symptom,
        "severity": verdict.severity,
        "icon": _ICONS[verdict.severity],
        "confidence": verdict.confidence,
        "text": verdict.sentence,
        "evidence": [
            {"name": one.name, "value": one.value, "threshold": one.threshold, "source": one.source,
             "steps": [one.first_step, one.last_step], "text": str(one)}
            for one in verdict.evidence
        ],
        "advice": None if verdict.advice is None else verdict.advice.text,
        "span": None if span is None else list(span),
    }  # fmt: skip


def examined(seen: Seen, run: Run) -> Examined:
    """What a checkup says of a run; the same records are looked at once."""
    mark = (run.key, len(run.records), run.status)
    if mark not in seen.examined:
        seen.examined[mark] = _examine(seen, run)
    found: Examined = seen.examined[mark]
    return found


def _examine(seen: Seen, run: Run) -> Examined:
    if not run.records:
        return Examined(checkup=None, why_not="It has recorded nothing yet.")
    if len(run.records) > MOST_RECORDS:
        text = f"It has {len(run.records):,} records, too many to look at while a page waits. In a terminal: "
        text += f"lrlab diagnose {seen.study.name} --lr {run.lr!r} --seed {run.seed}"
        return Examined(checkup=None, why_not=text)
    arm = next((arm for arm in seen.study.question.arms if arm.name == run.arm), None)
    optimizer = arm.optimizer if arm is not None and arm.optimizer else None
    for name in dict.fromkeys((optimizer, None)):
        try:
            checkup = diagnose(run, optimizer=name, columns=_columns(seen, run))
        except LrlabError as error:
            why_not = str(error)
            continue
        return Examined(checkup=checkup, spans=tuple(_span(v, checkup, run) for v in checkup.verdicts))
    return Examined(checkup=None, why_not=why_not)


def _columns(seen: Seen, run: Run) -> dict[str, str]:
    """The study's own metric counts as a validation loss where the run has none by that name and smaller is better."""
    metric = seen.study.question.metric
    names = {name for record in run.records[-1:] for name in record.metrics}
    if metric.direction == "min" and metric.name in names and not names & {"loss", "val_loss", "train_loss"}:
        return {"val_loss": metric.name}
    return {}


def _span(verdict: Verdict, checkup: Checkup, run: Run) -> tuple[float, float] | None:
    """Where in the study's units a verdict's evidence lies."""
    places = [(one.first_step, one.last_step) for one in verdict.evidence if one.source]
    if not places or checkup.steps <= 0:
        return None
    first, last = min(place[0] for place in places), max(place[1] for place in places)
    known = sorted({(r.step, r.at) for r in run.records if r.step is not None})
    if len(known) < 2:
        known = [(0, 0.0), (checkup.steps, max(record.at for record in run.records))]
    steps, at = zip(*known, strict=True)
    low, high = np.interp([first, last], steps, at).tolist()
    return (low, high) if high > low else None


def planned(seen: Seen, run: Run) -> dict[str, Any] | None:
    """The planned rate beside the applied one: places and rates, and a sentence where they differ by more than 1 %.

    None where the run has logged no rate, or its plan cannot be told. A warm-up that was given beside the schedule, and
    not inside its text, is not known here.
    """
    told = [(r.at, r.step, r.metrics["lr"]) for r in run.records if "lr" in r.metrics]
    if not told:
        return None
    arm = next((arm for arm in seen.study.question.arms if arm.name == run.arm), None)
    text = arm.schedule if arm is not None else ""
    at = np.array([place for place, _, _ in told])
    plan = np.full(len(at), run.lr)
    if text not in ("", "constant"):
        steps = [step for _, step, _ in told]
        last = next((r for r in reversed(run.records) if r.step and r.at), None)
        if last is None or last.step is None or None in steps:
            return None
        per_unit = last.step / last.at
        try:
            if feedback(text) is not None:
                return None
            schedule = resolve(
                text, total_steps=max(round(seen.study.question.budget * per_unit), 1),
                steps_per_epoch=max(round(per_unit), 1) if seen.study.question.unit == "epoch" else None,
            )  # fmt: skip
        except LrlabError:
            return None
        # A record at step n tells the rate of the step before it.
        plan = np.array([run.lr * schedule(max((step or 0) - 1, 0)) for step in steps])
    applied = np.array([rate for _, _, rate in told])
    off = np.abs(applied - plan) > _OFF * np.maximum(np.abs(plan), 1e-300)
    stretches = _stretches(at, off)
    said = ""
    if stretches:
        worst = float(np.max(np.abs(applied - plan)[off] / np.maximum(np.abs(plan)[off], 1e-300)))
        where = ", ".join(f"{a:g} to {b:g}" if b > a else f"{a:g}" for a, b in stretches[:5])
        said = f"Applied and planned rate differ by up to {100 * worst:.3g} % at {seen.study.question.unit} {where}."
    thin = np.unique(np.linspace(0, len(at) - 1, min(len(at), 1_000)).round().astype(int))
    return {"schedule": text or "constant", "x": at[thin].tolist(), "y": plan[thin].tolist(),
            "off": [list(stretch) for stretch in stretches], "text": said}  # fmt: skip


def _stretches(at: Any, off: Any) -> list[tuple[float, float]]:
    """From where to where ``off`` holds."""
    edges = np.diff(np.concatenate(([False], off, [False])).astype(int))
    return [
        (float(at[a]), float(at[b - 1]))
        for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    ]
