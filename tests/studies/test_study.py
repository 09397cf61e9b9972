"""The loop of a study, over every runner and number of workers."""

from collections.abc import Callable
from typing import Any

import pytest

from lrlab.core.answer import Answer
from lrlab.core.command import Command
from lrlab.core.errors import TaskError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.question import Question
from lrlab.core.run import DEFAULT_ARM
from lrlab.core.study import Study
from lrlab.runners.inline import InlineRunner
from lrlab.runners.processes import ProcessRunner
from lrlab.runners.protocol import Runner
from lrlab.searchers.choose import searcher as choose_searcher
from lrlab.store.memory import MemoryStore
from lrlab.studies.price import expected_price
from lrlab.studies.progress import Progress
from lrlab.studies.study import StudyLoop
from lrlab.tasks.function import task
from lrlab.tasks.training_run import TrainingRun
from tests.studies.ladder import conclude, descend, ladder

QUESTION = Question(lr=LRRange(1e-3, 10.0), budget=8, metric=Metric("val_loss"))


def runner_for(train: Callable[[TrainingRun], object], workers: int) -> Runner:
    tasks = {DEFAULT_ARM: task(train, budget=QUESTION.budget)}
    if workers == 0:
        return InlineRunner(tasks, metric=QUESTION.metric, budget=QUESTION.budget)
    return ProcessRunner(tasks, metric=QUESTION.metric, budget=QUESTION.budget, workers=workers)


def carry_out(
    train: Callable[[TrainingRun], object],
    *,
    workers: int = 0,
    store: MemoryStore | None = None,
    **options: Any,
) -> Answer:
    store = store or MemoryStore()
    ledger = (
        store.open("s")
        if "s" in store.names()
        else store.create(Study(name="s", question=QUESTION, task="descend"))
    )
    try:
        return StudyLoop(
            ledger=ledger, searcher=ladder, runner=runner_for(train, workers), conclude=conclude, **options
        ).carry_out()
    finally:
        ledger.close()


def facts(answer: Answer) -> object:
    runs = sorted(
        (run.key, run.units, run.status, tuple(r.key() for r in run.records)) for run in answer.runs
    )
    return answer.lr, answer.score, answer.cost, runs


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_answer(workers: int) -> None:
    assert facts(carry_out(descend, workers=workers)) == facts(carry_out(descend))


def test_the_winner_is_finished_the_others_dropped_and_divergence_is_data() -> None:
    answer = carry_out(descend)
    outcomes = {run.lr: run.outcome for run in answer.runs}
    assert outcomes[answer.lr] is Outcome.FINISHED
    assert outcomes[10.0] is Outcome.DROPPED or outcomes[10.0] is Outcome.DIVERGED
    assert answer.cost == sum(run.units for run in answer.runs) / QUESTION.budget
    assert all(run.why for run in answer.runs)


def test_an_interrupted_study_goes_on_to_the_same_answer() -> None:
    store = MemoryStore()
    calls = iter(range(10_000))
    first = carry_out(descend, store=store, interrupted=lambda: next(calls) > 4)
    assert store.load("s").state is StudyState.INTERRUPTED
    assert not first.final
    assert facts(carry_out(descend, store=store))[:3] == facts(carry_out(descend))[:3]  # type: ignore[index]
    assert store.load("s").state is StudyState.FINISHED


def test_a_failing_rate_does_not_end_the_study() -> None:
    def fails_low(run: TrainingRun) -> None:
        if run.lr < 1e-2:
            raise ValueError("too small for me")
        descend(run)

    answer = carry_out(fails_low)
    failed = [run for run in answer.runs if run.outcome is Outcome.FAILED]
    assert [run.lr for run in failed] == [1e-3]
    assert "too small for me" in failed[0].detail


def test_a_training_that_fails_everywhere_ends_the_study_early() -> None:
    def broken(run: TrainingRun) -> None:
        raise FileNotFoundError("train.csv")

    store = MemoryStore()
    with pytest.raises(TaskError, match=r"train\.csv"):
        carry_out(broken, store=store)
    study = store.load("s")
    assert study.state is StudyState.FAILED
    assert sum(run.outcome is Outcome.FAILED for run in study.runs) == 3


def test_a_missing_metric_ends_the_study_at_once() -> None:
    def mute(run: TrainingRun) -> None:
        for _ in run.units():
            run.report(accuracy=1.0)

    with pytest.raises(TaskError, match="No such metric: val_loss"):
        carry_out(mute)


def test_stop_keeps_what_is_there() -> None:
    store = MemoryStore()

    def stops(progress: Progress) -> None:
        store.send("s", Command(kind="stop"))

    answer = carry_out(descend, store=store, listener=stops)
    assert store.load("s").state is StudyState.STOPPED
    assert "STOPPED" in answer.codes
    assert {run.outcome for run in answer.runs} <= {Outcome.STOPPED, Outcome.DIVERGED, Outcome.FINISHED}


def test_the_time_limit_saves_and_ends() -> None:
    store = MemoryStore()
    answer = carry_out(descend, store=store, max_time_s=1e-9)
    assert "TIME_UP" in answer.codes
    assert store.load("s").state is StudyState.INTERRUPTED


def test_listeners_hear_of_every_end_and_the_last_word() -> None:
    heard: list[Progress] = []
    answer = carry_out(descend, listener=heard.append)
    assert heard[-1].ended
    assert heard[-1].answer.lr == answer.lr
    assert not any(progress.ended for progress in heard[:-1])
    costs = [progress.cost for progress in heard]
    assert costs == sorted(costs)
    assert all(progress.left_s is None or progress.left_s >= 0 for progress in heard)


def test_the_price_is_told_before() -> None:
    price = expected_price(QUESTION, ladder)
    assert price.runs == 5
    assert price.cost == (5 * 2 + 2 * 2 + 4) / 8


@pytest.mark.parametrize("budget", [1, 3, 10, 60, 1000, 100_000])
@pytest.mark.parametrize("name", ["race", "halving", "grid:5"])
def test_the_price_is_told_for_every_searcher_and_budget(name: str, budget: int) -> None:
    question = Question(
        lr=LRRange(1e-6, 1.0), budget=budget, metric=Metric("accuracy", "max"), current_lr=1e-3
    )
    price = expected_price(question, choose_searcher(name))
    assert 1 <= price.cost <= {"race": 4.5, "halving": 20, "grid:5": 6}[name]
    if budget >= 60:
        assert price.cost <= {"race": 2, "halving": 3, "grid:5": 6}[name]
    assert 1 <= price.runs <= 30
