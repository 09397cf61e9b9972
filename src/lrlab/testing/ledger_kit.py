"""What every ledger must do, as tests; ``StoreKit`` holds them together with those of the store."""

import math
from dataclasses import replace

import pytest

from lrlab.core.answer import Answer
from lrlab.core.errors import LrlabError, StoreError
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Event
from lrlab.store.protocol import Ledger, Store
from lrlab.testing.store_values import EXAMPLE_RUN as A
from lrlab.testing.store_values import (
    HARD_FLOATS,
    HARD_TEXTS,
    example_answer,
    example_points,
    example_study,
    same_records,
)


class LedgerKit:
    """Laws of ``Ledger``: what is written comes back, once, in order, to the bit."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; override it."""
        raise NotImplementedError

    def again(self, store: Store) -> Store:
        """Another look at the same place, as another process takes it; override it where there is one."""
        return store

    @pytest.fixture
    def ledger(self, store: Store) -> Ledger:
        """The open ledger of a new study ``x`` with one run, ``A``."""
        ledger = store.create(example_study())
        ledger.write_run(A)
        return ledger

    # What is written comes back.

    def test_a_new_study_comes_back_as_it_was(self, store: Store) -> None:
        with_ledger = store.create(example_study())
        assert with_ledger.study == example_study()
        assert self.again(store).load("x") == example_study()
        with_ledger.close()

    def test_a_study_can_bring_all_its_content_along(self, store: Store) -> None:
        run = replace(A.with_records(example_points(9)), outcome=Outcome.FINISHED)
        full = example_study(
            runs=(run, Run(lr=1e-3, arm="sgd")),
            advances=(Advance(lr=0.1, until=3, seed=3, arm="adamw", why="a start"),),
            events=(Event(at=5.5, kind="started", text="Started."),),
            state=StudyState.FINISHED,
            answer=replace(example_answer(), safe_range=(1e-4, 1e-3)),
        )
        store.create(full).close()
        assert full.answer is not None
        assert self.again(store).load("x") == replace(full, answer=replace(full.answer, runs=()))

    def test_every_field_of_a_run_comes_back(self, store: Store, ledger: Ledger) -> None:
        run = Run(
            lr=math.nextafter(0.1, 1),
            seed=2**70,
            arm="sgd",
            target=8,
            units=5,
            outcome=Outcome.DIVERGED,
            state=State.FROZEN,
            detail="loss became NaN",
            lost_units=2,
            repeated_units=1,
            why="it looked best",
            checkpoint="run-1",
            seconds=0.1,
        )
        ledger.write_run(run)
        ledger.close()
        assert self.again(store).load("x").runs == (A, run)

    def test_a_run_is_updated_in_its_place(self, store: Store, ledger: Ledger) -> None:
        other = Run(lr=1.0)
        ledger.write_run(other)
        ledger.flush()
        ledger.append(A.key, 0, example_points(2))
        ledger.write_run(replace(A, target=4, state=State.RUNNING))
        ledger.close()
        first, second = self.again(store).load("x").runs
        # Nobody trains it any more.
        assert (first.key, first.target, first.state, len(first.records)) == (A.key, 4, State.QUEUED, 2)
        assert second == other

    def test_runs_differ_by_the_last_bit_of_the_rate_by_seed_and_by_arm(
        self, store: Store, ledger: Ledger
    ) -> None:
        others = (
            replace(A, lr=math.nextafter(A.lr, 1)),
            replace(A, seed=4),
            replace(A, arm="sgd"),
            replace(A, arm="adamw "),
        )
        for run in others:
            ledger.write_run(run)
            ledger.append(run.key, 0, example_points(1))
        ledger.close()
        loaded = self.again(store).load("x").runs
        assert [run.key for run in loaded] == [A.key, *(run.key for run in others)]
        assert [len(run.records) for run in loaded] == [0, 1, 1, 1, 1]

    @pytest.mark.parametrize("value", HARD_FLOATS, ids=repr)
    def test_every_float_keeps_its_bits(self, store: Store, ledger: Ledger, value: float) -> None:
        records = (Record(1 / 3, {"loss": value, "b": 1.0}), Record(2, {"loss": 1.0, "b": value}, 2**53 + 1))
        ledger.append(A.key, 0, records)
        ledger.close()
        assert same_records(self.again(store).load("x").runs[0].records, records)

    @pytest.mark.parametrize("text", HARD_TEXTS, ids=ascii)
    def test_no_text_breaks_the_store(self, store: Store, ledger: Ledger, text: str) -> None:
        run = Run(lr=1.0, arm=text, detail=text, why=text)
        ledger.write_run(run)
        assert ledger.append(run.key, 0, [Record(1, {text: 1.0})]) == 1
        assert ledger.append(run.key, 0, [Record(1, {text: 1.0})]) == 0
        ledger.decide([Advance(lr=1.0, until=1, arm=text, why=text)])
        ledger.note(text, text)
        ledger.conclude(StudyState.FINISHED, replace(example_answer(1.0), reasons=(text,)))
        kept = ledger.study
        ledger.close()
        loaded = self.again(store).load("x")
        assert loaded.runs == kept.runs
        assert (loaded.advances, loaded.events) == (kept.advances, kept.events)
        assert [event.kind for event in loaded.events] == [loaded.runs[1].why]
        (name,) = loaded.runs[1].records[0].metrics
        assert name == loaded.runs[1].arm == loaded.runs[1].detail
        clean = "\0" not in text and text.isprintable() and len(text) < 1000
        assert name == text if clean else name.encode()

    def test_a_long_traceback_keeps_both_ends(self, store: Store, ledger: Ledger) -> None:
        detail = "Traceback ü" + "🔥" * 60_000 + "RecursionError: too deep"
        ledger.write_run(replace(A, detail=detail, outcome=Outcome.FAILED))
        ledger.close()
        kept = self.again(store).load("x").runs[0].detail
        assert kept.startswith("Traceback ü🔥")
        assert kept.endswith("🔥RecursionError: too deep")
        assert "left out" in kept
        assert len(kept.encode()) <= 64 * 1024

    def test_advances_and_events_keep_their_order(self, store: Store, ledger: Ledger) -> None:
        wishes = [Advance(lr=10.0**-k, until=k + 1, seed=k, why=f"reason {k}") for k in range(20)]
        ledger.decide(wishes[:7])
        ledger.flush()
        ledger.decide([])
        ledger.decide(wishes[7:])
        for k in range(5):
            ledger.note("tested", f"event {k}")
        ledger.close()
        loaded = self.again(store).load("x")
        assert list(loaded.advances) == wishes
        assert [(event.kind, event.text) for event in loaded.events] == [
            ("tested", f"event {k}") for k in range(5)
        ]

    def test_an_answer_is_kept_without_its_runs(self, store: Store, ledger: Ledger) -> None:
        ledger.conclude(StudyState.FINISHED, example_answer())
        for study in (ledger.study, self.again(store).load("x")):
            assert study.answer is not None
            assert study.answer.runs == ()
            assert repr(study.answer) == repr(replace(example_answer(), runs=()))
            assert study.state is StudyState.FINISHED
        ledger.close()

    def test_an_answer_can_be_replaced_and_taken_back(self, store: Store, ledger: Ledger) -> None:
        ledger.conclude(StudyState.RUNNING, example_answer())
        ledger.conclude(StudyState.STOPPED, example_answer(1e-2))
        loaded = self.again(store).load("x")
        assert loaded.answer is not None
        assert loaded.answer.lr == 1e-2
        ledger.conclude(StudyState.FAILED, None)
        loaded = self.again(store).load("x")
        assert (loaded.answer, loaded.state) == (None, StudyState.FAILED)
        ledger.close()

    def test_a_richer_answer_is_kept_as_a_plain_one(self, ledger: Ledger) -> None:
        class Shown(Answer):
            """An answer that can do more."""

        plain = example_answer()
        ledger.conclude(StudyState.FINISHED, Shown(**{name: getattr(plain, name) for name in vars(plain)}))
        assert type(ledger.study.answer) is Answer
        ledger.close()

    # Records arrive once, in order.

    def test_append_counts_what_is_new(self, store: Store, ledger: Ledger) -> None:
        assert ledger.append(A.key, 0, example_points(3)) == 3
        assert ledger.append(A.key, 0, example_points(3)) == 0
        assert ledger.append(A.key, 1, example_points(4, start=1)) == 2
        assert ledger.append(A.key, 5, ()) == 0
        ledger.close()
        loaded = self.again(store).load("x")
        assert same_records(loaded.runs[0].records, example_points(5))
        assert loaded.events == ()

    def test_the_same_nan_again_is_no_difference(self, ledger: Ledger) -> None:
        hard = [Record(1, {"a": math.nan, "b": -0.0, "c": math.inf})]
        ledger.append(A.key, 0, hard)
        assert ledger.append(A.key, 0, hard) == 0
        assert ledger.study.events == ()
        ledger.close()

    @pytest.mark.parametrize(
        "again",
        [
            Record(2, {"loss": -0.0}, 1),
            Record(2, {"loss": 5e-324}, 1),
            Record(2, {"other": 0.0}, 1),
            Record(2, {"loss": 0.0}, 2),
            Record(3, {"loss": 0.0}, 1),
        ],
        ids=["sign of zero", "last bit", "name", "step", "at"],
    )
    def test_a_record_that_comes_out_differently_is_noted_once(
        self, store: Store, ledger: Ledger, again: Record
    ) -> None:
        first = (Record(1, {"loss": 1.0}), Record(2, {"loss": 0.0}, 1))
        ledger.append(A.key, 0, first)
        assert ledger.append(A.key, 1, [again, Record(4, {"loss": 0.5})]) == 1
        ledger.append(A.key, 1, [again])
        ledger.close()
        ledger = self.again(store).open("x")
        ledger.append(A.key, 1, [again])
        ledger.close()
        loaded = self.again(store).load("x")
        assert same_records(loaded.runs[0].records, (*first, Record(4, {"loss": 0.5})))
        assert [event.kind for event in loaded.events] == ["nondeterministic"]

    def test_each_run_has_its_own_note_of_difference(self, ledger: Ledger) -> None:
        for run in (A, replace(A, seed=33)):
            ledger.write_run(run)
            ledger.append(run.key, 0, [Record(1, {"loss": 1.0})])
            ledger.append(run.key, 0, [Record(1, {"loss": 2.0})])
        assert len(ledger.study.events) == 2
        ledger.close()

    @pytest.mark.parametrize("first", [-1, 3])
    def test_a_gap_is_refused(self, store: Store, ledger: Ledger, first: int) -> None:
        ledger.append(A.key, 0, example_points(2))
        with pytest.raises(StoreError, match="gap"):
            ledger.append(A.key, first, example_points(1))
        ledger.close()
        assert same_records(self.again(store).load("x").runs[0].records, example_points(2))

    def test_an_unknown_run_is_refused(self, ledger: Ledger) -> None:
        with pytest.raises(StoreError, match=r"no run with lr 0\.5"):
            ledger.append(RunKey("default", 0.5, 0), 0, example_points(1))
        ledger.close()

    def test_units_follow_the_records(self, store: Store, ledger: Ledger) -> None:
        ledger.append(
            A.key, 0, [Record(0, {"loss": 3.0}), Record(1.5, {"loss": 2.0}), Record(2, {"loss": 1.0})]
        )
        assert ledger.study.runs[0].units == 2
        ledger.write_run(A)
        assert ledger.study.runs[0].units == 2
        ledger.write_run(replace(A, units=3))
        ledger.append(A.key, 3, [Record(2.5, {"loss": 1.0})])
        assert ledger.study.runs[0].units == 3
        ledger.close()
        assert self.again(store).load("x").runs[0].units == 3

    def test_the_question_can_grow(self, store: Store, ledger: Ledger) -> None:
        known = (A.key, RunKey("sgd ü", math.nextafter(0.1, 1), 2**40))
        larger = replace(ledger.study.question, seeds=5, max_cost=9.5, known=known)
        ledger.ask(larger)
        assert ledger.study.question == larger
        ledger.close()
        assert self.again(store).load("x").question == larger

    # What is acknowledged is safe.

    def test_acknowledged_is_what_another_look_sees(self, store: Store, ledger: Ledger) -> None:
        ledger.append(A.key, 0, example_points(5))
        assert ledger.study.runs[0].records == example_points(5)
        assert ledger.acknowledged[A.key] <= 5
        ledger.flush()
        assert dict(ledger.acknowledged) == {A.key: 5}
        before = ledger.acknowledged
        assert len(self.again(store).load("x").runs[0].records) == 5
        ledger.append(A.key, 5, example_points(2, start=5))
        ledger.conclude(StudyState.RUNNING, None)
        assert (before[A.key], ledger.acknowledged[A.key]) == (5, 7)
        ledger.append(A.key, 7, example_points(1, start=7))
        ledger.close()
        assert ledger.acknowledged[A.key] == 8
        assert same_records(self.again(store).load("x").runs[0].records, example_points(8))

    def test_many_groups_lose_nothing(self, store: Store, ledger: Ledger) -> None:
        records = example_points(2_500)
        for first in range(0, len(records), 7):
            ledger.append(A.key, first, records[first : first + 7])
            ledger.tick()
        assert ledger.acknowledged[A.key] >= 1_000
        ledger.close()
        assert same_records(self.again(store).load("x").runs[0].records, records)

    def test_tick_and_flush_with_nothing_to_write_do_nothing(self, store: Store, ledger: Ledger) -> None:
        ledger.flush()
        before = self.again(store).load("x")
        ledger.tick()
        ledger.flush()
        assert self.again(store).load("x") == before
        ledger.close()

    def test_what_cannot_be_stored_is_refused_and_harms_nothing(self, store: Store, ledger: Ledger) -> None:
        with pytest.raises(LrlabError, match="cannot be written as JSON"):
            store.create(example_study("y", target={"call": object()}))
        with pytest.raises(LrlabError, match="cannot be written as JSON"):
            ledger.write_run(replace(A, detail=object()))  # type: ignore[arg-type]
        ledger.append(A.key, 0, example_points(1))
        ledger.close()
        assert self.again(store).load("x").runs == (A.with_records(example_points(1)),)
        assert list(store.names()) == ["x"]
