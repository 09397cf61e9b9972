"""The training ends while the loss still falls."""

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import between, slope

_STRETCH = 0.25
_GAIN = 0.05  # of the whole fall, in the last quarter
_SURE = 3.0  # standard errors


def _look(signs: Signs) -> Verdict | None:
    if not signs.finished or not signs.told_total:
        return None
    column = "val_loss" if "val_loss" in signs.blocks and signs.tracks["val_loss"].count >= 8 else "loss"
    line = slope(between(signs.blocks[column], 1 - _STRETCH, 1))
    part = signs.part(column, 1 - _STRETCH, 1)
    gain = -line.per_step * (part.last_step - part.first_step) / signs.fall(column)
    if gain < _GAIN or -line.sure < _SURE:
        return None
    return Verdict(
        symptom="underfitting",
        severity="note",
        confidence=0.95,  # python -m benchmarks.diagnosis_symptoms
        sentence=f"The training ended too early: {column} was still falling.",
        evidence=(
            Evidence(
                name="fall in the last quarter, over the whole fall",
                value=gain,
                threshold=_GAIN,
                source=column,
                first_step=part.first_step,
                last_step=part.last_step,
            ),
        ),
        advice=Advice(
            change="total_steps",
            factor=1.5,
            text="Train longer, or at a higher rate if that is told too low.",
        ),
    )


RULE = Rule(symptom="underfitting", looks_for="underfitting", needs=("loss",), look=_look, least_points=16)
