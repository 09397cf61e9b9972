"""Commands: what is refused, how they fail, and that nothing of them escapes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lrlab.core.errors import NoStateError, SpecError, TaskError, UnusableTaskError
from lrlab.core.record import Record
from lrlab.tasks import program
from lrlab.tasks.command import CommandTask, as_target, command, from_target
from lrlab.tasks.command_session import CommandSession

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")

# Prints a unit after the other; what a case adds stands in front or behind.
UNITS = "for k in 1 2 3 4; do echo epoch $k val_loss=0.$((9 - k)); done"
FOREVER = "while :; do :; done"


Start = Callable[..., CommandSession]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a shell script as a task; what still runs at the end is ended."""
    sessions: list[CommandSession] = []

    def begin(script: str, lr: float = 0.1, **settings: Any) -> CommandSession:
        words = ["sh", "-c", script.replace("{", "{{").replace("}", "}}"), "{lr}", "{dir}"]
        task = command(words, **{"budget": 4, "runs_folder": tmp_path / "runs"} | settings)
        sessions.append(task.start(lr, seed=0))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.close()


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


# --- refused before anything is started ---------------------------------------------------------------------

WRONG = [
    ({"budget": 0}, "budget: must be at least 1"),
    ({"budget": 2.5}, "budget: must be a whole number"),
    ({"budget": None}, "budget: must be a whole number"),
    ({"unit": "batch"}, 'unit must be "epoch" or "step"'),
    ({"metric": "fitness"}, "cannot tell from the name"),
    ({"metric": ""}, "metric"),
    ({"timeout_s": 0}, "timeout: must be above 0 seconds"),
    ({"timeout_s": -1}, "timeout: must be above 0 seconds"),
    ({"timeout_s": float("nan")}, "timeout: must be above 0 seconds"),
    ({"timeout_s": "long"}, "timeout: must be above 0 seconds"),
    ({"epochs_from": 2}, "epochs_from: must be 0 or 1"),
    ({"epochs_from": "1"}, "epochs_from: must be 0 or 1"),
    ({"columns": {"": "x"}}, "expected NAME=COLUMN"),
    ({"read": ""}, "names no file"),
    ({"read": "weights.pt"}, "is no log that can be read"),
    ({"read": "stdout:val_loss"}, "has no group"),
    ({"read": "stdout:(("}, "is no regular expression"),
    (
        {"read": "log.csv"},
        r"every run must write a log.csv of its own, .* {dir} stands nowhere in the command",
    ),
    ({"read": "{dir}/log.csv"}, r"{dir} stands nowhere in the command"),
    ({"read": "runs/log.jsonl"}, r"every run must write a log.jsonl of its own"),
    ({"read": "/out/log.csv", "in_dir": True}, r"/out/log.csv is outside of it"),
    ({"read": "csv:/out/log", "in_dir": True}, r"/out/log is outside of it"),
    ({"read": "{out}/log.csv", "in_dir": True}, r"unknown placeholder {out}"),
    ({"lr": (1, 0.1)}, "lr range"),
]


@pytest.mark.parametrize(("settings", "says"), WRONG)
def test_wrong_settings(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        command(["train", "{lr}"], **{"budget": 3} | settings)


def test_a_file_is_enough_where_each_run_starts_in_its_own_folder() -> None:
    assert command(["train", "{lr}"], budget=1, read="log.csv", in_dir=True).in_dir


def test_it_can_be_told_and_made_again() -> None:
    made = command(
        ["bash", "train.sh", "{lr:.6f}", "{dir}"], budget=7, metric="acc:max", read="x.csv", unit="step", freeze=False,
        timeout_s=3.5, epochs_from=1, columns={"lr": "rate"}, in_dir=True, folder="/", name="me", optimizer="sgd",
    )  # fmt: skip
    target = as_target(made)
    assert (target["kind"], target["ref"]) == ("command", "bash train.sh '{lr:.6f}' '{dir}'")
    again = from_target(target)
    assert (again, again.fingerprint) == (made, made.fingerprint)
    with pytest.raises(SpecError, match="has no words or no budget"):
        from_target({"kind": "command", "words": ["a", "{lr}"]})


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["python", "train.py", "{lr}"], "train"),
        (["python", "-u", "src/fit_it.py", "--lr={lr}"], "fit_it"),
        (["./a.out", "{lr}"], "a"),
        (["yolo", "train", "lr0={lr}", "data=coco8.yaml"], "yolo"),
        (["bash", "-c", "train {lr}"], "bash"),
    ],
)
def test_its_name(words: list[str], name: str) -> None:
    assert command(words, budget=1).name == name


