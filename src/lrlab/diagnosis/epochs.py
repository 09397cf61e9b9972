"""A checkup of a log that counts epochs, in epochs: a step that was only assumed tells nobody anything."""

from dataclasses import replace

from lrlab.core.verdict import Advice, Checkup, Evidence, Verdict
from lrlab.diagnosis.protocol import Epochs

_CHANGES = {"total_steps": "epochs", "decay_step": "decay_epoch"}


def in_epochs(checkup: Checkup, epochs: Epochs) -> Checkup:
    """The same with epochs for steps, by the log's own numbers.

    Args:
        checkup: In steps.
        epochs: How the log was laid out in them.
    """

    def evidence(one: Evidence) -> Evidence:
        return replace(
            one, first_step=epochs.at(one.first_step), last_step=epochs.at(one.last_step), unit="epoch"
        )

    def advice(one: Advice) -> Advice:
        if one.change not in _CHANGES:
            return one
        value = None if one.value is None else float(epochs.at(one.value))
        return replace(one, change=_CHANGES[one.change], value=value)

    def verdict(one: Verdict) -> Verdict:
        return replace(
            one,
            evidence=tuple(map(evidence, one.evidence)),
            advice=None if one.advice is None else advice(one.advice),
        )

    return replace(
        checkup,
        verdicts=tuple(map(verdict, checkup.verdicts)),
        steps=round(checkup.steps / epochs.steps),
        total_steps=None if checkup.total_steps is None else round(checkup.total_steps / epochs.steps),
        unit="epoch",
    )
