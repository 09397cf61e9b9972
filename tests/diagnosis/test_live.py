"""A run point by point is judged as its log is."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import lrlab
from lrlab.diagnosis.live import COLUMNS, LiveRun
from lrlab.schedules.cosine import cosine

RUNS = Path(__file__).parent / "runs"


def fed(path: Path, **settings: int) -> LiveRun:
    """A recorded run, taken in row by row."""
    run = LiveRun(**settings)
    with path.open() as file:
        for row in csv.DictReader(file):
            for name in COLUMNS:
                if row.get(name):
                    run.take(name, int(row["step"]), float(row[name]))
    return run


@pytest.mark.parametrize("name", ["too_low", "healthy", "diverged"])
def test_as_diagnose(name: str) -> None:
    run = fed(RUNS / f"{name}.csv")
    run.optimizer, run.total = "adam", 900
    found, wanted = run.checkup(), lrlab.diagnose(RUNS / f"{name}.csv", optimizer="adam", total_steps=900)
    assert (found.rate, found.verdicts, found.steps, found.lr) == (
        wanted.rate, wanted.verdicts, wanted.steps, wanted.lr,
    )  # fmt: skip
    assert run.curve() == wanted.curve


def test_what_is_kept_does_not_grow() -> None:
    run = LiveRun()
    sizes = []
    for step in range(20_000):
        run.take("loss", step, 1 / (1 + step))
        if step in (5_000, 19_999):
            sizes.append(len(run.curve()))
    assert max(sizes) <= 256


def test_when_it_is_time_to_look() -> None:
    run, looks = LiveRun(every=10), []
    for step in range(1000):
        run.take("loss", step, 1.0)
        if run.due():
            looks.append(step + 1)
    apart = np.diff(looks)
    assert looks[0] == 10
    assert apart.min() == 10
    assert all(gap <= max(10, end / 20) + 1 for gap, end in zip(apart, looks[1:], strict=True))


def test_a_loss_that_is_not_finite_hurries_twice() -> None:
    run, looks = LiveRun(every=1000), []
    for step in range(20):
        run.take("loss", step, math.nan if step >= 5 else 1.0)
        if run.due():
            looks.append(step)
    assert looks == [5, 6]


def plan(run: LiveRun, rates: np.ndarray, *, lr: float | None = None) -> None:
    run.plan(cosine(100).values(range(100)), lr=lr)
    for step, pair in enumerate(rates):
        run.take("loss", step, 1.0 / (1 + step))
        run.apply(step, pair.tolist(), main=0, groups=("head", "body"))


def test_rates_as_planned() -> None:
    run = LiveRun()
    plan(run, np.outer(cosine(100).values(range(60)), [0.1, 0.01]), lr=0.1)
    checkup = run.checkup()
    assert checkup.found("not_as_planned") is None
    assert "not_as_planned" not in [gap.symptom for gap in checkup.unchecked]


def test_one_group_is_not_as_planned() -> None:
    rates = np.outer(cosine(100).values(range(60)), [0.1, 0.01])
    rates[20:, 1] = rates[20, 1]
    run = LiveRun()
    plan(run, rates)
    found = run.checkup().found("not_as_planned")
    assert found is not None
    assert found.severity == "warn"
    assert "in group body: From step 21" in found.sentence


def test_the_peak_is_another_one() -> None:
    run = LiveRun()
    plan(run, np.outer(cosine(100).values(range(60)), [0.1, 0.01]), lr=0.2)
    assert run.checkup().found("not_as_planned") is not None