def test_the_fingerprint_changes_with_the_script(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("1")
    made = command(["python", "train.py", "{lr}"], budget=2, folder=tmp_path)
    before = made.fingerprint
    assert (
        command(["python", "train.py", "{lr}"], budget=2, folder=tmp_path, timeout_s=3).fingerprint == before
    )
    assert command(["python", "train.py", "{lr}"], budget=3, folder=tmp_path).fingerprint != before
    script.write_text("2")
    assert made.fingerprint != before


# --- how it runs --------------------------------------------------------------------------------------------


def test_it_is_started_once_with_the_full_budget(tmp_path: Path) -> None:
    script = 'echo x >> "$1/../starts"; for k in $(seq $0); do echo val_loss=$k; done'
    made = command(["sh", "-c", script, "{budget}", "{dir}", "{lr}"], budget=6, runs_folder=tmp_path)
    session = made.start(0.1, seed=0)
    assert values(session.advance(0)) == []
    assert not (tmp_path / "starts").exists()
    assert [values(session.advance(k)) for k in (1, 3, 3, 6)] == [[1], [2, 3], [], [4, 5, 6]]
    session.close()
    assert (tmp_path / "starts").read_text() == "x\n"


def test_words_are_words_and_no_shell_reads_them(tmp_path: Path) -> None:
    made = command(
        ["sh", "-c", 'echo "$1" > "$2/said"; echo val_loss=1', "{lr}", "a  b; $HOME * {lr}", "{dir}"],
        budget=1,
        runs_folder=tmp_path / "with a blank",
    )
    session = made.start(0.5, seed=0)
    assert values(session.advance(1)) == [1]
    session.close()
    assert made.run_folder(0.5, 0).path.joinpath("said").read_text() == "a  b; $HOME * 0.5\n"


def test_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for in_dir in (False, True):
        made = command(
            ["sh", "-c", "pwd; echo val_loss=1", "{lr}"],
            budget=1,
            in_dir=in_dir,
            runs_folder=tmp_path / str(in_dir),
        )
        session = made.start(0.5, seed=0)
        list(session.advance(1))
        session.close()
        folder = made.run_folder(0.5, 0)
        assert folder.log().splitlines()[0] == str(folder.path if in_dir else tmp_path)


def test_python_prints_at_once(tmp_path: Path) -> None:
    script = "import time\nfor k in range(3): print('val_loss=%d' % k)\ntime.sleep(30)"
    made = command([sys.executable, "-c", script, "{lr}"], budget=5, runs_folder=tmp_path)
    session = made.start(0.5, seed=0)
    began = time.monotonic()
    assert values(session.advance(2)) == [0, 1]
    assert time.monotonic() - began < 20
    session.close()


def test_a_run_that_starts_again_finds_its_folder_empty(start: Start, tmp_path: Path) -> None:
    script = '[ -e "$1/old" ] && exit 9; touch "$1/old"; ' + UNITS
    for _ in range(2):
        session = start(script)
        assert len(values(session.advance(4))) == 4
        session.close()


def test_somebody_elses_folder_is_left_alone(start: Start, tmp_path: Path) -> None:
    own = tmp_path / "runs" / "lr-0.1-seed-0"
    own.mkdir(parents=True)
    (own / "thesis.tex").write_text("all my work")
    with pytest.raises(SpecError, match="is there already, and is no run's folder"):
        list(start(UNITS).advance(1))
    assert (own / "thesis.tex").exists()


def test_it_has_no_state(start: Start) -> None:
    session = start(UNITS)
    with pytest.raises(NoStateError, match="lives only in its processes"):
        session.state()
    with pytest.raises(NoStateError):
        session.restore({})
    session.close()
    with pytest.raises(SpecError, match="the run is closed"):
        session.advance(1)


# --- how it ends --------------------------------------------------------------------------------------------


def failure(session: CommandSession, until: int = 4) -> TaskError:
    with pytest.raises(TaskError) as caught:
        list(session.advance(until))
    session.close()
    return caught.value


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "text").write_text("no program")
    for word, says in (
        ("no-such-program", "No such file"),
        (str(folder), "Permission denied"),
        (str(tmp_path / "text"), "Permission denied"),
    ):
        session = command([word, "{lr}"], budget=2, runs_folder=tmp_path / "runs").start(0.1, seed=0)
        error = failure(session, 1)
        assert isinstance(error, UnusableTaskError)
        assert f"{word!r} cannot be started" in str(error)
        assert says in str(error)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo no data here >&2; exit 3", "exited with code 3 before it reported anything. \nIts last output:\nno data"),
        (f"{UNITS.replace('4;', ';')}; exit 1", "exited with code 1 after 3 epochs"),
        ("kill -9 $$", "was ended by signal 9 (SIGKILL), which often is the system, short of memory"),
        ("kill -TERM $$", "was ended by signal 15 (SIGTERM) before"),
        ("exit 1", "before it reported anything. \nIt has printed nothing."),
        ("for k in $(seq 99); do echo line $k; done; exit 1", "Its last output:\nline 85\n"),
        ("printf 'a\\033[31mb\\033[0m\\rc\\n'; exit 1", "Its last output:\nab\nc"),
    ],
)  # fmt: skip
def test_a_program_that_fails(start: Start, script: str, says: str) -> None:
    error = failure(start(script))
    assert not isinstance(error, UnusableTaskError)
    assert says in str(error)


