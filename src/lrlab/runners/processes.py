"""Trains in worker processes, started fresh, one slice each at a time."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from socket import socketpair
from typing import IO, Any

import cloudpickle

from lrlab.core.errors import SpecError, TaskError, WorkerLostError
from lrlab.core.metric import Metric
from lrlab.core.question import whole_number
from lrlab.core.run import RunKey
from lrlab.runners.memory import MemoryBound
from lrlab.runners.protocol import Recorded, RunLost, RunnerEvent, Slice, SliceEnded
from lrlab.runners.worker import Broken, Ready, Release, Setup, Stop
from lrlab.tasks.protocol import Task

_STARTS = 3  # a worker that ends this often before it is ready is given up
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(kw_only=True)
class _Worker:
    process: "subprocess.Popen[bytes]"
    pipe: Connection
    log: IO[bytes]
    ready: bool = False
    order: Slice | None = None
    held: tuple[RunKey, ...] = ()


class ProcessRunner:
    """A runner with one worker process a slot.

    Args:
        tasks: The training target of each arm; reaches the workers by cloudpickle.
        metric: The study's metric.
        budget: The study's budget, in units.
        workers: How many processes, at least 1.
        bound: Memory that one worker may keep; by default its part of 60 % of what is free.
        threads: Threads of numerical libraries in each worker.
        devices: Values of CUDA_VISIBLE_DEVICES, dealt out in turn; empty: as inherited.

    Raises:
        SpecError: If the task cannot be sent to another process.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        *,
        metric: Metric,
        budget: int,
        workers: int,
        bound: MemoryBound | None = None,
        threads: int = 1,
        devices: Sequence[str] = (),
    ) -> None:
        workers = whole_number("workers", workers, 1)
        try:
            pickled = cloudpickle.dumps(dict(tasks))
        except Exception as error:
            raise SpecError(
                f"task: cannot be sent to a worker process ({type(error).__name__}: {error}).",
                hint="Create what cannot be pickled (files, locks, loggers) inside the function, "
                "or train in this process with workers=0.",
            ) from None
        self._setup = Setup(
            path=tuple(os.path.abspath(entry) for entry in sys.path),
            folder=os.getcwd(),
            tasks=pickled,
            metric=metric,
            budget=budget,
            bound=bound or MemoryBound.default(workers),
            parent=os.getpid(),
        )
        self._threads = threads
        self._devices = tuple(devices)
        self._line: deque[Slice] = deque()
        self._failed_starts = 0
        self._workers: list[_Worker | None] = [None] * workers

    @property
    def slots(self) -> int:
        """One a worker."""
        return len(self._workers)

    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers that live."""
        return tuple(worker.process.pid for worker in self._alive())

    def _alive(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker is not None]

    def submit(self, order: Slice) -> None:
        """Put a slice in line."""
        self._line.append(order)
        self._deal()

    def _deal(self) -> None:
        """Give slices to idle workers: a frozen run to the worker that holds it, others to any.

        A run whose state is stored goes to an idle worker when its own is busy; its old session is released.
        """
        for order in tuple(self._line):
            slot = self._slot_for(order)
            if slot is None:
                continue
            worker = self._workers[slot] or self._start(slot)
            self._line.remove(order)
            worker.order = order
            if worker.ready:
                self._send(worker, order)

    def _slot_for(self, order: Slice) -> int | None:
        idle = [i for i, worker in enumerate(self._workers) if worker is None or worker.order is None]
        if not idle:
            return None
        for index, worker in enumerate(self._workers):
            if worker is not None and order.key in worker.held:
                if worker.order is None:
                    return index
                if not (order.state_path and Path(order.state_path + ".json").exists()):
                    return None
                worker.held = tuple(key for key in worker.held if key != order.key)
                self._send(worker, Release(order.key))
        # Runs spread evenly over the workers, so that each holds as few as can be.
        held = [0 if worker is None else len(worker.held) for worker in self._workers]
        return min(idle, key=lambda index: (held[index], index))

    def _start(self, slot: int) -> _Worker:
        ours, theirs = socketpair()
        env = dict(os.environ)
        if self._threads:
            env.update(
                {name: str(self._threads) for name in _THREADS if name not in os.environ or self._threads > 1}
            )
        if self._devices:
            env["CUDA_VISIBLE_DEVICES"] = self._devices[slot % len(self._devices)]
        log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its worker
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "lrlab.runners", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,  # Ctrl-C is for the coordinator
            )
        except OSError as error:
            raise WorkerLostError(
                f"A worker process cannot be started: {error}.", hint="Use fewer workers, or workers=0."
            ) from error
        theirs.close()
        worker = _Worker(process=process, pipe=Connection(ours.detach()), log=log)
        self._workers[slot] = worker
        self._send(worker, self._setup)
        return worker

    def _send(self, worker: _Worker, message: object) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the next poll sees its end
            worker.pipe.send(message)

    def poll(self, timeout_s: float) -> Sequence[RunnerEvent]:
        """Events of all workers; see ``Runner``."""
        events: list[RunnerEvent] = []
        pipes = {worker.pipe: worker for worker in self._alive()}
        for pipe in wait(list(pipes), timeout_s):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                while True:
                    self._take(worker, worker.pipe.recv(), events)
                    if not worker.pipe.poll():
                        break
            except (EOFError, OSError):
                events.extend(self._bury(worker))
        self._deal()
        return events

    def _take(self, worker: _Worker, message: Any, events: list[RunnerEvent]) -> None:
        if isinstance(message, Recorded):
            events.append(message)
        elif isinstance(message, SliceEnded):
            worker.order = None
            if message.outcome is None:
                worker.held = (*worker.held, message.key)
            else:
                worker.held = tuple(key for key in worker.held if key != message.key)
            events.append(message)
        elif isinstance(message, tuple):  # what it holds after evictions
            worker.held = message
        elif isinstance(message, Ready):
            worker.ready = True
            self._failed_starts = 0
            if worker.order is not None:
                self._send(worker, worker.order)
        elif isinstance(message, Broken):
            last = message.detail.strip().splitlines()[-1]
            raise TaskError(
                f"The task cannot be brought to life in a worker process: {last}",
                why=f"\n{message.detail}",
                hint="Make its modules importable there, or train in this process with workers=0.",
            )

    def _bury(self, worker: _Worker) -> list[RunnerEvent]:
        """Take a worker that ended out of service, and tell which runs went with it."""
        detail = self._end_of(worker)
        _kill_group(worker.process)
        slot = self._workers.index(worker)
        self._workers[slot] = None
        worker.pipe.close()
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise WorkerLostError(
                    f"Worker processes ended {_STARTS} times before they were ready. {detail}",
                    hint="Run lrlab doctor, or train in this process with workers=0.",
                )
            if worker.order is not None:
                self._line.appendleft(worker.order)
            return []
        lost: list[RunnerEvent] = []
        if worker.order is not None:
            lost.append(RunLost(key=worker.order.key, detail=detail, under_way=True))
        under_way = worker.order.key if worker.order else None
        lost.extend(
            RunLost(key=key, detail=detail, under_way=False) for key in worker.held if key != under_way
        )
        return lost

    def _end_of(self, worker: _Worker) -> str:
        """How a worker ended, for a person."""
        try:
            code = worker.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            code = worker.process.wait()
        if code < 0:
            text = f"Its worker was ended by signal {-code} ({signal.Signals(-code).name})."
            if code == -signal.SIGKILL:
                text += " Often that is the system, short of memory."
        else:
            text = f"Its worker exited with code {code}."
        worker.log.seek(0, os.SEEK_END)
        worker.log.seek(max(worker.log.tell() - 2000, 0))
        tail = worker.log.read().decode("utf-8", "replace").strip()
        worker.log.close()
        return f"{text} Its last output:\n{tail}" if tail else text

    def under_way(self) -> Sequence[RunKey]:
        """Runs that are with a worker now."""
        return tuple(worker.order.key for worker in self._alive() if worker.order is not None)

    def cancel(self) -> None:
        """Forget the line; slices under way end at their next whole unit."""
        self._line.clear()
        for worker in self._alive():
            if not worker.ready:
                worker.order = None  # it would begin once its worker is there
            elif worker.order is not None:
                self._send(worker, Stop())

    def release(self, key: RunKey) -> None:
        """Close a frozen run where it lives."""
        for worker in self._alive():
            if key in worker.held:
                worker.held = tuple(held for held in worker.held if held != key)
                self._send(worker, Release(key))

    def close(self) -> None:
        """Kill the workers: what matters was handed over and stored before."""
        self._line.clear()
        for slot, worker in enumerate(self._workers):
            if worker is None:
                continue
            self._workers[slot] = None
            _kill_group(worker.process)
            worker.process.wait()
            worker.pipe.close()
            worker.log.close()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a worker with everything that it started, such as loader processes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
