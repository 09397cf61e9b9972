"""The benchmarks of robustness and of arms: that they change what they say, and count what they see."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import arms, robustness
from benchmarks.replay import Grid, made_up_grids, own_grids, study
from lrlab.searchers.merit import Prior
from lrlab.searchers.race import Race, race

RATES = 10 ** np.arange(-4, 0.01, 0.5)


def valley(best: int = 4, *, name: str = "made", noise: float = 0.0, optimizer: str = "") -> Grid:
    """Nine rates over 20 units, the best one in the middle, from 1 before training."""
    draw = np.random.default_rng(7)
    ends = 0.1 + 0.1 * np.abs(np.arange(9) - best)
    curves = ends[:, None] + (1 - ends[:, None]) * np.linspace(1, 0, 21) ** 2
    curves[:, 1:] += noise * draw.standard_normal((9, 20))
    return Grid(name=name, problem="made", lr=RATES, curves=curves, optimizer=optimizer)


def test_another_scale_changes_the_rate_and_nothing_else() -> None:
    usual, far = (study(grid, race()) for grid in (valley(), robustness.scaled(valley(), -3)))
    assert far.cost == usual.cost
    assert math.log10(usual.lr / far.lr) == pytest.approx(3)


def test_noise_is_tripled_in_what_is_seen_and_not_in_what_is_judged() -> None:
    one = valley(noise=0.01)
    noisy = robustness.noisier(one, 3, np.random.default_rng(1))
    second = np.diff(noisy.curves[:, 1:], n=2).std() / np.diff(one.curves[:, 1:], n=2).std()
    assert second == pytest.approx(3, rel=0.25)
    assert noisy.ends == one.ends
    assert noisy.untrained == one.untrained
    assert (noisy.curves[:, 0] == one.curves[:, 0]).all()


def test_luck_alone_leaves_no_rate_behind() -> None:
    """A convolutional net on whose plateau tripled noise is larger than anything learned in the first slice."""
    grids = [grid for grid in own_grids() if grid.problem == "digits-cnn"]
    noisy = [robustness.noisier(grid, 3, np.random.default_rng((23, n))) for n, grid in enumerate(grids)]

    def lost(searcher: Race) -> int:
        return sum(grid.regret(study(grid, searcher).lr) > robustness.LOST for grid in noisy)

    assert lost(race()) <= 1
    assert lost(Race(Prior(telling=math.inf))) >= 3  # where the first scores are taken for what they are


def test_odd_grids_are_what_they_are_called() -> None:
    one = valley()
    assert all(math.isinf(end) for end in robustness.all_diverge(one).ends)
    assert int(np.argmin(robustness.best_is_lowest(one).ends)) == 0
    assert int(np.argmin(robustness.best_is_highest(one).ends)) == 4
    assert len(robustness.best_is_highest(one).lr) == 5
    flat = robustness.nothing_learns(one).curves
    assert np.abs(flat - 1).max() < 0.06


def test_odd_grids_are_recognised() -> None:
    found = robustness.recognised([valley(noise=0.001)])
    assert {kind: row["recognised"] for kind, row in found.items()} == dict.fromkeys(robustness.ODD, 1)
    assert found["every rate diverges"]["confidence"] == 0
    assert found["nothing learns"]["confidence"] < 0.5


def test_a_grid_that_is_too_short_is_not_cut() -> None:
    found = robustness.recognised([valley(best=1)])
    assert "best rate is the highest" not in found
    assert found["best rate is the lowest"]["grids"] == 1


def test_any_order_gives_the_same_study() -> None:
    grids = made_up_grids(2)
    assert robustness.same_in_any_order(grids, 2) == (4, 4)


def test_the_searchers_own_time_is_little() -> None:
    own, training = robustness.own_time(valley())
    assert 0 < own < 0.05 * training
    assert training == pytest.approx(10 * study(valley(), race()).cost)


def test_one_worker_is_always_busy_and_more_are_less() -> None:
    assert robustness.busy(valley(), 1) == 1
    assert 1 > robustness.busy(valley(), 2) > robustness.busy(valley(), 8) > 0


def test_the_report_of_robustness(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(robustness, "grids_of", lambda which: [valley(noise=0.001)])
    robustness.main(["--draws", "1", "-o", str(tmp_path / "report.json")])
    said = capsys.readouterr().out
    for line in (
        "| noise tripled |",
        "| every rate diverges | 1 of 1 | ALL_DIVERGED |",
        "Two workers are busy",
    ):
        assert line in said
    assert json.loads((tmp_path / "report.json").read_text())["deepobs"]["order"] == {"same": 3, "studies": 3}


def test_arms_are_the_grids_of_one_problem_and_seed() -> None:
    grids = [valley(name=f"made/{name}", optimizer=name) for name in ("sgd", "adam")]
    assert [list(arms.names(group)) for group in arms.problems(grids)] == [["adam", "sgd"]]
    assert arms.problems(grids[:1]) == []
    own = arms.problems([grid for grid in own_grids() if grid.problem == "digits-cnn"])
    assert [len(group) for group in own] == [4, 4, 4]
    assert list(arms.names(own[0])) == ["constant", "cosine", "linear", "wsd"]
    assert len(arms.threes(arms.names(own[0]))) == 4


def test_what_the_chosen_arm_loses() -> None:
    good = valley(name="made/good", optimizer="good")
    bad = Grid(name="made/bad", problem="made", lr=RATES, curves=1 - 0.5 * (1 - good.curves), optimizer="bad")
    found = arms.compared({"good": good, "bad": bad})
    assert (found.chosen, found.arm_lost) == ("good", 0.0)
    assert 0 <= found.regret < 0.1
    assert 1 < found.factor <= 2
    lost = arms.compared({"bad": bad, "flat": Grid(name="made/flat", problem="made", lr=RATES, curves=good.curves * 0 + 1)})  # fmt: skip
    assert lost.chosen == "bad"
    assert "1 studies" in arms.report([lost])


def test_the_report_of_arms(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    grids = [valley(name=f"made/{name}", optimizer=name) for name in ("sgd", "adam")]
    monkeypatch.setattr(arms, "grids_of", lambda which: grids)
    arms.main(["--json"])
    said = capsys.readouterr()
    assert "| made | adam, sgd |" in said.err
    assert json.loads(said.out)["deepobs"][0]["arms"] == ["adam", "sgd"]
