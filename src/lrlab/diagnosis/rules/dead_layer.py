"""A layer that was trained gets no gradient any more."""

import numpy as np

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs
from lrlab.diagnosis.signals import BEGIN, COUNT, END, HIGH, LAST

_NOTHING = 1e-9  # of the whole gradient
_LEAST = 5  # samples in a row


def _look(signs: Signs) -> Verdict | None:
    blocks = signs.blocks["layer_grad_min"]
    alive = np.flatnonzero(blocks[:, HIGH] > _NOTHING)
    if not len(alive):
        return None  # it never had one: a layer that nothing uses is no sign of the rate
    dead = blocks[alive[-1] + 1 :]
    if dead[:, COUNT].sum() < _LEAST:
        return None
    first, last = int(dead[0, BEGIN]), int(dead[-1, END])
    return Verdict(
        symptom="dead_layer",
        severity="warn",
        confidence=0.95,  # python -m benchmarks.layers
        sentence=f"{_name(signs)} is dead: since step {first} its weights have had no gradient.",
        evidence=(
            Evidence(
                name="shortest gradient of a layer, over the whole gradient",
                value=float(dead[:, HIGH].max()),
                threshold=_NOTHING,
                source="layer_grad_min",
                first_step=first,
                last_step=last,
            ),
        ),
        advice=Advice(
            change="lr",
            factor=0.1,
            text="Begin anew at a tenth of the rate, or with a warm-up: what is dead does not come back.",
        ),
    )


def _name(signs: Signs) -> str:
    """The layer, as far as it is known."""
    if "layer_grad_min_at" not in signs.blocks:
        return "A layer"
    number = round(float(signs.blocks["layer_grad_min_at"][-1, LAST]))
    return f"Layer {signs.layers[number]}" if number < len(signs.layers) else f"Layer {number}"


RULE = Rule(
    symptom="dead_layer",
    looks_for="dead layers",
    needs=("layer_grad_min",),
    look=_look,
    least_points=_LEAST,
)
