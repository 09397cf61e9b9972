"""The training loss goes on falling, the validation loss does not."""

import math

import numpy as np

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import END, MEAN, between, lowest_by_luck, slope

_RISE = 0.03  # of the fall of the validation loss from its first value
_GRAVE = 0.2  # of its fall from the untrained network, as far as the log shows that
_NOISES = 3.0


def _look(signs: Signs) -> Verdict | None:
    blocks = signs.blocks["val_loss"]
    means = blocks[:, MEAN]
    best = int(np.argmin(means))
    last = signs.part("val_loss", 0.85, 1)
    noise = signs.part("val_loss", 0, 1).noise if best == 0 else signs.part("val_loss", 0.5, 1).noise
    fall = max(float(means[0] - means[best]), _RISE * abs(float(means[best])), 1e-12)
    rise = (last.mean - float(means[best])) / fall
    since = between(signs.blocks["loss"], _share(signs, int(blocks[best, END])), 1)
    trains_on = slope(since).per_step <= 0
    if not trains_on or rise < _RISE or last.mean - means[best] < noise * _luck(signs, last.count):
        return None
    if best > 0.9 * (len(means) - 1):
        return None
    stop = int(blocks[best, END])
    lost = rise * fall / max(signs.untrained() - float(means[best]), fall)
    return Verdict(
        symptom="overfitting",
        severity="warn" if lost >= _GRAVE else "note",
        confidence=0.95,  # python -m benchmarks.diagnosis_symptoms
        sentence=f"The run overfits: its validation loss was lowest at {signs.at(stop)} and has risen since, "
        "while the training loss has not.",
        evidence=(
            Evidence(
                name="rise above the lowest, over the fall from the first value",
                value=rise,
                threshold=_RISE,
                source="val_loss",
                first_step=stop,
                last_step=last.last_step,
            ),
            Evidence(
                name="rise over the fall from the untrained network, a warning from the limit on",
                value=lost,
                threshold=_GRAVE,
                source="val_loss",
                first_step=stop,
                last_step=last.last_step,
            ),
        ),
        advice=Advice(
            change="total_steps",
            value=float(stop),
            text=f"Stop at {signs.at(stop)}, or keep that checkpoint.",
        ),
    )


def _luck(signs: Signs, last: int) -> float:
    """How far the last validations may lie above the lowest by noise alone, in its standard deviations."""
    count, blocks = signs.tracks["val_loss"].count, len(signs.blocks["val_loss"])
    return _NOISES / math.sqrt(max(last, 1)) + lowest_by_luck(blocks) * math.sqrt(blocks / count)


def _share(signs: Signs, step: int) -> float:
    """Where a step lies in the training loss."""
    first, last = signs.blocks["loss"][0, END], signs.blocks["loss"][-1, END]
    return float(min(max((step - first) / max(last - first, 1e-12), 0.0), 0.9))


RULE = Rule(
    symptom="overfitting", looks_for="overfitting", needs=("val_loss", "loss"), look=_look, least_points=5
)
