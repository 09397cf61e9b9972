"""From logged columns to a checkup: signals, the model of the rate, every rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrlab.core.verdict import Checkup, RateVerdict, Unchecked, Verdict
from lrlab.diagnosis import rate as model
from lrlab.diagnosis.epochs import in_epochs
from lrlab.diagnosis.features import Course, family
from lrlab.diagnosis.protocol import LOSSES, Epochs, Rule, Signs
from lrlab.diagnosis.rules import (
    dead_layer,
    decay_too_early,
    diverged,
    not_as_planned,
    oscillating,
    overfitting,
    plateau,
    rate,
    underfitting,
    wasted_tail,
)
from lrlab.diagnosis.signals import HIGH, LOW, Floats, Track
from lrlab.schedules.audit import Finding, audit

RULES: tuple[Rule, ...] = (
    diverged.RULE,
    dead_layer.RULE,
    rate.TOO_HIGH,
    rate.TOO_LOW,
    plateau.RULE,
    overfitting.RULE,
    oscillating.RULE,
    underfitting.RULE,
    wasted_tail.RULE,
    decay_too_early.RULE,
    not_as_planned.RULE,
)
_LEAST_VALIDATIONS = 2
_SURE_ENOUGH = 0.7  # below it, "right" is told with what else it may be
_WORTH_SAYING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What a run logged, by lrlab's names.

    Args:
        columns: ``loss val_loss val_acc grad_norm update_ratio lr layer_grad_min layer_grad_min_at`` as far as logged,
            each its steps (ascending) and values, two arrays of one length.
        seen: Optimizer steps seen.
        total: Length of the whole training; None if unknown.
        optimizer: Its name; "" if unknown.
        planned: The planned rate of every step, for the audit; None where there is no plan.
        relative: Whether ``planned`` are multipliers of an unknown peak.
        running: Whether more will come, so that the plan has not ended early.
        source: What was read.
        notes: What could not be told from the source itself.
        epochs: How epochs were laid out in steps, where the source counts them and nothing tells how long they are.
    """

    columns: Mapping[str, tuple[Floats, Floats]]
    seen: int
    total: int | None = None
    optimizer: str = ""
    planned: Floats | None = None
    relative: bool = False
    running: bool = False
    source: str = ""
    notes: tuple[Unchecked, ...] = ()
    epochs: Epochs | None = None


def check_up(log: Log) -> Checkup:
    """Everything that the columns tell.

    Raises:
        SpecError: If the optimizer is not known, or the plan does not fit the rates.
    """
    tracks = {name: Track() if name in LOSSES else Track(span=None) for name in log.columns}
    for name, (steps, values) in log.columns.items():
        tracks[name].extend(steps, values)
    return check_up_tracks(
        tracks,
        seen=log.seen,
        total=log.total,
        optimizer=log.optimizer,
        planned=_audit(log),
        source=log.source,
        notes=log.notes,
        epochs=log.epochs,
    )


def check_up_tracks(
    tracks: Mapping[str, Track],
    *,
    seen: int,
    total: int | None = None,
    optimizer: str = "",
    planned: Sequence[Finding] | None = None,
    source: str = "",
    notes: tuple[Unchecked, ...] = (),
    layers: Sequence[str] = (),
    epochs: Epochs | None = None,
) -> Checkup:
    """Everything that columns tell which were taken in point by point; what it costs does not grow with them.

    Args:
        tracks: Column to its signals.
        seen: Optimizer steps seen.
        total: Length of the whole training; None if unknown.
        optimizer: Its name; "" if unknown.
        planned: Findings of the schedule's audit; None where there was none.
        source: What was read.
        notes: What could not be told from the source itself.
        layers: What the numbers in ``layer_grad_min_at`` stand for, as far as known.
        epochs: How epochs were laid out in steps, where the source counts those; the checkup speaks of epochs then.

    Raises:
        SpecError: If the optimizer is not known.
    """
    kind = family(optimizer)
    blocks = {name: track.blocks() for name, track in tracks.items() if track.count}
    length = max(total or seen, seen, 1)
    signs = Signs(
        tracks=tracks,
        blocks=blocks,
        rate=_rate(tracks, blocks, kind, seen=max(seen, 1), total=length),
        seen=seen,
        total=length,
        told_total=total is not None,
        planned=planned,
        layers=layers,
        epochs=epochs,
    )
    found, unchecked = [], list(notes)
    for rule in RULES:
        gap = rule.unchecked(signs)
        verdict = rule.look(signs) if gap is None else None
        if gap is not None:
            unchecked.append(gap)
        if verdict is not None:
            found.append(verdict)
    found = _settled(found)
    final = _rate_of(signs.rate, found)
    if not found:
        found = [_nothing_found(signs, unchecked)]
    checkup = Checkup(
        rate=final,
        verdicts=tuple(sorted(found, key=lambda verdict: (-verdict.weight, verdict.first_step))),
        unchecked=tuple(unchecked),
        source=source,
        columns=tuple(tracks),
        steps=seen,
        total_steps=total,
        optimizer=optimizer,
        lr=float(blocks["lr"][:, HIGH].max()) if "lr" in blocks else None,
    )
    return checkup if epochs is None else in_epochs(checkup, epochs)


