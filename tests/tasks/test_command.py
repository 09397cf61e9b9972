"""Commands: what is refused, and how they run."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lrlab.core.errors import NoStateError, SpecError
from lrlab.tasks.command import as_target, command, from_target
from tests.tasks.command_runs import UNITS, Start, values

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")


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
