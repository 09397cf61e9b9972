"""What every runner must do; a test class of an implementation derives from ``RunnerKit``."""

import math
from collections.abc import Iterator, Sequence

import pytest

from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.record import Record
from lrlab.core.run import DEFAULT_ARM, RunKey
from lrlab.runners.protocol import Recorded, Runner, RunnerEvent, Slice, SliceEnded
from lrlab.tasks.function import task
from lrlab.tasks.protocol import Task
from lrlab.tasks.training_run import TrainingRun

METRIC = Metric("val_loss")
BUDGET = 8


def descend(run: TrainingRun) -> None:
    """Gradient descent on w^2 with noise; diverges above a rate of 1."""
    import random

    weight = 1.0
    run.log(at=0, val_loss=weight**2)
    for unit in run.units():
        for step in range(3):
            weight -= run.lr * (2 * weight + 0.01 * random.gauss(0, 1))
            run.log(loss=weight**2, step=3 * unit + step)
        run.report(val_loss=weight**2 if run.lr < 1 else math.nan, step=3 * unit + 3)


def fails(run: TrainingRun) -> None:
    """Fails in its third unit."""
    for unit in run.units():
        if unit == 2:
            raise RuntimeError("no more data here")
        run.report(val_loss=1.0)


def short(run: TrainingRun) -> None:
    """Ends by itself after three of eight units."""
    for unit in run.units():
        run.report(val_loss=1.0 - unit / 10)
        if unit == 2:
            return


def mute(run: TrainingRun) -> None:
    """Reports something else than the metric."""
    for _ in run.units():
        run.report(accuracy=0.5)


def leaves(run: TrainingRun) -> None:
    """Calls ``sys.exit`` like a script."""
    run.report(val_loss=1.0)
    raise SystemExit(3)


def key(lr: float, seed: int = 0) -> RunKey:
    """The key of a run of the only arm."""
    return RunKey(DEFAULT_ARM, lr, seed)


def drain(runner: Runner, *, ends: int, most: int = 2_000) -> list[RunnerEvent]:
    """Events until ``ends`` slices have ended."""
    events: list[RunnerEvent] = []
    for _ in range(most):
        events.extend(runner.poll(0.05))
        if sum(isinstance(event, SliceEnded) for event in events) >= ends:
            return events
    raise AssertionError(f"only {sum(isinstance(e, SliceEnded) for e in events)} of {ends} slices ended")


def records_of(events: Sequence[RunnerEvent], of: RunKey) -> list[Record]:
    """The run's records, checked to come in order and without a gap."""
    records: list[Record] = []
    for event in events:
        if isinstance(event, Recorded) and event.key == of:
            assert event.first <= len(records), "a gap"
            known = records[event.first :]
            assert all(old.same(new) for old, new in zip(known, event.records, strict=False))
            records.extend(event.records[len(known) :])
    return records


def end_of(events: Sequence[RunnerEvent], of: RunKey) -> SliceEnded:
    """The last end of the run's slices."""
    return [event for event in events if isinstance(event, SliceEnded) and event.key == of][-1]


class RunnerKit:
    """Derive, and give ``make``: a runner for one task."""

    def make(self, made: Task, **options: object) -> Runner:
        """A runner with ``METRIC`` and ``BUDGET`` for the task."""
        raise NotImplementedError

    @pytest.fixture
    def runner(self) -> Iterator[Runner]:
        """A runner for ``descend``."""
        runner = self.make(task(descend, budget=BUDGET))
        yield runner
        runner.close()

    def _one(self, train: object, until: int = BUDGET) -> tuple[list[Record], SliceEnded]:
        runner = self.make(task(train, budget=BUDGET))  # type: ignore[arg-type]
        try:
            runner.submit(Slice(key=key(0.1), until=until))
            events = drain(runner, ends=1)
            return records_of(events, key(0.1)), end_of(events, key(0.1))
        finally:
            runner.close()

    def test_a_run_to_its_end(self, runner: Runner) -> None:
        runner.submit(Slice(key=key(0.1), until=BUDGET))
        events = drain(runner, ends=1)
        end = end_of(events, key(0.1))
        assert (end.units, end.outcome, end.trained) == (BUDGET, Outcome.FINISHED, BUDGET)
        records = records_of(events, key(0.1))
        assert [r.at for r in records if r.ends_unit] == list(range(1, BUDGET + 1))
        assert records[0].at == 0
        assert len(records) == 1 + 4 * BUDGET

    def test_slices_give_the_curve_of_one_go(self, runner: Runner) -> None:
        runner.submit(Slice(key=key(0.1), until=BUDGET))
        whole = records_of(drain(runner, ends=1), key(0.1))
        runner.close()
        again = self.make(task(descend, budget=BUDGET))
        try:
            events: list[RunnerEvent] = []
            for until in (1, 2, 4, 7, BUDGET):
                known = len(records_of(events, key(0.1)))
                again.submit(Slice(key=key(0.1), until=until, known=known))
                again.submit(Slice(key=key(0.2), until=until, known=known))  # interleaved
                events += drain(again, ends=2)
            assert [r.key() for r in records_of(events, key(0.1))] == [r.key() for r in whole]
        finally:
            again.close()

    def test_a_frozen_run_can_go_on_and_a_released_one_starts_again(self, runner: Runner) -> None:
        runner.submit(Slice(key=key(0.1), until=3))
        events = drain(runner, ends=1)
        assert end_of(events, key(0.1)).outcome is None
        runner.release(key(0.1))
        runner.submit(Slice(key=key(0.1), until=5, known=len(records_of(events, key(0.1)))))
        more = drain(runner, ends=1)
        assert end_of(more, key(0.1)).trained == 5
        assert records_of(events + more, key(0.1))[-1].at == 5

    def test_divergence_is_an_outcome(self, runner: Runner) -> None:
        runner.submit(Slice(key=key(1.5), until=BUDGET))
        end = end_of(drain(runner, ends=1), key(1.5))
        assert end.outcome is Outcome.DIVERGED
        assert end.units == 1
        assert "val_loss became nan" in end.detail

    def test_a_failure_keeps_its_traceback_and_its_records(self) -> None:
        records, end = self._one(fails)
        assert end.outcome is Outcome.FAILED
        assert "no more data here" in end.detail
        assert "raise RuntimeError" in end.detail
        assert [r.at for r in records] == [1, 2]
        assert not end.fatal

    def test_a_training_that_ends_by_itself_is_finished(self) -> None:
        records, end = self._one(short)
        assert end.outcome is Outcome.FINISHED
        assert "after 3 of 8" in end.detail
        assert len(records) == 3

    def test_a_metric_that_is_never_reported_is_fatal(self) -> None:
        _, end = self._one(mute)
        assert (end.outcome, end.fatal) == (Outcome.FAILED, True)
        assert "No such metric: val_loss" in end.detail
        assert "accuracy" in end.detail

    def test_sys_exit_ends_the_run_only(self) -> None:
        _, end = self._one(leaves)
        assert end.outcome is Outcome.FAILED
        assert "SystemExit" in end.detail

    def test_cancel_forgets_the_line_and_ends_at_a_whole_unit(self, runner: Runner) -> None:
        runner.submit(Slice(key=key(0.1), until=BUDGET))
        runner.submit(Slice(key=key(0.2), until=BUDGET))
        runner.cancel()
        for _ in range(200):
            runner.poll(0.02)
            if not runner.under_way():
                break
        assert not runner.under_way()

    def test_close_twice_and_release_of_nothing(self, runner: Runner) -> None:
        runner.release(key(0.3))
        runner.close()
        runner.close()
        assert not runner.under_way()
