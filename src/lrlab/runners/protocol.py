"""Where training happens: a runner takes slices of runs and reports what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lrlab.core.outcome import Outcome
from lrlab.core.record import Record
from lrlab.core.run import RunKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """An order: train this run on until ``until`` units.

    Args:
        key: Which run.
        until: Units, counted from the start of the run.
        known: How many records of the run the study holds; a stored state that is ahead of them is not used.
        untrained: The metric before training, where the study knows it.
        state_path: Path without suffix where the run's state is looked for when no live session is held, and
            stored when the slice ends; "" to keep none.
    """

    key: RunKey
    until: int
    known: int = 0
    untrained: float | None = None
    state_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """New records of a run.

    Args:
        key: Which run.
        first: Index of ``records[0]`` among all records of the run: a run that is trained again after a loss
            sends records anew, and the index tells which ones are known.
        records: In order, without a gap.
    """

    key: RunKey
    first: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceEnded:
    """A slice is over; all of its records were handed over before.

    Args:
        key: Which run.
        units: Whole units done.
        outcome: None while the run can go on; finished, diverged or failed otherwise.
        detail: A sentence, or the traceback of a failure.
        stored: Whether the run's state lies at the slice's ``state_path``.
        weights: Path of the weights that a finished training has written itself; "" where there are none.
        trained: Units trained in this slice, repeated ones included.
        seconds: Time that the slice took.
        fatal: Whether no other rate can do better, such as a metric that is never reported.
    """

    key: RunKey
    units: int
    outcome: Outcome | None = None
    detail: str = ""
    stored: bool = False
    weights: str = ""
    trained: int = 0
    seconds: float = 0.0
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLost:
    """A worker ended and took this run's live session with it.

    Args:
        key: Which run.
        detail: What is known of the end, such as the signal.
        under_way: Whether a slice of it was under way; its ``SliceEnded`` will not come.
    """

    key: RunKey
    detail: str
    under_way: bool


RunnerEvent = Recorded | SliceEnded | RunLost


class Runner(Protocol):
    """Trains slices, several at a time where it has several slots."""

    @property
    def slots(self) -> int:
        """How many slices can be under way at once; at least 1."""
        ...

    def submit(self, order: Slice) -> None:
        """Put a slice in line; one per run may be in line or under way. Slices begin in the order of submission
        as slots allow; a frozen run that lives in one worker waits for it."""
        ...

    def poll(self, timeout_s: float) -> Sequence[RunnerEvent]:
        """What happened since the last call; waits up to ``timeout_s`` seconds for the first event.

        Raises:
            TaskError: If the task cannot be brought to life in a worker at all.
            WorkerLostError: If workers cannot be started, or end again and again.
        """
        ...

    def under_way(self) -> Sequence[RunKey]:
        """Runs whose slices have begun and not ended."""
        ...

    def cancel(self) -> None:
        """Forget slices that have not begun, and ask those under way to end at the next whole unit; their
        ``SliceEnded`` still come."""
        ...

    def release(self, key: RunKey) -> None:
        """Free what a frozen run holds; harmless where nothing is held."""
        ...

    def close(self) -> None:
        """End everything that the runner started, at once; calling it twice is fine."""
        ...
