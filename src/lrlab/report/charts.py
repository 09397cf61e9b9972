"""What the U-curve shows, computed once as frozen values; the renderers only draw them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from lrlab.core.answer import Answer
from lrlab.core.lr_range import format_lr
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run
from lrlab.report.scales import LARGEST, Scale, placeable, robust_range, showable, y_scale
from lrlab.report.words import counted, format_score, format_span, percent, short

Kind = Literal["finished", "partial", "diverged", "none"]

_MOST_LEVELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run as the U-curve shows it.

    Args:
        arm: Its alternative.
        lr: Its rate.
        seed: Its seed.
        status: Its state or outcome, in a word.
        kind: ``finished`` is drawn filled, ``partial`` hollow, ``diverged`` in a lane of its own, ``none``
            (no value to draw) as a tick on the axis.
        units: Whole units done.
        at: Progress of its last record, in units.
        score: Its score; None for ``diverged`` and ``none``.
        tone: Place of the rate between the lowest and the highest, 0 to 1 on a log axis: the colour.
    """

    arm: str
    lr: float
    seed: int
    status: str
    kind: Kind
    units: int
    at: float
    score: float | None
    tone: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean score of the finished runs at one rate, and the lowest and highest of its seeds."""

    arm: str
    lr: float
    value: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The scores that runs which did not diverge had after ``units`` units: a curve at equal budgets.

    Args:
        units: How far, in units.
        rates: Rates of the runs that came so far, ascending.
        scores: Mean score of their seeds.
    """

    units: int
    rates: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UCurve:
    """Score over learning rate, with what the answer says about it.

    Args:
        metric: Name of the score.
        direction: ``"min"`` or ``"max"``: which side is good.
        unit: What a unit is.
        budget: Units of a full run.
        arm: The alternative that won.
        arms: Every alternative, the winner first.
        points: Every run, by arm, rate and seed.
        means: By arm and rate; finished runs only.
        levels: At most three, of the winning arm.
        lr: The answer's rate; None where none was found.
        score: Its score; None where there is none.
        interval: Where the best rate lies, 90 %; None if unknown.
        safe_range: Rates within tolerance; None if unknown.
        tolerance: The regret that counts as safe.
        current_lr: The user's own rate.
        x_range: Ends of the axis, absolute rates.
        y_range: Ends of the axis; None where no run has a score.
        y_scale: ``"linear"`` or ``"log"``.
        clipped: Points that lie outside ``y_range`` on the worse side; they are drawn at its edge.
        edge: A sentence where the best rate is the lowest or highest tested, else "".
        caption: What a reader must know, a sentence each.
    """

    metric: str
    direction: str
    unit: str
    budget: int
    arm: str
    arms: tuple[str, ...]
    points: tuple[Point, ...]
    means: tuple[Mean, ...]
    levels: tuple[Level, ...]
    lr: float | None
    score: float | None
    interval: tuple[float, float] | None
    safe_range: tuple[float, float] | None
    tolerance: float
    current_lr: float | None
    x_range: tuple[float, float]
    y_range: tuple[float, float] | None
    y_scale: Scale
    clipped: int
    edge: str
    caption: tuple[str, ...]

    def of(self, *kinds: Kind, arm: str | None = None) -> tuple[Point, ...]:
        """The points of these kinds, of one arm or of all."""
        return tuple(p for p in self.points if p.kind in kinds and arm in (None, p.arm))

    def crossed(self) -> dict[float, str]:
        """What stands beside the crosses of a rate, ascending: how far its run came; ``2/3`` where rates have several."""
        runs = {
            lr: [p for p in self.points if p.lr == lr] for lr in sorted({p.lr for p in self.of("diverged")})
        }
        out = {lr: [p for p in same if p.kind == "diverged"] for lr, same in runs.items()}
        if all(len(same) == 1 for same in runs.values()):
            return {lr: f"{only.at:.3g}" for lr, (only,) in out.items()}
        return {lr: f"{len(out[lr])}/{len(same)}" for lr, same in runs.items()}

    def drawn(self, score: float) -> float:
        """Where a score is drawn: itself, or the nearer end of the axis."""
        assert self.y_range is not None
        return min(max(score, self.y_range[0]), self.y_range[1])

    @property
    def rates(self) -> int:
        """How many rates were tested."""
        return len({p.lr for p in self.points})

    @property
    def seeds(self) -> int:
        """The most seeds that one mean rests on; 0 without any."""
        return max((mean.seeds for mean in self.means), default=0)

    @property
    def safe_text(self) -> str:
        """The safe range with its rule."""
        if self.safe_range is None:
            return ""
        span = format_span(self.safe_range)
        return f"Safe range {span}: loses at most {percent(self.tolerance)} of the improvement"

    @property
    def interval_text(self) -> str:
        """The interval in words."""
        if self.interval is None:
            return ""
        return f"Best rate, 90 % interval: {format_span(self.interval)}"

    @property
    def band_text(self) -> str:
        """What the band shows, or why there is none."""
        if self.seeds >= 2:
            return f"Lowest to highest of {self.seeds} seeds"
        return "1 seed: spread unknown" if self.seeds else ""

    def _mean_texts(self) -> Iterator[str]:
        line = "Mean of finished runs" if self.seeds >= 2 else f"Finished runs; {self.band_text}"
        for arm in self.arms:
            there = any(mean.arm == arm for mean in self.means)
            yield (line if len(self.arms) == 1 else f"{line}, {short(arm)}") if there else ""

    @property
    def _silent_text(self) -> str:
        """Why ticks on the axis have no value."""
        return "Not run yet" if all(p.status == "queued" for p in self.of("none")) else "No value to draw"

    @property
    def legend(self) -> dict[str, str]:
        """What is drawn, by the name of its mark, in words; only what is there."""
        counts = {kind: len(self.of(kind)) for kind in ("finished", "partial", "diverged", "none")}
        several = any("/" in text for text in self.crossed().values())
        share = "share of the rate's runs" if several else f"{self.unit} reached"
        texts = {
            "best": f"Use {format_lr(self.lr)}" if self.lr and self.score is not None else "",
            "interval": self.interval_text if self.lr and self.score is not None else "",
            "safe": self.safe_text,
            "current": f"Yours: {format_lr(self.current_lr)}" if self.current_lr else "",
            "finished": f"Finished ({counts['finished']})" if counts["finished"] else "",
            **{f"mean-{index}": text for index, text in enumerate(self._mean_texts())},
            "band": self.band_text if self.seeds >= 2 else "",
            "partial": f"Trained in part, with the {self.unit} reached ({counts['partial']})"
            if counts["partial"]
            else "",
            "diverged": f"Diverged, with the {share} ({counts['diverged']})" if counts["diverged"] else "",
            "none": f"{self._silent_text} ({counts['none']})" if counts["none"] else "",
            "clipped": f"Outside the axis ({self.clipped})" if self.clipped else "",
            "level": f"All runs at {self.unit} {', '.join(str(level.units) for level in self.levels)}",
        }
        if not self.levels:
            del texts["level"]
        return {mark: text for mark, text in texts.items() if text}


