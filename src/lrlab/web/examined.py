"""Runs looked at closely: what a checkup says of one, and where it stands in the charts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lrlab.api.diagnose import diagnose
from lrlab.core.errors import LrlabError
from lrlab.core.outcome import State
from lrlab.core.run import Run
from lrlab.core.verdict import Checkup, Verdict
from lrlab.diagnosis.checkup import RULES
from lrlab.readers.names import Names
from lrlab.report.checkup_text import rate_sentence
from lrlab.report.flags import Flag, flags
from lrlab.web.shelf import Seen

MOST_RECORDS = 20_000  # a longer run takes seconds, and a page waits for none
_GROWN = 0.05  # a run that trains is looked at again when so much more has come
_MOST_NAMED = 50  # bits that a float holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What is known of one run besides its numbers.

    Args:
        checkup: What its log tells; None where it cannot be told.
        why_not: Why it cannot, or "".
        flags: For each verdict where it stands in the charts.
        records: How many records of the run it rests on.
    """

    checkup: Checkup | None
    why_not: str = ""
    flags: tuple[Flag, ...] = ()
    records: int = 0

    @property
    def rate(self) -> str:
        """Whether its rate is right, as a sentence; "" where nothing is known."""
        return "" if self.checkup is None else rate_sentence(self.checkup.rate, lr=self.checkup.lr)

    @property
    def checked(self) -> list[str]:
        """What was looked for, each in a few words."""
        unchecked = {gap.symptom for gap in self.checkup.unchecked} if self.checkup else set()
        return [rule.looks_for for rule in RULES if rule.symptom not in unchecked]

    def document(self) -> dict[str, Any]:
        """The same for the API."""
        if self.checkup is None:
            return {"rate": None, "verdicts": [], "checked": [], "unchecked": [], "why_not": self.why_not}
        return {
            "rate": {"verdict": self.checkup.rate.verdict, "confidence": self.checkup.rate.confidence,
                     "factor": self.checkup.rate.factor, "text": self.rate},
            "verdicts": [
                _verdict(verdict, flag)
                for verdict, flag in zip(self.checkup.verdicts, self.flags, strict=True)
            ],
            "checked": self.checked,
            "unchecked": [{"symptom": gap.symptom, "missing": list(gap.missing), "text": gap.text}
                          for gap in self.checkup.unchecked],
            "why_not": "",
        }  # fmt: skip


def _verdict(verdict: Verdict, flag: Flag) -> dict[str, Any]:
    advice = verdict.advice
    return {
        "number": flag.number,
        "symptom": verdict.symptom,
        "severity": verdict.severity,
        "icon": flag.icon,
        "confidence": verdict.confidence,
        "text": verdict.sentence,
        "evidence": [
            {"name": one.name, "value": one.value, "threshold": one.threshold, "source": one.source,
             "steps": [one.first_step, one.last_step], "text": str(one)}
            for one in verdict.evidence
        ],
        "advice": None if advice is None else advice.text,
        "lr": advice.value if advice is not None and advice.change == "lr" else None,
        "span": None if flag.span is None else list(flag.span),
        "metrics": list(flag.metrics),
    }  # fmt: skip


def examined(seen: Seen, run: Run) -> Examined:
    """What a checkup says of a run; the same records are looked at once, and of a run that goes on not every new one."""
    known = seen.examined.get((run.key, run.status))
    if known is None or _has_grown(known, run):
        for status in {key[1] for key in seen.examined if key[0] == run.key}:
            seen.examined.pop((run.key, status), None)
        known = seen.examined[run.key, run.status] = _examine(seen, run)
    found: Examined = known
    return found


def _has_grown(known: Examined, run: Run) -> bool:
    new = len(run.records) - known.records
    return new > 0 and (run.ended or run.state is not State.RUNNING or new >= _GROWN * known.records)


def _examine(seen: Seen, run: Run) -> Examined:
    count = len(run.records)
    if not run.records:
        return Examined(checkup=None, why_not="It has recorded nothing yet.")
    if count > MOST_RECORDS:
        text = f"It has {count:,} records, too many to look at while a page waits. In a terminal: "
        text += f"lrlab diagnose {seen.study.name} --lr {run.lr!r} --seed {run.seed}"
        return Examined(checkup=None, why_not=text, records=count)
    arm = next((arm for arm in seen.study.question.arms if arm.name == run.arm), None)
    optimizer = arm.optimizer if arm is not None and arm.optimizer else None
    columns = _columns(seen, run)
    for name in dict.fromkeys((optimizer, None)):
        try:
            checkup = diagnose(run, optimizer=name, columns=columns)
        except LrlabError as error:
            why_not = str(error)
            continue
        found = flags(
            checkup.verdicts,
            span=partial(_span, checkup=checkup, run=run),
            named=_named(run, columns),
            usual=seen.study.question.metric.name,
        )
        return Examined(checkup=checkup, flags=found, records=count)
    return Examined(checkup=None, why_not=why_not, records=count)


def _named(run: Run, columns: Mapping[str, str]) -> Callable[[str], list[str]]:
    """From lrlab's name of a column to the run's metrics that it was read from."""
    metrics = list(dict.fromkeys(name for r in (run.records[0], run.records[-1]) for name in r.metrics))
    metrics = metrics[:_MOST_NAMED]
    # Each gets a bit of its own, so a column that is a sum tells its parts.
    row = Names(columns).row({name: 2.0**k for k, name in enumerate(metrics)}, place="", where="")
    bits = {column: int(value) for column, value in row.metrics.items()}
    return lambda column: [name for k, name in enumerate(metrics) if bits.get(column, 0) >> k & 1]


def _columns(seen: Seen, run: Run) -> dict[str, str]:
    """The study's own metric counts as a validation loss where the run has none by that name and smaller is better."""
    metric = seen.study.question.metric
    names = {name for record in run.records[-1:] for name in record.metrics}
    if metric.direction == "min" and metric.name in names and not names & {"loss", "val_loss", "train_loss"}:
        return {"val_loss": metric.name}
    return {}


def _span(verdict: Verdict, *, checkup: Checkup, run: Run) -> tuple[float, float] | None:
    """Where in the study's units a verdict's evidence lies; of a single place, from the record before it on."""
    places = [(one.first_step, one.last_step) for one in verdict.evidence if one.source]
    if not places or checkup.steps <= 0:
        return None
    first, last = min(place[0] for place in places), max(place[1] for place in places)
    known = sorted({(r.step, r.at) for r in run.records if r.step is not None})
    if len(known) < 2:
        known = [(0, 0.0), (checkup.steps, max(record.at for record in run.records))]
    steps, at = zip(*known, strict=True)
    low, high = np.interp([first, last], steps, at).tolist()
    if high == low:
        low = max((record.at for record in run.records if record.at < high), default=low)
    return (low, high) if high > low else None
