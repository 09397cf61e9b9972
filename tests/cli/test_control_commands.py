"""A study in one process, and everything that another one can ask of it."""

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import psutil
import pytest

from lrlab.core.outcome import StudyState
from lrlab.core.study import Study
from lrlab.store.sql import SqliteStore

SLOW = ("sweep", "python", "bowl.py:slow", "--budget", 32, "--lr", "1e-3:10", "--study", "bowl", "--json")
LONG = (*SLOW, "--budget", 1000)  # for what is ended by hand; the last option counts
ACKNOWLEDGED_S = 1.0


def wait_until(place: Path, holds) -> Study:
    store = SqliteStore(place / "studies")
    until = time.monotonic() + 40
    while time.monotonic() < until:
        if store.names() and holds(study := store.load("bowl")):
            return study
        time.sleep(0.02)
    pytest.fail("the study does not come to that")


def trains(study: Study) -> bool:
    return study.state is StudyState.RUNNING and any(run.units for run in study.runs)


def cpu_seconds(process: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sweep_is_paused_resumed_extended_and_stopped_from_another_process(lrlab, start, place, workers):
    process = start(*LONG, "--workers", workers)
    wait_until(place, trains)

    began = time.monotonic()
    said = lrlab("pause", "bowl")
    assert time.monotonic() - began < ACKNOWLEDGED_S + 0.5, "the load of the machine taken into account"
    assert (said.code, said.out) == (0, "bowl: Paused.\n"), said.err
    assert "It goes on with: lrlab resume bowl" in said.err
    assert lrlab("studies", "--state", "paused", "--json").document["studies"][0]["study"] == "bowl"
    states = {run["status"] for run in lrlab("runs", "bowl", "--json").document["runs"]}
    assert states <= {"paused", "diverged"}
    assert "paused" in states

    before = wait_until(place, lambda study: True)
    spent = cpu_seconds(psutil.Process(process.pid))
    time.sleep(2)
    assert cpu_seconds(psutil.Process(process.pid)) - spent < 0.1
    assert wait_until(place, lambda study: True) == before

    resumed = lrlab("resume", "bowl", "--json")
    document = resumed.document
    assert (document["schema"], document["fate"], document["text"]) == (
        "lrlab.command/1",
        "done",
        "It goes on.",
    )
    wait_until(place, lambda study: sum(r.units for r in study.runs) > sum(r.units for r in before.runs))

    extended = lrlab("extend", "bowl", "--seeds", 2, "--lr", "1e-4:10")
    assert extended.code == 0, extended.err
    assert extended.out == "bowl: Extended: seeds 1 became 2; rates 1e-3:10 became 1e-4:10.\n"
    stopped = lrlab("stop", "bowl")
    assert (stopped.code, stopped.out) == (0, "bowl: Stopped; its results stay.\n"), stopped.err
    out, err = process.communicate(timeout=15)
    assert process.returncode in (0, 3, 5), err
    assert "STOPPED" in {warning["code"] for warning in json.loads(out)["warnings"]}
    assert "paused" in err
    kinds = [event.kind for event in wait_until(place, lambda study: True).events]
    assert [kinds.count(kind) for kind in ("paused", "resumed", "extended", "stopped")] == [1, 1, 1, 1]


def test_the_answer_after_a_pause_is_the_answer(lrlab, start, place):
    process = start(*SLOW, "--workers", 1)
    wait_until(place, trains)
    assert lrlab("pause", "bowl").code == 0
    assert lrlab("resume", "bowl").code == 0
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    whole = lrlab(*SLOW[:-2], "whole", "--workers", 0, "--json").document
    same = ("lr", "interval", "safe_range", "score", "cost")
    assert {key: json.loads(out)[key] for key in same} == {key: whole[key] for key in same}


def test_ctrl_c_works_while_paused(lrlab, start, place):
    process = start(*SLOW, "--workers", 1)
    wait_until(place, trains)
    lrlab("pause", "bowl")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 130
    (summary,) = lrlab("studies", "--json").document["studies"]
    assert summary["state"] == "interrupted"
    assert lrlab("resume", "bowl", "--workers", 0, "--json").document["final"] is True


def test_a_command_that_is_not_waited_for(lrlab, start, place):
    process = start(*LONG, "--workers", 1)
    wait_until(place, trains)
    document = lrlab("stop", "bowl", "--no-wait", "--json").document
    assert (document["fate"], document["kind"]) == ("sent", "stop")
    process.communicate(timeout=20)
    store = SqliteStore(place / "studies")
    assert store.load("bowl").state is StudyState.STOPPED
    reply = store.reply("bowl", document["id"])
    assert reply is not None
    assert reply.text == "Stopped; its results stay."


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals")
def test_a_process_that_hangs_and_one_that_is_killed(lrlab, start, place, monkeypatch):
    monkeypatch.setattr("lrlab.studies.orders.WAIT_S", 0.5)
    process = start(*SLOW, "--workers", 1)
    wait_until(place, trains)
    process.send_signal(signal.SIGSTOP)
    said = lrlab("pause", "bowl")
    assert said.code == 10
    assert "has not answered for 0.5 s (last heard of" in said.err
    assert "pause is still left there" in said.err
    process.kill()
    process.wait()
    said = lrlab("pause", "bowl")
    assert said.code == 8
    assert 'study "bowl" is interrupted, and no process runs it, so there is nothing to pause' in said.err
    resumed = lrlab("resume", "bowl", "--workers", 0, "--json")
    assert resumed.document["final"] is True, "the open pause was not carried out by the next process"
    assert list((place / "studies" / "bowl.files" / "commands").iterdir()) == []


def test_two_processes_that_send_at_once(start, place):
    process = start(*LONG, "--workers", 1)
    wait_until(place, trains)
    senders = [start("pause", "bowl") for _ in range(2)]
    for sender in senders:
        _, err = sender.communicate(timeout=30)
        assert sender.returncode == 0, err
    events = wait_until(place, lambda study: study.state is StudyState.PAUSED).events
    assert [event.kind for event in events].count("paused") == 1
    process.kill()


# --- what is refused ----------------------------------------------------------------------------------------

REFUSED = [
    (("pause", "bowk"), 7, 'study "bowk": there is none of that name'),
    (("stop", ""), 7, "there is none of that name"),
    (("extend", "bowk", "--seeds", 2), 7, "Did you mean 'bowl'"),
    (("delete", "bowk", "--yes"), 7, "Did you mean 'bowl'"),
    (("pause", "bowl"), 8, 'study "bowl" is finished, and no process runs it, so there is nothing to pause'),
    (("stop", "bowl"), 8, "so there is nothing to stop"),
    (("pause", "bowl", "--no-wait"), 8, "so there is nothing to pause"),
    (("extend", "bowl"), 2, "extend: nothing would change. Widen max_cost, seeds, lr or tolerance"),
    (("extend", "bowl", "--seeds", 1), 2, "nothing would change, the study asks that already"),
    (("extend", "bowl", "--seeds", 0), 2, "extend: seeds: must be at least 1, got 0"),
    (("extend", "bowl", "--seeds", "two"), 2, "Input should be a valid integer"),
    (("extend", "bowl", "--budget", 99), 2, "the budget cannot change, it stays 16 epochs, got 99"),
    (("extend", "bowl", "--budget", 99, "--seeds", 3), 2, "Schedules stretch over the budget"),
    (("extend", "bowl", "--lr", "1e-2:1"), 2, "lr must hold the range searched so far, 1e-3:10, got 1e-2:1"),
    (("extend", "bowl", "--lr", "1e-4:1"), 2, "lr must hold the range searched so far"),
    (("extend", "bowl", "--lr", "1e-3:10"), 2, "nothing would change"),
    (("extend", "bowl", "--lr", "10:1e-3"), 2, "Did you mean 1e-3:10"),
    (("extend", "bowl", "--lr", "0:10"), 2, "must be finite and above 0, got '0'"),
    (("extend", "bowl", "--lr", "1e-3"), 2, "expected a pair such as"),
    (("extend", "bowl", "--lr", "a:b"), 2, "must be a number such as 3e-4, got 'a'"),
    (("extend", "bowl", "--tolerance", 0.01), 2, "tolerance must be at least what it was, 0.02, got 0.01"),
    (("extend", "bowl", "--tolerance", 2), 2, "tolerance: must lie between 0 and 1"),
    (("extend", "bowl", "--tolerance", "nan"), 2, "tolerance: must lie between 0 and 1"),
    (("extend", "bowl", "--max-cost", 0.5), 2, "max_cost: must be at least 1 full run"),
    (("extend", "bowl", "--max-cost", 1), 2, "at least what the study costs without a limit, about"),
    (("extend", "bowl", "--max-cost", "inf"), 2, "max_cost: must be at least 1 full run"),
    (("resume", "bowl", "--workers", -1), 2, "workers"),
    (("delete", "bowl"), 2, "is deleted only after a yes, and nobody can be asked here"),
    (("delete", "bowl", "--json"), 2, "Say so with --yes"),
    (("studies", "--state", "asleep"), 2, "--state must be one of running, paused, interrupted"),
    (("studies", "--sort", "age"), 2, "--sort must be one of created, name"),
    (("studies", "--limit", 0), 2, "--limit must be at least 1, got 0"),
    (("runs", "bowl", "--state", "asleep"), 2, "--state must be one of queued, running, frozen, paused"),
    (("runs", "bowl", "--outcome", "won"), 2, "--state must be one of"),
    (("runs", "bowl", "--sort", "age"), 2, "--sort must be one of lr, score, units, got 'age'"),
    (("runs", "bowl", "--best", 0), 2, "--best must be at least 1, got 0"),
    (("runs", "bowl", "--lr", "x"), 2, "runs: --lr: a learning rate must be a number such as 3e-4, got 'x'"),
    (("runs", "bowl", "--lr", "-1"), 2, "must be finite and above 0"),
    (("runs", "bowl", "--lr", "1:"), 2, "got ''"),
    (("runs", "bowl", "--lr", "1:2:3"), 2, "expected a pair"),
]


@pytest.mark.parametrize(
    ("words", "code", "message"), REFUSED, ids=[" ".join(map(str, r[0])) for r in REFUSED]
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(lrlab, asked, place, words, code, message):
    before = SqliteStore(place / "studies").load("bowl")
    said = lrlab(*words)
    assert said.code == code, said.err
    assert message in " ".join((said.err or said.out).split())
    assert "Traceback" not in said.err
    assert SqliteStore(place / "studies").load("bowl") == before


@pytest.mark.parametrize("verb", ["pause", "resume", "stop", "extend"])
def test_a_newer_file_is_named(lrlab, asked, place, verb):
    raw = sqlite3.connect(place / "studies" / "bowl.sqlite")
    raw.execute("PRAGMA user_version=99")
    raw.commit()
    raw.close()
    more = ("--seeds", 2) if verb == "extend" else ()
    said = lrlab(verb, "bowl", *more)
    assert said.code == 8
    assert "was written by a newer lrlab" in said.err


def test_options_for_training_here_are_refused_where_another_process_trains(lrlab, start, place):
    process = start(*LONG, "--workers", 1)
    wait_until(place, trains)
    lrlab("pause", "bowl")
    said = lrlab("resume", "bowl", "--workers", 2)
    assert said.code == 2
    assert "study bowl is run by another process, which keeps its own --workers" in said.err
    said = lrlab("delete", "bowl", "--yes")
    assert said.code == 8
    assert "Stop it first: lrlab stop bowl" in said.err
    lrlab("resume", "bowl")
    said = lrlab("resume", "bowl")
    assert said.code == 8
    assert "refuses to resume: It is not paused, it runs." in said.err
    process.kill()


# --- more is asked of a study that has ended ----------------------------------------------------------------


def test_a_finished_study_is_extended_and_names_its_whole_cost(lrlab, asked, place):
    known = {(run["lr"], run["seed"]): run for run in asked["runs"]}
    said = lrlab("extend", "bowl", "--lr", "1e-4:10", "--workers", 0, "--json")
    assert said.code == 0, said.err
    document = said.document
    assert "Extended: rates 1e-3:10 became 1e-4:10." in said.err
    assert document["final"] is True
    assert document["cost"] > asked["cost"]
    units = sum(run["units"] for run in document["runs"])
    assert document["cost"] >= units / document["budget"]
    after = {(run["lr"], run["seed"]): run for run in document["runs"]}
    assert set(known) < set(after)
    assert any(lr < 1e-3 for lr, _ in set(after) - set(known))
    assert sum(lr >= 1e-3 for lr, _ in set(after) - set(known)) <= 2, "the rates at hand are built on"
    assert document["lr"] == asked["lr"]
    assert document["cost"] < asked["cost"] + 0.8


def test_a_stopped_study_is_extended(lrlab, start, place):
    process = start(*SLOW, "--workers", 0)
    wait_until(place, trains)
    lrlab("stop", "bowl")
    process.communicate(timeout=20)
    said = lrlab("extend", "bowl", "--seeds", 2, "--workers", 0, "--json")
    assert said.document["final"] is True, said.err
    assert {run["seed"] for run in said.document["runs"]} == {0, 1}
    assert "stopped" not in {run["status"] for run in said.document["runs"]}


OWN = """
import lrlab

def train(run):
    weight = 1.0
    for _ in run.units():
        weight -= run.lr * weight
        run.report(val_loss=weight ** 2)

def ask(**changes):
    return lrlab.sweep(train, **{"lr": (1e-3, 1.0), "budget": 8, "workers": 0, "study": "own"} | changes)

if __name__ == "__main__":
    print(ask())
"""


def test_a_study_of_a_program_is_changed_and_the_call_to_repeat_is_named(lrlab, place, monkeypatch):
    (place / "own.py").write_text(OWN)
    monkeypatch.syspath_prepend(place)
    import own  # type: ignore[import-not-found]

    try:
        first = own.ask()
        said = lrlab("extend", "own", "--lr", "1e-4:1", "--tolerance", 0.05)
        assert said.code == 0, said.err
        assert "there, repeat: lrlab.sweep(..., lr='1e-4:1', tolerance=0.05, study='own')" in said.out
        with pytest.raises(Exception, match=r"cannot be continued: lr was 1e-4:1, now 1e-3:1"):
            own.ask()
        again = own.ask(lr="1e-4:1", tolerance=0.05)
        assert again.final
        assert again.cost >= first.cost
        assert {run.key for run in first.runs} <= {run.key for run in again.runs}
    finally:
        sys.modules.pop("own", None)


# --- delete and lists ---------------------------------------------------------------------------------------


def test_delete_says_what_is_lost(lrlab, asked, place):
    said = lrlab("delete", "bowl")
    assert f"{len(asked['runs'])} runs worth {asked['cost']:.2f} full runs, the answer" in said.err
    said = lrlab("delete", "bowl", "--yes")
    assert said.code == 0
    assert said.out.startswith("Study bowl is deleted: ")
    assert [path.name for path in (place / "studies").iterdir()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
@pytest.mark.parametrize(("typed", "gone"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_delete_asks_at_a_terminal(asked, place, typed, gone):
    import pty
    import subprocess

    ours, theirs = pty.openpty()
    program = "import sys; from lrlab.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "delete", "bowl"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    _, err = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == 0
    assert "Delete study bowl? It loses" in err
    assert (place / "studies" / "bowl.sqlite").exists() is not gone


def test_studies_are_filtered_and_sorted(lrlab, asked, place):
    store = SqliteStore(place / "studies")
    bowl = store.load("bowl")
    from dataclasses import replace

    for name, task, created in (("older", "deep net", 1.0), ("newer", "deep net", 2e9)):
        store.create(replace(bowl, name=name, task=task, created=created, state=StudyState.STOPPED)).close()
    (place / "studies" / "odd.sqlite").write_text("no database")

    def names(*words):
        return [study["study"] for study in lrlab("studies", *words, "--json").document["studies"]]

    assert names() == ["newer", "bowl", "older", "odd"]
    assert names("--sort", "name") == ["bowl", "newer", "odd", "older"]
    assert names("--state", "finished") == ["bowl"]
    assert names("--state", "unreadable") == ["odd"]
    assert names("--task", "DEEP") == ["newer", "older"]
    assert names("--task", "DEEP", "--limit", 1) == ["newer"]
    assert lrlab("studies", "--state", "paused").out == "None of the studies here (4 in all) is like that.\n"
    assert lrlab("studies", "--state", "stopped").out.count("\n") == 3


def test_runs_are_filtered_and_sorted(lrlab, asked):
    def rates(*words):
        return [run["lr"] for run in lrlab("runs", "bowl", *words, "--json").document["runs"]]

    every = {run["lr"]: run for run in asked["runs"]}
    assert rates() == list(every)
    assert rates("--sort", "lr") == sorted(every)
    assert rates("--state", "diverged") == [lr for lr in every if every[lr]["status"] == "diverged"]
    assert rates("--outcome", "finished") == [asked["lr"]]
    assert sorted(rates("--lr", "1e-2:1")) == sorted(lr for lr in every if 1e-2 <= lr <= 1)
    best = sorted(
        (lr for lr in every if every[lr]["status"] != "diverged"), key=lambda lr: every[lr]["score"]
    )
    assert rates("--best", 3) == best[:3]
    assert rates("--best", 3, "--sort", "lr") == sorted(best[:3])
    assert rates("--sort", "score")[:3] == best[:3]
    units = [every[lr]["units"] for lr in rates("--sort", "units")]
    assert units == sorted(units, reverse=True)
    text = lrlab("runs", "bowl", "--best", 2).out.splitlines()
    assert len(text) == 3
    assert "like that" in lrlab("runs", "bowl", "--state", "lost").out


def test_lists_import_nothing_heavy(asked, place):
    """What makes a list of a thousand runs slow is what it does not need."""
    import subprocess

    program = (
        "import sys; from lrlab.cli.main import run\n"
        "codes = [run(['runs', 'bowl']), run(['studies'])]\n"
        "heavy = {'numpy', 'torch', 'alembic', 'filelock', 'psutil', 'lrlab.runners.processes'} & set(sys.modules)\n"
        "assert codes == [0, 0] and not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