@pytest.mark.parametrize(
    ("script", "read", "says"),
    [
        ("echo loss 3", None, "nothing that it printed matches '"),
        ("echo loss 3", "stdout:val_loss (.*)", "nothing that it printed matches 'val_loss (.*)'. Give a pattern"),
        (":", "log.csv", "log.csv is not there, and its folder"),
        ('touch "$1/other.csv" "$1/a"', "log.csv", "holds a, other.csv. Name the file that it writes"),
        ('echo epoch,loss > "$1/log.csv"; echo 1,2 >> "$1/log.csv"', "log.csv", "has the columns epoch, loss. Name one"),
        ('echo epoch,loss > "$1/log.csv"', "log.csv", "has the columns epoch, loss."),
        (': > "$1/log.csv"', "log.csv", "log.csv holds no numbers. Name the log"),
        ('echo \'{"a": "x"}\' > "$1/log.jsonl"', "log.jsonl", "log.jsonl holds no numbers"),
        ('mkdir "$1/tb"', "tb", "tb is not there"),
    ],
)  # fmt: skip
def test_a_program_that_never_reports(start: Start, script: str, read: str | None, says: str) -> None:
    error = failure(start(script, read=read))
    assert isinstance(error, UnusableTaskError)
    assert "The command has ended and has not reported val_loss: " in str(error)
    assert says in str(error)


def test_half_of_a_training_without_the_metric_is_enough(start: Start) -> None:
    script = (
        'echo epoch,loss > "$1/l.csv"; for k in 1 2 3 4 5 6; do echo $k,1 >> "$1/l.csv"; done; ' + FOREVER
    )
    error = failure(start(script, read="l.csv", budget=12))
    assert isinstance(error, UnusableTaskError)
    assert "has trained for 6 epochs and has not reported val_loss" in str(error)


def test_a_malformed_log_fails_the_run(start: Start) -> None:
    session = start('printf "epoch,val_loss\\n1,0.5\\n2,oops\\n" > "$1/l.csv"; ' + FOREVER, read="l.csv")
    with pytest.raises(SpecError, match=r"l.csv, line 3, column val_loss: expected a number, got 'oops'"):
        list(session.advance(2))


