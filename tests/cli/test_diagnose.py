"""``lrlab diagnose``: text, document, exit codes, and files that are wrong."""

import shutil
from pathlib import Path

import pytest

RUNS = Path(__file__).parents[1] / "diagnosis" / "runs"
KNOWN = ("--optimizer", "adam", "--total-steps", 768)


def test_text_begins_with_the_sentence(lrlab):
    said = lrlab("diagnose", RUNS / "too_low.csv", *KNOWN)
    assert said.code == 0
    first = said.out.splitlines()[0]
    assert first.startswith("The learning rate is too low (")
    assert "multiply it by" in first
    assert "[rate_too_low, " in said.out
    assert "not checked: Cannot tell about a rate that is not applied as planned" in said.out
    assert "loss, steps 0 to" in said.out


def test_the_document(lrlab):
    document = lrlab("diagnose", RUNS / "too_low.csv", *KNOWN, "--json").document
    assert (document["schema"], document["ok"]) == ("lrlab.checkup/1", True)
    assert set(document["rate"]) == {"verdict", "confidence", "factor", "probabilities"}
    assert document["rate"]["verdict"] == "too_low"
    assert document["rate"]["factor"] > 1
    verdict = document["verdicts"][0]
    assert set(verdict) == {"symptom", "severity", "confidence", "sentence", "evidence", "advice"}
    assert verdict["advice"]["change"] == "lr"
    assert document["total_steps"] == 768


@pytest.mark.parametrize(
    ("run", "level", "code"),
    [("diverged", "error", 6), ("diverged", "warn", 6), ("too_low", "warn", 6), ("too_low", "error", 0),
     ("healthy", "warn", 0)],
)  # fmt: skip
def test_fail_on(lrlab, run, level, code):
    said = lrlab("diagnose", RUNS / f"{run}.csv", "--fail-on", level, "--lr", "1e-3", "--total-steps", 840)
    assert said.code == code, said.out
    assert said.out


def test_a_study_and_one_of_its_runs(lrlab, place):
    lrlab(
        "sweep",
        "python",
        "bowl.py:train",
        "--budget",
        8,
        "--workers",
        0,
        "--lr",
        "1e-3:10",
        "--study",
        "bowl",
    )
    winner = lrlab("diagnose", "bowl", "--json").document
    assert winner["source"].startswith("bowl, lr ")
    other = lrlab("diagnose", "bowl", "--lr", winner["lr"], "--json").document
    assert other["rate"] == winner["rate"]
    missing = lrlab("diagnose", "bowl", "--lr", "77")
    assert missing.code == 7
    assert "study bowl has no such run" in missing.err


def test_a_tensorboard_folder_and_a_mapping_of_names(lrlab, place):
    shutil.copy(RUNS / "too_low.csv", place / "log.csv")
    text = (place / "log.csv").read_text().replace("step,loss,", "step,objective,", 1)
    (place / "log.csv").write_text(text)
    said = lrlab("diagnose", "log.csv", *KNOWN, "--column", "loss=objective", "--json")
    assert said.document["rate"]["verdict"] == "too_low"


HEAD = "step,loss,val_loss\n"
FILES = [
    ("", "holds no row with a number"),
    (HEAD, "holds no row with a number"),
    ("\x00\x01\x02\n", "binary data"),
    (HEAD + "0,1,2\n1,0.9,x\n", "line 3, column val_loss: expected a number, got 'x'"),
    (HEAD + "0,1.0,2.0\n1,abc,2.0\n", "line 3, column loss: expected a number, got 'abc'"),
    (HEAD + "0,1.0\n", "line 2: expected 3 cells|holds no row"),
    (HEAD + "0,1.0\n1,2,3\n", "line 2: expected 3 cells, as the header has, got 2"),
    ("step,loss,loss\n0,1,2\n", "two columns are named loss"),
    ("0,1\n1,2\n", "expected a header"),
    (HEAD + "-1,1.0,\n", "column step: expected a step"),
    (HEAD + "0.5,1.0,\n", "column step: expected a step"),
    ("epoch,loss\n-3,1\n", "column epoch: expected an epoch of at least 0"),
    ("step,accuracy\n0,0.5\n1,0.6\n", r"neither a column loss nor val_loss"),
    ('step,loss\n0,"1\n', "a quoted cell|cells parted by|holds no row"),
]