def _rate(
    tracks: Mapping[str, Track], blocks: Mapping[str, Floats], kind: str, *, seen: int, total: int
) -> RateVerdict:
    """What the model says, where it has enough to go by."""
    if "loss" not in blocks or tracks["loss"].count < model.LEAST_POINTS:
        return model.unknown_verdict()
    loss = blocks["loss"]
    if not np.isfinite(loss).all(where=~np.isnan(loss)) or loss[:, HIGH].max() == loss[:, LOW].min():
        return (
            model.unknown_verdict()
        )  # a loss that never moves tells nothing, one near the largest float neither
    enough = {
        name: table
        for name, table in blocks.items()
        if name == "loss" or tracks[name].count >= _LEAST_VALIDATIONS
    }
    if "lr" in enough and enough["lr"][:, HIGH].max() <= 0:
        del enough["lr"]
    return model.verdict_of(model.judge(Course(blocks=enough, optimizer=kind, seen=seen, total=total)))


def _audit(log: Log) -> Sequence[Finding] | None:
    """Where the applied rates differ from the plan."""
    if log.planned is None or "lr" not in log.columns:
        return None
    steps, rates = log.columns["lr"]
    kept = np.isfinite(rates) & (steps < len(log.planned))
    if not kept.any():
        return None
    base = 1.0
    if log.relative:
        plan = log.planned[steps[kept].astype(int)]
        top = int(np.argmax(plan))
        base = float(rates[kept][top] / plan[top]) if plan[top] > 0 else 1.0
    found = audit(log.planned, rates[kept], lr=base, steps=steps[kept].astype(int), tolerance=1e-4)
    return [one for one in found if not (log.running and one.kind == "ended_early")]


def _settled(found: list[Verdict]) -> list[Verdict]:
    """A run that has diverged has one rate, too high, and no other trouble that matters; a loss that rises does not swing."""
    symptoms = {verdict.symptom for verdict in found}
    if "diverged" in symptoms:
        return [verdict for verdict in found if verdict.symptom in ("diverged", "not_as_planned")]
    if symptoms & {"diverging", "overfitting"}:
        return [verdict for verdict in found if verdict.symptom != "oscillating"]
    return found


def _rate_of(told: RateVerdict, found: Sequence[Verdict]) -> RateVerdict:
    advised = [one.advice.factor for one in found if one.symptom == "diverged" and one.advice]
    return model.diverged_verdict(advised[0]) if advised and advised[0] is not None else told


def _nothing_found(signs: Signs, unchecked: Sequence[Unchecked]) -> Verdict:
    """``healthy``, or ``cannot_tell`` with what was missing."""
    if signs.rate.verdict == "right":
        sentence = "The learning rate is about right, and nothing else was found."
        if signs.rate.confidence < _SURE_ENOUGH:
            low, _, high = signs.rate.probabilities
            others = (("too low", low), ("too high", high))
            likely = [f"{word} ({share:.0%})" for word, share in others if share >= _WORTH_SAYING]
            sentence = "The learning rate may well be right, and nothing else was found; "
            sentence += f"but it may be {' or '.join(likely)}."
        return Verdict(
            symptom="healthy",
            severity="ok",
            confidence=signs.rate.confidence,
            sentence=sentence,
            evidence=rate.evidence_of(signs),
        )
    reasons = [gap.text for gap in unchecked if gap.symptom.startswith("rate")][:1]
    why = "the loss tells too little."
    if reasons:
        why = reasons[0].partition(", because ")[2]
    elif signs.rate.probabilities:
        absent = [name for name in ("val_loss", "lr", "update_ratio") if name not in signs.blocks]
        why = "too low and too high a rate look alike in what was logged."
        if absent:
            why = f"{why[:-1]}; {' or '.join(absent)} would help to tell them apart."
    elif any(column in signs.tracks and signs.tracks[column].count for column in LOSSES):
        why = "the loss does not move, or is too large to be judged."
    return Verdict(
        symptom="cannot_tell",
        severity="note",
        confidence=1.0,
        sentence=f"Whether the learning rate is right cannot be told, because {why}",
    )
