"""What a reader of the answer must know, and how much the answer can be trusted."""

import math
import sys
from collections.abc import Iterator, Sequence

from lrlab.core.answer import Caution
from lrlab.core.lr_range import LRRange, format_lr
from lrlab.core.outcome import Outcome
from lrlab.core.question import Done, Question
from lrlab.core.run import Run
from lrlab.searchers.regret import Picture, Point

_AT_EDGE_DECADES = 0.05
_FAILURES = (Outcome.FAILED, Outcome.LOST)


def cautions(
    question: Question, runs: Sequence[Run], picture: Picture, done: Done | None
) -> tuple[Caution, ...]:
    """Every warning that holds, the gravest first."""
    if picture.winner is None:
        return tuple(_nothing_useful(question, runs))
    return tuple(
        Caution(code=code, text=text)
        for code, text in (
            *_edges(question, picture),
            *_noise(picture),
            *_learned(question, picture),
            *_silent(question, runs),
            *_ended_early(question, runs),
            *_unknown_start(picture),
            *(("UNSETTLED", text) for text in (done.unsettled if done else ())),
        )
    )


def confidence(
    question: Question, runs: Sequence[Run], picture: Picture, done: Done | None
) -> tuple[float, tuple[str, ...]]:
    """How likely the rate loses no more than the tolerance, 0 to 1, and what that rests on."""
    if picture.winner is None:
        return 0.0, ("No run has a score.",)
    sure = 0.95
    reasons = []
    rates = [point for point in picture.points if math.isfinite(point.regret)]
    searched = picture.winner.arm in question.searched
    tried = f"{len(picture.points)} rates were tried; {len(picture.points) - len(rates)} of them diverged."
    reasons.append(
        tried
        if searched
        else f"{picture.winner.arm} needs no rate: its only run is compared with the others."
    )
    full = [point for point in rates if point.units >= question.budget]
    for holds, factor, reason in (
        (not full, 0.4, "No rate was trained to the end."),
        (len(full) == 1, 0.95, "One rate was trained to the end; the others were judged by shorter runs."),
        (len(full) > 1, 1.0, f"{len(full)} rates were trained to the end."),
        (searched and len(rates) < 3, 0.6, "Fewer than three rates could be compared."),
        (bool(list(_edges(question, picture))), 0.5, "The best rate is at the edge of the range."),
        (bool(list(_noise(picture))), 0.4, "Noise is larger than what the rates differ by."),
        (math.isnan(picture.improvement), 0.3, "No run got better than before training."),
        (picture.noise > question.tolerance, 0.8, "Noise is larger than the tolerance."),
        (picture.seeds == 1, 0.95, "One seed: the noise between seeds is estimated from the curve."),
        (picture.seeds > 1, 1.0, f"{picture.seeds} seeds were compared."),
        (bool(done and done.unsettled), 0.8, "The price left something unsettled."),
        (done is None, 0.7, "The study has not ended."),
    ):
        if holds:
            sure *= factor
            reasons.append(reason)
    own = next((point for point in picture.points if point.lr == question.current_lr), None)
    if own is not None and 4 * own.units < question.budget and done is not None:
        reasons.append(
            f"Your {format_lr(own.lr)} was trained for {own.units} of {question.budget} {question.unit}s; what it would "
            "lose is estimated from them."
        )
    reasons += _other_arms(question, runs, picture.winner.arm)
    close = [p for p in rates if p.lr != picture.winner.lr and p.regret + p.spread < question.tolerance / 2]
    if close:
        reasons.append(f"{len(close)} other {'rate is' if len(close) == 1 else 'rates are'} about as good.")
    return round(sure, 3), tuple(reasons)


def _other_arms(question: Question, runs: Sequence[Run], winner: str) -> Iterator[str]:
    """How far the best run of each arm that did not win has come."""
    metric, reduce = question.metric, question.reduce
    for arm in question.arms:
        mine = [run for run in runs if run.arm == arm.name and run.arm != winner and run.units]
        mine = [run for run in mine if math.isfinite(run.score(metric, reduce=reduce))]
        if mine:
            best = min(mine, key=lambda run: (-run.units, metric.loss(run.score(metric, reduce=reduce))))
            score = best.score(metric, reduce=reduce)
            yield (
                f"{arm.name} came to {score:.4g} at {format_lr(best.lr)} in {best.units} of {question.budget} "
                f"{question.unit}s."
            )


