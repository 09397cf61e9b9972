"""Every exit code, produced by a case, and the signals."""

import json
import os
import re
import signal
import time

import pytest

from lrlab.cli.help import EXIT_CODES
from lrlab.core import errors
from lrlab.store.sql import SqliteStore

BOWL = ("--budget", 8, "--workers", 0)
CASES = {
    0: ("sweep", "python", "bowl.py:train", *BOWL, "--lr", "1e-3:10"),
    1: ("runs", "bowl", "--store", "bowl.py"),
    2: ("sweep", "python", "bowl.py:train", "--budget", 0),
    3: ("sweep", "python", "bowl.py:breaks", *BOWL),
    4: ("sweep", "python", "bowl.py:explodes", *BOWL),
    5: ("sweep", "python", "bowl.py:train", *BOWL, "--lr", "1e-5:1e-2"),
    6: ("diagnose", "burst.csv", "--fail-on", "error"),
    7: ("resume", "nothing"),
    8: ("stop", "bowl"),
    10: ("sweep", "python", "dies.py:train", "--budget", 8, "--workers", 1),
}


@pytest.mark.parametrize("code", CASES)
def test_exit_code(lrlab, place, code):
    if code == 8:
        lrlab("sweep", "python", "bowl.py:train", *BOWL, "--study", "bowl")
    if code == 6:
        (place / "burst.csv").write_text("step,loss\n0,1\n1,2\n2,nan\n")
    said = lrlab(*CASES[code])
    assert said.code == code, said.err
    document = lrlab(*CASES[code], "--json").document
    assert document["ok"] is (code in (0, 5, 6))
    assert ("error" in document) is (code not in (0, 5, 6))


def test_a_study_that_runs_elsewhere(lrlab, place):
    lrlab("sweep", "python", "bowl.py:train", *BOWL, "--study", "bowl")
    ledger = SqliteStore(place / "studies").open("bowl")
    try:
        said = lrlab("sweep", "python", "bowl.py:train", *BOWL, "--study", "bowl")
    finally:
        ledger.close()
    assert said.code == 8
    assert f"process {os.getpid()}" in said.err


def test_the_table_tells_every_code(lrlab):
    table = lrlab("help", "exit-codes", "--json").document["exit_codes"]
    assert [row["code"] for row in table] == [code for code, _, _ in EXIT_CODES]
    assert {row["code"] for row in table} == set(CASES) | {130, 143}
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LrlabError)
    ]
    assert {kind.exit_code for kind in kinds} <= {row["code"] for row in table}
    assert "inconclusive" in lrlab("help", "exit-codes").out


# --- signals ------------------------------------------------------------------------------------------------

SLOW = ("sweep", "python", "bowl.py:slow", "--budget", 16, "--lr", "1e-3:10", "--study", "bowl", "--json")


def wait_until(place, holds):
    """Wait until this holds of the study."""
    store = SqliteStore(place / "studies")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if store.names() and holds(store.load("bowl")):
            return
        time.sleep(0.02)
    pytest.fail("the study does not get going")


def has_ended_runs(study):
    return any(run.ended for run in study.runs)


@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_saves_and_resume_goes_on(lrlab, start, program, place, workers):
    process = start(*SLOW, "--workers", workers)
    wait_until(place, has_ended_runs)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=15)
    assert time.monotonic() - began < 10
    assert process.returncode == 130, err
    error = json.loads(out)["error"]
    assert error["code"] == "interrupted"
    command = re.search(r"lrlab (resume bowl)", error["hint"])
    assert command is not None

    before = lrlab("studies", "show", "bowl", "--json").document
    assert (before["state"], before["final"]) == ("interrupted", False)
    over = {run["lr"]: run for run in before["runs"] if run["status"] in ("finished", "diverged")}
    assert over
    trained = (place / "begun.txt").read_text().split()

    resumed = lrlab(*command[1].split(), "--workers", workers, "--json")
    assert resumed.code == 0, resumed.err
    again = (place / "begun.txt").read_text().split()[len(trained) :]
    assert not set(map(float, again)) & set(over)
    whole = lrlab(*SLOW[:-2], "whole", "--workers", workers, "--json")
    same = ("lr", "interval", "safe_range", "score")
    assert {key: resumed.document[key] for key in same} == {key: whole.document[key] for key in same}


def test_sigterm_saves_too(start, place):
    process = start(*SLOW, "--workers", 0)
    wait_until(place, has_ended_runs)
    process.terminate()
    out, err = process.communicate(timeout=15)
    assert process.returncode == 143, err
    assert json.loads(out)["error"]["code"] == "terminated"


def test_the_second_ctrl_c_ends_at_once(lrlab, start, place):
    process = start("sweep", "python", "bowl.py:stubborn", "--budget", 4, "--workers", 1, "--study", "bowl")
    wait_until(place, lambda study: (place / "begun.txt").exists())
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one waits for the unit under way"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=15)
    assert time.monotonic() - began < 3
    assert process.returncode == 130
    assert lrlab("studies", "--json").document["studies"][0]["state"] == "interrupted"


def test_the_time_limit_saves_too(lrlab, place):
    said = lrlab(*SLOW[:-1], "--workers", 0, "--max-time", "0.3")
    assert said.code in (0, 3, 5)
    assert "To settle the rest: lrlab resume bowl" in said.err
    assert "TIME_UP" in said.out
    assert lrlab("resume", "bowl", "--workers", 0, "--json").document["final"] is True
