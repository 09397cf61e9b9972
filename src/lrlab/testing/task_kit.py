"""What every task must do; a test class of an implementation derives from ``TaskKit``."""

import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from lrlab.core.errors import NoStateError
from lrlab.core.record import Record
from lrlab.tasks import checkpoint, random_state
from lrlab.tasks.protocol import Session, Task

_ABOUT = {"kit": "task"}


def keys(records: Iterable[Record]) -> list[tuple[object, ...]]:
    """Records in a form that tells every bit apart."""
    return [record.key() for record in records]


class TaskKit:
    """Derive, and give ``task``. The rates must be ones at which the task does not diverge."""

    LR = 1e-2
    OTHER_LR = 3e-3

    def task(self) -> Task:
        """The task to test, with a budget of at least 4 units; made anew for every test."""
        raise NotImplementedError

    def cuts(self, made: Task) -> list[int]:
        """Seven ends of slices, or as many as the budget has."""
        return sorted({max(round(made.budget * k / 7), 1) for k in range(1, 8)})

    def curve(self, made: Task, *, lr: float | None = None, seed: int = 0) -> list[tuple[object, ...]]:
        """A whole run in one go, its untrained record first."""
        session = made.start(lr or self.LR, seed=seed)
        records = [*session.advance(0), *session.advance(made.budget)]
        session.close()
        return keys(records)

    def sliced(self, session: Session, ends: Iterable[int]) -> list[tuple[object, ...]]:
        """A run in slices."""
        records = list(session.advance(0))
        for end in ends:
            records.extend(session.advance(end))
        return keys(records)

    def test_it_is_a_task(self) -> None:
        made = self.task()
        assert isinstance(made, Task)
        assert made.budget >= 4
        assert made.unit in ("epoch", "step")
        assert made.resumes in ("exact", "live", "restart")
        assert isinstance(made.start(self.LR, seed=0), Session)

    def test_the_same_arguments_give_the_same_curve(self) -> None:
        assert self.curve(self.task()) == self.curve(self.task())

    def test_another_rate_or_seed_gives_another_curve(self) -> None:
        made = self.task()
        curves = [self.curve(made), self.curve(made, lr=self.OTHER_LR), self.curve(made, seed=7)]
        assert curves[0] != curves[1]
        assert curves[0] != curves[2]

    def test_slices_give_the_curve_of_one_go(self) -> None:
        made = self.task()
        session = made.start(self.LR, seed=0)
        assert self.sliced(session, self.cuts(made)) == self.curve(made)
        session.close()

    def test_records_are_in_order_and_end_at_the_budget(self) -> None:
        made = self.task()
        session = made.start(self.LR, seed=0)
        records = [*session.advance(0), *session.advance(made.budget)]
        session.close()
        ats = [record.at for record in records]
        assert ats == sorted(ats)
        assert ats[-1] == made.budget
        assert all(made.metric.name in record.metrics for record in records if record.ends_unit)

    def test_an_untrained_record_stands_at_zero(self) -> None:
        session = self.task().start(self.LR, seed=0)
        assert all(record.at == 0 for record in session.advance(0))
        assert list(session.advance(0)) == []
        session.close()

    def test_units_that_are_done_yield_nothing(self) -> None:
        session = self.task().start(self.LR, seed=0)
        list(session.advance(2))
        assert list(session.advance(1)) == []
        assert list(session.advance(2)) == []
        session.close()

    def test_interleaved_sessions_give_the_curves_they_give_apart(self) -> None:
        made = self.task()
        first, second = made.start(self.LR, seed=0), made.start(self.OTHER_LR, seed=3)
        curves: tuple[list[Record], list[Record]] = (list(first.advance(0)), list(second.advance(0)))
        for end in self.cuts(made):
            curves[0].extend(first.advance(end))
            random.random()  # noqa: S311 - the caller draws numbers of its own
            np.random.rand()
            curves[1].extend(second.advance(end))
        first.close()
        second.close()
        assert keys(curves[0]) == self.curve(made)
        assert keys(curves[1]) == self.curve(made, lr=self.OTHER_LR, seed=3)

    def test_the_callers_random_states_are_left_alone(self) -> None:
        made = self.task()
        session = made.start(self.LR, seed=0)
        list(session.advance(1))  # frameworks may load here
        random_state.seed_everything(99)
        before = random_state.capture()
        for record in session.advance(made.budget):
            if record.ends_unit:
                _assert_same_state(random_state.capture(), before)
        session.close()
        _assert_same_state(random_state.capture(), before)

    def test_close_twice(self) -> None:
        session = self.task().start(self.LR, seed=0)
        list(session.advance(1))
        session.close()
        session.close()

    @pytest.mark.parametrize("times", [1, 3])
    def test_a_stored_state_continues_to_the_bit(self, tmp_path: Path, times: int) -> None:
        made = self.task()
        cuts = self.cuts(made)
        session = made.start(self.LR, seed=0)
        records = list(session.advance(0))
        for index, end in enumerate(cuts[:-1]):
            records.extend(session.advance(end))
            if index < times:
                try:
                    state = session.state()
                except NoStateError:
                    assert made.resumes != "exact", "an exact task has a state"
                    session.close()
                    return
                checkpoint.save(tmp_path / "state", state, about=_ABOUT)
                session.close()
                session = made.start(self.LR, seed=0)
                session.restore(checkpoint.load(tmp_path / "state", about=_ABOUT))
        records.extend(session.advance(made.budget))
        session.close()
        assert keys(records) == self.curve(made)

    def test_a_caller_may_leave_at_any_unit_and_come_back(self) -> None:
        made = self.task()
        session = made.start(self.LR, seed=0)
        records = list(session.advance(0))
        for _ in range(made.budget):
            for record in session.advance(made.budget):
                records.append(record)
                if record.ends_unit:
                    break
        session.close()
        assert keys(records) == self.curve(made)

    @pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.8])
    def test_an_exact_state_is_whole_at_every_record(self, tmp_path: Path, share: float) -> None:
        made = self.task()
        whole = self.curve(made)
        if made.resumes != "exact":
            return
        session = made.start(self.LR, seed=0)
        records = list(session.advance(0))
        for record in session.advance(made.budget):
            records.append(record)
            if len(records) >= share * len(whole):
                break
        checkpoint.save(tmp_path / "state", session.state(), about=_ABOUT)
        session.close()
        session = made.start(self.LR, seed=0)
        session.restore(checkpoint.load(tmp_path / "state", about=_ABOUT))
        records.extend(session.advance(made.budget))
        session.close()
        assert keys(records) == whole

    def test_two_runs_may_go_on_from_one_state(self) -> None:
        made = self.task()
        session = made.start(self.LR, seed=0)
        list(session.advance(2))
        try:
            state = session.state()
        except NoStateError:
            assert made.resumes != "exact"
            session.close()
            return
        rest = keys(session.advance(made.budget))
        twins = [made.start(self.LR, seed=0) for _ in range(2)]
        for twin in twins:
            twin.restore(state)
            assert keys(twin.advance(made.budget)) == rest
        for each in (session, *twins):
            each.close()

    def test_taking_a_state_changes_nothing(self) -> None:
        made = self.task()
        session = made.start(self.LR, seed=0)
        records = list(session.advance(0))
        for end in self.cuts(made):
            records.extend(session.advance(end))
            try:
                session.state()
            except NoStateError:
                assert made.resumes != "exact"
        session.close()
        assert keys(records) == self.curve(made)


def _assert_same_state(now: random_state.RandomState, before: random_state.RandomState) -> None:
    for name, value in before.as_data().items():
        flat = [np.asarray(part) for part in value] if isinstance(value, list) else [np.asarray(value)]
        other = now.as_data()[name]
        others = [np.asarray(part) for part in other] if isinstance(other, list) else [np.asarray(other)]
        assert all(np.array_equal(a, b) for a, b in zip(flat, others, strict=True)), (
            f"{name}'s random state moved"
        )
