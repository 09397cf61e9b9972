"""The truth that the diagnosis is measured by, and how it is measured."""

import math

import numpy as np
import pytest

from benchmarks.diagnosis import balanced, figures, reliability, slight
from benchmarks.diagnosis_followed import path
from benchmarks.diagnosis_judged import Told3
from benchmarks.diagnosis_peers import Log, logs, went_up
from benchmarks.diagnosis_truth import Seen, Truth, judged, label_of, logged, own_runs, problem_of
from benchmarks.fit_diagnosis import (
    FOREST,
    Rows,
    doubtful,
    doubts_of,
    forest,
    names_of,
    readable,
    rows_of,
    sets,
    sharpened,
    usable,
)
from lrlab.diagnosis.rate import DECADES, Told, tempered, verdict_of
from lrlab.diagnosis.rate import forest as shipped


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


def test_the_middle_of_the_good_rates_around_the_best() -> None:
    rates = np.array([-4.0, -3.0, -2.0, -1.0, 0.0])
    good = Truth(rates, np.array([0.001, 0.5, 0.01, 0.0, 0.5]))  # another good stretch lies apart
    assert good.middle == pytest.approx((-2.02 - 0.96) / 2, abs=0.02)
    assert Truth(rates, np.zeros(5)).middle == pytest.approx(-2, abs=0.02)


def seen(label: str, apart: float, *, regret: float = 0.0, **more: object) -> Seen:
    """A run of that truth."""
    return Seen(
        problem="p", grid="g", optimizer="sgd", steps=100, lr=10**apart, apart=apart, regret=regret, label=label,
        share=1.0, diverged=False, truth=Truth(np.array([-2.0, 0.0, 2.0]), np.array([1.0, 0.0, 1.0])), **more,
    )  # fmt: skip


def test_figures_by_hand() -> None:
    runs = [seen("too_low", -1), seen("right", 0), seen("right", 0), seen("too_high", 1)]
    shares = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.99, 0.01, 0.0], [0.6, 0.0, 0.4]])
    told = Told3(runs=runs, shares=shares, factor=np.array([10, 1, 10, 10]))
    assert balanced(told) == pytest.approx((1 + 0.5 + 0) / 3)
    found = figures(told)
    assert found["sure"] == 0.75
    assert found["sure_right"] == pytest.approx(2 / 3)
    assert found["opposite"] == 0.25
    assert found["alarms"] == 0.5
    assert found["advised_fine"] == 0.5
    assert found["told"] == 1.0


def test_what_is_not_told_counts_as_wrong_and_is_never_opposite() -> None:
    runs = [seen("too_low", -1), seen("right", 0), seen("too_high", 1)]
    shares = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.6, 0.0, 0.4]])
    told = Told3(runs=runs, shares=shares, factor=np.ones(3), given=np.array([False, True, False]))
    found = figures(told)
    assert found["balanced"] == pytest.approx(1 / 3)
    assert found["forced"] == pytest.approx(2 / 3)
    assert found["opposite"] == 0.0
    assert found["told"] == pytest.approx(1 / 3)
    assert found["sure"] == pytest.approx(1 / 3)
    assert reliability(told) == [(0.9, 1.0, 1)]


def test_slight_losses_are_judged_by_their_side() -> None:
    runs = [seen("", side, regret=0.03) for side in (-0.3, -0.3, 0.3)] + [seen("", 0.2, regret=0.2)]
    shares = np.array([[0.9, 0.1, 0.0], [0.1, 0.2, 0.7], [0.0, 0.1, 0.9], [1.0, 0.0, 0.0]])
    found = slight(Told3(runs=runs, shares=shares, factor=np.ones(4)))
    assert found == pytest.approx({"slight": (0.5 + 1) / 2, "slight_opposite": 1 / 3})


