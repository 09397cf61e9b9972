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
# The best rate may lie beyond an end of the range where its interval comes this close, in decades or as a share of the range,
_NEAR_EDGE_DECADES, _NEAR_EDGE_SHARE = 0.15, 0.025
# and the best rate itself no further from it than this, in decades: a wide interval alone is no hint of an edge.
_BESIDE_DECADES = 1.01
# The scores of neighbouring rates differ as if by chance; see ``Picture.chance``. Of 72 recorded studies one is above.
_BY_CHANCE = 1.2
_LUCK = 1.0  # deviations by which the best of many draws may exceed what is expected of it
_FAILURES = (Outcome.FAILED, Outcome.LOST)


def cautions(
    question: Question,
    runs: Sequence[Run],
    picture: Picture,
    done: Done | None,
    interval: tuple[float, float],
) -> tuple[Caution, ...]:
    """Every warning that holds, the gravest first; ``interval`` holds the best rate."""
    if picture.winner is None:
        return tuple(_nothing_useful(question, runs))
    return tuple(
        Caution(code=code, text=text)
        for code, text in (
            *_edges(question, picture, interval),
            *_noise(picture),
            *_learned(question, picture),
            *_silent(question, runs),
            *_ended_early(question, runs),
            *_unknown_start(picture),
            *(("UNSETTLED", text) for text in (done.unsettled if done else ())),
        )
    )


def confidence(
    question: Question,
    runs: Sequence[Run],
    picture: Picture,
    done: Done | None,
    interval: tuple[float, float],
) -> tuple[float, tuple[str, ...]]:
    """How likely the rate loses no more than the tolerance, 0 to 1, and what that rests on.

    Args:
        question: What was asked.
        runs: Every run.
        picture: What they say.
        done: The searcher's last word, if it has spoken.
        interval: Where the best rate lies.
    """
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
        (
            any(_edges(question, picture, interval)),
            0.5,
            "The best rate is at the edge of the range, or beyond.",
        ),
        (any(_noise(picture)), 0.4, "Noise is larger than what the rates differ by."),
        (picture.chance > _BY_CHANCE, 0.4, "Neighbouring rates score in no order, as if by chance."),
        (_nothing_learned(picture), 0.3, "No run got clearly better than before training."),
        (any(_silent(question, runs)), 0.4, "The metric has not moved; only its guide told the rates apart."),
        (picture.noise > question.tolerance, 0.8, "Noise is larger than the tolerance."),
        (picture.seeds == 1, 0.95, "One seed: the noise between seeds is estimated from the curve."),
        (picture.seeds > 1, 1.0, f"{picture.seeds} seeds were compared."),
        (bool(done and done.unsettled), 0.8, "The price left something unsettled."),
        (done is None, 0.7, "The search has not come to its end."),
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


def _edges(question: Question, picture: Picture, interval: tuple[float, float]) -> Iterator[tuple[str, str]]:
    assert picture.winner is not None
    if picture.winner.arm not in question.searched:
        return
    lr, searched = picture.winner.lr, question.span(picture.winner.arm)
    near = 10**_AT_EDGE_DECADES
    others = [point.lr for point in picture.points if point.lr != lr]
    beside = 10 ** min(_NEAR_EDGE_DECADES, _NEAR_EDGE_SHARE * searched.decades)
    lowest = lr <= searched.low * near and not any(other < lr for other in others)
    might = interval[0] <= searched.low * beside and lr <= searched.low * 10**_BESIDE_DECADES
    if lowest or (might and not any(other < searched.low for other in others)):
        wider = LRRange(max(min(lr, searched.low) * 1e-2, sys.float_info.min), searched.high)
        what = "is the lowest that was tried" if lowest else "may be the lowest of the range"
        yield (
            "EDGE_LOW",
            f"The best rate, {format_lr(lr)}, {what}; a better one may lie below. Extend the range: --lr {_written(wider)}",
        )
    highest = lr >= searched.high / near and not any(other > lr for other in others)
    might = interval[1] >= searched.high / beside and lr >= searched.high / 10**_BESIDE_DECADES
    if highest or (might and not any(other > searched.high for other in others)):
        wider = LRRange(searched.low, max(lr, searched.high) * 1e2)
        what = "is the highest that was tried" if highest else "may be the highest of the range"
        yield (
            "EDGE_HIGH",
            f"The best rate, {format_lr(lr)}, {what}; a better one may lie above. Extend the range: --lr {_written(wider)}",
        )


def _effect(picture: Picture) -> float:
    """The largest estimated regret of a rate that did not diverge."""
    return max((point.regret for point in picture.points if math.isfinite(point.regret)), default=0.0)


def _comparable(picture: Picture) -> list[Point]:
    return [point for point in picture.points if math.isfinite(point.regret)]


def _noise(picture: Picture) -> Iterator[tuple[str, str]]:
    within = picture.noise > 0 and _effect(picture) <= 2 * picture.noise
    unknown = picture.noise == 0 and picture.chance > _BY_CHANCE  # too few values to tell noise from
    if len(_comparable(picture)) >= 2 and (within or unknown):
        yield (
            "NOISE",
            "The noise between trainings is larger than what the rates differ by, so another seed may name another "
            "rate. Use more seeds (--seeds 3), a larger budget, or a steadier metric.",
        )


def _nothing_learned(picture: Picture) -> bool:
    """Whether luck alone would give the improvement: the best of n draws is sqrt(2 ln n) deviations from the middle."""
    drawn = max(sum(point.units for point in picture.points), 1)
    luck = math.sqrt(2 * math.log(drawn)) + _LUCK
    return math.isnan(picture.improvement) or picture.noise * luck >= 1


def _learned(question: Question, picture: Picture) -> Iterator[tuple[str, str]]:
    if _nothing_learned(picture):
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
