"""A study that other hands pause, let go on, stop and extend, over every runner."""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from lrlab.core.answer import Answer
from lrlab.core.command import Command, Fate, Reply
from lrlab.core.errors import ConflictError, LrlabError, NoAnswerError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Question
from lrlab.core.run import DEFAULT_ARM
from lrlab.core.study import Study
from lrlab.runners.inline import InlineRunner
from lrlab.runners.processes import ProcessRunner
from lrlab.runners.protocol import Runner
from lrlab.searchers.protocol import Searcher
from lrlab.store.memory import MemoryStore
from lrlab.store.protocol import Store
from lrlab.studies.extend import ask_more, widened
from lrlab.studies.orders import order
from lrlab.studies.progress import Progress
from lrlab.studies.study import StudyLoop
from lrlab.tasks.command import command
from lrlab.tasks.function import task
from lrlab.tasks.protocol import Task
from tests.studies.ladder import conclude, descend, ladder, slow

QUESTION = Question(lr=LRRange(1e-3, 10.0), budget=8, metric=Metric("val_loss"))
NAME = "s"


def runner_for(made: Task, workers: int) -> Runner:
    tasks = {DEFAULT_ARM: made}
    if workers == 0:
        return InlineRunner(tasks, metric=made.metric, budget=made.budget)
    return ProcessRunner(tasks, metric=made.metric, budget=made.budget, workers=workers)


@dataclass
class Running:
    """A study that a thread carries out."""

    store: Store
    made: Task
    workers: int = 0
    question: Question = QUESTION
    searcher: Searcher = ladder
    heard: list[Progress] = field(default_factory=list)
    answer: Answer | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def carry_out(self) -> None:
        known = NAME in self.store.names()
        study = Study(name=NAME, question=self.question, task="descend")
        ledger = self.store.open(NAME) if known else self.store.create(study)
        try:
            self.answer = StudyLoop(
                ledger=ledger,
                searcher=self.searcher,
                runner=runner_for(self.made, self.workers),
                conclude=conclude,
                listener=self.heard.append,
                **self.options,
            ).carry_out()
        finally:
            ledger.close()

    def ask(self, kind: str, wait_s: float = 20.0, **arguments: object) -> Reply:
        return order(self.store, NAME, Command(kind=kind, arguments=arguments), wait_s=wait_s)

    @property
    def study(self) -> Study:
        return self.store.load(NAME)

    def wait_until(self, holds: Callable[[Study], bool]) -> Study:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if NAME in self.store.names() and holds(self.study):
                return self.study
            time.sleep(0.005)
        raise AssertionError(f"it never came to that: {self.study}")


@contextmanager
def running(made: Task, **settings: Any) -> Iterator[Running]:
    run = Running(store=settings.pop("store", None) or MemoryStore(), made=made, **settings)
    thread = threading.Thread(target=run.carry_out, daemon=True)
    thread.start()
    yield run
    thread.join(timeout=60)
    assert not thread.is_alive(), "the study does not end"


def facts(answer: Answer | None) -> object:
    """What must not depend on a pause."""
    assert answer is not None
    runs = sorted(
        (run.key, run.units, run.status, tuple(r.key() for r in run.records)) for run in answer.runs
    )
    return answer.lr, answer.score, answer.cost, answer.interval, runs


def slow_task(**changes: Any) -> Task:
    return replace(task(slow, budget=QUESTION.budget), **changes)  # type: ignore[type-var,return-value]


@pytest.fixture(scope="module")
def whole() -> object:
    """The facts of the same study without a pause."""
    run = Running(store=MemoryStore(), made=slow_task())
    run.carry_out()
    return facts(run.answer), run.study.advances


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_pauses_at_any_instant_change_nothing(workers: int, seed: int, whole: tuple[object, object]) -> None:
    random_instants = random.Random(seed)
    pauses = 0
    with running(slow_task(), workers=workers) as run:
        run.wait_until(lambda study: bool(study.runs))
        while run.answer is None and pauses < 3:
            time.sleep(random_instants.random() * 0.2)
            try:
                assert run.ask("pause").fate is Fate.DONE
                study = run.study
                assert study.state is StudyState.PAUSED
                assert {run.state for run in study.runs if not run.ended} <= {State.PAUSED}
                assert run.ask("resume").fate is Fate.DONE
                pauses += 1
            except LrlabError:
                break  # it was over before
    assert pauses > 0
    assert facts(run.answer) == whole[0]
    assert sorted({(a.key, a.until) for a in run.study.advances}) == sorted(
        {(a.key, a.until) for a in whole[1]}  # type: ignore[attr-defined]
    )
    assert [event.kind for event in run.study.events].count("paused") == pauses


