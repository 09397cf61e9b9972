"""The one writer of a study's file: collects what it is handed, and commits it in groups."""

import os
from collections.abc import Callable, Container, Mapping, Sequence
from hashlib import sha256
from shutil import rmtree

import sqlalchemy

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.command import Command, Reply
from lrlab.core.errors import StoreError
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Study
from lrlab.store.book import ENDED, Book
from lrlab.store.clean import clean
from lrlab.store.columns import BLOCK, ColumnWriter
from lrlab.store.database import explained, leave_wal
from lrlab.store.engine import raw_connection
from lrlab.store.files import StudyFiles
from lrlab.store.locks import StudyLock
from lrlab.store.rows import Saved, write_changes

GROUP_S = 0.05
GROUP_POINTS = 1000


class SqliteLedger:
    """Writes one study; see ``Ledger``. Belongs to the process that opened it, and to one thread at a time.

    Args:
        files: Where the study lies.
        book: What the file holds already.
        connection: The only writing connection to it.
        lock: The study's lock, held; given back by ``close``.
        clock: Monotonic clock, in seconds; tells how old a group is.
    """

    def __init__(
        self,
        files: StudyFiles,
        book: Book,
        *,
        connection: sqlalchemy.Connection,
        lock: StudyLock,
        clock: Callable[[], float],
    ) -> None:
        self._files = files
        self._book = book
        self._connection = connection
        self._lock = lock
        self._clock = clock
        self._process = os.getpid()
        self._closed = False
        self._saved = Saved.all_of(book)
        self._touched: set[RunKey] = set()
        self._points = 0
        self._since: float | None = None  # when the open group began
        self._left: dict[str, str] = {}  # file of each command that lies there, and its id
        self._columns = ColumnWriter(files)
        self._write_columns(book.rows)
        self.commands()
        self._refuse_what_is_left()

    @property
    def study(self) -> Study:
        """See ``Ledger``."""
        return self._book.study

    @property
    def acknowledged(self) -> Mapping[RunKey, int]:
        """See ``Ledger``."""
        return {key: self._saved.records.get(key, 0) for key in self._book.rows}

    def write_run(self, run: Run) -> None:
        """See ``Ledger``."""
        self._touched.add(self._grow().write_run(run))

    def append(self, key: RunKey, first: int, records: Sequence[Record]) -> int:
        """See ``Ledger``."""
        key = clean(key)
        fresh = self._grow().append(key, first, records)
        self._touched.add(key)
        self._points += fresh
        return fresh

    def decide(self, advances: Sequence[Advance]) -> None:
        """See ``Ledger``."""
        self._grow().decide(advances)

    def note(self, kind: str, text: str) -> None:
        """See ``Ledger``."""
        self._grow().note(kind, text)

    def conclude(self, state: StudyState, answer: Answer | None) -> None:
        """See ``Ledger``."""
        self._grow().conclude(state, answer)
        self._commit()

    def tick(self) -> None:
        """See ``Ledger``."""
        self._check_usable()
        if self._since is None:
            return
        if self._points >= GROUP_POINTS or self._clock() - self._since >= GROUP_S:
            self._commit()

    def flush(self) -> None:
        """See ``Ledger``."""
        self._check_usable()
        self._commit()

    def ask(self, question: Question) -> None:
        """See ``Ledger``."""
        self._grow().ask(question)

    def commands(self) -> Sequence[Command]:
        """See ``Ledger``; a command's file goes when its reply is committed."""
        self._check_usable()
        new = []
        with explained(self._files.commands):
            self._lock.show_life()
            names = sorted(name for name in os.listdir(self._files.commands) if not name.startswith("."))
            for name in names:
                if name in self._left:
                    continue
                path = self._files.commands / name
                try:
                    command = clean(wire.loads(Command, path.read_bytes()))
                except StoreError as error:
                    self.note("unreadable_command", f"Something that is no command was left: {error}")
                    path.unlink()
                    continue
                if command.id in self._left.values() or command.id in self._book.replies:
                    path.unlink()  # sent twice; it acts once
                    continue
                self._left[name] = command.id
                new.append(command)
        return tuple(new)

    def reply(self, command: Command, reply: Reply) -> None:
        """See ``Ledger``."""
        self._grow().reply(command.id, reply)

    def checkpoint_path(self, key: RunKey) -> str:
        """See ``Ledger``."""
        self._check_usable()
        return str(self._files.checkpoints / _stem(key))

    def drop_checkpoint(self, key: RunKey) -> None:
        """See ``Ledger``."""
        self._check_usable()
        stem = _stem(key)
        with explained(self._files.checkpoints):
            for path in self._files.checkpoints.iterdir():
                if path.name == stem or path.name.startswith(f"{stem}."):
                    rmtree(path) if path.is_dir() else path.unlink()

    def close(self) -> None:
        """See ``Ledger``; the lock is given back even where the last group cannot be written."""
        if self._closed or os.getpid() != self._process:
            return
        with explained(self._files.database):
            try:
                self._commit()
                self.commands()
                self._refuse_what_is_left()
                self._commit()
                leave_wal(raw_connection(self._connection))
            finally:
                self._closed = True
                self._connection.close()
                self._lock.release()

    def _refuse_what_is_left(self) -> None:
        """Refuse commands that have no last word: the process that could carry them out has ended, or ends now."""
        if self._left or any(not reply.settled for reply in self._book.replies.values()):
            self._grow().refuse_unsettled(list(self._left.values()), ENDED)

    def _grow(self) -> Book:
        self._check_usable()
        if self._since is None:
            self._since = self._clock()
        return self._book

    def _check_usable(self) -> None:
        name = self._book.head.name
        if self._closed:
            raise StoreError(f'study "{name}": the ledger is closed.', hint="Open it again.")
        if os.getpid() != self._process:
            raise StoreError(
                f'study "{name}": the ledger belongs to process {self._process}, and this is a fork of it.',
                hint="Hand records to that process.",
            )

    def _commit(self) -> None:
        if self._since is None:
            return
        with explained(self._files.database), self._connection.begin():
            write_changes(self._connection, self._book, self._saved, self._touched)
        # Only now: where the transaction failed, everything still counts as unwritten and is tried again.
        self._saved = Saved.all_of(self._book)
        self._write_columns(self._touched)
        self._touched.clear()
        self._points = 0
        self._since = None
        with explained(self._files.commands):
            for name, command in tuple(self._left.items()):
                if command in self._saved.replies:
                    (self._files.commands / name).unlink(missing_ok=True)
                    del self._left[name]

    def _write_columns(self, keys: Container[RunKey]) -> None:
        """Bring the columns of runs up to what is committed."""
        for number, key in enumerate(self._book.rows, start=1):
            if key in keys and len(self._book.records[key]) >= BLOCK:
                self._columns.catch_up(number, self._book.records[key])


def _stem(key: RunKey) -> str:
    arm, lr, seed = clean(key)
    return "run-" + sha256(f"{float(lr)!r} {seed} {arm}".encode()).hexdigest()[:16]
