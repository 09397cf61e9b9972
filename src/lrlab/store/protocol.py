"""Where studies are kept."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from lrlab.core.answer import Answer
from lrlab.core.command import Command, Reply
from lrlab.core.outcome import StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """What a list of studies shows, read without any record.

    Args:
        name: Name of the study.
        task: Name of the training target.
        state: How it stands; ``running`` and ``paused`` only while a process holds its lock, else ``interrupted``.
        created: Seconds since 1970, UTC.
        runs: Number of runs.
        cost: Full runs trained so far.
        lr: The answer's rate so far, or None.
        problem: Why the file cannot be read, or "".
        in_use: Whether that is because another program has locked it, so that it can be read later.
    """

    name: str
    task: str = ""
    state: StudyState = StudyState.INTERRUPTED
    created: float = 0.0
    runs: int = 0
    cost: float = 0.0
    lr: float | None = None
    problem: str = ""
    in_use: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a study.

    Args:
        pid: Its process id.
        host: The machine that it runs on.
        since: When it took the study; seconds since 1970, UTC, for display.
    """

    pid: int
    host: str
    since: float

    def __str__(self) -> str:
        where = "" if self.host == platform.node() else f" on {self.host}"
        since = datetime.fromtimestamp(self.since, tz=UTC)
        return f"process {self.pid}{where} since {since:%Y-%m-%d %H:%M:%S} UTC"


class Records(Protocol):
    """Reads the records of one run, in order, as often as it is called."""

    def __call__(self, key: RunKey, *, first: int = 0) -> Iterator[Record]:
        """From index ``first`` on: records only ever come behind those that are there, so who has some asks for the
        rest."""
        ...


class Histories(Protocol):
    """Reads all records of one run at once."""

    def __call__(self, key: RunKey, *, first: int = 0) -> Sequence[Record]:
        """From index ``first`` on; many come as a ``History``: a million of them in a moment, where a file of columns
        stands beside the study's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A study as one moment saw it, its records to be read run by run.

    Args:
        study: The study; its runs hold no records.
        records: Reads the records of a run one after the other.
        history: Reads them all at once.
    """

    study: Study
    records: Records
    history: Histories


class Ledger(Protocol):
    """The one writer of one study; holds its lock until closed.

    A record is acknowledged when its group is committed: at the latest 50 ms or 1,000 points later at the
    next ``tick``, at ``flush``, and at ``close``. ``acknowledged`` tells how far that is. Everything that was
    handed over since the last commit is one group: after a crash all of it is there, or none.

    Text is kept as UTF-8: lone surrogates become U+FFFD, NUL characters are left out, and what is longer than
    64 KiB loses its middle; ``study`` shows what is kept. Once closed, every method but ``close``, ``study``
    and ``acknowledged`` raises StoreError.
    """

    @property
    def study(self) -> Study:
        """The study as last read or written, unacknowledged records included."""
        ...

    @property
    def acknowledged(self) -> Mapping[RunKey, int]:
        """How many records of each run are committed; a snapshot."""
        ...

    def write_run(self, run: Run) -> None:
        """Insert or update a run's row: everything but its records. Committed with the next group.

        ``units`` never falls behind the whole units that the run's records have reached.
        """
        ...

    def append(self, key: RunKey, first: int, records: Sequence[Record]) -> int:
        """Add records from index ``first`` on.

        Known indices are compared, not written again: a record that came anew after a loss must be the same
        to the bit, otherwise the event ``nondeterministic`` is noted once for the run and the first one is
        kept.

        Returns:
            How many records were new.

        Raises:
            StoreError: If there would be a gap, or the run is unknown.
        """
        ...

    def decide(self, advances: Sequence[Advance]) -> None:
        """Log slices that the searcher asked for."""
        ...

    def note(self, kind: str, text: str) -> None:
        """Add an event to the log."""
        ...

    def conclude(self, state: StudyState, answer: Answer | None) -> None:
        """Set the study's state and answer (stored without its runs), and commit."""
        ...

    def tick(self) -> None:
        """Commit the open group if it is due; raises as ``flush``."""
        ...

    def flush(self) -> None:
        """Commit everything.

        Raises:
            StoreError: If it cannot be written (full disk, ...); what was acknowledged is safe, and calling
                it again later goes on.
        """
        ...

    def ask(self, question: Question) -> None:
        """Set the study's question; committed with the next group."""
        ...

    def commands(self) -> Sequence[Command]:
        """Commands that other processes left for this study, oldest first, each id once.

        Asking is also the sign of life that ``Store.heard`` tells of. What lies there and is no command is taken out,
        and noted as ``unreadable_command``.
        """
        ...

    def reply(self, command: Command, reply: Reply) -> None:
        """Write down what became of a command; its sender reads it once the group is committed."""
        ...

    def checkpoint_path(self, key: RunKey) -> str:
        """Where the state of a run belongs: a path without suffix, one per run, in a folder that exists; ""
        where the store keeps no files."""
        ...

    def drop_checkpoint(self, key: RunKey) -> None:
        """Delete a run's stored state; harmless where there is none."""
        ...

    def close(self) -> None:
        """Commit, give the lock back; calling it twice is fine. Commands without a last word are refused.

        Raises:
            StoreError: If the last group cannot be written; the lock is given back all the same.
        """
        ...


