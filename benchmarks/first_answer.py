"""How good is lrlab's answer, and what does it cost? On real trainings, against full grids.

For each workload a grid of four rates a decade and three seeds is trained to the end; then lrlab is asked three
times, once a seed. Regret is the mean score of its rate over the three seeds, minus the best rate's of the grid, over
the untrained score minus the best rate's. Seed noise is the standard error of that difference: what another three
seeds would have changed.

Run: python -m benchmarks.first_answer [--workers 2] [--only NAME] [--store FOLDER] [-o FILE.json]
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lrlab
from benchmarks.kept import output_option, save
from benchmarks.workloads import data_folder, development, reported
from lrlab.core.lr_range import LRRange
from lrlab.torch import Recipe

SEEDS = 3
PER_DECADE = 4
MOST_REGRET, MOST_COST = 0.02, 2.5


def grid_of(name: str, recipe: Recipe, workers: int, store: Path | None) -> dict[float, list[float]]:
    """Score of every rate and seed of the full grid; kept in ``store``, where it is trained once."""
    span: LRRange = recipe.default_lr_range
    count = round(PER_DECADE * span.decades) + 1
    kept: dict[str, Any] = {"study": f"grid-{name}", "store": store} if store else {"store": "memory"}
    answer = lrlab.sweep(recipe, searcher=f"grid:{count}", seeds=SEEDS, workers=workers, **kept)
    scores: dict[float, list[float]] = {}
    for run in sorted(answer.runs, key=lambda run: (run.lr, run.seed)):
        scores.setdefault(run.lr, []).append(run.score(recipe.metric))
    return scores


def scores_at(recipe: Recipe, lr: float) -> list[float]:
    """Score of one rate, trained to the end with every seed."""
    found = []
    for seed in range(SEEDS):
        session = recipe.start(lr, seed=seed)
        values = [
            record.metrics.get(recipe.metric.name, math.nan) for record in session.advance(recipe.budget)
        ]
        session.close()
        found.append(recipe.metric.best(values))
    return found


def untrained_score(recipe: Recipe) -> float:
    """Mean metric before training."""
    values = []
    for seed in range(SEEDS):
        session = recipe.start(1e-3, seed=seed)
        values += [record.metrics[recipe.metric.name] for record in session.advance(0)]
        session.close()
    return statistics.fmean(values)


def case(name: str, recipe: Recipe, workers: int, store: Path | None) -> list[dict[str, Any]]:
    """The rows of one workload, one a seed."""
    began = time.monotonic()
    grid = grid_of(name, recipe, workers, store)
    means = {lr: statistics.fmean(scores) for lr, scores in grid.items() if all(map(math.isfinite, scores))}
    best = min(means, key=lambda lr: means[lr])
    untrained = untrained_score(recipe)
    span = untrained - means[best]
    grid_s = time.monotonic() - began
    rows = []
    for seed in range(SEEDS):
        began = time.monotonic()
        answer = lrlab.sweep(recipe, seed=seed, workers=workers, store="memory")
        seconds = time.monotonic() - began
        own = scores_at(recipe, answer.lr)
        noise = (
            statistics.stdev(a - b for a, b in zip(own, grid[best], strict=True)) / math.sqrt(SEEDS) / span
        )
        rows.append(
            {
                "workload": name,
                "seed": seed,
                "lr": answer.lr,
                "best_lr": best,
                "regret": (statistics.fmean(own) - means[best]) / span,
                "seed_noise": noise,
                "cost": answer.cost,
                "grid_cost": len(grid) * SEEDS,
                "interval": answer.interval,
                "contains_best": answer.interval[0] <= best <= answer.interval[1],
                "safe_range": answer.safe_range,
                "confidence": answer.confidence,
                "warnings": sorted(answer.codes),
                "seconds": seconds,
                "grid_seconds": grid_s,
            }
        )
        show(rows[-1])
    return rows


def show(row: Mapping[str, Any]) -> None:
    """One line a case, as it is known."""
    kept = row["regret"] <= MOST_REGRET + row["seed_noise"] and row["cost"] <= MOST_COST
    print(
        f"{row['workload']:<22} seed {row['seed']}  lr {row['lr']:<9.3g} grid's best {row['best_lr']:<9.3g} "
        f"regret {row['regret']:7.2%} (seed noise {row['seed_noise']:.2%})  cost {row['cost']:.2f}  "
        f"{'ok' if kept else 'MISSED'}",
        file=sys.stderr,
    )


def main() -> None:
    """Print every case as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--development", action="store_true", help="the workloads to develop on")
    parser.add_argument("--store", type=Path, help="folder that keeps the grids for another time")
    output_option(parser)
    options = parser.parse_args()
    folder = data_folder()
    if folder is None:
        print("skipped: cell crops and Amazon reviews, LRLAB_DATA is not set", file=sys.stderr)
    workloads = development(folder) if options.development else reported(folder)
    rows = [
        row
        for name, recipe in workloads.items()
        if options.only in name
        for row in case(name, recipe, options.workers, options.store)
    ]
    bars = {"regret": MOST_REGRET, "cost": MOST_COST}
    print(save({"bars": bars, "cases": rows}, options.output))


if __name__ == "__main__":
    main()
