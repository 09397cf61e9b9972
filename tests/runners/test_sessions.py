"""Sessions are never lost, wherever their caller stops listening."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from lrlab.core.errors import NoStateError
from lrlab.core.metric import Metric
from lrlab.core.question import Resumes
from lrlab.core.record import Record
from lrlab.core.run import DEFAULT_ARM, RunKey
from lrlab.runners.memory import MemoryBound
from lrlab.runners.protocol import Slice, SliceEnded
from lrlab.runners.sessions import Sessions

METRIC = Metric("val_loss")
KEY = RunKey(DEFAULT_ARM, 0.1, 0)


@dataclass
class Counted:
    """A session that knows whether it was closed."""

    units: int = 0
    closed: bool = False

    def advance(self, until: int) -> Iterable[Record]:
        while self.units < until:
            self.units += 1
            yield Record(self.units - 0.5, {"loss": 1.0})
            yield Record(self.units, {"val_loss": 1.0 / self.units})

    def state(self) -> Mapping[str, object]:
        raise NoStateError("none")

    def restore(self, state: Mapping[str, object], /) -> None:
        raise NoStateError("none")

    def close(self) -> None:
        self.closed = True


@dataclass
class Counting:
    """A task that keeps every session that it has started."""

    resumes: Resumes = "live"
    name: str = "counting"
    budget: int = 4
    unit: str = "epoch"
    metric: Metric = METRIC
    started: list[Counted] = field(default_factory=list)

    def start(self, lr: float, *, seed: int) -> Counted:
        self.started.append(Counted())
        return self.started[-1]


def sessions(task: Counting) -> Sessions:
    return Sessions(
        tasks={DEFAULT_ARM: task}, metric=task.metric, budget=task.budget, bound=MemoryBound(host_bytes=2**50)
    )


@pytest.mark.parametrize("heard", range(1, 8))
@pytest.mark.parametrize("until", [2, 4])
def test_a_caller_that_stops_listening_loses_no_session(heard: int, until: int) -> None:
    task = Counting()
    held = sessions(task)
    events = held.train(Slice(key=KEY, until=until), stop=lambda: False)
    for _ in range(heard):
        if next(events, None) is None:
            break
    events.close()  # type: ignore[attr-defined]
    held.close()
    assert [session.closed for session in task.started] == [True]


def test_a_run_that_cannot_be_frozen_is_closed_and_starts_again() -> None:
    task = Counting(resumes="restart")
    held = sessions(task)
    (*_, first) = held.train(Slice(key=KEY, until=2), stop=lambda: False)
    assert held.held == ()
    (*_, second) = held.train(Slice(key=KEY, until=3), stop=lambda: False)
    assert isinstance(first, SliceEnded)
    assert isinstance(second, SliceEnded)
    assert (first.trained, second.trained, second.units) == (2, 3, 3)
    assert [session.closed for session in task.started] == [True, True]