def test_the_doubt_keeps_opposite_verdicts_rare() -> None:
    draw = np.random.default_rng(0)
    other = 0.5 * draw.random(4000) ** 4
    label = np.where(draw.random(4000) < other, 2, 0)
    shares = np.stack([1 - other, np.zeros(4000), other], axis=1)
    none = np.zeros((4000, 1))
    young = np.arange(4000) < 2000
    label[~young] = 0  # of those nothing is ever opposite
    view = np.where(young, 0, 2)
    rows = Rows(x=none, label=label, apart=none[:, 0], fine=none, problem=np.full(4000, "p"), view=view)
    first, unseen, later, _ = doubts_of(shares, rows, np.ones(4000, dtype=bool))
    kept = ~doubtful(shares, np.where(young, first, later))
    assert 0 < first < 0.1
    assert (label[kept & young] == 2).mean() <= 0.01
    assert (label[young] == 2).mean() > 0.05
    assert unseen == later == 1.0
    assert kept[~young].all()


def test_both_tell_the_same_and_leave_out_the_same() -> None:
    shares = np.array([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    words = [verdict_of(Told(tuple(own), (0.1,) * len(DECADES), 0.2)).verdict for own in shares]
    assert words == ["unknown", "too_high", "right"]
    assert [word == "unknown" for word in words] == doubtful(shares, np.full(3, 0.2)).tolist()


def test_a_forest_and_its_readable_form_say_the_same() -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(300, 2)).astype(np.float32)
    label = (x[:, 0] > 0).astype(int) * 2
    fine = np.tile(np.arange(len(DECADES)) % 2 == 0, (300, 1))
    rows = Rows(
        x=x, label=label, apart=x[:, 0] * 2.0, fine=fine, problem=np.full(300, "p"), view=np.zeros(300, int)
    )
    made = forest(rows, np.ones(300, dtype=bool))
    assert len(made.trees) == FOREST["n_estimators"]
    told = made.told(x[:1])[0]
    by_hand = np.zeros(len(told))
    for tree, leaves in zip(made.trees, made.fine, strict=True):
        node = readable(tree, leaves)
        while isinstance(node[2], list):
            node = node[2] if x[0, node[0]] <= node[1] else node[3]
        first, *percent = node[3]
        by_hand[:3] += np.array(node[:3]) / len(made.trees)
        by_hand[3 + first : 3 + first + len(percent)] += np.array(percent) / 100 / len(made.trees)
    assert told == pytest.approx(by_hand, abs=0.01)
    assert told[3:] == pytest.approx(fine[0].astype(float))


def log_of(losses: list[float]) -> Log:
    """A log of these losses alone."""
    values = np.array(losses)
    return Log(
        grid="g", lr=0.1, label="right", share=1.0, columns={"loss": values, "grad_norm": values, "lr": values},
        val_loss=np.array([]), per_unit=len(losses) + 1,
    )  # fmt: skip


def test_the_plain_rule() -> None:
    assert went_up(log_of([2.0, 1.8, 1.5, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6])) == "right"
    assert went_up(log_of([2.0, 1.8, 1.5, 1.2, 1.1, 1.0, 1.4, 1.8, 2.2, 2.6])) == "too_high"


def test_peers_get_what_was_logged_by_then() -> None:
    found = [log for log in logs("digits-mlp-sgd") if log.share == 0.3]
    assert {log.label for log in found} >= {"too_low", "too_high"}
    for log in found:
        seen_steps = len(log.columns["loss"])
        assert len(log.columns["grad_norm"]) == len(log.columns["lr"]) == seen_steps
        assert len(log.val_loss) == seen_steps // log.per_unit


def test_the_shipped_model_has_a_forest_for_every_set() -> None:
    for columns in sets():
        part = shipped("+".join(("loss", *columns)))
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


def test_advice_is_followed_to_the_nearest_rate_until_nothing_is_advised() -> None:
    rates = [1e-4, 1e-3, 1e-2, 1e-1]
    factors = {("g", 0, 1e-4): 200.0, ("g", 0, 1e-2): 0.1, ("g", 0, 1e-3): 1.0, ("g", 1, 1e-4): 0.5}
    assert path(("g", 0, 1e-4), factors, rates) == [1e-4, 1e-2, 1e-3]
    assert path(("g", 1, 1e-4), factors, rates) == [1e-4]  # no rate is lower
    to_and_fro = {("g", 0, 1e-4): 10.0, ("g", 0, 1e-3): 0.1}
    assert path(("g", 0, 1e-4), to_and_fro, rates) == [1e-4, 1e-3, 1e-4, 1e-3, 1e-4]
