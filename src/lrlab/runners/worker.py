"""The worker's side of the process runner: ``python -m lrlab.runners FD``.

Started fresh, never forked: no lock, thread or device context of the parent comes along. The task arrives by
cloudpickle over the pipe; that pipe is the only pickle in lrlab, and both of its ends are this user's processes.
"""

import contextlib
import ctypes
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from lrlab.core.metric import Metric
from lrlab.core.run import RunKey
from lrlab.runners.memory import MemoryBound
from lrlab.runners.protocol import Slice
from lrlab.runners.sessions import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a worker needs before any task can be unpickled.

    Args:
        path: The parent's module search path.
        folder: The parent's working folder.
        tasks: Tasks by arm, cloudpickled: unpickled only once the path is set.
        metric: The study's metric.
        budget: The study's budget, in units.
        bound: Memory that frozen runs may keep.
        parent: Process id of the parent.
    """

    path: tuple[str, ...]
    folder: str
    tasks: bytes
    metric: Metric
    budget: int
    bound: MemoryBound
    parent: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has its task and waits for slices."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The task cannot be brought to life here; ``detail`` is the traceback."""

    detail: str


@dataclass(frozen=True, slots=True)
class Release:
    """Order: close a frozen run."""

    key: RunKey


@dataclass(frozen=True, slots=True)
class Stop:
    """Order: end the slice under way at its next whole unit."""


def _die_with(parent: int) -> None:
    """End this process when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def serve(pipe: Connection) -> None:
    """Carry out the orders of ``pipe`` until it closes."""
    setup: Setup = pipe.recv()
    _die_with(setup.parent)
    sys.path[:] = setup.path
    with contextlib.suppress(OSError):
        os.chdir(setup.folder)
    try:
        tasks = pickle.loads(setup.tasks)  # noqa: S301
        sessions = Sessions(tasks=tasks, metric=setup.metric, budget=setup.budget, bound=setup.bound)
    except BaseException:
        pipe.send(Broken(traceback.format_exc()))
        return
    pipe.send(Ready())
    orders: queue.Queue[Any] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_read, args=(pipe, orders, stop), daemon=True).start()
    while True:
        order = orders.get()
        if isinstance(order, Slice):
            for event in sessions.train(order, stop=stop.is_set):
                pipe.send(event)
            pipe.send(sessions.held)
        elif isinstance(order, Release):
            sessions.release(order.key)


def _read(pipe: Connection, orders: "queue.Queue[Any]", stop: threading.Event) -> None:
    """Take orders while the main thread trains; the end of the pipe ends the process."""
    while True:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        if isinstance(order, Stop):
            stop.set()
        else:
            if isinstance(order, Slice):
                stop.clear()
            orders.put(order)
