"""Nothing moves any more, though the training is not over."""

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import between, slope

_STRETCH = 0.4  # the last part of what was seen
_GAIN = 0.01  # of the whole fall
_STUCK = 0.02  # of the first loss: less than this was never learned


def _look(signs: Signs) -> Verdict | None:
    if signs.finished:
        return None
    late = between(signs.blocks["loss"], 1 - _STRETCH, 1)
    line = slope(late)
    whole, first = signs.part("loss", 0, 1), signs.part("loss", 0, 0.02)
    part = signs.part("loss", 1 - _STRETCH, 1)
    gain = -line.per_step * (part.last_step - part.first_step) / signs.fall()
    sure = 2 * line.error * (part.last_step - part.first_step) / signs.fall()
    fallen = (first.mean - part.mean) / max(abs(first.mean), 1e-12)
    if gain + sure > _GAIN + 0.02 or gain > _GAIN or fallen < _STUCK:
        return None
    high = signs.rate.verdict != "too_low"
    text = (
        "Lower the rate now: what is left is noise that a lower rate would let settle."
        if high
        else "Raise the rate: the run has come to rest too early."
    )
    return Verdict(
        symptom="plateau",
        severity="note",
        confidence=0.95,  # python -m benchmarks.diagnosis_symptoms
        sentence=f"The training loss has not moved since {signs.at(part.first_step)}.",
        evidence=(
            Evidence(
                name="fall since then, over the whole fall",
                value=gain,
                threshold=_GAIN,
                source="loss",
                first_step=part.first_step,
                last_step=whole.last_step,
            ),
        ),
        advice=Advice(change="lr", factor=0.3 if high else signs.rate.factor, text=text),
    )


RULE = Rule(symptom="plateau", looks_for="a plateau", needs=("loss",), look=_look, least_points=32)