@pytest.mark.parametrize("workers", [0, 1])
def test_a_pause_trains_nothing_and_burns_nothing(workers: int) -> None:
    with running(slow_task(), workers=workers) as run:
        run.wait_until(lambda study: any(r.units for r in study.runs))
        run.ask("pause")
        before = run.study
        told = len(run.heard)
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        spent = sum(sum(process.cpu_times()[:2]) for process in processes)
        time.sleep(2)
        spent = sum(sum(process.cpu_times()[:2]) for process in processes) - spent
        assert spent < 0.1, "of 2 seconds"
        assert run.study == before
        assert len(run.heard) == told
        assert run.heard[-1].paused
        run.ask("resume")
    assert run.answer is not None
    trained = sum(r.seconds for r in run.answer.runs)
    assert trained < run.heard[-1].elapsed_s - 2
    assert not run.heard[-1].paused


def test_a_paused_study_can_be_stopped() -> None:
    with running(slow_task(), workers=1) as run:
        run.wait_until(lambda study: any(r.units for r in study.runs))
        run.ask("pause")
        assert run.ask("pause") == Reply(fate=Fate.DONE, text="It is paused already.")
        assert run.ask("stop") == Reply(fate=Fate.DONE, text="Stopped; its results stay.")
    assert run.study.state is StudyState.STOPPED
    assert {r.outcome for r in run.study.runs} <= {Outcome.STOPPED, Outcome.DIVERGED, Outcome.FINISHED}


def test_a_paused_study_can_be_interrupted_and_goes_on_elsewhere(whole: tuple[object, object]) -> None:
    pressed = threading.Event()
    with running(slow_task(), workers=1, options={"interrupted": pressed.is_set}) as run:
        run.wait_until(lambda study: any(r.units for r in study.runs))
        run.ask("pause")
        pressed.set()
    assert run.study.state is StudyState.INTERRUPTED
    with running(slow_task(), workers=1, store=run.store) as again:
        pass
    assert facts(again.answer) == whole[0]


def test_the_time_limit_holds_while_paused() -> None:
    with running(slow_task(), workers=1, options={"max_time_s": 1.0}) as run:
        run.wait_until(lambda study: bool(study.runs))
        try:
            run.ask("pause")
        except LrlabError:
            pytest.skip("a second was over before")
    assert run.study.state is StudyState.INTERRUPTED
    assert run.answer is not None
    assert "TIME_UP" in run.answer.codes


def test_what_does_not_fit_is_refused_with_a_sentence() -> None:
    with running(slow_task(), workers=1) as run:
        run.wait_until(lambda study: bool(study.runs))
        with pytest.raises(ConflictError, match="refuses to resume: It is not paused, it runs"):
            run.ask("resume")
        with pytest.raises(ConflictError, match=r"refuses to extend: seeds: must be a whole number, got 'x'"):
            run.ask("extend", seeds="x")
        with pytest.raises(ConflictError, match=r"refuses to extend: .*the budget cannot change"):
            run.ask("extend", budget=99)
        with pytest.raises(ConflictError, match=r"refuses to extend: .*nothing would change"):
            run.ask("extend")
        run.ask("stop")
    with pytest.raises(ConflictError, match='study "s" is stopped, and no process runs it'):
        run.ask("pause")


