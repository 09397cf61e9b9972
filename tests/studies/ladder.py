"""A small searcher and trainings for tests of the loop."""

import math
import random
from collections.abc import Sequence

from lrlab.core.answer import Answer, Caution
from lrlab.core.question import Advance, Done, Question
from lrlab.core.run import Run
from lrlab.tasks.training_run import TrainingRun

SLICES = ((0.25, 5), (0.5, 2), (1.0, 1))  # share of the budget, runs that reach it


def ladder(question: Question, runs: Sequence[Run]) -> Sequence[Advance] | Done:
    """Five rates to a quarter, the best two to a half, the best one to the end; replayed from the evidence."""
    by_key = {run.key: run for run in runs}
    keep = [Advance(lr=lr, until=1, seed=question.seed) for lr in question.lr.points(5)]
    until = 0
    for share, count in SLICES:
        known = [by_key[advance.key] for advance in keep if advance.key in by_key]
        alive = [run for run in known if not run.diverged_by(until) and not (run.ended and run.units < until)]
        if until:
            alive.sort(key=lambda run: (question.metric.loss(run.score(question.metric, until)), run.lr))
            keep = [Advance(lr=run.lr, until=1, seed=run.seed) for run in alive[:count]]
        until = max(int(share * question.budget), 1)
        asked = [
            Advance(lr=advance.lr, seed=advance.seed, until=until, why=f"to {until}")
            for advance in keep
            if advance.key not in by_key or not by_key[advance.key].reached(until)
        ]
        if asked:
            return asked
    return Done(why="The ladder is at its end.")


def conclude(
    question: Question,
    runs: Sequence[Run],
    /,
    *,
    done: Done | None = None,
    extra_warnings: tuple[Caution, ...] = (),
) -> Answer:
    """The best run that was trained furthest."""
    usable = [run for run in runs if run.records and run.score(question.metric) != question.metric.worst]
    if not usable:
        nothing = (math.nan, math.nan)
        return Answer(
            lr=math.nan, interval=nothing, safe_range=nothing, score=math.nan, cost=0, confidence=0, question=question,
            warnings=extra_warnings, runs=tuple(runs),
        )  # fmt: skip
    best = max(usable, key=lambda run: (run.units, -question.metric.loss(run.score(question.metric))))
    return Answer(
        lr=best.lr, interval=(best.lr, best.lr), safe_range=(best.lr, best.lr), score=best.score(question.metric),
        cost=sum(run.paid_units for run in runs) / question.budget, confidence=0.9, question=question,
        warnings=extra_warnings, runs=tuple(runs),
    )  # fmt: skip


def descend(run: TrainingRun) -> None:
    """Noisy descent on w^2; rates above 1 diverge."""
    weight = 1.0
    run.log(at=0, val_loss=weight**2)
    for _ in run.units():
        weight -= run.lr * (2 * weight + 0.05 * random.gauss(0, 1))
        run.report(val_loss=weight**2 if abs(weight) < 1e6 else math.inf)


def slow(run: TrainingRun) -> None:
    """The same, with some work in every unit."""
    weight = 1.0
    run.log(at=0, val_loss=weight**2)
    for _ in run.units():
        for _ in range(200):
            weight -= run.lr / 200 * (2 * weight + 0.05 * random.gauss(0, 1))
            sum(random.random() for _ in range(2000))
        run.report(val_loss=weight**2 if abs(weight) < 1e6 else math.inf)


class TrackedWeight:
    """A parameter with a state, as models have."""

    def __init__(self) -> None:
        self.value = 1.0

    def state_dict(self) -> dict[str, float]:
        return {"value": self.value}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.value = state["value"]


def slow_tracked(run: TrainingRun) -> None:
    """As ``slow``, with a state that can be stored."""
    weight = TrackedWeight()
    run.track(weight=weight)
    for _ in run.units():
        for _ in range(200):
            weight.value -= run.lr / 200 * (2 * weight.value + 0.05 * random.gauss(0, 1))
            sum(random.random() for _ in range(2000))
        run.report(val_loss=weight.value**2 if abs(weight.value) < 1e6 else math.inf)
