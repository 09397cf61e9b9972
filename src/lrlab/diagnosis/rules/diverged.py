"""The loss is not finite any more, or has climbed far above where it began."""

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import LOSSES, Rule, Signs
from lrlab.diagnosis.rate import DIVERGED_CONFIDENCE

_HIGHER = 3.0  # times its first value
_CLIMB = 0.5  # of the whole fall, above the lowest
_DIVERGING = 0.73  # so often the rate was too high; python -m benchmarks.diagnosis_symptoms


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
        return Verdict(
            symptom="diverged",
            severity="error",
            confidence=DIVERGED_CONFIDENCE,
            sentence=f"The run has diverged: {column} is not finite from step {track.first_bad_step} on.",
            evidence=(evidence,),
            advice=_advice(0.1),
        )
    return None


def _climbed(signs: Signs) -> Verdict | None:
    if "loss" not in signs.blocks or signs.tracks["loss"].count < 8:
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
            advice=_advice(0.1),
        )
    fall = signs.fall()
    climb = (last.mean - smooth.lowest) / fall
    if climb >= _CLIMB and last.mean - smooth.lowest > 4 * last.noise / max(last.count, 1) ** 0.5:
        evidence = Evidence(
            name="climb above the lowest, over the whole fall", value=climb, threshold=_CLIMB, source="loss",
            first_step=smooth.lowest_step, last_step=last.last_step,
        )  # fmt: skip
        return Verdict(
            symptom="diverging",
            severity="warn",
            confidence=_DIVERGING,
            sentence=f"The run is losing what it had learned: its loss was lowest around step {smooth.lowest_step}.",
            evidence=(evidence,),
            advice=_advice(0.3),
        )
    return None


def _advice(factor: float) -> Advice:
    return Advice(
        change="lr", factor=factor, text=f"Go back to before it climbed, with the rate times {factor:g}."
    )


RULE = Rule(symptom="diverged", looks_for="divergence", needs=(), look=_look, least_points=0)
