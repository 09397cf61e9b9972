"""The live sessions of one process: begins, advances, freezes, stores, evicts and ends them."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lrlab.core.divergence import divergence
from lrlab.core.errors import DivergedError, LrlabError, NoStateError, UnusableTaskError
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.record import Record
from lrlab.core.run import RunKey
from lrlab.runners.memory import MemoryBound, give_back
from lrlab.runners.protocol import Recorded, Slice, SliceEnded
from lrlab.tasks import checkpoint
from lrlab.tasks.protocol import Session, SessionState, Task

_STORE_EVERY_S = 60.0  # a long slice stores its state this often, so that a crash costs a minute
_BATCH_S = 0.05
_BATCH = 256
_LONGEST_DETAIL = 8_000


@dataclass(kw_only=True)
class _Live:
    """One session with what is known of it here."""

    session: Session
    untrained: float | None
    sent: int = 0  # records made since the run began
    units: int = 0
    seen_metric: bool = False


@dataclass(kw_only=True)
class _Ending:
    outcome: Outcome | None = None
    detail: str = ""
    fatal: bool = False


@dataclass(kw_only=True)
class Sessions:
    """Every run that lives in this process.

    Args:
        tasks: The training target of each arm.
        metric: The study's metric.
        budget: The study's budget, in units.
        bound: How much memory frozen runs may keep.
    """

    tasks: Mapping[str, Task]
    metric: Metric
    budget: int
    bound: MemoryBound
    _live: dict[RunKey, _Live] = field(default_factory=dict)  # oldest first

    @property
    def held(self) -> tuple[RunKey, ...]:
        """Runs with a live session here, the one that was longest unused first."""
        return tuple(self._live)

    def train(self, order: Slice, *, stop: Callable[[], bool]) -> Iterator[Recorded | SliceEnded]:
        """Carry out a slice; its records in batches, then its end.

        Args:
            order: What to train.
            stop: Asked at each whole unit; True ends the slice there.
        """
        began = time.monotonic()
        ending = _Ending()
        live: _Live | None = None
        first_units = 0
        stored = False
        try:
            try:
                live = self._live.pop(order.key, None) or self._begin(order)
                first_units = live.units
                yield from self._handed_over(live, order, ending, stop)
                if ending.outcome is not Outcome.DIVERGED and ending.outcome is not Outcome.FAILED:
                    stored = self._store(live, order)
            except Exception as error:
                ending = _failure(error)
            yield SliceEnded(
                key=order.key,
                units=live.units if live else 0,
                outcome=ending.outcome,
                detail=ending.detail,
                stored=stored,
                weights=_own_weights(live) if ending.outcome is Outcome.FINISHED else "",
                trained=live.units - first_units if live else 0,
                seconds=time.monotonic() - began,
                fatal=ending.fatal,
            )
        finally:  # also where nobody asks for more after an event
            if live is not None:
                self._put_away(order.key, live, ending)

    def _handed_over(
        self, live: _Live, order: Slice, ending: _Ending, stop: Callable[[], bool]
    ) -> Iterator[Recorded]:
        """The records of the slice in batches; a long one stores its state now and then."""
        batch = _Batch(order.key, live.sent)
        try:
            for record in self._advance(live, order, ending, stop):
                yield from batch.add(record)
                if record.ends_unit and batch.due_to_store() and live.units < order.until:
                    self._store(live, order)
        except Exception as error:
            failure = _failure(error)
            ending.outcome, ending.detail = failure.outcome, failure.detail
        yield from batch.rest()

    def _put_away(self, key: RunKey, live: _Live, ending: _Ending) -> None:
        """Keep a run that can go on, and close one that cannot."""
        if ending.outcome is None and self._task(key).resumes != "restart":
            self._live[key] = live
            self._evict()
        else:
            live.session.close()

    def _begin(self, order: Slice) -> _Live:
        session = self._task(order.key).start(order.key.lr, seed=order.key.seed)
        live = _Live(session=session, untrained=order.untrained)
        if order.state_path and Path(order.state_path + ".json").exists():
            try:
                state = checkpoint.load(order.state_path, about=_about(self._task(order.key), order.key))
            except LrlabError:
                return live  # damaged or foreign: training again gives the same records, and costs only time
            records, units = state["records"], state["units"]
            if isinstance(records, int) and isinstance(units, int) and records <= order.known:
                session.restore(state["session"])
                live.sent, live.units, live.seen_metric = records, units, units > 0
        return live

    def _advance(
        self, live: _Live, order: Slice, ending: _Ending, stop: Callable[[], bool]
    ) -> Iterator[Record]:
        """Records of the slice; what ended it, if anything did, stands in ``ending`` afterwards."""
        stopped = False
        try:
            if live.sent == 0:
                yield from self._each(live, live.session.advance(0))
            for record in self._each(live, live.session.advance(order.until)):
                yield record
                self._judge(record, live, ending)
                stopped = record.ends_unit and live.units < order.until and stop()
                if ending.outcome is not None or stopped:
                    return
        except GeneratorExit:
            raise
        except BaseException as error:  # a script may raise SystemExit; it ends its run, not the study
            failure = _failure(error)
            ending.outcome, ending.detail, ending.fatal = failure.outcome, failure.detail, failure.fatal
            if live.units >= self.budget:  # all units are there; what failed stands behind the training
                ending.outcome, ending.fatal = Outcome.FINISHED, False
            return
        if live.units >= self.budget:
            ending.outcome = Outcome.FINISHED
        elif live.units < order.until:
            if live.units == 0:
                ending.outcome, ending.fatal = Outcome.FAILED, True
                ending.detail = "Training ended without completing a unit."
            else:
                ending.outcome = Outcome.FINISHED
                ending.detail = f"Training ended by itself after {live.units} of {self.budget} units."

    def _each(self, live: _Live, records: Iterable[Record]) -> Iterator[Record]:
        last = -1.0
        for record in records:
            if record.at < last:
                raise LrlabError(f"record: out of order, {record.at:g} after {last:g} units.")
            last = record.at
            live.sent += 1
            if record.at == 0:
                live.untrained = record.metrics.get(self.metric.name, live.untrained)
            if record.ends_unit:
                live.units = int(record.at)
            yield record

    def _judge(self, record: Record, live: _Live, ending: _Ending) -> None:
        reason = divergence(record, self.metric, untrained=live.untrained)
        live.seen_metric = live.seen_metric or self.metric.name in record.metrics
        if reason:
            ending.outcome, ending.detail = Outcome.DIVERGED, reason
        elif record.ends_unit and not live.seen_metric:
            names = ", ".join(sorted(record.metrics)) or "nothing"
            ending.outcome, ending.fatal = Outcome.FAILED, True
            ending.detail = (
                f"No such metric: {self.metric.name}. The first unit reported {names}. "
                f'Name one of them, for example metric="{next(iter(sorted(record.metrics)), "val_loss")}".'
            )

    def _store(self, live: _Live, order: Slice) -> bool:
        """Store the session's state where it has one; whether it lies on disk."""
        if not order.state_path:
            return False
        try:
            whole = {"session": live.session.state(), "records": live.sent, "units": live.units}
            checkpoint.save(order.state_path, whole, about=_about(self._task(order.key), order.key))
        except NoStateError:
            return False
        return True

    def _task(self, key: RunKey) -> Task:
        return self.tasks[key.arm]

    def _evict(self) -> None:
        """Close the runs that were longest unused until the bound is kept."""
        while self._live and self.bound.exceeded():
            self.release(next(iter(self._live)))
            give_back()

    def release(self, key: RunKey) -> None:
        """Close one frozen run; harmless where it is not here."""
        live = self._live.pop(key, None)
        if live is not None:
            live.session.close()

    def close(self) -> None:
        """Close every run."""
        for key in self.held:
            self.release(key)


