"""The rate was too low already, and it began to fall early."""

import numpy as np

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import BEGIN, MEAN

_FALLEN = 0.9  # of the peak: below it the decay has begun
_EARLY = 0.5  # of the training
_SURE = 0.85  # confidence of too low a rate: below it as many decays are right as wrong
_SEEN = 0.45  # of the training: before, a decay says little
_LEARNED = 0.1  # of the first loss: of a run that has learned less, no schedule is the trouble


def _look(signs: Signs) -> Verdict | None:
    if signs.rate.verdict != "too_low" or signs.rate.confidence < _SURE or signs.seen < _SEEN * signs.total:
        return None
    rates = signs.blocks["lr"][:, MEAN]
    level = np.flatnonzero(rates >= _FALLEN * rates.max())
    if level[-1] + 1 >= len(rates):
        return None  # it has not begun
    begin = int(signs.blocks["lr"][level[-1] + 1, BEGIN])
    share = begin / signs.total
    first, last = signs.part("loss", 0, 0.02).mean, signs.part("loss", 0.9, 1).mean
    if share > _EARLY or first - last < _LEARNED * abs(first):
        return None
    later = round(0.8 * signs.total)
    return Verdict(
        symptom="decay_too_early",
        severity="note",
        confidence=0.93,  # python -m benchmarks.diagnosis_schedules
        sentence=f"The rate, too low already, fell from {signs.at(begin)} on: at its peak for longer it would have done more.",
        evidence=(
            Evidence(
                name="share of the training before the rate fell",
                value=share,
                threshold=_EARLY,
                source="lr",
                first_step=begin,
                last_step=signs.seen,
            ),
        ),
        advice=Advice(
            change="decay_step",
            value=float(later),
            text=f"Raise the rate, or keep its peak for longer, such as to {signs.at(later)}.",
        ),
    )


RULE = Rule(
    symptom="decay_too_early", looks_for="a decay that came too early", needs=("lr", "loss"), look=_look
)
