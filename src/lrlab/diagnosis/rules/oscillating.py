"""The validation loss swings so far that luck decides where the training ends."""

import numpy as np

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import END, MEAN

_SWING = 0.1  # of all that was learned, from one validation to the next
_LOST = 0.05  # of the same: so far above the lowest do the last validations lie
_DECAYED = 0.1  # of the peak: a rate that ends below it has fallen by a schedule


def _look(signs: Signs) -> Verdict | None:
    if not signs.finished or signs.rate.verdict in ("too_high", "too_low"):
        return None  # the schedule may calm it yet; and another rate swings otherwise
    blocks = signs.blocks["val_loss"]
    best = int(np.argmin(blocks[:, MEAN]))
    lowest = float(blocks[best, MEAN])
    learned = signs.untrained() - lowest
    if learned <= 0:
        return None
    late, last = signs.part("val_loss", 0.5, 1), signs.part("val_loss", 0.85, 1)
    swing, lost = late.noise / learned, (last.mean - lowest) / learned
    if swing < _SWING or lost < _LOST:
        return None
    keep_step = int(blocks[best, END])
    keep = signs.at(keep_step)
    text = f"Keep the checkpoint of {keep}."
    if not _falls(signs):
        yet = "" if "lr" in signs.blocks else ", if it does not yet"
        text = f"Let the rate fall to zero towards the end{yet}, and keep the checkpoint of {keep}."
    return Verdict(
        symptom="oscillating",
        severity="note",
        confidence=0.94,  # python -m benchmarks.diagnosis_oscillation --train
        sentence="The validation loss swings to and fro: luck decides how good the last checkpoint is.",
        evidence=(
            Evidence(
                name="from one validation to the next, over all that was learned",
                value=swing,
                threshold=_SWING,
                source="val_loss",
                first_step=late.first_step,
                last_step=late.last_step,
            ),
            Evidence(
                name="last ones above the lowest, over all that was learned",
                value=lost,
                threshold=_LOST,
                source="val_loss",
                first_step=keep_step,
                last_step=last.last_step,
            ),
        ),
        advice=Advice(change="schedule", text=text),
    )


def _falls(signs: Signs) -> bool:
    """Whether the rate is known to have fallen by a schedule."""
    if "lr" not in signs.blocks:
        return False
    rates = signs.blocks["lr"][:, MEAN]
    return bool(rates[-1] < _DECAYED * rates.max())


RULE = Rule(
    symptom="oscillating",
    looks_for="a validation loss that swings",
    needs=("val_loss", "loss"),
    look=_look,
    least_points=8,
)