def test_two_senders_at_once_are_both_answered_and_it_acts_once() -> None:
    replies: list[Reply] = []
    with running(slow_task(), workers=1) as run:
        run.wait_until(lambda study: any(r.units for r in study.runs))
        senders = [threading.Thread(target=lambda: replies.append(run.ask("pause"))) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert [reply.fate for reply in replies] == [Fate.DONE] * 4
        run.ask("resume")
    assert [event.kind for event in run.study.events].count("paused") == 1


def test_the_same_command_sent_twice_acts_once() -> None:
    once = Command(kind="extend", arguments={"seeds": 2}, id="click-1")
    with running(slow_task(), workers=1) as run:
        run.wait_until(lambda study: bool(study.runs))
        replies = {order(run.store, NAME, once).text for _ in range(3)}
        run.ask("stop")
    assert replies == {"Extended: seeds 1 became 2."}
    assert [event.kind for event in run.study.events].count("extended") == 1


def test_a_process_that_does_not_answer_is_told_and_so_is_one_that_ends() -> None:
    store = MemoryStore()
    ledger = store.create(Study(name=NAME, question=QUESTION, task="t"))
    with pytest.raises(
        NoAnswerError, match=r"has not answered for 0\.1 s \(last heard of \d+ s ago\); pause is still left"
    ):
        order(store, NAME, Command(kind="pause"), wait_s=0.1)
    assert order(store, NAME, Command(kind="pause"), wait_s=0).fate is Fate.SENT
    taken = ledger.commands()
    ledger.reply(taken[0], Reply(fate=Fate.ACCEPTED, text="It rests soon."))
    ledger.flush()
    told: list[str] = []
    reply = order(store, NAME, taken[0], wait_s=0.1, told=told.append)
    assert (reply.fate, told) == (Fate.ACCEPTED, ["It rests soon."])
    timer = threading.Timer(0.1, ledger.close)
    timer.start()
    with pytest.raises(ConflictError, match="ended before it carried this out"):
        order(store, NAME, Command(kind="stop"))
    timer.join()


def test_a_running_study_takes_a_larger_question_over() -> None:
    with running(slow_task(), workers=1) as run:
        run.wait_until(lambda study: any(r.units for r in study.runs))
        reply = run.ask("extend", lr="1e-4:10", tolerance=0.1)
        assert reply.text == "Extended: rates 1e-3:10 became 1e-4:10; tolerance 0.02 became 0.1."
    assert run.study.question.lr == LRRange(1e-4, 10.0)
    assert run.answer is not None
    assert run.answer.question.tolerance == 0.1
    assert 1e-4 in {r.lr for r in run.answer.runs}
    assert run.answer.cost == sum(r.paid_units for r in run.answer.runs) / QUESTION.budget


@pytest.mark.parametrize("workers", [0, 1])
def test_a_finished_study_is_extended_and_what_it_dropped_is_paid_again(workers: int) -> None:
    made = task(descend, budget=QUESTION.budget)
    with running(made, workers=workers) as run:
        pass
    first = run.answer
    assert first is not None
    ledger = run.store.open(NAME)
    more = widened(QUESTION, {"lr": (1e-4, 10.0)}, searcher=ladder, known=[r.key for r in first.runs])
    ask_more(ledger, more)
    ledger.close()
    study = run.study
    assert study.state is StudyState.INTERRUPTED
    assert not any(r.outcome is Outcome.DROPPED for r in study.runs)
    with running(made, workers=workers, store=run.store) as again:
        pass
    assert again.answer is not None
    assert again.study.state is StudyState.FINISHED
    before = {r.key: r for r in first.runs}
    for run_after in again.answer.runs:
        if run_after.key in before:
            known = before[run_after.key]
            assert run_after.records[: len(known.records)] == known.records
            assert run_after.repeated_units == (known.units if run_after.units > known.units else 0)
        assert run_after.lost_units == 0
    assert again.answer.cost > first.cost
    assert again.answer.cost == sum(r.paid_units for r in again.answer.runs) / QUESTION.budget


PROGRAM = """
import sys, time
weight, lr = 1.0, float(sys.argv[1])
for unit in range(8):
    time.sleep(0.03)
    for _ in range(2000):
        weight -= lr / 1000 * 2 * weight
    print(f"epoch {unit + 1} val_loss={weight ** 2!r}", flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Task]:
    (tmp_path / "train.py").write_text(PROGRAM)

    def make(**settings: Any) -> Task:
        words = [sys.executable, str(tmp_path / "train.py"), "{lr}"]
        return command(words, budget=8, runs_folder=tmp_path / "runs", **settings)

    return make


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")
IN_TRAINING = lambda study: any(0 < r.units < r.target and not r.ended for r in study.runs)  # noqa: E731


@needs_signals
def test_a_command_is_frozen_by_signal_while_its_study_is_paused(program: Callable[..., Task]) -> None:
    question = replace(QUESTION, lr=LRRange(1e-3, 1.0))
    with running(program(), workers=1, question=question) as plain:
        pass
    with running(program(), workers=1, question=question) as run:
        run.wait_until(IN_TRAINING)
        run.ask("pause")
        programs = [
            process
            for process in psutil.Process().children(recursive=True)
            if any("train.py" in word for word in process.cmdline()[-2:])
        ]
        assert programs
        assert {process.status() for process in programs} == {psutil.STATUS_STOPPED}
        run.ask("resume")
    assert facts(run.answer) == facts(plain.answer)
    assert run.answer is not None
    assert sum(r.lost_units + r.repeated_units for r in run.answer.runs) == 0


@needs_signals
def test_what_a_pause_cannot_keep_is_trained_again_and_nobody_pays(program: Callable[..., Task]) -> None:
    question = replace(QUESTION, lr=LRRange(1e-3, 1.0), resumes="restart")
    with running(program(freeze=False), workers=1, question=question) as plain:
        pass
    with running(program(freeze=False), workers=1, question=question) as run:
        run.wait_until(IN_TRAINING)
        run.ask("pause")
        run.ask("resume")
    assert facts(run.answer) == facts(plain.answer)
    assert run.answer is not None
    assert sum(r.lost_units for r in run.answer.runs) >= 1
