"""``lrlab diagnose STUDY --prove``."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

pytestmark = pytest.mark.torch

RUNS = Path(__file__).parents[1] / "diagnosis" / "runs"


def test_a_log_cannot_be_trained_on(lrlab):
    said = lrlab("diagnose", RUNS / "too_low.csv", "--prove")
    assert said.code == 2
    assert "--prove needs a study whose run can be trained on, got the log" in said.err
    assert "Traceback" not in said.err


def test_a_finished_run_has_nothing_left_to_try(lrlab):
    swept = lrlab(
        "sweep",
        "table",
        "sklearn:wine",
        "--budget",
        "4",
        "--study",
        "wine",
        "--searcher",
        "grid:2",
        "--quiet",
    )
    assert swept.code in (0, 5), swept.err
    said = lrlab("diagnose", "wine", "--prove")
    assert said.code == 2
    assert "prove: the run has done" in said.err
    assert "A rate can be tried while there is training left" in said.err
