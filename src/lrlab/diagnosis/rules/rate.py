"""The rate is too high, or too low: what the fitted model says, in words."""

from lrlab.core.lr_range import format_lr
from lrlab.core.verdict import Advice, Evidence, Severity, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.rate import WARN_FROM
from lrlab.diagnosis.signals import HIGH


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
    return Verdict(
        symptom=f"rate_{word}",
        severity=severity,
        confidence=rate.confidence,
        sentence=f"The learning rate is too {'high' if lower else 'low'} for this run.",
        evidence=evidence_of(signs),
        advice=Advice(change="lr", factor=rate.factor, value=value, text=f"{text}."),
    )


def evidence_of(signs: Signs) -> tuple[Evidence, ...]:
    """The signals that tell a person most; the model weighs more of them."""
    whole, last = signs.part("loss", 0, 1), signs.part("loss", 0.9, 1)
    fall = signs.fall()
    found = [
        _told("loss now over its first value", last.mean / _start(signs), "loss", last.first_step, last.last_step),
        _told("share of the fall made in the last third", (signs.part("loss", 0.33, 0.66).mean - last.mean) / fall,
              "loss", whole.first_step, last.last_step),
        _told("noise over the whole fall", last.noise / fall, "loss", last.first_step, last.last_step),
    ]  # fmt: skip
    if "update_ratio" in signs.blocks:
        part = signs.part("update_ratio", 0, 1)
        found.append(
            _told("mean step over weights", part.mean, "update_ratio", part.first_step, part.last_step)
        )
    elif "grad_norm" in signs.blocks:
        first, end = signs.part("grad_norm", 0, 0.1), signs.part("grad_norm", 0.9, 1)
        growth = end.mean / first.mean if first.mean > 0 else 0.0
        found.append(
            _told("gradient now over its first length", growth, "grad_norm", first.first_step, end.last_step)
        )
    return tuple(found)


def _start(signs: Signs) -> float:
    """The first loss, never 0."""
    first = float(signs.part("loss", 0, 0.02).mean)
    return first if abs(first) > 1e-12 else 1e-12


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
