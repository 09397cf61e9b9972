"""``lrlab watch``: a log that grows under it, studies, alerts, endings, and what is wrong."""

import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.readers.event_writer import scalar, version

RUNS = Path(__file__).parents[1] / "diagnosis" / "runs"
KNOWN = ("--optimizer", "adam", "--total-steps", 768)
QUICK = ("--every", "1", "--idle", "5")


class Clock:
    """Time that passes only while somebody sleeps, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.happens: list[Callable[[], None]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.happens:
            self.happens.pop(0)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("lrlab.cli.watch.time", made)
    return made


def grows(clock: Clock, path: Path, run: str = "too_low", *, parts: int = 8, form: Any = None) -> None:
    """A recorded run is written while it is watched."""
    head, *rows = (RUNS / f"{run}.csv").read_text().splitlines(keepends=True)
    size = -(-len(rows) // parts)

    def write(number: int) -> None:
        with path.open("a") as file:
            file.write((head if number == 0 else "") + "".join(rows[number * size : (number + 1) * size]))

    clock.happens += [lambda number=number: write(number) for number in range(parts)]


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_file_that_comes_and_grows(lrlab, place, clock):
    grows(clock, place / "log.csv")
    said = lrlab("watch", "log.csv", *KNOWN, *QUICK)
    assert said.code == 0, said.err
    first, second, *_ = said.out.splitlines()
    assert first.startswith("step ")
    assert "WARNING: The learning rate is too low for this run" in first
    assert "Raise the rate: multiply it by " in first
    assert 0 < int(first.split()[1].rstrip(":")) < 400  # told while it ran
    assert said.out.count("Raise the rate") == 2  # told once, and in the checkup
    assert second.startswith("The learning rate is too low (")
    assert said.err == "watch: waiting for log.csv, which is not there yet.\n"
    assert clock.now < 12  # it ended with the last step, not by being idle


def test_events_a_line_and_files_of_alerts(lrlab, place, clock):
    grows(clock, place / "log.csv")
    said = lrlab("watch", "log.csv", *KNOWN, *QUICK, "--json", "--alerts", "alerts.jsonl")
    alert, checkup = map(json.loads, said.out.splitlines())
    assert (alert["schema"], alert["event"], alert["change"]) == ("lrlab.event/1", "alert", "appeared")
    assert (alert["symptom"], alert["severity"]) == ("rate_too_low", "warn")
    assert (checkup["event"], checkup["kind"], checkup["rate"]["verdict"]) == ("result", "checkup", "too_low")
    [line] = (place / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line) == {"schema": "lrlab.alert/1"} | {
        name: value for name, value in alert.items() if name not in ("schema", "event")
    }


def test_the_last_checkup_is_that_of_diagnose(lrlab, place, clock):
    grows(clock, place / "log.csv", "healthy")
    watched = lrlab("watch", "log.csv", "--optimizer", "sgd", *QUICK, "--json")
    diagnosed = lrlab("diagnose", "log.csv", "--optimizer", "sgd", "--json").document
    last = json.loads(watched.out.splitlines()[-1])
    assert {name: last[name] for name in diagnosed if name != "schema"} == {
        name: value for name, value in diagnosed.items() if name != "schema"
    }


def test_a_log_that_begins_anew(lrlab, place, clock):
    shutil.copy(RUNS / "diverged.csv", place / "log.csv")
    clock.happens += [(place / "log.csv").unlink]
    grows(clock, place / "log.csv", "too_low")
    last = json.loads(lrlab("watch", "log.csv", *KNOWN, *QUICK, "--json").out.splitlines()[-1])
    assert (last["rate"]["verdict"], last["steps"]) == ("too_low", 768)


def test_a_command_hears_each_alert_and_its_failure_is_told_once(lrlab, place, clock):
    grows(clock, place / "log.csv")
    code = "import os, sys; open('heard.txt', 'a').write(os.environ['LRLAB_ALERT_SYMPTOM'] + sys.argv[1]); sys.exit(4)"
    command = f"'{sys.executable}' -c \"{code}\" 'two words'"
    said = lrlab("watch", "log.csv", *KNOWN, *QUICK, "--on-alert", command)
    assert said.code == 0
    assert (place / "heard.txt").read_text() == "rate_too_lowtwo words"
    assert said.err.count("has ended with exit code 4. This is told once.") == 1


def test_an_alerts_file_that_fails_ends_nothing(lrlab, place, clock):
    (place / "sub").mkdir()
    grows(clock, place / "log.csv")
    clock.happens.insert(1, lambda: shutil.rmtree(place / "sub"))
    said = lrlab("watch", "log.csv", *KNOWN, *QUICK, "--alerts", "sub/alerts.jsonl")
    assert (said.code, said.err.count("an alert could not be told")) == (0, 1)
    assert "rate is too low" in said.out


def test_ctrl_c(lrlab, place, clock):
    shutil.copy(RUNS / "too_low.csv", place / "log.csv")
    clock.happens += [lambda: None, interrupt]
    said = lrlab("watch", "log.csv", "--optimizer", "adam")
    assert said.code == 130
    assert said.out.startswith("The learning rate is too low (")
    assert said.err.endswith("watch: interrupted; the training itself was not touched.\n")


def test_ctrl_c_in_a_process_of_its_own(start, place):
    process = start("watch", "late.csv", "--every", "0.05")
    said = [process.stderr.readline(), process.stderr.readline()]
    assert "waiting for late.csv" in said[1], said
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, "interrupted" in err) == (130, "", True)


def test_fail_on(lrlab, place, clock):
    shutil.copy(RUNS / "too_low.csv", place / "log.csv")
    assert lrlab("watch", "log.csv", *KNOWN, *QUICK, "--fail-on", "warn").code == 6
    assert lrlab("watch", "log.csv", *KNOWN, *QUICK, "--fail-on", "error").code == 0


def test_level(lrlab, place, clock):
    grows(clock, place / "log.csv")
    said = lrlab("watch", "log.csv", *KNOWN, *QUICK, "--level", "error", "--json")
    assert [json.loads(line)["event"] for line in said.out.splitlines()] == ["result"]


def test_a_run_of_a_study(lrlab, asked, clock):
    winner = asked["lr"]
    said = lrlab("watch", "bowl", "--lr", winner, "--json")
    last = json.loads(said.out.splitlines()[-1])
    assert (said.code, last["source"].startswith("bowl, lr "), last["steps"] > 0) == (0, True, True)
    assert clock.now == 0  # it has ended, so nothing is waited for
    missing = lrlab("watch", "bowl", "--lr", "77")
    assert (missing.code, "study bowl has no such run" in missing.err) == (7, True)


def test_a_folder_whose_log_comes_later(lrlab, place, clock):
    clock.happens += [(place / "runs").mkdir]
    grows(clock, place / "runs" / "log.csv")
    said = lrlab("watch", "./runs/", *KNOWN, *QUICK, "--json")
    assert json.loads(said.out.splitlines()[-1])["rate"]["verdict"] == "too_low"


def test_a_folder_of_tensorboard_that_grows(lrlab, place, clock):
    file = place / "runs" / "events.out.tfevents.1"
    file.parent.mkdir()
    file.write_bytes(version())

    def write(begin: int) -> None:
        with file.open("ab") as into:
            into.write(
                b"".join(scalar(step, train__loss=1e9 ** (step / 80)) for step in range(begin, begin + 20))
            )

    clock.happens += [lambda k=k: write(k) for k in range(0, 80, 20)]
    said = lrlab("watch", "runs", *QUICK)
    assert "ERROR: The run has diverged" in said.out.splitlines()[0]


def test_a_column_that_comes_later(lrlab, place, clock):
    log = place / "log.jsonl"
    log.write_text('{"config": 3}\n')
    rows = [{"step": step, "objective": 2 / (1 + step)} for step in range(40)]
    clock.happens += [
        lambda: log.write_text('{"config": 3}\n' + "".join(json.dumps(row) + "\n" for row in rows))
    ]
    said = lrlab("watch", "log.jsonl", "--column", "loss=objective", *QUICK, "--json")
    assert json.loads(said.out.splitlines()[-1])["steps"] == 40
    assert "waiting for a column 'objective' for loss; so far log.jsonl has config" in said.err


def test_epochs_and_their_length(lrlab, place, clock):
    rows = "".join(f"{epoch},{2 / (1 + epoch)},{2 / (1 + epoch)}\n" for epoch in range(1, 13))
    (place / "log.csv").write_text("epoch,train/loss,val/loss\n" + rows)
    words = ("--total-steps", 120, "--steps-per-epoch", 10, "--column", "val_loss=val/loss")
    last = json.loads(lrlab("watch", "log.csv", *words, "--json").out.splitlines()[-1])
    assert (last["steps"], last["total_steps"], last["columns"]) == (120, 120, ["loss", "val_loss"])


def test_a_plan_that_is_kept_so_far_is_no_alert(lrlab, place, clock):
    def rows(begin: int, end: int, rate: float = 1.0) -> str:
        return "".join(f"{k},{2 / (1 + k)},{rate * 0.1 * (1 - k / 100):.9g}\n" for k in range(begin, end))

    def add(text: str) -> None:
        with (place / "log.csv").open("a") as file:
            file.write(text)

    words = ("--total-steps", 100, "--schedule", "linear", "--lr", "0.1", *QUICK, "--json")
    add("step,loss,lr\n" + rows(0, 10))
    clock.happens += [lambda k=k: add(rows(k, k + 10)) for k in range(10, 60, 10)] + [interrupt]
    sound = [json.loads(line) for line in lrlab("watch", "log.csv", *words).out.splitlines()]
    assert "not_as_planned" not in [event.get("symptom") for event in sound]
    clock.happens += [lambda k=k: add(rows(k, k + 10, 2.0)) for k in range(60, 100, 10)]
    wrong = [json.loads(line) for line in lrlab("watch", "log.csv", *words).out.splitlines()]
    assert "not_as_planned" in [event.get("symptom") for event in wrong]


CONTENTS = [
    ("log.csv", "\x00\x01\n", "binary data"),
    ("log.csv", "step,loss\n0,1\n1,abc\n", "line 3, column loss: expected a number, got 'abc'"),
    ("log.csv", "step,loss\n0,1\n1\n", "line 3: expected 2 cells, as the header has, got 1"),
    ("log.csv", "step,loss,loss\n0,1,2\n", "two columns are named loss"),
    ("log.csv", "step,loss\n-1,1.0\n", "column step: expected a step"),
    ("log.csv", "epoch,loss\n-3,1\n", "column epoch: expected an epoch of at least 0"),
    ("log.jsonl", "[1, 2]\n", "expected a JSON object, got a list"),
    ("log.jsonl", '{"loss": 1}\n{"loss": \n', "line 2"),
    ("trainer_state.json", '{"log_history": 3}', 'an object with the list "log_history"'),
    ("model.pt", "weights", "is no log that can be read (.pt)"),
    ("log.parquet", "PAR1", "is no log that can be read (.parquet)"),
    ("events.out.tfevents.1", "junk" * 9, "Expected an event file"),
]


@pytest.mark.parametrize(("name", "content", "said"), CONTENTS, ids=[said for _, _, said in CONTENTS])
def test_logs_that_are_wrong(lrlab, place, clock, name, content, said):
    (place / name).write_text(content)
    found = lrlab("watch", name, *QUICK)
    assert found.code == 2, found.out
    assert said in found.err
    assert "Traceback" not in found.err
    *_, last = lrlab("watch", name, *QUICK, "--json").out.splitlines()
    assert (json.loads(last)["event"], json.loads(last)["ok"]) == ("error", False)


def test_logs_that_never_have_a_loss(lrlab, place, clock):
    for content in ("", "step,loss\n", "step,accuracy\n0,0.5\n1,0.6\n"):
        (place / "log.csv").write_text(content)
        found = lrlab("watch", "log.csv", *QUICK)
        assert found.code == 7
        assert "watch: nothing has come from log.csv." in found.err
    assert (
        "waiting for a column loss or val_loss (name it: --column loss=NAME); so far log.csv has step"
        in found.err
    )


OPTIONS = [
    (("--optimizer", "adamm"), 2, "there is no 'adamm'"),
    (("--total-steps", 0), 2, "total_steps"),
    (("--total-steps", 100), 2, "goes on to step 768, and total_steps is 100"),
    (("--lr", "0"), 2, "must be finite and above 0"),
    (("--fail-on", "always"), 2, "--fail-on must be one of warn, error"),
    (("--level", "loud"), 2, "level must be one of note, warn, error, got 'loud'"),
    (("--every", 0), 2, "--every must be a number of seconds of at least 0.02, got 0"),
    (("--every", "nan"), 2, "--every must be a number of seconds"),
    (("--idle", -1), 2, "--idle must be a number of seconds of at least 0, got -1"),
    (("--warmup", "0.1"), 2, "warmup: belongs to a schedule"),
    (("--schedule", "cosine"), 2, "total_steps is needed"),
    (("--column", "loss"), 2, "expected NAME=COLUMN"),
    (("--steps-per-epoch", 0), 2, "steps_per_epoch"),
    (("--alerts", "nowhere/alerts.jsonl"), 2, "alerts 'nowhere/alerts.jsonl' cannot be written"),
    (("--on-alert", ""), 2, "on_alert names no program"),
    (("--on-alert", "say 'it"), 2, "cannot be parted into words"),
    (("--on-alert", "no-such-program-here"), 7, "there is no program 'no-such-program-here'"),
]


@pytest.mark.parametrize(("words", "code", "said"), OPTIONS, ids=[said for *_, said in OPTIONS])
def test_options_that_are_wrong(lrlab, place, clock, words, code, said):
    shutil.copy(RUNS / "too_low.csv", place / "log.csv")
    found = lrlab("watch", "log.csv", *QUICK, *words)
    assert found.code == code
    assert said in found.err
    assert "Traceback" not in found.err


def test_places_that_are_wrong(lrlab, place, clock):
    found = lrlab("watch", "nothing")
    assert (found.code, "there is no file, folder or study 'nothing'" in found.err) == (7, True)
    assert lrlab("watch", " ").code == 2
    (place / "logs").mkdir()
    for name in ("a.csv", "b.csv"):
        shutil.copy(RUNS / "too_low.csv", place / "logs" / name)
    assert "holds 2 logs: a.csv, b.csv" in lrlab("watch", "logs", *QUICK).err
