"""The loop of a study: ask the searcher, train, write down, until nothing is left to ask."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from lrlab.core.answer import Answer, Caution
from lrlab.core.errors import TaskError
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Advance, Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.runners.protocol import Recorded, RunLost, Runner, RunnerEvent, Slice, SliceEnded
from lrlab.searchers.protocol import Searcher
from lrlab.store.protocol import Ledger
from lrlab.studies.applied_rate import cure, ignored
from lrlab.studies.desk import Desk
from lrlab.studies.extend import differences, widened
from lrlab.studies.failures import hopeless
from lrlab.studies.planned_rate import cautions
from lrlab.studies.price import Price, expected_price
from lrlab.studies.progress import Progress, ProgressListener
from lrlab.studies.waiting import waiting, why_dropped

_TICK_S = 0.05
_LOOK_S = 0.5  # how often commands of other processes are looked for, and listeners are told
_REST_S = 0.2  # the same, while the study is paused
_GRACE_S = 8.0  # after an interrupt, how long slices may take to reach a whole unit
_MOST_LOSSES = 3  # a run whose worker ends this often without progress is given up


class Conclude(Protocol):
    """Makes the answer of any set of runs."""

    def __call__(
        self,
        question: Question,
        runs: Sequence[Run],
        /,
        *,
        done: Done | None = None,
        extra_warnings: tuple[Caution, ...] = (),
    ) -> Answer: ...


@dataclass(kw_only=True)
class _Track:
    """A run under the loop's eyes: all of its records, and those that a searcher needs."""

    run: Run
    evidence: list[Record] = field(default_factory=list)
    losses: int = 0  # of its worker, since its last new record
    crashed: bool = False  # what is trained again now was lost to a crash or a pause, and is not charged
    units_at_start: int = 0  # of the slice under way


