"""Commands that end themselves because a number was not finite: that is the rate's doing, and no failure."""

import sys
from contextlib import closing
from pathlib import Path

import pytest

import lrlab
from lrlab.core.errors import DivergedError, TaskError
from lrlab.core.outcome import Outcome

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to freeze by")


@pytest.mark.parametrize(
    ("last", "diverged"),
    [
        ("RuntimeError: Training failed: NaN persisted for 4 epochs", True),
        ("Loss is inf, stopping training", True),
        ("ValueError: the gradient is not finite", True),
        ("FloatingPointError: non-finite values", True),
        ("RuntimeError: CUDA error: device-side assert triggered", False),
        ("KeyError: 'inference'", False),  # a word that merely begins like one
    ],
)
def test_the_last_line_tells(last: str, diverged: bool, tmp_path: Path) -> None:
    script = 'echo val_loss=1; echo nan is mentioned; echo "$1" >&2; exit 1'
    words = ["sh", "-c", script, "{lr}", last]
    with closing(lrlab.command(words, budget=3, runs_folder=tmp_path / "runs").start(0.1, seed=0)) as session:
        with pytest.raises((DivergedError, TaskError)) as caught:
            list(session.advance(3))
        assert isinstance(caught.value, DivergedError) is diverged
        assert "exited with code 1 after 1 epochs" in str(caught.value)
        assert last in str(caught.value)


@pytest.mark.parametrize(
    ("last", "diverged"), [("Loss is nan", True), ("ValueError: Input contains NaN.", False)]
)
def test_before_the_first_unit_only_a_loss_counts(last: str, diverged: bool, tmp_path: Path) -> None:
    words = ["sh", "-c", 'echo "$1"; exit 1', "{lr}", last]
    with closing(lrlab.command(words, budget=3, runs_folder=tmp_path / "runs").start(0.1, seed=0)) as session:
        with pytest.raises((DivergedError, TaskError)) as caught:
            list(session.advance(1))
        assert isinstance(caught.value, DivergedError) is diverged


def test_a_study_counts_it_as_diverged(tmp_path: Path) -> None:
    # Descent on w squared; above a rate of 1 it gives up, as many programs do.
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        "lr, w = float(sys.argv[1]), 1.0\n"
        "for epoch in range(6):\n"
        "    w -= 2 * lr * w\n"
        "    if abs(w) > 5:\n"
        "        sys.exit('loss is nan, stopping')\n"
        "    print(f'val_loss={w * w:.6f}', flush=True)\n"
    )
    task = lrlab.command([sys.executable, str(script), "{lr}"], budget=6, runs_folder=tmp_path / "runs")
    answer = lrlab.sweep(task, lr="0.01:10", searcher="grid:4", workers=0, store="memory")
    ends = {run.lr: run.outcome for run in answer.runs}
    assert {lr for lr, outcome in ends.items() if outcome is Outcome.DIVERGED} == {10.0}
    assert Outcome.FAILED not in ends.values()
    assert "stopping" in next(run.detail for run in answer.runs if run.lr == 10.0)