def _nothing_useful(question: Question, runs: Sequence[Run]) -> Iterator[Caution]:
    if not runs or not all(run.ended for run in runs):
        return
    diverged = sum(run.outcome is Outcome.DIVERGED for run in runs)
    failed = [run for run in runs if run.outcome in _FAILURES]
    if diverged:
        lower = LRRange(question.lr.low * 1e-3, question.lr.low)
        text = f"All {diverged} runs diverged, down to {format_lr(min(run.lr for run in runs))}."
        if failed:
            text = f"{diverged} runs diverged and {len(failed)} failed; none has a score."
        yield Caution(code="ALL_DIVERGED", text=f"{text} Search lower: --lr {_written(lower)}")
    elif failed:
        last = failed[0].detail.strip().rpartition("\n")[2]
        yield Caution(code="ALL_FAILED", text=f"All {len(failed)} runs failed. {last}".strip())


def _edges(question: Question, picture: Picture) -> Iterator[tuple[str, str]]:
    assert picture.winner is not None
    if picture.winner.arm not in question.searched:
        return
    lr, searched = picture.winner.lr, question.span(picture.winner.arm)
    near = 10**_AT_EDGE_DECADES
    others = [point for point in picture.points if point.lr != lr]
    if lr <= searched.low * near and not any(point.lr < lr for point in others):
        wider = LRRange(max(min(lr, searched.low) * 1e-2, sys.float_info.min), searched.high)
        yield (
            "EDGE_LOW",
            f"The best rate, {format_lr(lr)}, is the lowest that was tried; a better one may lie below. "
            f"Extend the range: --lr {_written(wider)}",
        )
    if lr >= searched.high / near and not any(point.lr > lr for point in others):
        wider = LRRange(searched.low, max(lr, searched.high) * 1e2)
        yield (
            "EDGE_HIGH",
            f"The best rate, {format_lr(lr)}, is the highest that was tried; a better one may lie above. "
            f"Extend the range: --lr {_written(wider)}",
        )


def _effect(picture: Picture) -> float:
    """The largest estimated regret of a rate that did not diverge."""
    return max((point.regret for point in picture.points if math.isfinite(point.regret)), default=0.0)


def _comparable(picture: Picture) -> list[Point]:
    return [point for point in picture.points if math.isfinite(point.regret)]


def _noise(picture: Picture) -> Iterator[tuple[str, str]]:
    if len(_comparable(picture)) >= 2 and picture.noise > 0 and _effect(picture) <= 2 * picture.noise:
        yield (
            "NOISE",
            "The noise between trainings is larger than what the rates differ by, so another seed may name another "
            "rate. Use more seeds (--seeds 3), a larger budget, or a steadier metric.",
        )


def _learned(question: Question, picture: Picture) -> Iterator[tuple[str, str]]:
    if math.isnan(picture.improvement) or picture.noise >= 1 / 3:
        yield (
            "NOTHING_LEARNED",
            "No rate made the metric clearly better than before training. Check the training, the metric's direction "
            "and the budget before trusting any rate.",
        )
    rates = _comparable(picture)
    if len(rates) >= 3 and len(rates) == len(picture.points) and _effect(picture) <= question.tolerance:
        low, high = format_lr(rates[0].lr), format_lr(rates[-1].lr)
        yield (
            "FLAT",
            f"The learning rate hardly matters here: from {low} to {high} all rates are about as good.",
        )


def _silent(question: Question, runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    values = {value for run in runs for _, value in run.values(question.metric)}
    if question.guide and len(values) == 1:
        yield (
            "METRIC_SILENT",
            f"{question.metric.name} has stayed at {values.pop():g} in every run, so the rates were compared by "
            f"{question.guide} alone. Train longer before trusting this rate.",
        )


def _ended_early(question: Question, runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    early = [run for run in runs if run.outcome is Outcome.FINISHED and run.units < question.budget]
    if early:
        first = min(run.units for run in early)
        yield (
            "ENDED_EARLY",
            f"{len(early)} of {len(runs)} runs ended by themselves before the budget of {question.budget} "
            f"{question.unit}s, the first after {first}; their scores are compared as they are.",
        )


def _unknown_start(picture: Picture) -> Iterator[tuple[str, str]]:
    if picture.stand_in:
        yield (
            "UNTRAINED_UNKNOWN",
            "The task does not report its metric before training; the worst score after the first unit stands in for "
            "it when regrets are told.",
        )


def _written(searched: LRRange) -> str:
    return f"{format_lr(searched.low)}:{format_lr(searched.high)}"