class Store(Protocol):
    """A place with studies, by name."""

    def names(self) -> Sequence[str]:
        """Names of all studies, newest first."""
        ...

    def summaries(self) -> Sequence[StudySummary]:
        """One line a study, newest first; a file that cannot be read is listed with its problem."""
        ...

    def load(self, name: str) -> Study:
        """The study with every acknowledged record, read only; works while another process writes it.

        ``state`` is ``running`` or ``paused`` only while a process holds the study, as in a summary.

        Raises:
            NotFoundError: If there is none of that name; the hint lists near ones.
            ConflictError: If the file has a newer schema.
            StoreError: If it is damaged or no study.
        """
        ...

    def snapshot(self, name: str) -> AbstractContextManager[Snapshot]:
        """The same, for studies of any size: records are read when they are asked for, while the block runs.

        Raises:
            NotFoundError, ConflictError, StoreError: As ``load``.
        """
        ...

    def create(self, study: Study) -> Ledger:
        """Begin a study, with the runs, records, advances and events that it brings along.

        Raises:
            ConflictError: If the name is taken.
            SpecError: If the name is not made of 1 to 100 ASCII letters, digits and ``_ . -``, the first one
                a letter, a digit or ``_``.
            StoreError: If the folder cannot be written.
        """
        ...

    def open(self, name: str) -> Ledger:
        """Take over a study to continue it; an older schema is migrated first.

        Commands that an earlier holder left without a last word are refused: nobody carries out a wish that its
        sender has long given up.

        Raises:
            ConflictError: If another process holds it (names its process id), or the schema is newer.
            NotFoundError: As ``load``.
        """
        ...

    def send(self, name: str, command: Command) -> bool:
        """Leave a durable command for the process that runs the study.

        Returns:
            Whether some process holds the study now; if not, nothing is left behind.

        Raises:
            NotFoundError: As ``load``.
        """
        ...

    def reply(self, name: str, command: str) -> Reply | None:
        """What became of the command with this id; None while nothing is known.

        Raises:
            NotFoundError: As ``load``.
            ConflictError: As ``load``.
            StoreError: As ``load``.
        """
        ...

    def heard(self, name: str) -> float | None:
        """Seconds since the process that holds the study last looked for commands; None where none holds it.

        Raises:
            NotFoundError: As ``load``.
        """
        ...

    def holder(self, name: str) -> Holder | None:
        """The process that holds the study; None where none does.

        Raises:
            NotFoundError: As ``load``.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove the study with everything that belongs to it.

        Raises:
            ConflictError: If a process holds it.
            NotFoundError: As ``load``.
        """
        ...