def u_curve(answer: Answer) -> UCurve:
    """The U-curve of an answer; the order of its runs does not matter."""
    question, metric = answer.question, answer.question.metric
    runs = placed(answer.runs)
    tone = tones(runs)
    points = tuple(_point(run, answer, tone) for run in runs)
    means = _means(points)
    levels = _levels([run for run in runs if run.arm == answer.arm], answer)
    safe = _placed_pair(answer.safe_range)
    interval = _placed_pair(answer.interval)
    current = question.current_lr if placeable(question.current_lr or 0.0) else None
    rates = [run.lr for run in runs] + [*(safe or ()), *(interval or ()), *((current,) if current else ())]
    rates += [min(max(end, 1 / LARGEST), LARGEST) for end in (question.lr.low, question.lr.high)]
    scores = [p.score for p in points if p.score is not None]
    scale = y_scale(scores, metric)
    score = answer.score if answer.found and showable(answer.score) else None
    span = robust_range(scores, metric=metric, scale=scale, keep=() if score is None else (score,))
    clipped = 0 if span is None else sum(not span[0] <= s <= span[1] for s in scores)
    margin = 10 ** max(0.04 * math.log10(max(rates) / min(rates)), 0.02)
    return UCurve(
        metric=metric.name,
        direction=metric.direction,
        unit=question.unit,
        budget=question.budget,
        arm=answer.arm,
        arms=arm_names(answer),
        points=points,
        means=means,
        levels=levels,
        lr=answer.lr if answer.found else None,
        score=score,
        interval=interval,
        safe_range=safe,
        tolerance=question.tolerance,
        current_lr=current,
        x_range=(min(rates) / margin, max(rates) * margin),
        y_range=span,
        y_scale=scale,
        clipped=clipped,
        edge=next((c.text for c in answer.warnings if c.code in ("EDGE_LOW", "EDGE_HIGH")), ""),
        caption=_u_caption(answer, points, clipped, unplaced=len(answer.runs) - len(runs)),
    )


