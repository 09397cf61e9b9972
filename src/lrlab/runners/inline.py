"""Trains in this process, one slice at a time: for debugging, notebooks and small tasks."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from lrlab.core.metric import Metric
from lrlab.core.run import RunKey
from lrlab.runners.memory import MemoryBound
from lrlab.runners.protocol import Recorded, RunnerEvent, Slice, SliceEnded
from lrlab.runners.sessions import Sessions
from lrlab.tasks.protocol import Task


class InlineRunner:
    """A runner with one slot and no process; ``poll`` does the training.

    Args:
        tasks: The training target of each arm.
        metric: The study's metric.
        budget: The study's budget, in units.
        bound: Memory that frozen runs may keep; by default 60 % of what is free.
    """

    def __init__(
        self, tasks: Mapping[str, Task], *, metric: Metric, budget: int, bound: MemoryBound | None = None
    ) -> None:
        bound = bound or MemoryBound.default(1)
        self._sessions = Sessions(tasks=dict(tasks), metric=metric, budget=budget, bound=bound)
        self._line: deque[Slice] = deque()
        self._current: tuple[RunKey, Iterator[Recorded | SliceEnded]] | None = None
        self._stop = False

    @property
    def slots(self) -> int:
        """Always 1."""
        return 1

    def submit(self, order: Slice) -> None:
        """Put a slice in line."""
        self._stop = False
        self._line.append(order)

    def poll(self, timeout_s: float) -> Sequence[RunnerEvent]:
        """Train for about ``timeout_s`` seconds, or to the end of the slice, and tell what happened."""
        events: list[RunnerEvent] = []
        until = time.monotonic() + timeout_s
        while time.monotonic() < until or not events:
            if self._current is None:
                if not self._line:
                    break
                order = self._line.popleft()
                self._current = (order.key, self._sessions.train(order, stop=lambda: self._stop))
            event = next(self._current[1], None)
            if event is None:
                self._current = None
                break
            events.append(event)
        return events

    def under_way(self) -> Sequence[RunKey]:
        """The run whose slice has begun."""
        return (self._current[0],) if self._current else ()

    def cancel(self) -> None:
        """Forget the line; the slice under way ends at its next whole unit."""
        self._line.clear()
        self._stop = True

    def release(self, key: RunKey) -> None:
        """Close a frozen run."""
        self._sessions.release(key)

    def close(self) -> None:
        """Close every run."""
        self._line.clear()
        if self._current is not None:
            current, self._current = self._current[1], None
            current.close()  # type: ignore[attr-defined]
        self._sessions.close()
