"""Shell scripts as tasks, and the processes below them."""

import time
from collections.abc import Callable

import psutil
import pytest

from lrlab.core.errors import TaskError
from lrlab.core.record import Record
from lrlab.tasks.command_session import CommandSession

# Prints a unit after the other; what a case adds stands in front or behind.
UNITS = "for k in 1 2 3 4; do echo epoch $k val_loss=0.$((9 - k)); done"
FOREVER = "while :; do :; done"
Start = Callable[..., CommandSession]


def values(records: object) -> list[float]:
    return [record.metrics["val_loss"] for record in records if isinstance(record, Record)]  # type: ignore[attr-defined]


def wait_for(what: Callable[[], bool], seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


def below(session: CommandSession) -> list[psutil.Process]:
    """Every process of the run."""
    assert session._started is not None
    return psutil.Process(session._started.program._watcher.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def failure(session: CommandSession, until: int = 4) -> TaskError:
    with pytest.raises(TaskError) as caught:
        list(session.advance(until))
    session.close()
    return caught.value
