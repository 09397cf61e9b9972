"""The loss is not finite any more, or has climbed far above where it began."""

import math

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import LOSSES, Rule, Signs
from lrlab.diagnosis.rate import DIVERGED_CONFIDENCE, DIVERGED_FACTOR
from lrlab.diagnosis.signals import MEAN, Stretch, lowest_by_luck

_HIGHER = 3.0  # times its first value
_NOISES = 4.0  # standard errors of the last losses
_CLIMB = 0.5  # of the whole fall, above the lowest
_NEAR = 0.1  # of its fall: so near its lowest the validation loss counts as lowest
_LEAST_VALIDATIONS = 4
_NO_RATE = Advice(
    change="data",
    text="No rate helps here: look for NaN in the inputs, a logarithm or root of 0 in the loss, and numbers too large for float16.",
)
_DIVERGING = 0.95  # so often the rate was too high; python -m benchmarks.diagnosis_symptoms


def _look(signs: Signs) -> Verdict | None:
    return _not_finite(signs) or _climbed(signs)


def _not_finite(signs: Signs) -> Verdict | None:
    for column in LOSSES:
        track = signs.tracks.get(column)
        if track is None or track.last_bad_step is None or track.first_bad_step is None:
            continue
        last_good = int(signs.blocks[column][-1, -1]) if column in signs.blocks else -1
        if track.last_bad_step < last_good:
            continue  # a skipped step of a loss scaler: finite values came after it
        evidence = Evidence(
            name="values that are not finite", value=float(track.bad_count), threshold=0.0, source=column,
            first_step=track.first_bad_step, last_step=track.last_bad_step,
        )  # fmt: skip
        began = signs.at(track.first_bad_step)
        never = not track.count and track.first_bad_step <= 1 and signs.epochs is None
        return Verdict(
            symptom="diverged",
            severity="error",
            confidence=DIVERGED_CONFIDENCE,
            sentence=f"The run never worked: {column} is not finite even at {began}, before any change."
            if never
            else f"The run has diverged: {column} is not finite from {began} on.",
            evidence=(evidence,),
            advice=_NO_RATE if never else _advice(DIVERGED_FACTOR),
        )
    return None


def _climbed(signs: Signs) -> Verdict | None:
    if "loss" not in signs.blocks or signs.tracks["loss"].count < 8 or _validates(signs):
        return None
    smooth = signs.tracks["loss"].smooth
    first, last = signs.part("loss", 0, 0.02), signs.part("loss", 0.9, 1)
    over = last.mean / first.mean if first.mean > 0 else 0.0
    if over >= _HIGHER and smooth.value >= _HIGHER * first.mean:
        evidence = Evidence(
            name="loss now over its first value", value=over, threshold=_HIGHER, source="loss",
            first_step=last.first_step, last_step=last.last_step,
        )  # fmt: skip
        return Verdict(
            symptom="diverged",
            severity="error",
            confidence=0.95,
            sentence=f"The run has diverged: its loss stands at {over:.3g} times its first value.",
            evidence=(evidence,),
            advice=_advice(signs.rate.factor if signs.rate.verdict == "too_high" else 0.1),
        )
    fall = signs.fall()
    climb = (last.mean - smooth.lowest) / fall
    if climb >= _CLIMB and last.mean - smooth.lowest > _luck(signs, last):
        evidence = Evidence(
            name="climb above the lowest, over the whole fall", value=climb, threshold=_CLIMB, source="loss",
            first_step=smooth.lowest_step, last_step=last.last_step,
        )  # fmt: skip
        return Verdict(
            symptom="diverging",
            severity="warn",
            confidence=_DIVERGING,
            sentence=f"The run is losing what it had learned: its loss was lowest around {signs.at(smooth.lowest_step)}.",
            evidence=(evidence,),
            advice=_advice(0.3),
        )
    return None


def _luck(signs: Signs, last: Stretch) -> float:
    """How far the last losses may lie above the lowest by noise alone: the lowest of many is low by luck.

    Smoothing leaves independent noise ``((1 - b) / (1 + b)) ** 0.5`` of its deviation.
    """
    keep = signs.tracks["loss"].smooth.keep
    lowest = lowest_by_luck(signs.tracks["loss"].count) * math.sqrt((1 - keep) / (1 + keep))
    return signs.part("loss", 0.5, 1).noise * (_NOISES / math.sqrt(max(last.count, 1)) + lowest)


def _validates(signs: Signs) -> bool:
    """Whether the validation loss has fallen and stands near its lowest: then another loss is trained on than before.

    As where a data augmentation ends, where a weight of a term grows, or where examples become harder.
    """
    if "val_loss" not in signs.blocks or signs.tracks["val_loss"].count < _LEAST_VALIDATIONS:
        return False
    means = signs.blocks["val_loss"][:, MEAN]
    lost = signs.part("val_loss", 0.85, 1).mean - float(means.min())
    return bool(lost <= _NEAR * (means[0] - means.min()))


def _advice(factor: float) -> Advice:
    return Advice(
        change="lr", factor=factor, text=f"Go back to before it climbed, with the rate times {factor:g}."
    )


RULE = Rule(symptom="diverged", looks_for="divergence", needs=(), look=_look, least_points=0)
