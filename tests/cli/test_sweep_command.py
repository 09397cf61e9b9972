"""``lrlab sweep ... -- COMMAND``: any program, from the command line to its log."""

import os
import signal
import sys

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")

# Gradient descent in a bowl, as a program of its own; its printed numbers are its only log.
BOWL = """
import sys
lr, epochs = float(sys.argv[1]), int(sys.argv[2])
weights, curvatures = [1.0, 1.0, 1.0], [1.0, 0.3, 0.1]
for epoch in range(1, epochs + 1):
    weights = [w - lr * 2 * c * w for w, c in zip(weights, curvatures)]
    print(f"\\rworking on epoch {epoch}", end="")
    loss = 0.05 + sum(c * w * w for w, c in zip(weights, curvatures))
    print(f"\\repoch {epoch}/{epochs} val_loss: {loss:.6f} lr {lr}")
"""
WORDS = (sys.executable, "bowl_script.py", "{lr}", "{budget}")
OPTIONS = ("--budget", 16, "--lr", "1e-3:10", "--workers", 1)


@pytest.fixture(autouse=True)
def _script(place):
    (place / "bowl_script.py").write_text(BOWL)


def test_a_program_is_swept_and_its_logs_are_kept(lrlab, place):
    said = lrlab("sweep", *OPTIONS, "--study", "bowl", "--", *WORDS)
    assert said.code in (0, 5), said.err
    assert said.out.startswith("Use LR ")
    assert "What the best run has written: " in said.err
    folder = said.err.partition("What the best run has written: ")[2].splitlines()[0]
    assert folder.startswith(str(place / "studies" / "bowl.files" / "runs"))
    assert {"output.log", "command.txt"} <= set(os.listdir(folder))

    runs = lrlab("runs", "bowl", "--json").document["runs"]
    (best,) = [run for run in runs if run["status"] == "finished"]
    log = lrlab("runs", "bowl", "--log", "--lr", best["lr"])
    assert log.out.splitlines()[0].endswith(": finished")
    assert log.out.splitlines()[-1].startswith("epoch 16/16 val_loss: ")
    assert "working on" not in log.out  # as the terminal shows it in the end
    logs = lrlab("runs", "bowl", "--log", "--json").document
    assert logs["schema"] == "lrlab.logs/1"
    assert {run["lr"] for run in logs["runs"]} == {run["lr"] for run in runs}

    shown = lrlab("studies", "show", "bowl")
    assert f"{sys.executable} bowl_script.py '{{lr}}' '{{budget}}'" in shown.out
    again = lrlab("sweep", *OPTIONS, "--study", "bowl", "--json", "--", *WORDS)
    assert again.document["cost"] == pytest.approx(sum(run["units"] for run in runs) / 16)


def test_a_study_that_trains_no_command_keeps_no_logs(lrlab, asked):
    said = lrlab("runs", "bowl", "--log")
    assert (said.code, "study bowl keeps no logs" in said.err) == (7, True)


def test_frozen_or_started_again_the_answer_is_the_same(lrlab):
    frozen = lrlab("sweep", *OPTIONS, "--searcher", "grid:6", "--json", "--", *WORDS).document
    again = lrlab("sweep", *OPTIONS, "--searcher", "grid:6", "--no-freeze", "--json", "--", *WORDS).document
    assert frozen["lr"] == again["lr"]
    assert frozen["score"] == again["score"]


def test_without_freezing_slices_are_paid_again(lrlab):
    document = lrlab(
        "sweep", *OPTIONS, "--searcher", "halving:6", "--no-freeze", "--json", "--", *WORDS
    ).document
    assert document["cost"] > sum(run["units"] for run in document["runs"]) / 16


def test_a_study_of_a_command_is_resumed(lrlab):
    first = lrlab(
        "sweep", *OPTIONS, "--max-time", "1e-3", "--study", "short", "--json", "--", *WORDS
    ).document
    assert not first["final"]
    second = lrlab("resume", "short", "--workers", 1, "--json").document
    whole = lrlab("sweep", *OPTIONS, "--study", "whole", "--json", "--", *WORDS).document
    assert {k: second[k] for k in ("lr", "interval", "safe_range", "score", "cost")} == {
        k: whole[k] for k in ("lr", "interval", "safe_range", "score", "cost")
    }


def test_a_changed_script_is_another_study(lrlab, place):
    lrlab("sweep", *OPTIONS, "--max-time", "1e-3", "--study", "bowl", "--", *WORDS)
    (place / "bowl_script.py").write_text(BOWL + "# changed\n")
    said = lrlab("resume", "bowl")
    assert (said.code, "the training code or its settings have changed" in said.err) == (8, True)


