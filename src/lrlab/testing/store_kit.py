"""What every store must do, as tests: subclass ``StoreKit`` and override its ``store`` fixture."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lrlab.core.command import Command, Fate, Reply
from lrlab.core.errors import ConflictError, NotFoundError, SpecError, StoreError
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.store.protocol import Ledger, Store
from lrlab.testing.ledger_kit import LedgerKit
from lrlab.testing.store_values import EXAMPLE_RUN as A
from lrlab.testing.store_values import (
    example_answer,
    example_points,
    example_study,
    same_records,
)

STOP = Command(kind="stop", id="stop-1")


class StoreKit(LedgerKit):
    """Laws of ``Store``, together with those of its ledgers."""

    # One process holds a study.

    @pytest.mark.parametrize("take", ["open", "delete"])
    def test_a_held_study_cannot_be_taken(self, store: Store, ledger: Ledger, take: str) -> None:
        with pytest.raises(ConflictError, match=rf'study "x" is being run by process {os.getpid()}\b'):
            getattr(self.again(store), take)("x")
        ledger.append(A.key, 0, example_points(1))
        ledger.close()
        getattr(self.again(store), take)("x")

    def test_a_closed_study_goes_on_where_it_was(self, store: Store, ledger: Ledger) -> None:
        ledger.append(A.key, 0, example_points(3))
        ledger.note("first", "1")
        ledger.close()
        ledger = self.again(store).open("x")
        assert same_records(ledger.study.runs[0].records, example_points(3))
        assert ledger.acknowledged[A.key] == 3
        assert ledger.append(A.key, 2, example_points(3, start=2)) == 2
        ledger.write_run(Run(lr=1.0))
        ledger.note("second", "2")
        ledger.decide([Advance(lr=1.0, until=1)])
        ledger.close()
        loaded = self.again(store).load("x")
        assert [run.lr for run in loaded.runs] == [0.1, 1.0]
        assert same_records(loaded.runs[0].records, example_points(5))
        assert [event.kind for event in loaded.events] == ["first", "second"]
        assert len(loaded.advances) == 1

    def test_a_snapshot_is_one_moment(self, store: Store, ledger: Ledger) -> None:
        ledger.append(A.key, 0, example_points(2500))
        ledger.flush()
        with self.again(store).snapshot("x") as snapshot:
            first = tuple(snapshot.records(A.key))
            ledger.append(A.key, 2500, example_points(3, start=2500))
            ledger.note("later", "1")
            ledger.close()
            assert same_records(first, example_points(2500))
            assert same_records(tuple(snapshot.records(A.key)), first)
            assert same_records(tuple(snapshot.history(A.key)), first)
            assert same_records(tuple(snapshot.history(A.key, first=2499)), first[2499:])
            assert snapshot.study.runs[0].key == A.key
            assert snapshot.study.runs[0].units == 625
            assert not any(run.records for run in snapshot.study.runs)
            assert not any(event.kind == "later" for event in snapshot.study.events)
        assert len(self.again(store).load("x").runs[0].records) == 2503
        with pytest.raises(NotFoundError), store.snapshot("y"):
            pass

    def test_closing_twice_is_fine_and_closed_is_closed(self, store: Store, ledger: Ledger) -> None:
        ledger.flush()
        ledger.close()
        ledger.close()
        before = ledger.study
        calls: list[Callable[[], object]] = [
            lambda: ledger.write_run(A),
            lambda: ledger.append(A.key, 0, example_points(1)),
            lambda: ledger.decide([Advance(lr=1.0, until=1)]),
            lambda: ledger.note("a", "b"),
            lambda: ledger.conclude(StudyState.FINISHED, None),
            ledger.tick,
            ledger.flush,
            ledger.commands,
            lambda: ledger.ask(ledger.study.question),
            lambda: ledger.reply(STOP, Reply(fate=Fate.DONE, text="")),
            lambda: ledger.checkpoint_path(A.key),
            lambda: ledger.drop_checkpoint(A.key),
        ]
        for call in calls:
            with pytest.raises(StoreError, match="closed"):
                call()
        assert ledger.study == before
        assert store.load("x").runs == (A,)

    def test_closing_an_old_ledger_does_not_free_the_new_one(self, store: Store, ledger: Ledger) -> None:
        ledger.close()
        new = store.open("x")
        ledger.close()
        with pytest.raises(ConflictError, match="is being run"):
            store.open("x")
        new.close()

    @pytest.mark.parametrize("state", [StudyState.RUNNING, StudyState.PAUSED])
    def test_it_rests_only_while_it_is_held(self, store: Store, ledger: Ledger, state: StudyState) -> None:
        ledger.conclude(state, None)
        view = self.again(store)
        assert view.load("x").state is view.summaries()[0].state is state
        ledger.close()
        assert view.load("x").state is view.summaries()[0].state is StudyState.INTERRUPTED

    def test_it_runs_only_while_it_is_held(self, store: Store, ledger: Ledger) -> None:
        def states() -> tuple[StudyState, StudyState]:
            view = self.again(store)
            return view.load("x").state, view.summaries()[0].state

        assert states() == (StudyState.RUNNING, StudyState.RUNNING)
        ledger.close()
        assert states() == (StudyState.INTERRUPTED, StudyState.INTERRUPTED)
        ledger = store.open("x")
        assert ledger.study.state is StudyState.RUNNING
        assert states() == (StudyState.RUNNING, StudyState.RUNNING)
        ledger.conclude(StudyState.STOPPED, None)
        assert states() == (StudyState.STOPPED, StudyState.STOPPED)
        ledger.close()
        assert states() == (StudyState.STOPPED, StudyState.STOPPED)

    def test_two_studies_can_be_written_side_by_side(self, store: Store, ledger: Ledger) -> None:
        other = store.create(example_study("y"))
        other.write_run(A)
        for first in range(4):
            ledger.append(A.key, first, example_points(1, start=first))
            other.append(A.key, first, example_points(1, start=first + 10))
        other.close()
        ledger.close()
        view = self.again(store)
        assert same_records(view.load("x").runs[0].records, example_points(4))
        assert same_records(view.load("y").runs[0].records, example_points(4, start=10))

    # Names and lists.

    def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert list(store.names()) == []
        assert list(store.summaries()) == []

    @pytest.mark.parametrize("name", ["a", "0", "_", "A-b_c.d", "x.sqlite", "n" * 100])
    def test_good_names(self, store: Store, name: str) -> None:
        store.create(example_study(name)).close()
        assert list(self.again(store).names()) == [name]
        assert self.again(store).load(name).name == name

    @pytest.mark.parametrize(
        "name", ["", ".", "..", ".a", "-a", "a/b", "../a", "a b", "ü", "a\n", "a\0", "n" * 101]
    )
    def test_bad_names_are_refused(self, store: Store, name: str) -> None:
        with pytest.raises(SpecError, match="study: a name has 1 to 100"):
            store.create(example_study(name))
        with pytest.raises(NotFoundError, match="none of that name"):
            store.load(name)
        assert list(store.names()) == []

    def test_a_name_is_taken_once(self, store: Store, ledger: Ledger) -> None:
        for _ in range(2):
            with pytest.raises(ConflictError, match='study "x"'):
                self.again(store).create(example_study(task="another"))
            ledger.close()
        assert store.load("x").task == "mlp on digits"

    @pytest.mark.parametrize("method", ["load", "open", "delete", "send", "reply", "heard", "holder"])
    def test_an_unknown_study_is_named_with_near_ones(self, store: Store, method: str) -> None:
        arguments = {"send": ("resnte", STOP), "reply": ("resnte", "1")}.get(method, ("resnte",))
        with pytest.raises(NotFoundError, match="The store is empty"):
            getattr(store, method)(*arguments)
        store.create(example_study("resnet")).close()
        with pytest.raises(NotFoundError, match="Did you mean 'resnet'"):
            getattr(store, method)(*arguments)

    def test_lists_are_newest_first(self, store: Store) -> None:
        for name, created in (("old", 1.0), ("new", 3.0), ("mid-b", 2.0), ("mid-a", 2.0)):
            store.create(example_study(name, created=created)).close()
        expected = ["new", "mid-a", "mid-b", "old"]
        assert list(self.again(store).names()) == expected
        assert [(s.name, s.created) for s in self.again(store).summaries()][::3] == [
            ("new", 3.0),
            ("old", 1.0),
        ]
        assert [summary.name for summary in store.summaries()] == expected

    def test_a_summary_tells_task_runs_cost_and_rate(self, store: Store, ledger: Ledger) -> None:
        ledger.write_run(replace(A, units=12, repeated_units=3, lost_units=100))
        ledger.write_run(Run(lr=1.0))
        ledger.append(RunKey("default", 1.0, 0), 0, [Record(3, {"loss": 1.0})])
        ledger.conclude(StudyState.RUNNING, example_answer())
        (summary,) = self.again(store).summaries()
        assert (summary.task, summary.runs, summary.cost, summary.lr) == ("mlp on digits", 2, 18 / 12, 3e-4)
        assert (summary.problem, summary.cost) == ("", self.again(store).load("x").cost)
        ledger.conclude(StudyState.FINISHED, example_answer(math.nan))
        (summary,) = self.again(store).summaries()
        assert (summary.lr, summary.state) == (None, StudyState.FINISHED)
        ledger.close()

    # Commands, files, the end.

    def test_commands_reach_the_holder_in_order_and_once(self, store: Store, ledger: Ledger) -> None:
        assert list(ledger.commands()) == []
        arguments = {"lr": "1e-3:1", "seeds": 3, "tolerance": 0.05, "note": "ü"}
        sent = [
            Command(kind="extend", arguments=arguments),
            *(Command(kind="pause") for _ in range(20)),
            STOP,
        ]
        assert all(self.again(store).send("x", command) for command in sent)
        assert list(ledger.commands()) == sent
        assert list(ledger.commands()) == []
        ledger.close()

    def test_a_reply_reaches_whoever_looks_once_it_is_committed(self, store: Store, ledger: Ledger) -> None:
        assert self.again(store).send("x", STOP)
        assert self.again(store).reply("x", STOP.id) is None
        (command,) = ledger.commands()
        for fate in (Fate.ACCEPTED, Fate.DONE):
            ledger.reply(command, Reply(fate=fate, text=f"{fate} ü"))
            ledger.flush()
            assert self.again(store).reply("x", STOP.id) == Reply(fate=fate, text=f"{fate} ü")
        assert self.again(store).reply("x", "another") is None
        ledger.close()
        assert self.again(store).reply("x", STOP.id) == Reply(fate=Fate.DONE, text="done ü")

    def test_a_command_that_is_sent_twice_acts_once(self, store: Store, ledger: Ledger) -> None:
        for _ in range(2):
            assert self.again(store).send("x", STOP)
        assert list(ledger.commands()) == [STOP]
        assert self.again(store).send("x", STOP)
        assert list(ledger.commands()) == []
        ledger.reply(STOP, Reply(fate=Fate.DONE, text="Done."))
        ledger.flush()
        assert self.again(store).send("x", STOP)
        assert list(ledger.commands()) == []
        ledger.close()
        ledger = self.again(store).open("x")
        assert self.again(store).send("x", STOP)
        assert list(ledger.commands()) == []
        ledger.close()
        assert self.again(store).reply("x", STOP.id) == Reply(fate=Fate.DONE, text="Done.")

    def test_what_has_no_last_word_when_the_holder_ends_is_refused(
        self, store: Store, ledger: Ledger
    ) -> None:
        begun, taken, unread = (Command(kind="pause") for _ in range(3))
        for command in (begun, taken):
            store.send("x", command)
        ledger.commands()
        ledger.reply(begun, Reply(fate=Fate.ACCEPTED, text="It rests soon."))
        store.send("x", unread)
        ledger.close()
        for command in (begun, taken, unread):
            reply = self.again(store).reply("x", command.id)
            assert reply is not None, command
            assert (reply.fate, "ended before" in reply.text) == (Fate.REFUSED, True)

    def test_without_a_holder_no_command_is_left(self, store: Store, ledger: Ledger) -> None:
        assert self.again(store).send("x", STOP)
        ledger.close()
        assert not self.again(store).send("x", STOP)
        ledger = self.again(store).open("x")
        assert list(ledger.commands()) == []
        ledger.close()

    def test_a_holder_is_heard_of(self, store: Store, ledger: Ledger) -> None:
        ledger.commands()
        heard = self.again(store).heard("x")
        assert heard is not None
        assert 0 <= heard < 5
        ledger.close()
        assert self.again(store).heard("x") is None

    def test_a_holder_is_named(self, store: Store, ledger: Ledger) -> None:
        holder = self.again(store).holder("x")
        assert holder is not None
        assert holder.pid == os.getpid()
        ledger.close()
        assert self.again(store).holder("x") is None

    def test_a_checkpoint_has_a_place_of_its_own(self, store: Store, ledger: Ledger) -> None:
        keys = [
            A.key,
            RunKey("adamw", math.nextafter(0.1, 1), 3),
            RunKey("../ü", 0.1, 3),
            RunKey("", 0.1, 2**70),
        ]
        places = [ledger.checkpoint_path(key) for key in keys]
        assert places == [ledger.checkpoint_path(key) for key in keys]
        ledger.drop_checkpoint(A.key)
        if not any(places):
            return  # a store without files
        files = [Path(place + suffix) for place in places for suffix in (".safetensors", ".json")]
        assert len(set(files)) == 2 * len(keys)
        for place, file in zip((p for p in places for _ in range(2)), files, strict=True):
            assert Path(place).suffix == ""
            file.write_text("state")
        ledger.drop_checkpoint(A.key)
        assert [file.exists() for file in files] == [False, False, *[True] * 6]
        ledger.close()
        ledger = self.again(store).open("x")
        assert [ledger.checkpoint_path(key) for key in keys] == places
        assert files[-1].read_text() == "state"
        ledger.close()
        store.delete("x")
        assert not any(file.exists() for file in files)

    def test_a_deleted_study_is_gone_and_its_name_free(self, store: Store, ledger: Ledger) -> None:
        ledger.append(A.key, 0, example_points(3))
        ledger.note("a", "b")
        ledger.close()
        self.again(store).delete("x")
        assert list(store.names()) == []
        with pytest.raises(NotFoundError, match="none of that name"):
            store.load("x")
        store.create(example_study(task="another")).close()
        loaded = self.again(store).load("x")
        assert (loaded.task, loaded.runs, loaded.events) == ("another", (), ())
