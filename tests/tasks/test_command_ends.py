"""Commands: how they report, end and fail, and what a person is told then."""

import sys
import time
from pathlib import Path

import pytest

from lrlab.core.errors import SpecError, UnusableTaskError
from lrlab.tasks.command import command
from lrlab.tasks.command_session import CommandSession
from tests.tasks.command_runs import FOREVER, UNITS, Start, alive, below, failure, values

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")


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
