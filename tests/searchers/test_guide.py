"""A metric that is silent at first, such as a detector's mAP: the guide tells rates apart until it moves."""

import math
from dataclasses import replace

import pytest

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.choose import searcher
from lrlab.searchers.evidence import Evidence
from lrlab.testing.landscapes import carry_out

BLIND = Question(lr=LRRange(1e-5, 1.0), budget=60, metric=Metric("mAP", "max"))
GUIDED = replace(BLIND, guide="train/*loss")
BEST = 0.02


def records(lr: float, until: int, *, silent: bool = False) -> tuple[Record, ...]:
    """Two losses from the first unit on, and a metric that is 0 for a third of the training."""
    rows = []
    for unit in range(1, until + 1):
        done = unit / 60
        far = abs(math.log10(lr / BEST))
        loss = 2.0 - done + far * (0.2 + done)
        reached = 0.0 if silent or done < 1 / 3 else max(0.6 - 0.2 * far, 0.0) * (done - 1 / 4)
        rows.append(Record(unit, {"train/box_loss": loss, "train/cls_loss": 2 * loss, "mAP": reached}))
    return tuple(rows)


def study(question: Question, *, silent: bool = False):
    def train(run: Run, until: int) -> Run:
        return replace(
            run,
            records=records(run.lr, until, silent=silent),
            units=until,
            outcome=Outcome.FINISHED if until == question.budget else None,
        )

    runs, done = carry_out(question, searcher("race"), train)
    return conclude(question, runs, done=done)


def test_a_race_that_is_guided_finds_what_a_blind_one_misses() -> None:
    blind, guided = study(BLIND), study(GUIDED)
    assert abs(math.log10(guided.lr / BEST)) < 0.2
    assert abs(math.log10(blind.lr / BEST)) > 0.5
    assert guided.cost < 2.4


def test_the_answer_tells_the_metric_without_the_guides_trace() -> None:
    answer = study(GUIDED)
    winner = answer.winner
    assert winner is not None
    assert answer.score == winner.score(GUIDED.metric)
    assert answer.untrained == 0.0


def test_a_real_difference_in_the_metric_outweighs_the_guide_and_a_trace_does_not() -> None:
    def run(lr: float, metric: float, loss: float) -> Run:
        records = (
            Record(1, {"mAP": 0.0, "train/a_loss": 9.0}),
            Record(2, {"mAP": metric, "train/a_loss": loss}),
        )
        return Run(lr=lr, units=2, records=records)

    for metric, wins in ((0.05, True), (1e-5, False)):
        bad_loss, good_loss = run(1.0, metric, 9.0), run(0.1, 0.0, 3.0)
        evidence = Evidence(GUIDED, [bad_loss, good_loss])
        assert (evidence.score(bad_loss.key, 2) < evidence.score(good_loss.key, 2)) is wins


@pytest.mark.parametrize("loss", [math.inf, math.nan, 1e300, 0.0])
def test_a_guide_that_exploded_is_the_worst_one(loss: float) -> None:
    def run(lr: float, loss: float) -> Run:
        told = [{"mAP": 0.0, "train/a_loss": value} for value in (9.0, loss)]
        return Run(lr=lr, units=2, records=tuple(Record(at, row) for at, row in enumerate(told, start=1)))

    exploded, sound = run(1.0, loss), run(0.1, 8.0)
    evidence = Evidence(replace(GUIDED, reduce="last"), [exploded, sound])
    assert evidence.score(sound.key, 2) < evidence.score(exploded.key, 2) < 0.05


def test_what_comes_after_an_explosion_tells_nothing() -> None:
    """As measured at a rate of 1: the losses explode, and then there is nothing left that they are taken over."""
    told = [{"mAP": 0.0, "train/a_loss": loss} for loss in (16.0, 14.0, 60.0, 2000.0, 0.004)]
    run = Run(lr=1.0, units=5, records=tuple(Record(at, row) for at, row in enumerate(told, start=1)))
    evidence = Evidence(GUIDED, [run])
    assert evidence.score(run.key, 5) == pytest.approx(0.02 * 14 / 16)
    assert Evidence(replace(GUIDED, reduce="last"), [run]).score(run.key, 5) == pytest.approx(0.04)


def test_a_metric_that_never_moves_is_said() -> None:
    answer = study(GUIDED, silent=True)
    assert "METRIC_SILENT" in answer.codes
    assert "METRIC_SILENT" not in study(GUIDED).codes
    assert abs(math.log10(answer.lr / BEST)) < 0.2


def test_the_interval_holds_the_best_rate() -> None:
    low, high = study(GUIDED).interval
    assert low <= BEST * 1.7
    assert high >= BEST


def test_rates_are_not_compared_before_they_have_settled() -> None:
    answer = study(replace(GUIDED, settles=3))
    assert min(run.units for run in answer.runs) == 5
    assert abs(math.log10(answer.lr / BEST)) < 0.3
    assert answer.cost < 2.3


def test_a_warm_up_longer_than_the_training_still_leaves_something_to_compare() -> None:
    answer = study(replace(GUIDED, settles=59))
    assert min(run.units for run in answer.runs) == 15