def test_a_program_that_ends_early_is_no_failure(start: Start) -> None:
    session = start("echo val_loss=1; echo val_loss=2")
    assert values(session.advance(1)) == [1]
    assert values(session.advance(4)) == [2]
    assert values(session.advance(4)) == []


def test_a_program_that_takes_too_long_for_a_unit(start: Start) -> None:
    session = start(f"echo val_loss=1; {FOREVER}", timeout_s=0.4)
    assert values(session.advance(1)) == [1]
    processes = below(session)
    time.sleep(0.6)  # a frozen run does not count
    error = failure(session, 2)
    assert "has not reported val_loss within 0.4 s after epoch 1, and was ended" in str(error)
    assert not alive(processes)


def last_words(session: CommandSession, says: str) -> list[float]:
    """The values of a whole run that has something to say in the end."""
    found: list[float] = []
    with pytest.raises(Exception, match=says):
        for record in session.advance(4):
            found += values([record])
    session.close()
    return found


def test_what_follows_the_last_unit_runs_to_its_end(start: Start, tmp_path: Path) -> None:
    session = start(f'{UNITS}; sleep 0.3; echo done > "$1/model"')
    assert len(values(session.advance(4))) == 4
    assert list(tmp_path.rglob("model"))


def test_a_program_that_does_not_end(start: Start) -> None:
    assert (
        len(
            last_words(
                start(f"{UNITS}; {FOREVER}", timeout_s=0.3), "had not ended 0.3 s after its last epoch"
            )
        )
        == 4
    )


def test_a_program_that_fails_after_its_last_unit(start: Start) -> None:
    assert len(last_words(start(f"{UNITS}; exit 5"), "exited with code 5 after 4 epochs")) == 4


def test_more_reports_than_the_budget_are_told(start: Start) -> None:
    session = start("for k in 1 2 3 4 5; do echo val_loss=$k; done")
    assert last_words(session, "log goes on after epoch 4, to 5: is the budget right") == [1, 2, 3, 4]


def test_a_metric_that_is_reported_twice_is_told(start: Start) -> None:
    script = "for k in 0 0 1 2 3; do echo epoch $k val_loss=0.$k; done"
    session = start(script, read=r"stdout:epoch (?P<epoch>\d) val_loss=(?P<val_loss>\S+)")
    assert last_words(session, "val_loss was reported again, 1 times") == [0.0, 0.1, 0.2, 0.3]


def test_epochs_from_one_with_a_row_before_training(start: Start) -> None:
    script = "for k in 0 1 2 3 4; do echo epoch $k val_loss=0.$((9 - k)); done"
    session = start(script, read=r"stdout:epoch (?P<epoch>\d) val_loss=(?P<val_loss>\S+)", epochs_from=1)
    assert [(record.at, record.metrics["val_loss"]) for record in session.advance(4)] == [
        (0, 0.9), (1, 0.8), (2, 0.7), (3, 0.6), (4, 0.5)
    ]  # fmt: skip


@pytest.mark.parametrize("read", ["sub/log.csv", "{dir}/sub/log.csv", "csv:{dir}/sub/log.csv", "*/log.csv"])
def test_a_log_below_the_folder(start: Start, read: str) -> None:
    script = 'mkdir "$1/sub"; printf "val_loss\n3\n2\n" > "$1/sub/log.csv"'
    assert values(start(script, read=read).advance(4)) == [3, 2]


def test_a_log_that_is_written_whole_again_each_epoch(start: Start) -> None:
    script = """
    rows="epoch,val_loss"
    for k in 1 2 3 4; do
        rows="$rows
$k,0.$k"
        echo "$rows" > "$1/log.csv"
    done"""
    session = start(script, read="log.csv")
    assert values(session.advance(2)) == [0.1, 0.2]
    assert values(session.advance(4)) == [0.3, 0.4]


# --- nothing escapes ----------------------------------------------------------------------------------------

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
