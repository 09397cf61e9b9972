"""The truth that the diagnosis is measured by, and how it is measured."""

import math

import numpy as np
import pytest

from benchmarks.diagnosis import Told3, balanced, figures
from benchmarks.diagnosis_truth import Seen, Truth, judged, label_of, logged, own_runs, problem_of
from benchmarks.fit_diagnosis import names_of, rows_of, sets, sharpened, usable
from lrlab.diagnosis.rate import model, tempered


@pytest.mark.parametrize(
    ("apart", "regret", "label"),
    [
        (0.0, 0.0, "right"), (1.0, 0.01, "right"), (1.0, 0.011, ""), (1.0, 0.05, "too_high"), (-1.0, 0.05, "too_low"),
        (0.4, 0.5, ""), (-0.4, 0.5, ""), (0.48, 0.5, "too_high"), (-0.48, 0.5, "too_low"),
    ],
)  # fmt: skip
def test_labels(apart: float, regret: float, label: str) -> None:
    assert label_of(apart, regret) == label


def test_a_rate_is_judged_by_the_mean_over_seeds_of_its_best() -> None:
    nan = math.nan
    curves = np.array(
        [[[2, 1.5, 1.8], [2, 1.5, 1.5]], [[2, 1.0, 1.0], [2, 1.0, 1.2]], [[2, 0.5, 0.5], [2, nan, nan]]]
    )
    apart, regret = judged(np.array([0.01, 0.1, 1.0]), curves)
    assert apart == pytest.approx([-1, 0, 1])
    assert regret == pytest.approx([0.5, 0, 1])


def test_logs_of_other_cadences() -> None:
    columns = {"loss": np.arange(25.0)}
    assert logged(columns, "tenth", 5)["loss"][1].tolist() == [0, 10, 20]
    at, means = logged(columns, "unit", 10)["loss"]
    assert (at.tolist(), means.tolist()) == ([9, 19], [4.5, 14.5])


def test_the_regret_of_an_advised_rate_lies_between_its_neighbours() -> None:
    truth = Truth(np.array([-2.0, -1.0]), np.array([0.4, 0.0]))
    assert truth.at(10**-1.5) == pytest.approx(0.2)
    assert truth.at(1.0) == 0.0


def seen(label: str, apart: float, **more: object) -> Seen:
    """A run of that truth."""
    return Seen(
        problem="p", grid="g", optimizer="sgd", steps=100, lr=10**apart, apart=apart, regret=0.0, label=label,
        share=1.0, diverged=False, truth=Truth(np.array([-2.0, 0.0, 2.0]), np.array([1.0, 0.0, 1.0])), **more,
    )  # fmt: skip


def test_figures_by_hand() -> None:
    runs = [seen("too_low", -1), seen("right", 0), seen("right", 0), seen("too_high", 1)]
    shares = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.95, 0.05, 0.0], [0.6, 0.0, 0.4]])
    told = Told3(runs=runs, shares=shares, factor=np.array([10, 1, 10, 10]))
    assert balanced(told) == pytest.approx((1 + 0.5 + 0) / 3)
    found = figures(told)
    assert found["sure"] == 0.75
    assert found["sure_right"] == pytest.approx(2 / 3)
    assert found["opposite"] == 0.25
    assert found["alarms"] == 0.5
    assert found["advised_fine"] == 0.5


def test_the_shipped_model_has_a_forest_for_every_set() -> None:
    for columns in sets():
        part = model()["sets"]["+".join(("loss", *columns))]
        assert tuple(part["features"]) == names_of(columns)


def test_both_sharpen_alike() -> None:
    shares = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])
    assert sharpened(shares, 0.7)[0] == pytest.approx(tempered(shares[0], 0.7))


def test_problems_on_the_same_data_are_left_out_together() -> None:
    assert {problem_of(name) for name in ("digits-cnn", "digits-mlp", "digits-copies")} == {"digits"}
    assert problem_of("mnist_vae") != problem_of("fmnist_vae")


def test_a_recorded_grid_becomes_rows(tmp_path) -> None:
    import json

    draw = np.random.default_rng(0)
    shape = (3, 1, 40)
    meta = {"workload": "bowl", "optimizer": "sgd", "schedule": "constant", "steps": 40, "units": 4}
    np.savez(
        tmp_path / "bowl-sgd-constant.npz",
        lr=np.array([0.01, 0.1, 1.0]), seed=np.array([0]), multiplier=np.ones(40), steps_done=np.full((3, 1), 40),
        val_loss=np.tile(np.array([[2, 1.9, 1.8, 1.7, 1.6], [2, 1, 0.5, 0.3, 0.2], [2, 2, 2, 2, 2.0]])[:, None], (1, 1, 1)),
        loss=1 + draw.random(shape), grad_norm=1 + draw.random(shape), update_ratio=0.01 + 0.01 * draw.random(shape),
        meta=np.array(json.dumps(meta)),
    )  # fmt: skip
    runs = list(own_runs(folders=[tmp_path], shares=(0.5, 1.0), cadences=("step",)))
    assert [run.label for run in runs] == ["too_low"] * 2 + ["right"] * 2 + ["too_high"] * 2
    kept = usable(runs, ("val_loss", "update_ratio"))
    assert rows_of(kept, ("val_loss", "update_ratio")).x.shape == (
        6,
        len(names_of(("val_loss", "update_ratio"))),
    )