@pytest.mark.parametrize(("content", "said"), FILES)
def test_files_that_are_wrong(lrlab, place, content, said):
    (place / "log.csv").write_text(content)
    found = lrlab("diagnose", "log.csv")
    assert found.code == 2, found.out
    assert "Traceback" not in found.err
    assert any(part.lower() in found.err.lower() for part in said.split("|")), found.err
    failed = lrlab("diagnose", "log.csv", "--json").document
    assert failed["ok"] is False


LINES = [
    ("[1, 2]\n", "log.jsonl", "expected a JSON object, got a list"),
    ('{"loss": 1}\n{"loss": \n', "log.jsonl", "line 2"),
    ("{}\n", "log.jsonl", "holds no row with a number"),
    ('{"log_history": 3}', "trainer_state.json", 'an object with the list "log_history"'),
    ('{"log_history": [4]}', "trainer_state.json", "log_history[0]: expected an object"),
    ("not json", "trainer_state.json", "expected the Trainer's state as JSON"),
    ("model", "model.pt", "is no log that can be read (.pt)"),
    ("PAR1", "log.parquet", "Parquet"),
    ("junk", "events.out.tfevents.1", "Expected an event file|holds no row"),
]


@pytest.mark.parametrize(("content", "name", "said"), LINES)
def test_other_files_that_are_wrong(lrlab, place, content, name, said):
    (place / name).write_text(content)
    found = lrlab("diagnose", name)
    assert found.code in (2, 7), found.out
    assert "Traceback" not in found.err
    assert any(part in found.err for part in said.split("|")), found.err


OPTIONS = [
    (("--optimizer", "adamm"), 2, "there is no 'adamm'"),
    (("--total-steps", 0), 2, "total_steps"),
    (("--total-steps", "many"), 2, "valid integer"),
    (("--total-steps", 100), 2, "goes on to step 768, and total_steps is 100"),
    (("--lr", "0"), 2, "must be finite and above 0"),
    (("--lr", "fast"), 2, "must be a number such as 3e-4"),
    (("--fail-on", "always"), 2, "--fail-on must be one of warn, error"),
    (("--warmup", "0.1"), 2, "warmup: belongs to a schedule"),
    (("--schedule", "cosine"), 2, "total_steps is needed"),
    (("--schedule", "cosin", "--total-steps", 768), 2, "cosin"),
    (("--column", "loss"), 2, "expected NAME=COLUMN"),
    (("--column", "loss=nll"), 2, "there is no column of numbers 'nll' for loss"),
    (("--steps-per-epoch", 0), 2, "steps_per_epoch"),
]


@pytest.mark.parametrize(("words", "code", "said"), OPTIONS)
def test_options_that_are_wrong(lrlab, words, code, said):
    found = lrlab("diagnose", RUNS / "too_low.csv", *words)
    assert found.code == code
    assert said in found.err
    assert "Traceback" not in found.err


def test_places_that_are_wrong(lrlab, place):
    assert lrlab("diagnose", "nothing").code == 7
    assert "there is no file, folder or study 'nothing'" in lrlab("diagnose", "nothing").err
    (place / "logs").mkdir()
    assert "logs holds no log" in lrlab("diagnose", "logs").err
    for name in ("a.csv", "b.csv"):
        shutil.copy(RUNS / "too_low.csv", place / "logs" / name)
    found = lrlab("diagnose", "logs")
    assert (found.code, "holds 2 logs: a.csv, b.csv. Name one" in found.err.replace("\n  ", " ")) == (2, True)
