"""The benchmark of the searchers: regret by its definition, and its command line."""

import json
import math

import numpy as np
import pytest

from benchmarks import searchers as benchmark
from benchmarks.replay import Grid, grids_of, study
from lrlab.searchers.grid import grid

RATES = np.array([1e-3, 1e-2, 1e-1, 1.0])


def three_seeds(seed: int) -> Grid:
    """Final scores by rate and seed; from 1 before training. The best mean is at 1e-2."""
    ends = np.array([[0.5, 0.5, 0.5], [0.2, 0.1, 0.3], [0.1, 0.4, 0.31], [0.1, np.nan, 0.1]])
    judges = np.ones((4, 3, 5)) * np.linspace(1, 0, 5) + np.linspace(0, 1, 5) * ends[:, :, None]
    judges[:, :, 0] = 1.0
    return Grid(name=f"made/{seed}", problem="made", lr=RATES, curves=judges[:, seed], judges=judges)


def test_regret_is_that_of_the_mean_over_seeds() -> None:
    one = three_seeds(0)
    assert one.ends[:3] == pytest.approx([0.5, 0.2, 0.27])
    assert one.ends[3] == math.inf  # one of its seeds diverged
    assert one.untrained == 1.0
    assert [one.regret(rate) for rate in RATES] == pytest.approx([0.3 / 0.8, 0, 0.07 / 0.8, 1.0])


def test_the_oracle_sees_one_seed() -> None:
    # Seed 0 has its best at 1e-1 (the lowest of equals), seed 1 at 1e-2, seed 2 at 1.
    assert [three_seeds(seed).oracle_regret for seed in range(3)] == pytest.approx([0.07 / 0.8, 0.0, 1.0])
    case = benchmark.judge("grid", three_seeds(2), study(three_seeds(2), grid(4)))
    assert (case.regret, case.oracle, case.excess) == (1.0, 1.0, 0.0)


def test_rates_within_seed_noise_of_the_best_are_as_good() -> None:
    # From 1e-2 to 1e-1 the seeds differ by -0.1, 0.3 and 0.01: 0.07 with a standard error of 0.12.
    assert three_seeds(0).best_indices == [1, 2]
    single = Grid(name="one", problem="made", lr=RATES, curves=three_seeds(1).curves)
    assert single.best_indices == [1]
    assert single.oracle_regret == 0.0


def test_luck_does_not_count_against_failures() -> None:
    cases = [
        benchmark.Case(
            contestant="x", grid="g", lr=1.0, regret=regret, oracle=oracle, cost=1.0, covered=True, width=1.0,
            safe_rates=1, safe_hits=1, safe_covered=1.0,
        )
        for regret, oracle in ((0.0, 0.5), (0.3, 0.1))
    ]  # fmt: skip
    figures = benchmark.summary(cases)
    assert figures["mean"] == pytest.approx(10)
    assert figures["mean with luck"] == pytest.approx(-15)
    assert figures["worst"] == pytest.approx(20)
    assert figures["mean regret"] == pytest.approx(15)


def test_optuna_is_there_at_every_price_with_every_pruner() -> None:
    names = [contestant.name for contestant in benchmark.optuna_contestants(seeds=3, quick=False)]
    assert len(names) == len(set(names)) == 36
    assert {"optuna:gp+hyperband, 4 runs", "optuna:random, 16 runs", "optuna:tpe+median, 8 runs"} <= set(
        names
    )
    quick = list(benchmark.optuna_contestants(seeds=3, quick=True))
    assert len(quick) == 8
    assert {contestant.seeds for contestant in quick} == {1}


def test_the_grids_that_are_not_there_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LRLAB_DATA", raising=False)
    assert grids_of("deepobs") == []
    assert "skipped: LRLAB_DATA is not set" in capsys.readouterr().err
    benchmark.main(["--set", "deepobs", "--json"])
    said = capsys.readouterr()
    assert json.loads(said.out) == {}
    assert "skipped" in said.err


def test_json_holds_every_case(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "made_up_grids", lambda: [three_seeds(seed) for seed in range(3)])
    benchmark.main(["--made-up", "--only", "grid:5", "--json", "--cases"])
    said = capsys.readouterr()
    told = json.loads(said.out)["made up"]
    assert list(told["searchers"]) == ["grid:5"]
    assert [case["grid"] for case in told["cases"]] == ["made/0", "made/1", "made/2"]
    assert all(case["excess"] == case["regret"] - case["oracle"] for case in told["cases"])
    assert "| grid:5 |" in said.err
    assert "1 of 1 searchers" in said.err


@pytest.mark.parametrize("words", [["--set", "theirs"], ["--seeds", "x"], ["--workers", "two"], ["--races"]])
def test_what_is_no_option_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmark.main(words)
    assert words[-1] in capsys.readouterr().err