@dataclass(kw_only=True)
class StudyLoop:
    """Carries one study to its end, or to the point where somebody stops it.

    Args:
        ledger: Where everything is written before it counts.
        searcher: Decides what to train.
        runner: Trains.
        conclude: Makes answers.
        warnings: What the task has to say in every answer.
        tasks: The training target of each arm, which may tell its planned rates; see ``planned_rate``.
        listener: Told how the study stands: before it starts, at every slice's end and twice a second.
        interrupted: Asked often; True saves and ends.
        max_time_s: Save and end after this many seconds.
    """

    ledger: Ledger
    searcher: Searcher
    runner: Runner
    conclude: Conclude
    warnings: tuple[Caution, ...] = ()
    tasks: Mapping[str, object] = field(default_factory=dict)
    listener: ProgressListener | None = None
    interrupted: Callable[[], bool] = lambda: False
    max_time_s: float | None = None
    _tracks: dict[RunKey, _Track] = field(default_factory=dict)
    _open: set[RunKey] = field(default_factory=set)  # runs with a slice in line or under way
    _rate_applies: bool = False  # whether two runs have told that it does

    def __post_init__(self) -> None:
        self._question = self.ledger.study.question
        self._price: Price = expected_price(self._question, self.searcher)
        self._began = self._looked = time.monotonic()
        self._answer: Answer | None = None
        self._desk = Desk(ledger=self.ledger, extend=self._extend)
        for run in self.ledger.study.runs:
            waiting = run if run.ended else replace(run, state=State.FROZEN)
            track = _Track(run=waiting, crashed=True)
            track.evidence = [record for record in run.records if self._is_evidence(record)]
            self._tracks[run.key] = track

    def carry_out(self) -> Answer:
        """Train until the searcher is done; the answer, of everything that is known.

        Raises:
            TaskError: If the training itself is at fault: no rate could mend it.
            StoreError: If the store cannot be written; what was acknowledged is safe.
        """
        study = self.ledger.study
        self.ledger.conclude(StudyState.RUNNING, study.answer)
        began = "resumed" if study.runs else "started"
        self.ledger.note(began, f"Searching {self._question.lr} with {study.searcher}.")
        try:
            self._tell()  # what it will cost, before anything is spent
            while True:
                self._desk.news = False
                if self._desk.paused and (ended := self._rest()) is not None:
                    return ended
                asked = self.searcher(self._question, self._evidence())
                if isinstance(asked, Done):
                    if not self._open:
                        return self._end(StudyState.FINISHED, asked)
                else:
                    self._submit(asked)
                stopped = self._wait_for_an_end()
                if stopped is not None:
                    return stopped
        finally:
            self.runner.close()

    # Asking and waiting.

    def _submit(self, asked: Sequence[Advance]) -> None:
        new = [advance for advance in asked if advance.key not in self._open]
        for advance in new:
            unknown = _Track(run=Run(lr=advance.lr, seed=advance.seed, arm=advance.arm))
            track = self._tracks.setdefault(advance.key, unknown)
            run = replace(track.run, target=advance.until, state=State.QUEUED, why=advance.why, detail="")
            track.run, track.units_at_start = run, run.units
            self.ledger.write_run(replace(run, records=()))
            self._open.add(advance.key)
            self.runner.submit(
                Slice(
                    key=run.key,
                    until=advance.until,
                    known=len(run.records),
                    untrained=run.untrained(self._question.metric),
                    state_path=self.ledger.checkpoint_path(run.key),
                )
            )
        if new:
            self.ledger.decide(new)
            self._explain()

    def _explain(self) -> None:
        """Write down why runs wait that were left behind."""
        for key, why in waiting(self.searcher, self._question, self._evidence(), self._open).items():
            self._tracks[key].run = replace(self._tracks[key].run, detail=why)
            self.ledger.write_run(replace(self._tracks[key].run, records=()))

    def _wait_for_an_end(self) -> Answer | None:
        """Take events until some slice has ended, so that the searcher is asked again; an answer ends the study."""
        while True:
            ended = False
            for event in self.runner.poll(_TICK_S):
                ended = self._take(event) or ended
            self.ledger.tick()
            if ended:
                self.ledger.flush()  # a slice is over only when its records are safe
                self._answer = None
                self._tell()
                return self._ended_early()
            if time.monotonic() - self._looked > _LOOK_S:
                self._tell()
                stopped = self._ended_early()
                if stopped is not None or self._desk.news:
                    return stopped
            elif self.interrupted():
                return self._ended_early()

    def _ended_early(self) -> Answer | None:
        """An answer where somebody or something ends the study before the searcher does."""
        if self.interrupted():
            self._wind_down()
            self.ledger.note("interrupted", "Stopped by an interrupt; everything is saved.")
            return self._end(StudyState.INTERRUPTED)
        self._desk.look(len(self.runner.under_way()))
        if self._desk.stopping:
            self._wind_down()
            self.ledger.note("stopped", "Stopped by a person.")
            self._desk.settle("Stopped; its results stay.")
            return self._end(StudyState.STOPPED, caution=Caution(code="STOPPED", text="Stopped by a person."))
        limit = self.max_time_s
        if limit is not None and time.monotonic() - self._began > limit:
            self._wind_down()
            text = f"The time limit of {limit:g} s ended the study; resume it to settle the rest."
            self.ledger.note("time_up", text)
            return self._end(StudyState.INTERRUPTED, caution=Caution(code="TIME_UP", text=text))
        return None

    def _wind_down(self) -> None:
        """Let slices under way reach a whole unit and store their state, for a few seconds."""
        self.runner.cancel()
        until = time.monotonic() + _GRACE_S
        while self.runner.under_way() and time.monotonic() < until:
            for event in self.runner.poll(_TICK_S):
                self._take(event)
            self.ledger.tick()

    def _rest(self) -> Answer | None:
        """Let slices under way freeze at a whole unit, and wait until a person lets the study go on.

        Nothing is polled but the folder of commands, five times a second. An answer ends the study.
        """
        self.runner.cancel()
        self._open.intersection_update(self.runner.under_way())
        while self._desk.paused:
            began = time.monotonic()
            events = self.runner.poll(_REST_S)
            for event in events:
                self._take(event)
            self.ledger.tick()
            if not self._desk.at_rest and not self.runner.under_way():
                self._desk.at_rest = True
                self._settle(StudyState.PAUSED, "Paused by a person.", "Paused.")
            elif not events:  # a runner without processes has nothing to wait for
                time.sleep(max(_REST_S - (time.monotonic() - began), 0.0))
            ended = self._ended_early()
            if ended is not None:
                return ended
        self._desk.at_rest = False
        self._settle(StudyState.RUNNING, "Goes on after a pause.", "It goes on.")
        return None

    def _settle(self, state: StudyState, event: str, reply: str) -> None:
        """Write down that the study rests now, or that it goes on."""
        paused = state is StudyState.PAUSED
        for track in self._tracks.values():
            if not track.run.ended and track.run.key not in self._open:
                track.run = replace(track.run, state=State.PAUSED if paused else State.FROZEN)
                self.ledger.write_run(replace(track.run, records=()))
        self.ledger.note("paused" if paused else "resumed", event)
        self._desk.settle(reply)
        self._answer = self._conclude(None, None, final=False)
        self.ledger.conclude(state, self._answer)
        self._tell()

    def _extend(self, changes: Mapping[str, object]) -> str:
        """Take over a larger question between two decisions."""
        before = self._question
        self._question = widened(before, changes, searcher=self.searcher, known=self._tracks)
        self._price = expected_price(self._question, self.searcher)
        self._answer = None
        self.ledger.ask(self._question)
        text = differences(before, self._question)
        self.ledger.note("extended", text)
        return text

    # What the runner tells.

    def _take(self, event: RunnerEvent) -> bool:
        """Write an event down; whether the searcher should be asked again."""
        track = self._tracks[event.key]
        if isinstance(event, Recorded):
            if new := self.ledger.append(event.key, event.first, event.records):
                if track.run.state is not State.RUNNING:  # whoever watches sees it
                    self.ledger.write_run(replace(track.run, state=State.RUNNING, records=()))
                records = event.records[-new:]
                track.run = replace(track.run.with_records(records), state=State.RUNNING)
                track.evidence.extend(record for record in records if self._is_evidence(record))
                track.losses = 0
            return False
        if isinstance(event, RunLost):
            return self._lose(event, track)
        return self._end_slice(event, track)

    def _end_slice(self, event: SliceEnded, track: _Track) -> bool:
        self._open.discard(event.key)
        repeated = max(event.trained - (track.run.units - track.units_at_start), 0)
        lost, charged = (repeated, 0) if track.crashed and not track.run.reopened else (0, repeated)
        # What a pause has cut short and cannot be kept is trained again, and nobody is charged for that.
        track.crashed = self._desk.paused and event.outcome is None and event.units < track.run.target
        track.run = replace(
            track.run,
            outcome=event.outcome,
            state=State.FROZEN,
            detail=event.detail,
            lost_units=track.run.lost_units + lost,
            repeated_units=track.run.repeated_units + charged,
            seconds=track.run.seconds + event.seconds,
            reopened=track.run.reopened and event.units < track.run.units,
            checkpoint=event.weights
            or (self.ledger.checkpoint_path(event.key) if event.stored else track.run.checkpoint),
        )
        self.ledger.write_run(replace(track.run, records=()))
        if event.outcome is Outcome.FAILED:
            self._check_failures(event)
        elif not self._rate_applies:
            self._check_rate()
        return True

    def _check_rate(self) -> None:
        """End the study where the training ignores its rate."""
        runs = [track.run for track in self._tracks.values()]
        reason = ignored(runs)
        self._rate_applies = reason == ""
        if reason:
            self.ledger.conclude(StudyState.FAILED, None)
            raise TaskError(reason, hint=cure(runs, self.ledger.study.target))

    def _lose(self, event: RunLost, track: _Track) -> bool:
        track.crashed = True
        if not event.under_way:
            return False
        self._open.discard(event.key)
        track.losses += 1
        self.ledger.note("worker_lost", f"{event.key}: {event.detail}")
        if track.losses >= _MOST_LOSSES:
            detail = f"Given up after {_MOST_LOSSES} workers ended under it. {event.detail}"
            track.run = replace(track.run, outcome=Outcome.LOST, detail=detail)
        else:
            track.run = replace(track.run, state=State.QUEUED)
        self.ledger.write_run(replace(track.run, records=()))
        return True

    def _check_failures(self, event: SliceEnded) -> None:
        """End the study where failures cannot come from the rate."""
        runs = [track.run for track in self._tracks.values()]
        if (error := hopeless(event, runs, self._question.metric)) is not None:
            self.ledger.conclude(StudyState.FAILED, None)
            raise error

    # Views.

    def _is_evidence(self, record: Record) -> bool:
        return record.ends_unit or record.at == 0 or self._question.metric.name in record.metrics

    def _evidence(self) -> tuple[Run, ...]:
        """What the searcher sees: runs without the records inside units that hold nothing it compares."""
        return tuple(replace(track.run, records=tuple(track.evidence)) for track in self._tracks.values())

    def _conclude(self, done: Done | None, caution: Caution | None, *, final: bool) -> Answer:
        warnings = (*self.warnings, *((caution,) if caution else ()))
        answer = self.conclude(self._question, self._evidence(), done=done, extra_warnings=warnings)
        winner = answer.winner
        return replace(
            answer,
            runs=tuple(track.run for track in self._tracks.values()),
            study=self.ledger.study.name,
            checkpoint=(winner.checkpoint or None) if winner else None,
            final=final,
        )

    def _tell(self, *, ended: bool = False) -> None:
        self._looked = time.monotonic()
        if self.listener is None:
            return
        if self._answer is None:
            self._answer = self._conclude(None, None, final=False)
        runs = tuple(track.run for track in self._tracks.values())
        cost = sum(run.paid_units for run in runs) / self._question.budget
        seconds = sum(run.seconds for run in runs)
        left = None
        if cost > 0 and seconds > 0:
            left = max(self._price.cost - cost, 0.0) * (seconds / cost) / max(min(self.runner.slots, 2), 1)
        self.listener(
            Progress(
                study=self.ledger.study.name,
                question=self._question,
                runs=runs,
                answer=self._answer,
                cost=cost,
                price=self._price,
                elapsed_s=time.monotonic() - self._began,
                left_s=left,
                paused=self._desk.paused,
                ended=ended,
            )
        )

    def _end(self, state: StudyState, done: Done | None = None, *, caution: Caution | None = None) -> Answer:
        """Settle every run, keep what is worth keeping, and conclude."""
        self._explain()
        answer = self._conclude(done, caution, final=state is StudyState.FINISHED)
        closing = {StudyState.FINISHED: Outcome.DROPPED, StudyState.STOPPED: Outcome.STOPPED}.get(state)
        for key, track in self._tracks.items():
            if closing is not None and not track.run.ended:
                why = track.run.detail or why_dropped(self._question, track.run)
                track.run = replace(track.run, outcome=closing, detail=why)
            elif not track.run.ended:
                track.run = replace(track.run, state=State.FROZEN)
            left = closing is not None and track.run.outcome is not Outcome.FINISHED
            if left and track.run.lr != answer.lr:
                self.ledger.drop_checkpoint(key)
                track.run = replace(track.run, checkpoint="")
            self.ledger.write_run(replace(track.run, records=()))
        runs = tuple(track.run for track in self._tracks.values())
        deviations = cautions(runs, self.tasks, first=answer.lr)
        answer = replace(answer, runs=runs, warnings=(*answer.warnings, *deviations))
        self.ledger.conclude(state, answer)
        self._answer = answer
        self._tell(ended=True)
        return answer