def placed(runs: Iterable[Run]) -> list[Run]:
    """The runs that have a place on a log axis, in an order that does not depend on the given one."""
    return sorted((run for run in runs if placeable(run.lr)), key=lambda run: run.key)


def tones(runs: Sequence[Run]) -> Callable[[float], float]:
    """From a rate to its place between the lowest and the highest, 0 to 1 on a log axis."""
    low = min((run.lr for run in runs), default=1.0)
    high = max((run.lr for run in runs), default=1.0)
    if low == high:
        return lambda lr: 0.5
    return lambda lr: math.log(lr / low) / math.log(high / low)


def arm_names(answer: Answer) -> tuple[str, ...]:
    """Every alternative, the winner first."""
    names = [
        answer.arm,
        *(arm.name for arm in answer.question.arms),
        *sorted({run.arm for run in answer.runs}),
    ]
    return tuple(dict.fromkeys(names))


def _placed_pair(pair: tuple[float, float]) -> tuple[float, float] | None:
    return pair if all(map(placeable, pair)) else None


def _point(run: Run, answer: Answer, tone: Callable[[float], float]) -> Point:
    score = run.score(answer.question.metric, reduce=answer.question.reduce)
    kind: Kind = "partial"
    if run.outcome is Outcome.DIVERGED:
        kind = "diverged"
    elif not showable(score):
        kind = "none"
    elif run.outcome is Outcome.FINISHED:
        kind = "finished"
    return Point(
        arm=run.arm,
        lr=run.lr,
        seed=run.seed,
        status=run.status,
        kind=kind,
        units=run.units,
        at=float(run.units) if run.latest is None else run.latest,
        score=score if kind in ("finished", "partial") else None,
        tone=tone(run.lr),
    )


def _means(points: Iterable[Point]) -> tuple[Mean, ...]:
    done = [p for p in points if p.kind == "finished"]
    means = []
    for (arm, lr), same in groupby(done, key=lambda p: (p.arm, p.lr)):
        scores = sorted(p.score for p in same if p.score is not None)
        value = math.fsum(scores) / len(scores)
        means.append(Mean(arm=arm, lr=lr, value=value, low=scores[0], high=scores[-1], seeds=len(scores)))
    return tuple(means)


def _levels(runs: Sequence[Run], answer: Answer) -> tuple[Level, ...]:
    question = answer.question
    levels = []
    sober = [run for run in runs if run.outcome is not Outcome.DIVERGED]
    for units in sorted({run.units for run in sober if 0 < run.units < question.budget}):
        reached = [run for run in sober if run.units >= units]
        rates, scores = [], []
        for lr, same in groupby(reached, key=lambda run: run.lr):
            finite = [
                s for run in same if showable(s := run.score(question.metric, units, reduce=question.reduce))
            ]
            if finite:
                rates.append(lr)
                scores.append(math.fsum(finite) / len(finite))
        if len(rates) >= 3:
            levels.append(Level(units=units, rates=tuple(rates), scores=tuple(scores)))
    if len(levels) > _MOST_LEVELS:
        levels = [levels[0], levels[len(levels) // 2], levels[-1]]
    return tuple(levels)


def _u_caption(answer: Answer, points: Sequence[Point], clipped: int, *, unplaced: int) -> tuple[str, ...]:
    question = answer.question
    kinds = [p.kind for p in points]
    better = "smaller" if question.metric.direction == "min" else "larger"
    which = "best value so far" if question.reduce == "best" else "last value"
    said = [f"Score: {which} of {question.metric.name}; {better} is better."]
    if count := kinds.count("partial"):
        said.append(
            f"Hollow: {counted(count, 'run')} trained in part; the number is the {question.unit} reached."
        )
    if count := kinds.count("diverged"):
        said.append(f"{count} of {counted(len(points), 'run')} diverged; they stand in the lane at the top.")
    if count := kinds.count("none"):
        said.append(f"{counted(count, 'run')} without a value to draw; ticks on the axis.")
    if clipped:
        worst = format_score(_worst(points, answer))
        said.append(
            f"{counted(clipped, 'point')} outside the axis, drawn at its edge; the farthest is {worst}."
        )
    if unplaced:
        said.append(f"{counted(unplaced, 'run')} with a rate that has no place on a log axis.")
    return tuple(said)


def _worst(points: Sequence[Point], answer: Answer) -> float:
    scores = [p.score for p in points if p.score is not None]
    return max(scores) if answer.question.metric.direction == "min" else min(scores)
