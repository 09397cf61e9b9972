"""What only worker processes can do wrong: ending, hanging on to memory, not starting."""

import os
import signal
import threading

import numpy as np
import psutil
import pytest

from lrlab.core.errors import SpecError, TaskError
from lrlab.core.run import DEFAULT_ARM
from lrlab.runners.memory import LEAST_HOST_BYTES, MemoryBound
from lrlab.runners.processes import ProcessRunner
from lrlab.runners.protocol import RunLost, RunnerEvent, Slice, SliceEnded
from lrlab.tasks.function import task
from lrlab.tasks.protocol import Task
from lrlab.tasks.training_run import TrainingRun
from lrlab.testing.runner_kit import BUDGET, METRIC, descend, drain, end_of, key, records_of

MIB = 2**20


def runner_for(made: Task, **options: object) -> ProcessRunner:
    return ProcessRunner({DEFAULT_ARM: made}, metric=METRIC, budget=BUDGET, **{"workers": 1, **options})  # type: ignore[arg-type]


def heavy(run: TrainingRun) -> None:
    """Holds 64 MiB while it lives."""
    weights = np.ones(8 * MIB)
    for unit in run.units():
        run.report(val_loss=float(weights[0]) / (1 + unit))


def test_a_killed_worker_loses_its_runs_and_they_go_on() -> None:
    runner = runner_for(task(descend, budget=BUDGET))
    try:
        runner.submit(Slice(key=key(0.1), until=3))
        runner.submit(Slice(key=key(0.2), until=3))
        events = drain(runner, ends=2)
        os.kill(runner.pids()[0], signal.SIGKILL)
        lost: list[RunnerEvent] = []
        for _ in range(100):
            lost.extend(runner.poll(0.05))
            if lost:
                break
        assert {event.key for event in lost if isinstance(event, RunLost)} == {key(0.1), key(0.2)}
        assert all("signal 9" in event.detail and not event.under_way for event in lost)  # type: ignore[union-attr]
        runner.submit(Slice(key=key(0.1), until=5, known=len(records_of(events, key(0.1)))))
        more = drain(runner, ends=1)
        assert [r.at for r in records_of(events + more, key(0.1)) if r.ends_unit] == [1, 2, 3, 4, 5]
        assert end_of(more, key(0.1)).trained == 5
    finally:
        runner.close()


def crashes(run: TrainingRun) -> None:
    run.report(val_loss=1.0)
    print("about to go", flush=True)
    os._exit(7)


def test_a_worker_that_ends_itself_is_told_with_its_last_output() -> None:
    runner = runner_for(task(crashes, budget=BUDGET))
    try:
        runner.submit(Slice(key=key(0.1), until=3))
        events: list[RunnerEvent] = []
        while not any(isinstance(event, RunLost) for event in events):
            events.extend(runner.poll(0.05))
        (lost,) = [event for event in events if isinstance(event, RunLost)]
        assert lost.under_way
        assert "exited with code 7" in lost.detail
        assert "about to go" in lost.detail
    finally:
        runner.close()


def _peak(bound: int) -> tuple[float, list[SliceEnded]]:
    """The largest resident memory of the worker, in MiB, over two rounds of 12 heavy runs."""
    runner = runner_for(task(heavy, budget=BUDGET), bound=MemoryBound(host_bytes=bound))
    rates = [0.01 * (k + 1) for k in range(12)]
    peak = 0.0
    ends: list[SliceEnded] = []
    try:
        for until in (1, 2):
            for lr in rates:
                runner.submit(Slice(key=key(lr), until=until, known=until - 1))
                ends += [event for event in drain(runner, ends=1) if isinstance(event, SliceEnded)]
                peak = max(peak, psutil.Process(runner.pids()[0]).memory_info().rss / MIB)
    finally:
        runner.close()
    return peak, ends


def test_the_memory_bound_holds_by_evicting_frozen_runs() -> None:
    bound = LEAST_HOST_BYTES
    peak, ends = _peak(bound)
    assert peak < bound / MIB + 2 * 64  # the run under way, and one that is being closed
    assert sum(end.trained for end in ends) > 24, "evicted runs start again"


def test_without_the_bound_every_frozen_run_stays() -> None:
    peak, ends = _peak(4096 * MIB)
    assert peak > 12 * 64
    assert sum(end.trained for end in ends) == 24


def test_a_bound_that_cannot_be_kept_is_refused() -> None:
    assert MemoryBound(host_bytes=LEAST_HOST_BYTES).device_share == 0.8
    with pytest.raises(SpecError, match="needs at least 384 MiB, got 382 MiB"):
        MemoryBound(host_bytes=LEAST_HOST_BYTES - 2 * MIB)
    with pytest.raises(SpecError, match="device_share"):
        MemoryBound(host_bytes=LEAST_HOST_BYTES, device_share=0)


def test_a_task_that_cannot_be_pickled_is_refused_before_anything_starts() -> None:
    lock = threading.Lock()

    def holds_a_lock(run: TrainingRun) -> None:
        with lock:
            run.report(val_loss=1.0)

    with pytest.raises(SpecError, match=r"cannot be sent to a worker process .*workers=0"):
        runner_for(task(holds_a_lock, budget=BUDGET))


class Unloadable:
    """Pickles, and fails where it is unpickled."""

    def __call__(self, run: TrainingRun) -> None: ...

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return int, ("not a number",)


def test_a_task_that_cannot_be_unpickled_is_told_with_its_traceback() -> None:
    runner = runner_for(task(Unloadable(), budget=BUDGET))
    runner.submit(Slice(key=key(0.1), until=1))
    with pytest.raises(TaskError, match=r"cannot be brought to life .*invalid literal"):
        for _ in range(200):
            runner.poll(0.05)
    runner.close()


def reports_environment(run: TrainingRun) -> None:
    for _ in run.units():
        run.report(
            val_loss=1.0,
            threads=float(os.environ["OMP_NUM_THREADS"]),
            device=float(os.environ.get("CUDA_VISIBLE_DEVICES", "-1")),
        )


def test_threads_and_devices_reach_the_workers() -> None:
    runner = runner_for(task(reports_environment, budget=BUDGET), workers=2, threads=2, devices=("5", "7"))
    try:
        runner.submit(Slice(key=key(0.1), until=1))
        runner.submit(Slice(key=key(0.2), until=1))
        events = drain(runner, ends=2)
        seen = [records_of(events, key(lr))[0].metrics for lr in (0.1, 0.2)]
        assert {metrics["device"] for metrics in seen} == {5, 7}
        assert {metrics["threads"] for metrics in seen} == {2}
    finally:
        runner.close()


def test_no_process_is_left_behind() -> None:
    runner = runner_for(task(descend, budget=BUDGET), workers=2)
    runner.submit(Slice(key=key(0.1), until=1))
    runner.submit(Slice(key=key(0.2), until=1))
    drain(runner, ends=2)
    pids = runner.pids()
    assert len(pids) == 2
    runner.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
