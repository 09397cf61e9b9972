"""The reading of what a schedule is worth; nothing is trained."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from benchmarks.schedules import FIRST, SCHEDULES, SEEDS, Results, missing, standings

pytestmark = pytest.mark.torch


def row(schedule: str, quarter: int, seed: int, loss: float) -> dict[str, object]:
    judged = {"validation": loss, "test": loss + 0.01 * seed}
    return {"workload": "w", "schedule": schedule, "quarter": quarter, "seed": seed,
            "untrained": {"test": 1.01}, "kept": judged, "end": judged}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Constant is best at -10, every other one at -7 and half as good."""
    file = tmp_path / "rows.jsonl"
    rows = [
        row(name, quarter, seed, 0.1 + 0.1 * (name != "constant") + 0.02 * abs(quarter - (-10 if name == "constant" else -7)))
        for name in SCHEDULES for quarter in range(-12, -4) for seed in SEEDS
    ]  # fmt: skip
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return Results(file)


def test_own_rate_and_distance_to_the_best(results: Results) -> None:
    found = standings(results, "w", "end")
    assert {name: one.quarter for name, one in found.items()} == dict.fromkeys(SCHEDULES, -7) | {
        "constant": -10
    }
    assert found["constant"].behind == (0.0, 0.0, 0.0)
    assert found["linear"].behind == pytest.approx([100 * 0.1 / 0.9] * 3)  # by seed, so its own noise is out
    assert found["linear"].borrowed == pytest.approx(100 * 0.16 / 0.9)


def test_a_best_rate_at_an_end_asks_for_one_further(results: Results, tmp_path: Path) -> None:
    assert list(missing(results, "w", "linear")) == []
    empty = Results(tmp_path / "none.jsonl")
    asked = []
    for quarter in missing(empty, "w", "linear"):
        asked.append(quarter)
        for seed in SEEDS:
            empty.add(row("linear", quarter, seed, abs(quarter + 4.4)))
    assert asked == [*FIRST, -7, -5, -4, -3]
    assert Results(tmp_path / "none.jsonl").quarters("w", "linear") == sorted(asked)  # gone on with
