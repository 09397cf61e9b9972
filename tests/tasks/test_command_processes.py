"""Commands: nothing of them escapes, and a frozen run writes what an uninterrupted one writes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lrlab.tasks import program
from lrlab.tasks.command import CommandTask, command
from tests.tasks.command_runs import FOREVER, UNITS, Start, alive, below, failure, values, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")


# A shell with a child in its group, one in a session of its own, and one whose parent has ended.
FAMILY = f"""
    ({FOREVER}) &
    setsid sh -c '{FOREVER}' &
    (({FOREVER}) & )
    echo val_loss=1
    {FOREVER}
"""


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux adopts what is orphaned")
def test_a_frozen_run_and_everything_it_started_use_no_time(start: Start) -> None:
    session = start(FAMILY)
    assert values(session.advance(1)) == [1]
    processes = below(session)
    assert len(processes) == 4
    assert {process.status() for process in processes} == {psutil.STATUS_STOPPED}
    before = cpu_seconds(processes)
    time.sleep(1.0)
    assert cpu_seconds(processes) == before
    session._started.program.thaw()  # type: ignore[union-attr]
    assert wait_for(lambda: cpu_seconds(processes) > before)
    session.close()
    assert not alive(processes)


def test_what_is_left_in_the_background_is_ended_and_told(start: Start) -> None:
    script = f"setsid sh -c '{FOREVER}' & echo $! > \"$1/pid\"; {UNITS}"
    session = start(script)
    with pytest.raises(Exception, match="left processes in the background, which were ended with it"):
        list(session.advance(4))
    (file,) = Path(session._started.folder.path).glob("pid")  # type: ignore[union-attr]
    left = int(file.read_text())
    assert wait_for(lambda: not psutil.pid_exists(left))  # killed at once, gone when it has been reaped


def test_a_program_that_does_not_heed_sigterm_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impatient = tmp_path / "launch.py"
    impatient.write_text(Path(program.launch.__file__).read_text().replace("GRACE_S = 5.0", "GRACE_S = 0.2"))
    monkeypatch.setattr(program.launch, "__file__", str(impatient))
    session = start(f"trap '' TERM; echo val_loss=1; {FOREVER}")
    list(session.advance(1))
    processes = below(session)
    session.close()
    assert not alive(processes)


def test_sigterm_lets_a_program_clean_up(start: Start, tmp_path: Path) -> None:
    session = start(f"trap 'echo bye > \"$1/bye\"; exit' TERM; echo val_loss=1; {FOREVER}")
    list(session.advance(1))
    session.close()
    assert list(tmp_path.rglob("bye"))


def test_a_run_that_is_closed_before_it_began(start: Start) -> None:
    session = start(UNITS)
    session.close()
    session.close()


def test_the_end_of_the_watcher_ends_the_command(start: Start) -> None:
    session = start(f"echo val_loss=1; {FOREVER}")
    list(session.advance(1))
    processes = below(session)
    psutil.Process(session._started.program._watcher.pid).kill()  # type: ignore[union-attr]
    error = failure(session, 2)
    assert "was lost with the process that watches over it" in str(error)
    assert wait_for(lambda: not alive(processes))


WORKER = """
import sys
from lrlab.tasks.command import command
session = command(["sh", "-c", sys.argv[1], "{lr}"], budget=3, runs_folder=sys.argv[2]).start(0.1, seed=0)
list(session.advance(1))
if sys.argv[3] == "running":
    session._started.program.thaw()
print(session._started.program._watcher.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux adopts what is orphaned")
@pytest.mark.parametrize("state", ["frozen", "running"])
def test_kill_9_of_the_worker_leaves_nothing(tmp_path: Path, state: str) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, FAMILY, tmp_path, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert worker.stdout is not None
    watcher = psutil.Process(int(worker.stdout.readline()))
    processes = watcher.children(recursive=True)
    assert len(alive(processes)) == 4
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert wait_for(lambda: not alive([watcher, *processes]))
    psutil.wait_procs([watcher, *processes], timeout=5)


def test_a_frozen_run_writes_what_an_uninterrupted_one_writes(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "examples" / "scripts" / "sensor.py"
    words = [
        sys.executable,
        str(script),
        "--learning-rate",
        "{lr}",
        "--steps",
        "{budget}",
        "--run-dir",
        "{dir}",
    ]
    written = []
    for slices in ((200,), (20, 40, 80, 200)):
        made: CommandTask = command(
            words, budget=200, unit="step", metric="eval/mse:min", read="metrics.jsonl",
            runs_folder=tmp_path / str(len(slices)),
        )  # fmt: skip
        session = made.start(0.05, seed=1)
        for until in slices:
            list(session.advance(until))
        session.close()
        folder = made.run_folder(0.05, 1)
        written.append(
            {path.name: path.read_bytes() for path in folder.path.iterdir() if path.name != "command.txt"}
        )
    assert set(written[0]) == {"metrics.jsonl", "output.log"}
    assert written[0] == written[1]