def test_a_script_that_ignores_its_rate_ends_the_study(lrlab, place):
    (place / "bowl_script.py").write_text(BOWL.replace("float(sys.argv[1])", "0.01"))
    read = r"stdout:val_loss: (?P<val_loss>\S+) lr (?P<lr>\S+)"
    said = lrlab("sweep", *OPTIONS, "--read", read, "--", *WORDS)
    assert said.code == 3
    assert "The training ignores the learning rate: runs that were asked for" in said.err
    assert "all applied 1e-2" in said.err
    assert "Look for what sets it instead" in said.err


def test_a_script_that_never_reports_ends_the_study_at_once(lrlab):
    said = lrlab("sweep", *OPTIONS, "--metric", "val_acc", "--study", "deaf", "--", *WORDS)
    assert said.code == 3
    assert "has not reported val_acc: nothing that it printed matches" in said.err
    assert "epoch 16/16 val_loss: " in said.err
    assert [run["status"] for run in lrlab("runs", "deaf", "--json").document["runs"]].count("failed") == 1


def test_a_script_that_fails_everywhere_says_why(lrlab, place):
    (place / "bowl_script.py").write_text("raise SystemExit('no data in /nowhere')")
    said = lrlab("sweep", *OPTIONS, "--", *WORDS)
    assert said.code == 3
    assert "exited with code 1 before it reported anything" in said.err
    assert "no data in /nowhere" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--budget", 4, "--"), "no command is given"),
        (("--",), "a command needs --budget"),
        (("--", "train", "{lr}"), "a command needs --budget"),
        (("python", "bowl.py:train", "--budget", 4, "--", "train", "{lr}"), "train 'python', or the command"),
        (("--budget", 4, "--", "train"), "{lr} stands nowhere"),
        (("--budget", 4, "--", "train", "{rate}"), "unknown placeholder {rate}"),
        (("--budget", 0, "--", "train", "{lr}"), "budget: must be at least 1"),
        (("--budget", 4, "--read", "log.csv", "--", "train", "{lr}"), "{dir} stands nowhere"),
        (("--budget", 4, "--read", "stdout:x", "--", "train", "{lr}"), "has no group"),
        (("--budget", 4, "--metric", "fitness", "--", "train", "{lr}"), "cannot tell from the name"),
        (("--budget", 4, "--unit", "hour", "--", "train", "{lr}"), 'unit must be "epoch" or "step"'),
        (("--budget", 4, "--timeout", 0, "--", "train", "{lr}"), "timeout: must be above 0"),
        (("--budget", 4, "--epochs-from", 2, "--", "train", "{lr}"), "epochs_from: must be 0 or 1"),
        (("--budget", 4, "--column", "x", "--", "train", "{lr}"), "expected NAME=COLUMN"),
        (("python", "bowl.py:train", "--budget", 4, "--read", "x.csv"), "--read is for a command behind --"),
        (("python", "bowl.py:train", "--budget", 4, "--no-freeze"), "--no-freeze is for a command behind --"),
        (("python", "bowl.py:train", "--budget", 4, "--in-dir"), "--in-dir is for a command behind --"),
        (("python", "bowl.py:train", "--budget", 4, "--timeout", 3), "--timeout is for a command behind --"),
        (
            ("python", "bowl.py:train", "--budget", 4, "--column", "a=b"),
            "--column is for a command behind --",
        ),
        (
            ("python", "bowl.py:train", "--budget", 4, "--epochs-from", 1),
            "--epochs-from is for a command behind",
        ),
    ],
)
def test_what_is_refused(lrlab, place, words, says):
    said = lrlab("sweep", *words)
    assert said.code == 2, said.err
    assert says in said.err
    assert said.out == ""
    assert not (place / "studies").exists()


def test_words_behind_the_dashes_are_no_options_of_ours(lrlab, place):
    (place / "bowl_script.py").write_text(
        BOWL.replace(
            "import sys", "import sys\nassert sys.argv[3:] == ['--json', '-q', '--help', '--debug', '--']"
        )
    )
    said = lrlab("sweep", *OPTIONS, "--", *WORDS, "--json", "-q", "--help", "--debug", "--")
    assert said.out.startswith("Use LR "), said.err


@pytest.mark.crash
def test_kill_9_of_everything_of_ours_leaves_nothing_of_theirs(start, place):
    (place / "bowl_script.py").write_text(
        BOWL.replace("import sys", "import sys, time").replace(
            "    loss =", "    time.sleep(0.05)\n    loss ="
        )
    )
    process = start("sweep", *OPTIONS, "--study", "bowl", "--", *WORDS)
    for line in process.stderr:
        if "of about" in line and "0.00 of" not in line:
            break
    ours = psutil.Process(process.pid)
    theirs = [p for p in ours.children(recursive=True) if "bowl_script.py" in p.cmdline()]
    assert theirs
    workers = [p for p in ours.children(recursive=True) if "lrlab.runners" in p.cmdline()]
    assert len(workers) == 1
    for each in (*workers, ours):
        os.kill(each.pid, signal.SIGKILL)
    process.wait()
    _gone, left = psutil.wait_procs(theirs, timeout=20)
    assert not [p for p in left if p.status() != psutil.STATUS_ZOMBIE]
