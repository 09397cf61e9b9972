"""The rate is too high, or too low: what the fitted model says, in words."""

import math

from lrlab.core.lr_range import format_lr
from lrlab.core.verdict import Advice, Evidence, Severity, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.rate import WARN_FROM
from lrlab.diagnosis.signals import HIGH

_MOVED = 3.0  # standard errors


def _look(signs: Signs, word: str) -> Verdict | None:
    rate = signs.rate
    if rate.verdict != word:
        return None
    severity: Severity = "warn" if rate.confidence >= WARN_FROM else "note"
    lower = word == "too_high"
    text = f"{'Lower' if lower else 'Raise'} the rate: multiply it by {rate.factor:g}"
    value = None
    if "lr" in signs.blocks:
        value = float(signs.blocks["lr"][:, HIGH].max()) * rate.factor
        text += f", to about {format_lr(value, digits=2)}"
    text += "."
    sentence = f"The learning rate is too {'high' if lower else 'low'} for this run."
    if not lower and abs(_fallen(signs)) <= _MOVED:
        sentence = "The learning rate is too low for this run: its loss has not moved beyond its noise."
        text += " If that moves nothing either, look at labels, frozen weights and whether gradients arrive."
    return Verdict(
        symptom=f"rate_{word}",
        severity=severity,
        confidence=rate.confidence,
        sentence=sentence,
        evidence=evidence_of(signs),
        advice=Advice(change="lr", factor=rate.factor, value=value, text=text),
    )


def evidence_of(signs: Signs) -> tuple[Evidence, ...]:
    """The signals that tell a person most; the model weighs more of them."""
    last = signs.part("loss", 0.9, 1)
    first = float(signs.part("loss", 0, 0.02).mean)
    if first > 0 and last.mean > 0:
        now = "loss now over its first value", last.mean / first
    else:  # a log-likelihood, for one
        now = "loss now less its first value", last.mean - first
    found = [_told(*now, "loss", last.first_step, last.last_step)]
    if _fallen(signs) > _MOVED:
        before, fall = signs.part("loss", 0.6, 0.7), signs.fall()
        late = (before.mean - last.mean) / fall
        found.append(
            _told("share of the fall made since two thirds", late, "loss", before.first_step, last.last_step)
        )
        if last.noise > 0:
            found.append(
                _told("noise over the whole fall", last.noise / fall, "loss", last.first_step, last.last_step)
            )
    if "update_ratio" in signs.blocks:
        part = signs.part("update_ratio", 0, 1)
        found.append(
            _told("mean step over weights", part.mean, "update_ratio", part.first_step, part.last_step)
        )
    elif "grad_norm" in signs.blocks:
        begin, end = signs.part("grad_norm", 0, 0.1), signs.part("grad_norm", 0.9, 1)
        growth = end.mean / begin.mean if begin.mean > 0 else 0.0
        found.append(
            _told("gradient now over its first length", growth, "grad_norm", begin.first_step, end.last_step)
        )
    return tuple(found)


def _fallen(signs: Signs) -> float:
    """How far the losses have fallen, in standard errors of first and last ones."""
    first, last = signs.part("loss", 0, 0.05), signs.part("loss", 0.9, 1)
    error = math.hypot(first.noise / math.sqrt(first.count), last.noise / math.sqrt(last.count))
    return (first.mean - last.mean) / max(error, 1e-9 * abs(first.mean), 1e-300)


def _told(name: str, value: float, source: str, first: int, last: int) -> Evidence:
    return Evidence(name=name, value=value, source=source, first_step=first, last_step=last)


TOO_HIGH = Rule(
    symptom="rate_too_high",
    looks_for="too high a rate",
    needs=("loss",),
    least_points=4,
    look=lambda signs: _look(signs, "too_high"),
)
TOO_LOW = Rule(
    symptom="rate_too_low",
    looks_for="too low a rate",
    needs=("loss",),
    least_points=4,
    look=lambda signs: _look(signs, "too_low"),
)
