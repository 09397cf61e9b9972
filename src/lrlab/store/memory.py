"""Studies that live only as long as this process."""

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import getpid

from lrlab.core.answer import Answer
from lrlab.core.command import Command, Reply
from lrlab.core.errors import ConflictError, StoreError
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Study
from lrlab.store.book import ENDED, HELD_STATES, Book, interrupted
from lrlab.store.clean import clean
from lrlab.store.names import checked_name, taken_name, unknown_study
from lrlab.store.protocol import Holder, Snapshot, StudySummary


class MemoryLedger:
    """The writer of a study in memory; all is acknowledged at once, and a reply is given with what it tells of."""

    def __init__(self, book: Book, entry: "_Entry") -> None:
        self._book = book
        self._entry = entry
        self._open = True
        self._said: list[tuple[str, Reply]] = []

    @property
    def study(self) -> Study:
        """See ``Ledger``."""
        return self._book.study

    @property
    def acknowledged(self) -> Mapping[RunKey, int]:
        """See ``Ledger``."""
        return {key: len(records) for key, records in self._book.records.items()}

    def write_run(self, run: Run) -> None:
        """See ``Ledger``."""
        self._writable().write_run(run)

    def append(self, key: RunKey, first: int, records: Sequence[Record]) -> int:
        """See ``Ledger``."""
        return self._writable().append(clean(key), first, records)

    def decide(self, advances: Sequence[Advance]) -> None:
        """See ``Ledger``."""
        self._writable().decide(advances)

    def note(self, kind: str, text: str) -> None:
        """See ``Ledger``."""
        self._writable().note(kind, text)

    def conclude(self, state: StudyState, answer: Answer | None) -> None:
        """See ``Ledger``."""
        self._writable().conclude(state, answer)
        self._reply()

    def tick(self) -> None:
        """Nothing but replies waits here."""
        self._reply()

    def flush(self) -> None:
        """Nothing but replies waits here."""
        self._reply()

    def ask(self, question: Question) -> None:
        """See ``Ledger``."""
        self._writable().ask(question)

    def commands(self) -> Sequence[Command]:
        """See ``Ledger``."""
        self._writable()
        self._entry.looked = time.monotonic()
        return self._entry.hand_out()

    def reply(self, command: Command, reply: Reply) -> None:
        """See ``Ledger``."""
        self._writable()
        self._said.append((command.id, reply))

    def _reply(self) -> None:
        book = self._writable()
        for command, reply in self._said:
            book.reply(command, reply)
        self._said.clear()

    def checkpoint_path(self, key: RunKey) -> str:
        """No files here, so always ""."""
        self._writable()
        return ""

    def drop_checkpoint(self, key: RunKey) -> None:
        """No files here."""
        self._writable()

    def close(self) -> None:
        """See ``Ledger``."""
        if self._open:
            self._reply()
            left = [*self._entry.handed_out, *(command.id for command in self._entry.hand_out())]
            self._book.refuse_unsettled(left, ENDED)
            self._open = False
            self._entry.held = False

    def _writable(self) -> Book:
        if not self._open:
            raise StoreError(f'study "{self._book.head.name}": the ledger is closed.', hint="Open it again.")
        return self._book


class _Entry:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.commands: list[Command] = []
        self.handed_out: set[str] = set()
        self.held = False
        self.looked = 0.0

    def hand_out(self) -> Sequence[Command]:
        """The commands that are new, each id once."""
        left, self.commands = self.commands, []
        new = {command.id: command for command in left if command.id not in self.handed_out}
        self.handed_out.update(new)
        return tuple(new.values())

    def study(self) -> Study:
        study = self.book.study
        if study.state in HELD_STATES and not self.held:
            return interrupted(study)
        return study


class MemoryStore:
    """Studies by name, in memory; for quick use and for tests.

    Args:
        now: Wall clock for events, seconds since 1970.
    """

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}

    def names(self) -> Sequence[str]:
        """See ``Store``."""
        return tuple(summary.name for summary in self.summaries())

    def summaries(self) -> Sequence[StudySummary]:
        """See ``Store``."""
        studies = (entry.study() for entry in self._entries.values())
        return tuple(summary_of(study) for study in sorted(studies, key=lambda s: (-s.created, s.name)))

    def load(self, name: str) -> Study:
        """See ``Store``."""
        return self._entry(name).study()

    @contextmanager
    def snapshot(self, name: str) -> Iterator[Snapshot]:
        """See ``Store``."""
        study = self.load(name)
        records = {run.key: run.records for run in study.runs}
        runs = tuple(replace(run, records=()) for run in study.runs)

        def read(key: RunKey, *, first: int = 0) -> Iterator[Record]:
            return iter(records[key][first:])

        def history(key: RunKey, *, first: int = 0) -> Sequence[Record]:
            return records[key][first:]

        yield Snapshot(study=replace(study, runs=runs), records=read, history=history)

    def create(self, study: Study) -> MemoryLedger:
        """See ``Store``."""
        name = checked_name(study.name)
        if name in self._entries:
            raise taken_name(name)
        self._entries[name] = _Entry(Book(study, now=self._now))
        return self.open(name)

    def open(self, name: str) -> MemoryLedger:
        """See ``Store``."""
        entry = self._entry(name)
        self._refuse_held(name, entry)
        entry.held = True
        entry.looked = time.monotonic()
        return MemoryLedger(entry.book, entry)

    def send(self, name: str, command: Command) -> bool:
        """See ``Store``."""
        entry = self._entry(name)
        if not entry.held:
            return False
        entry.commands.append(clean(command))
        return True

    def reply(self, name: str, command: str) -> Reply | None:
        """See ``Store``."""
        return self._entry(name).book.replies.get(command)

    def heard(self, name: str) -> float | None:
        """See ``Store``."""
        entry = self._entry(name)
        return time.monotonic() - entry.looked if entry.held else None

    def holder(self, name: str) -> Holder | None:
        """See ``Store``; always this process."""
        held = self._entry(name).held
        return Holder(pid=getpid(), host=platform.node(), since=time.time()) if held else None

    def delete(self, name: str) -> None:
        """See ``Store``."""
        self._refuse_held(name, self._entry(name))
        del self._entries[name]

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise unknown_study(name, self._entries)
        return self._entries[name]

    @staticmethod
    def _refuse_held(name: str, entry: _Entry) -> None:
        if entry.held:
            raise ConflictError(
                f'study "{name}" is being run by process {getpid()}, which is this one.',
                hint="Close its ledger first.",
            )


def summary_of(study: Study) -> StudySummary:
    """The line of ``study`` in a list; its state is taken as it is."""
    answer = study.answer
    return StudySummary(
        name=study.name,
        task=study.task,
        state=study.state,
        created=study.created,
        runs=len(study.runs),
        cost=study.cost,
        lr=answer.lr if answer is not None and answer.found else None,
    )
