"""One run of a command: started in a folder of its own, read, frozen between slices."""

import re
import shlex
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lrlab.core.errors import (
    DivergedError,
    LrlabError,
    NoStateError,
    SpecError,
    TaskError,
    UnusableTaskError,
)
from lrlab.core.metric import Metric
from lrlab.core.record import Record
from lrlab.readers.output import OutputReader
from lrlab.readers.protocol import Reader, Reading
from lrlab.tasks.program import Ending, Program
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.row_units import RowUnits
from lrlab.tasks.run_folder import RunFolder

_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.004, 0.2
_LOOK_SHARE = 0.02  # of the time since the last row: what a freeze may come too late
_MUTE_SHARE = 0.5  # of the budget without the metric, and the run is given up
_LAST_TURN_S, _LAST_TURN_UNITS = 60.0, 5.0  # for what a program does after its last unit
_LATE_S = 2.0
_MOST_COLUMNS = 20
# Why a program gave up, in its last line: "NaN persisted for 4 epochs", "Loss is nan, stopping training".
_NOT_FINITE = re.compile(r"\b(nan|inf|infinite|infinity|non-?finite|not finite)\b", re.IGNORECASE)
_LOSS = re.compile(r"loss", re.IGNORECASE)


class CommandPlan(Protocol):
    """What a session needs to know of its task."""

    @property
    def budget(self) -> int: ...
    @property
    def metric(self) -> Metric: ...
    @property
    def unit(self) -> str: ...
    @property
    def freezes(self) -> bool: ...
    @property
    def timeout_s(self) -> float | None: ...
    @property
    def epochs_from(self) -> int | None: ...
    @property
    def in_dir(self) -> bool: ...
    @property
    def folder(self) -> str: ...
    @property
    def weights(self) -> str: ...
    def run_folder(self, lr: float, seed: int) -> RunFolder: ...
    def filled(self, lr: float, seed: int, folder: RunFolder) -> list[str]: ...
    def reader(self, lr: float, seed: int, folder: RunFolder) -> Reader: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """What there is once the program has been started."""

    folder: RunFolder
    reader: Reader
    program: Program


