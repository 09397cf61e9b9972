"""Every decision about a run has a sentence, stored with it."""

import pytest

from lrlab.core.answer import Answer
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import DEFAULT_ARM, Run
from lrlab.core.study import Study
from lrlab.runners.inline import InlineRunner
from lrlab.runners.processes import ProcessRunner
from lrlab.runners.protocol import Runner
from lrlab.searchers.answer import conclude
from lrlab.searchers.choose import searcher
from lrlab.searchers.protocol import Searcher
from lrlab.searchers.race import race
from lrlab.store.memory import MemoryStore
from lrlab.studies.progress import Progress
from lrlab.studies.study import StudyLoop
from lrlab.studies.waiting import waiting, why_dropped
from lrlab.tasks.function import task
from tests.studies.ladder import descend, ladder

QUESTION = Question(lr=LRRange(1e-4, 10.0), budget=16, metric=Metric("val_loss"))


def carry_out(
    who: Searcher, *, workers: int = 0, heard: list[Progress] | None = None
) -> tuple[Answer, MemoryStore]:
    store, tasks = MemoryStore(), {DEFAULT_ARM: task(descend, budget=QUESTION.budget)}
    runner: Runner = (
        ProcessRunner(tasks, metric=QUESTION.metric, budget=QUESTION.budget, workers=workers)
        if workers
        else InlineRunner(tasks, metric=QUESTION.metric, budget=QUESTION.budget)
    )
    ledger = store.create(Study(name="s", question=QUESTION, task="descend"))
    listener = None if heard is None else heard.append
    try:
        answer = StudyLoop(
            ledger=ledger, searcher=who, runner=runner, conclude=conclude, listener=listener
        ).carry_out()
    finally:
        ledger.close()
    return answer, store


@pytest.mark.parametrize("name", ["race", "halving:9"])
def test_every_run_of_a_finished_study_says_why_it_ended(name: str) -> None:
    _, store = carry_out(searcher(name))
    for run in store.load("s").runs:
        assert run.why.endswith("."), run.key
        if run.outcome is Outcome.DROPPED:
            assert run.detail.startswith("Its val_loss "), run
            assert f"after {run.units} of 16 epochs" in run.detail
    assert {Outcome.DROPPED, Outcome.FINISHED} <= {run.outcome for run in store.load("s").runs}


def test_a_run_that_waits_says_why_and_one_that_goes_on_says_it_no_more() -> None:
    heard: list[Progress] = []
    carry_out(race(), heard=heard)
    seen = [run for progress in heard[:-1] for run in progress.runs]
    waiting = [run for run in seen if run.state is State.FROZEN and not run.ended and run.detail]
    assert any("is trained to the end" in run.detail for run in waiting)
    assert any("went on." in run.detail for run in waiting)
    assert not [run for run in seen if run.state in (State.QUEUED, State.RUNNING) and run.detail]


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_same_sentences(workers: int) -> None:
    def told(answer: Answer) -> object:
        return sorted((run.key, run.why, run.detail) for run in answer.runs)

    assert told(carry_out(race(), workers=workers)[0]) == told(carry_out(race())[0])


def test_where_a_searcher_tells_nothing_the_score_does() -> None:
    answer, _ = carry_out(ladder)
    dropped = [run for run in answer.runs if run.outcome is Outcome.DROPPED]
    assert dropped
    for run in dropped:
        score = run.score(QUESTION.metric)
        assert run.detail == (
            f"Its val_loss was {score:.4g} after {run.units} of 16 epochs; others were more promising."
        )


def test_a_run_without_a_score_is_told_to_be_less_promising() -> None:
    assert why_dropped(QUESTION, Run(lr=0.1, units=2)) == "After 2 of 16 epochs others were more promising."


def test_only_what_waits_and_is_new_is_told() -> None:
    class Tells:
        def __call__(self, question: Question, runs: object, /) -> list[object]:
            return []

        def left(self, question: Question, runs: tuple[Run, ...], /) -> dict[object, str]:
            return {run.key: f"{run.lr:g} waits." for run in runs}

    known = Record(1.0, {"val_loss": 1.0})
    plain = Run(lr=0.1, units=1, records=(known,))
    busy, told = Run(lr=0.2, units=1), Run(lr=0.3, units=1, detail="0.3 waits.")
    gone = Run(lr=0.4, outcome=Outcome.DIVERGED, detail="nan.")
    runs = (plain, busy, told, gone)
    assert waiting(Tells(), QUESTION, runs, {busy.key}) == {plain.key: "0.1 waits."}  # type: ignore[arg-type]
    assert waiting(ladder, QUESTION, runs, ()) == {}