def _own_weights(live: _Live | None) -> str:
    """Path of the weights that a training has written itself, where it tells one."""
    return str(getattr(live.session, "weights", "")) if live else ""


def _about(task: Task, key: RunKey) -> dict[str, str]:
    """What a stored state says that it belongs to."""
    fingerprint = str(getattr(task, "fingerprint", ""))
    return {"arm": key.arm, "lr": repr(key.lr), "seed": str(key.seed), "task": fingerprint}


def stored_state(path: str | Path, task: Task, key: RunKey) -> SessionState:
    """The state of a session that a slice stored.

    Args:
        path: The slice's ``state_path``.
        task: The task of the run.
        key: The run.

    Raises:
        StoreError: If it is missing, damaged, or of another task or run.
    """
    state: SessionState = checkpoint.load(path, about=_about(task, key))["session"]
    return state


class _Batch:
    """Records on their way out: in groups, so that a record costs microseconds."""

    def __init__(self, key: RunKey, first: int) -> None:
        self._key = key
        self._first = first
        self._records: list[Record] = []
        self._sent_at = self._stored_at = time.monotonic()

    def add(self, record: Record) -> Iterator[Recorded]:
        self._records.append(record)
        now = time.monotonic()
        if record.ends_unit or len(self._records) >= _BATCH or now - self._sent_at > _BATCH_S:
            self._sent_at = now
            yield from self.rest()

    def rest(self) -> Iterator[Recorded]:
        if self._records:
            records, self._records = tuple(self._records), []
            yield Recorded(key=self._key, first=self._first, records=records)
            self._first += len(records)

    def due_to_store(self) -> bool:
        now = time.monotonic()
        due = now - self._stored_at > _STORE_EVERY_S
        if due:
            self._stored_at = now
        return due


def _failure(error: BaseException) -> _Ending:
    """A failed run's ending, with the frames of the user's own code."""
    if isinstance(error, DivergedError):
        return _Ending(outcome=Outcome.DIVERGED, detail=str(error))
    if isinstance(error, LrlabError):
        fatal = isinstance(error, UnusableTaskError)
        return _Ending(outcome=Outcome.FAILED, detail=str(error), fatal=fatal)
    here = str(Path(__file__).resolve().parents[1])
    whole = traceback.TracebackException.from_exception(error)
    own = [frame for frame in whole.stack if not frame.filename.startswith(here)]
    if own:
        whole.stack = traceback.StackSummary.from_list(own)
    text = "".join(whole.format()).rstrip()
    if len(text) > _LONGEST_DETAIL:
        text = f"{text[: _LONGEST_DETAIL // 4]}\n...\n{text[-3 * _LONGEST_DETAIL // 4 :]}"
    return _Ending(outcome=Outcome.FAILED, detail=text)
