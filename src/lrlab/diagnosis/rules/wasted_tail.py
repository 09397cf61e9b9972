"""The last part of the training ran at next to no rate, and nothing came of it."""

import numpy as np

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import BEGIN, HIGH, MEAN

_LITTLE = 0.01  # of the peak rate
_SHARE = 0.1  # of the whole training
_GAIN = 0.01  # of the whole fall


def _look(signs: Signs) -> Verdict | None:
    rates = signs.blocks["lr"]
    low = rates[:, HIGH] < _LITTLE * rates[:, HIGH].max()
    begins = len(low) - int(np.argmin(low[::-1])) if not low.all() else 0
    if begins >= len(low):
        return None
    step = int(rates[begins, BEGIN])
    share = (signs.seen - step) / signs.total
    loss = signs.blocks["loss"]
    before, after = loss[loss[:, BEGIN] < step], loss[loss[:, BEGIN] >= step]
    if share < _SHARE or not len(before) or not len(after):
        return None
    nearby = before[-max(len(after) // 4, 1) :]
    gain = float(nearby[:, MEAN].mean() - after[-max(len(after) // 4, 1) :, MEAN].mean()) / signs.fall()
    if gain > _GAIN:
        return None
    return Verdict(
        symptom="wasted_tail",
        severity="note",
        confidence=0.9,
        sentence=f"From {signs.at(step)} on the rate was below {100 * _LITTLE:g} % of its peak, and the loss hardly moved.",
        evidence=(
            Evidence(
                name="share of the training at next to no rate",
                value=share,
                threshold=_SHARE,
                source="lr",
                first_step=step,
                last_step=signs.seen,
            ),
            Evidence(
                name="fall in that time, over the whole fall",
                value=gain,
                threshold=_GAIN,
                source="loss",
                first_step=step,
                last_step=signs.seen,
            ),
        ),
        advice=Advice(
            change="total_steps",
            value=float(step),
            text=f"End the training around {signs.at(step)}, or decay more slowly.",
        ),
    )


RULE = Rule(symptom="wasted_tail", looks_for="a wasted tail", needs=("lr", "loss"), look=_look)