class CommandSession:
    """See ``Session``.

    Args:
        plan: The task.
        lr: Learning rate, put into the command.
        seed: Seed, put into the command.
    """

    def __init__(self, plan: CommandPlan, *, lr: float, seed: int) -> None:
        self._plan = plan
        self._lr = lr
        self._seed = seed
        self._units = RowUnits(metric=plan.metric.name, unit=plan.unit, epochs_from=plan.epochs_from)
        self._outbox: deque[Record] = deque()
        self._told = 0  # units whose ends were handed over
        self._started: _Started | None = None
        self._ending: Ending | None = None
        self._closed = False
        self._unit_s = 0.0  # this unit so far, frozen times left out
        self._longest_unit_s = 0.0
        self._quiet_s = 0.0  # since the last row
        self._notes: dict[str, None] = {}

    def advance(self, until: int) -> Iterable[Record]:
        """Train on until ``until`` units are done; see ``Session``. 0 yields nothing: a command trains at once.

        Raises:
            UnusableTaskError: If the program cannot be started, or never reports the metric.
            DivergedError: If it fails and its last line says that a number was not finite.
            TaskError: If it fails otherwise, or takes too long for a unit.
            SpecError: If its log is malformed, or the session is closed.
        """
        if self._closed:
            raise SpecError("advance: the run is closed; start a new one.")
        return self._advance(min(until, self._plan.budget))

    def _advance(self, until: int) -> Iterator[Record]:
        if until <= 0:
            return
        yield from self._hand_over(until)
        if self._wants(until):
            started = self._go()
            try:
                while self._wants(until):
                    self._look(started)
                    yield from self._hand_over(until)
            finally:
                self._halt(started)
        if self._started is not None and (self._told < until or self._told >= self._plan.budget):
            self._judge(self._started)

    def _wants(self, until: int) -> bool:
        """Whether the program has to go on; after its last unit until it ends by itself."""
        return self._ending is None and (self._told < until or self._told >= self._plan.budget)

    def _hand_over(self, until: int) -> Iterator[Record]:
        while self._outbox and self._told < until:
            record = self._outbox.popleft()
            if record.ends_unit:
                self._told = int(record.at)
            yield record

    # The program.

    def _go(self) -> _Started:
        if self._started is not None:
            self._started.program.thaw()
            return self._started
        plan = self._plan
        folder = plan.run_folder(self._lr, self._seed)
        words = plan.filled(self._lr, self._seed, folder)
        folder.make(shlex.join(words))
        reader = plan.reader(self._lr, self._seed, folder)
        program = Program(
            words,
            folder=str(folder.path) if plan.in_dir else plan.folder,
            log=folder.output,
            environment={"PYTHONUNBUFFERED": "1"},
        )
        self._started = _Started(folder=folder, reader=reader, program=program)
        return self._started

    def _halt(self, started: _Started) -> None:
        if self._ending is not None or not self._plan.freezes:
            return
        started.program.freeze()
        late = self._units.done - self._told
        if late > 1 and late * self._longest_unit_s > _LATE_S:
            self._note("Its log is not written out after each row: it comes late, and slices get too long.")

    def _look(self, started: _Started) -> None:
        """Wait a moment, and take what the program has written meanwhile."""
        began = time.monotonic()
        time.sleep(min(max(self._quiet_s * _LOOK_SHARE, _SHORTEST_LOOK_S), _LONGEST_LOOK_S))
        self._ending = started.program.ending  # first: what it wrote before its end is read below
        reading = started.reader.read(final=self._ending is not None)
        passed = time.monotonic() - began
        self._unit_s += passed
        self._quiet_s = 0.0 if reading.rows else self._quiet_s + passed
        self._take(reading, started)
        if self._ending is None:
            self._check_time(started)

    def _take(self, reading: Reading, started: _Started) -> None:
        units = self._units
        if units.epochs_from is None:
            units.epochs_from = started.reader.epochs_from
        if reading.anew:
            units.begin_anew()
        before = units.done
        for row in reading.rows:
            self._outbox.extend(units.take(row))
            if units.done == 0 and (units.position(row) or 0) >= max(_MUTE_SHARE * self._plan.budget, 2):
                raise self._mute(f"has trained for {units.position(row):g} {self._plan.unit}s", started)
        if units.done > before:
            self._longest_unit_s = max(self._longest_unit_s, self._unit_s / (units.done - before))
            self._unit_s = 0.0
        if self._ending is not None:
            self._outbox.extend(units.rest())

    def _check_time(self, started: _Started) -> None:
        plan, limit = self._plan, self._plan.timeout_s
        last_turn = self._units.done >= plan.budget
        if last_turn:
            limit = limit or max(_LAST_TURN_S, _LAST_TURN_UNITS * self._longest_unit_s)
        if limit is None or self._unit_s <= limit:
            return
        started.program.close()
        self._ending = started.program.ending
        if last_turn:
            self._note(f"It had not ended {limit:g} s after its last {plan.unit}, and was ended.")
            return
        what = f"The command has not reported {plan.metric.name} within {limit:g} s after {plan.unit} "
        raise TaskError(f"{what}{self._units.done}, and was ended.", why=f"\n{started.folder.tail()}")

    # Its end.

    def _note(self, sentence: str) -> None:
        self._notes[sentence] = None

    def _judge(self, started: _Started) -> None:
        """Say what is wrong with how the program has ended, if anything is."""
        ending, unit = self._ending, self._plan.unit
        if ending is None:
            return
        if ending.left:
            self._note("It left processes in the background, which were ended with it.")
        complete = self._told >= self._plan.budget
        if ending.code != 0 and not (complete and self._notes):
            where = f"after {self._units.done} {unit}s" if self._units.done else "before it reported anything"
            what = " ".join([f"The command {ending} {where}.", *self._notes])
            tail = started.folder.tail()
            failed = DivergedError if self._diverged(ending, tail) else TaskError
            raise failed(what, why=f"\n{tail}")
        if self._units.done == 0:
            raise self._mute("has ended", started)
        extra = self._units.done - self._plan.budget
        if extra > 0:
            self._note(
                f"Its log goes on after {unit} {self._plan.budget}, to {self._units.done}: "
                f"is the budget right, and is the first one trained? (epochs_from, --epochs-from)"
            )
        if self._units.again:
            self._note(
                f"{self._plan.metric.name} was reported again, {self._units.again} times, "
                f"for a {unit} that was over: the first report counts."
            )
        if complete and self._notes:
            raise LrlabError(" ".join(self._notes))

    def _diverged(self, ending: Ending, tail: str) -> bool:
        """Whether the program has given up because of its rate; before its first unit the data may be to blame."""
        last = tail.rpartition("\n")[2]
        said = _NOT_FINITE.search(last) is not None
        return said and (ending.code or 0) > 0 and (self._units.done > 0 or _LOSS.search(last) is not None)

    def _mute(self, how: str, started: _Started) -> UnusableTaskError:
        """The error for a program that does not report the metric."""
        reader, folder = started.reader, started.folder
        begin = f"The command {how} and has not reported {self._plan.metric.name}"
        if isinstance(reader, OutputReader):
            what = f"{begin}: nothing that it printed matches {reader.pattern!r}."
            what += (
                " Give a pattern that does (--read 'stdout:REGEX'), or a file that it writes (--read FILE)."
            )
        elif not reader.found:
            what = f"{begin}: {reader.source} is not there, and its folder {folder.path} holds {folder.content()}."
            what += " Name the file that it writes, seen from {dir} (--read)."
        elif reader.columns:
            columns = ", ".join(list(reader.columns)[:_MOST_COLUMNS])
            what = f"{begin}: {reader.source} has the columns {columns}. Name one of them as the metric (--metric)."
        else:
            what = f"{begin}: {reader.source} holds no numbers. Name the log that it writes (--read)."
        return UnusableTaskError(" ".join([what, *self._notes]), why=f"\n{folder.tail()}")

    # The rest of the contract.

    @property
    def weights(self) -> str:
        """Path of the weights that the program has written; "" where there are none, or nobody has named them."""
        if self._started is None or not self._plan.weights:
            return ""
        path = self._started.folder.path / self._plan.weights
        return str(path) if path.exists() else ""

    def state(self) -> SessionState:
        """Raises NoStateError: a command lives only in its processes."""
        raise NoStateError("A command's run lives only in its processes.")

    def restore(self, state: SessionState, /) -> None:
        """Raises NoStateError: see ``state``."""
        raise NoStateError("A command's run lives only in its processes.")

    def close(self) -> None:
        """End the program with everything that it has started."""
        self._closed = True
        if self._started is not None:
            self._started.program.close()
            self._ending = self._ending or self._started.program.ending
