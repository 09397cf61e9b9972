"""Scripts that nobody adapted, swept as they are."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import lrlab
from lrlab.api.results import digest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32" or shutil.which("awk") is None, reason="no awk, or no signals"
    ),
]

SCRIPTS = Path(__file__).parents[2] / "examples" / "scripts"


def moons(**settings: Any) -> Any:
    words = [
        sys.executable,
        str(SCRIPTS / "moons.py"),
        "--lr",
        "{lr}",
        "--epochs",
        "{budget}",
        "--out",
        "{dir}",
    ]
    return lrlab.command([*words, "--seed", "{seed}"], budget=32, read="log.csv", **settings)


def fit(**settings: Any) -> Any:
    words = ["bash", str(SCRIPTS / "fit.sh"), "{lr}", "{budget}", "{dir}"]
    return lrlab.command(words, budget=32, metric="mse:min", **settings)


def sensor(**settings: Any) -> Any:
    words = [sys.executable, str(SCRIPTS / "sensor.py"), "--learning-rate", "{lr}", "--steps", "{budget}"]
    return lrlab.command(
        [*words, "--run-dir", "{dir}"], budget=640, unit="step", metric="eval/mse:min", read="metrics.jsonl", **settings
    )  # fmt: skip


# The rates whose regret is at most 2 %, from the grids of benchmarks/scripts.py.
GOOD = {moons: (3e-2, 1.0), fit: (3e-1, 1.0), sensor: (5e-3, 2e-1)}


@pytest.mark.parametrize("make", GOOD, ids=lambda make: make.__name__)
def test_a_script_is_swept_as_it_is_by_any_number_of_workers(make: Any, tmp_path: Path) -> None:
    answers = [
        lrlab.sweep(make(), lr=(1e-4, 10.0), workers=workers, store=tmp_path / str(workers))
        for workers in (0, 2)
    ]
    low, high = GOOD[make]
    assert low <= answers[0].lr <= high
    assert answers[0].cost < 2
    assert digest(answers[0]) == digest(answers[1])


def test_a_study_from_python_is_resumed_by_name(tmp_path: Path) -> None:
    first = lrlab.sweep(fit(), lr=(1e-2, 1.0), workers=0, store=tmp_path, study="fit", max_time=1e-3)
    assert not first.final
    second = lrlab.resume("fit", store=tmp_path, workers=0)
    whole = lrlab.sweep(fit(), lr=(1e-2, 1.0), workers=0, store="memory")
    assert digest(second) == digest(whole)


def test_a_small_bound_on_memory_costs_units_and_changes_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Any = {"lr": (1e-4, 10.0), "workers": 0, "searcher": "halving:6"}
    roomy = lrlab.sweep(fit(), store=tmp_path / "roomy", **settings)
    monkeypatch.setattr("lrlab.runners.memory.MemoryBound.exceeded", lambda _: True)
    tight = lrlab.sweep(fit(), store=tmp_path / "tight", **settings)
    assert (tight.lr, tight.score) == (roomy.lr, roomy.score)
    assert tight.cost > roomy.cost
    assert sum(run.repeated_units for run in tight.runs) > 0
