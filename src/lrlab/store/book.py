"""What is known of a study while it is written, and the rules that every ledger keeps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from lrlab.core import wire
from lrlab.core.answer import Answer
from lrlab.core.command import Fate, Reply
from lrlab.core.errors import StoreError
from lrlab.core.outcome import State, StudyState
from lrlab.core.question import Advance, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.core.study import Event, Study
from lrlab.store.clean import clean

T = TypeVar("T")

# States that need a process that holds the study; without one it is interrupted.
HELD_STATES = (StudyState.RUNNING, StudyState.PAUSED)
ENDED = "The process that ran the study ended before it carried this out."  # the last word about a command


class Book:
    """A study that grows.

    Args:
        study: The study so far.
        now: Wall clock for events, seconds since 1970.
        replies: What became of each command so far, by its id.

    Attributes:
        head: The study without runs, advances and events.
        rows: Every run without its records, in the order in which they came.
        records: The records of every run, in order; only ever appended to.
        advances: Every slice that was asked for; only ever appended to.
        events: The log; only ever appended to.
        replies: What became of each command, by its id.
    """

    def __init__(
        self, study: Study, *, now: Callable[[], float], replies: Mapping[str, Reply] | None = None
    ) -> None:
        self._now = now
        self._whole: dict[RunKey, Run] = {}
        answer = _without_runs(study.answer)
        self.head = _storable(Study, replace(study, runs=(), advances=(), events=(), answer=answer))
        self.rows: dict[RunKey, Run] = {}
        self.records: dict[RunKey, list[Record]] = {}
        self.advances: list[Advance] = []
        self.events = [_storable(Event, event) for event in study.events]
        self.replies = dict(replies or {})
        self.decide(study.advances)
        for run in study.runs:
            self.write_run(run)
            self.append(run.key, 0, run.records)

    @property
    def study(self) -> Study:
        """All of it as one value."""
        for key, row in self.rows.items():
            if key not in self._whole:  # a study is read after every event, and few runs change between two
                self._whole[key] = replace(row, records=tuple(self.records[key]))
        runs = tuple(self._whole[key] for key in self.rows)
        return replace(self.head, runs=runs, advances=tuple(self.advances), events=tuple(self.events))

    def write_run(self, run: Run) -> RunKey:
        """Take over everything of ``run`` but its records; returns its cleaned key."""
        row = _storable(Run, replace(run, records=()))
        known = self.records.setdefault(row.key, [])
        self._set_row(replace(row, units=max(row.units, _whole_units(known))))
        return row.key

    def append(self, key: RunKey, first: int, records: Sequence[Record]) -> int:
        """Take over the records that are new, compare the others; returns how many were new.

        Raises:
            StoreError: If the run is unknown or there would be a gap.
        """
        known = self.records.get(key)
        if known is None:
            raise StoreError(
                f'study "{self.head.name}": no run with {key} to add records to.',
                hint="Write the run before its records.",
            )
        if not 0 <= first <= len(known):
            raise StoreError(
                f'study "{self.head.name}": records of the run with {key} would leave a gap: '
                f"{len(known)} are known, the next ones start at {first}."
            )
        cleaned = [clean(record) for record in records]
        repeated = len(known) - first
        for index, (old, again) in enumerate(
            zip(known[first : first + len(cleaned)], cleaned, strict=False), start=first
        ):
            if not old.same(again):
                self._note_difference(key, index)
                break
        fresh = cleaned[repeated:]
        if fresh:
            known.extend(fresh)
            self._whole.pop(key, None)
            row = self.rows[key]
            if (units := _whole_units(fresh)) > row.units:
                self._set_row(replace(row, units=units))
        return len(fresh)

    def note(self, kind: str, text: str) -> None:
        """Add an event."""
        self.events.append(Event(at=self._now(), kind=clean(kind), text=clean(text)))

    def decide(self, advances: Sequence[Advance]) -> None:
        """Add slices that were asked for."""
        self.advances.extend([_storable(Advance, advance) for advance in advances])

    def conclude(self, state: StudyState, answer: Answer | None) -> None:
        """Set state and answer."""
        self.head = _storable(Study, replace(self.head, state=state, answer=_without_runs(answer)))

    def ask(self, question: Question) -> None:
        """Set the question."""
        self.head = _storable(Study, replace(self.head, question=question))

    def reply(self, command: str, reply: Reply) -> None:
        """Set what became of a command."""
        self.replies[command] = _storable(Reply, reply)

    def refuse_unsettled(self, commands: Sequence[str], text: str) -> None:
        """Refuse these commands, and those that were accepted and not carried out; no other one is left."""
        accepted = [command for command, reply in self.replies.items() if reply.fate is Fate.ACCEPTED]
        for command in dict.fromkeys((*accepted, *commands)):
            if command not in self.replies or not self.replies[command].settled:
                self.reply(command, Reply(fate=Fate.REFUSED, text=text))

    def _set_row(self, row: Run) -> None:
        self.rows[row.key] = row
        self._whole.pop(row.key, None)

    def _note_difference(self, key: RunKey, index: int) -> None:
        start = f"arm {key.arm}, lr {float(key.lr)!r}, seed {key.seed}: "
        if not any(
            event.kind == "nondeterministic" and event.text.startswith(start) for event in self.events
        ):
            self.note(
                "nondeterministic",
                f"{start}trained again, record {index} came out differently; the first one is kept.",
            )


def _storable(kind: type[T], value: T) -> T:
    # Written once for nothing, so that what cannot be kept is refused here and not when its group is
    # committed.
    cleaned = clean(value)
    wire.dumps(kind, cleaned)
    return cleaned


def _whole_units(records: Sequence[Record]) -> int:
    return max((int(record.at) for record in records if record.ends_unit), default=0)


def _without_runs(answer: Answer | None) -> Answer | None:
    # A subclass with plots and reports becomes the plain value that can be kept.
    if answer is None:
        return None
    return Answer(**{field.name: getattr(answer, field.name) for field in fields(Answer)} | {"runs": ()})


def interrupted(study: Study) -> Study:
    """A study whose process has ended without a word: what was under way waits for somebody to go on with it."""
    runs = (replace(run, state=State.QUEUED) if run.state is State.RUNNING else run for run in study.runs)
    return replace(study, state=StudyState.INTERRUPTED, runs=tuple(runs))
