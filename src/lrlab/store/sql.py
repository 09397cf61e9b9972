"""Studies in a folder, each in an SQLite file of its own."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lrlab.core import wire
from lrlab.core.command import Command, Reply
from lrlab.core.errors import ConflictError, NotFoundError, StoreError
from lrlab.core.outcome import StudyState
from lrlab.core.record import Record
from lrlab.core.run import RunKey
from lrlab.core.study import Study
from lrlab.store import database, version
from lrlab.store.book import HELD_STATES, Book, interrupted
from lrlab.store.clean import clean
from lrlab.store.database import connect, explained
from lrlab.store.files import StudyFiles, sync_folder, write_file
from lrlab.store.locks import StudyLock
from lrlab.store.names import checked_name, is_name, taken_name, unknown_study
from lrlab.store.protocol import Holder, Snapshot, StudySummary
from lrlab.store.reading import read_history, read_records, read_replies, read_study, read_summary

if (
    TYPE_CHECKING
):  # what writes needs SQLAlchemy, which takes a third of a second; who only looks does not wait for it
    from lrlab.store.ledger import SqliteLedger

_FILE_PATIENCE_S, _LIST_PATIENCE_S = 0.25, 1.0  # what a list waits for one locked file, and for all of them
_SENT = count()  # orders commands that are sent within one tick of the clock

S = TypeVar("S", Study, StudySummary)


class SqliteStore:
    """A folder of studies; see ``Store``.

    Study ``x`` is the file ``x.sqlite``; beside it lie its lock ``x.lock`` and the folder ``x.files`` with
    stored states and commands. The folder is made when the first study is created; only its owner can read
    what is made.

    Args:
        folder: Where the studies lie.
        now: Wall clock, seconds since 1970; for display.
        clock: Monotonic clock, in seconds; tells how old an open group is.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Path(folder).expanduser().absolute()
        self._now = now
        self._clock = clock

    @property
    def folder(self) -> Path:
        """Where the studies lie; absolute."""
        return self._folder

    def names(self) -> Sequence[str]:
        """See ``Store``."""
        return tuple(summary.name for summary in self.summaries())

    def summaries(self) -> Sequence[StudySummary]:
        """See ``Store``."""
        # Who looks at many studies does not wait long for one: a file that is locked is no reason to show none.
        until = time.monotonic() + _LIST_PATIENCE_S
        found = [
            self._summary(
                self._files(name), patience_s=min(_FILE_PATIENCE_S, max(until - time.monotonic(), 0.02))
            )
            for name in self._listing()
        ]
        return tuple(sorted(found, key=lambda summary: (-summary.created, summary.name)))

    def load(self, name: str) -> Study:
        """See ``Store``."""
        files = self._existing(name)
        with closing(self._reader(files)) as connection:
            return _as_seen(read_study(files.database, connection), files)

    @contextmanager
    def snapshot(self, name: str) -> Iterator[Snapshot]:
        """See ``Store``; one read transaction, beside which a writer goes on."""
        files = self._existing(name)
        with closing(self._reader(files)) as connection, database.one_moment(connection):
            study = _as_seen(read_study(files.database, connection, records=False), files)
            numbers = {run.key: number for number, run in enumerate(study.runs, start=1)}

            def read(key: RunKey, *, first: int = 0) -> Iterator[Record]:
                return read_records(files.database, connection, numbers[key], first=first)

            def history(key: RunKey, *, first: int = 0) -> Sequence[Record]:
                blocks = files.column_file(numbers[key])
                return read_history(files.database, connection, numbers[key], first=first, blocks=blocks)

            yield Snapshot(study=study, records=read, history=history)

    def create(self, study: Study) -> "SqliteLedger":
        """See ``Store``."""
        from lrlab.store import engine
        from lrlab.store.rows import Saved, write_changes

        files = self._files(checked_name(study.name))
        book = Book(study, now=self._now)
        with explained(files.folder):
            files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._locked(files)
        try:
            if files.database.exists():
                raise taken_name(files.name)
            with explained(files.database):
                files.remove()
                with engine.new_database(files.draft) as connection, connection.begin():
                    write_changes(connection, book, Saved(), book.rows)
                # The name appears last and at once, so that no crash leaves half a study.
                files.draft.rename(files.database)
                sync_folder(files.folder)
            return self._ledger(files, lock)
        except BaseException:
            lock.release()
            raise

    def open(self, name: str) -> "SqliteLedger":
        """See ``Store``."""
        files = self._existing(name)
        lock = self._locked(files)
        try:
            return self._ledger(files, lock)
        except BaseException:
            lock.release()
            raise

    def send(self, name: str, command: Command) -> bool:
        """See ``Store``."""
        files = self._existing(name)
        lock = StudyLock(files)
        if not lock.held():
            return False
        path = files.commands / f"{int(self._now() * 1e6):020}-{next(_SENT):06}-{os.getpid()}.json"
        with explained(path):
            write_file(path, wire.dumps(Command, clean(command)))
            if lock.held():
                return True
            path.unlink(missing_ok=True)  # it ended in between; whoever opens the study next shall not see it
        return False

    def reply(self, name: str, command: str) -> Reply | None:
        """See ``Store``."""
        files = self._existing(name)
        with closing(self._reader(files)) as connection:
            if database.schema_version(connection) < version.SCHEMA_VERSION:
                return None  # an older lrlab holds it, which answers no commands
            return read_replies(files.database, connection, command).get(command)

    def heard(self, name: str) -> float | None:
        """See ``Store``."""
        return StudyLock(self._existing(name)).heard_s()

    def holder(self, name: str) -> Holder | None:
        """See ``Store``."""
        return StudyLock(self._existing(name)).holder()

    def delete(self, name: str) -> None:
        """See ``Store``."""
        files = self._existing(name)
        lock = self._locked(files)
        try:
            database.check_ours(files.database)
            with explained(files.database):
                files.remove()
                files.lock.unlink(missing_ok=True)
        finally:
            lock.release()

    def _files(self, name: str) -> StudyFiles:
        return StudyFiles(folder=self._folder, name=name)

    def _listing(self) -> list[str]:
        with explained(self._folder):
            if not self._folder.exists():
                return []
            stems = [
                path.name.removesuffix(".sqlite")
                for path in self._folder.iterdir()
                if path.suffix == ".sqlite"
            ]
        return sorted(stem for stem in stems if is_name(stem))

    def _existing(self, name: str) -> StudyFiles:
        files = self._files(name)
        if not (is_name(name) and files.database.exists()):
            raise unknown_study(name, self._listing())
        return files

    def _locked(self, files: StudyFiles) -> StudyLock:
        lock = StudyLock(files)
        with explained(files.lock):
            lock.acquire()
        return lock

    def _reader(self, files: StudyFiles, *, patience_s: float | None = None) -> sqlite3.Connection:
        try:
            return connect(files.database, patience_s=patience_s)
        except StoreError as error:
            if not database.needs_rollback(error):
                raise
        lock = self._locked(files)
        try:
            connect(
                files.database, write=True
            ).close()  # the first look of a writer undoes what was half done
        finally:
            lock.release()
        return connect(files.database)

    def _ledger(self, files: StudyFiles, lock: StudyLock) -> "SqliteLedger":
        from lrlab.store import engine
        from lrlab.store.ledger import SqliteLedger

        connection = engine.writer(files.database)
        try:
            raw = engine.raw_connection(connection)
            if database.schema_version(raw) < version.SCHEMA_VERSION:
                from lrlab.store.migrate import migrate  # Alembic is slow to import and hardly ever needed

                migrate(files.database, connection)
            database.check_pages(files.database, raw)
            database.use_wal(files.database, raw)
            book = Book(
                read_study(files.database, raw), now=self._now, replies=read_replies(files.database, raw)
            )
            with explained(files.side):
                files.make_folders()
                lock.sign(self._now)
            return SqliteLedger(files, book, connection=connection, lock=lock, clock=self._clock)
        except BaseException:
            connection.close()
            raise

    def _summary(self, files: StudyFiles, *, patience_s: float) -> StudySummary:
        try:
            with closing(self._reader(files, patience_s=patience_s)) as connection:
                return _as_seen(read_summary(files.database, connection), files)
        except (StoreError, ConflictError, NotFoundError) as error:
            return StudySummary(name=files.name, problem=str(error), in_use=database.in_use(error))


def _as_seen(seen: S, files: StudyFiles) -> S:
    if seen.state not in HELD_STATES or StudyLock(files).held():
        return seen
    return interrupted(seen) if isinstance(seen, Study) else replace(seen, state=StudyState.INTERRUPTED)
