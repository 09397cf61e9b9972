"""Scripts that nobody adapted, swept as they are: regret against their own grids, cost, and time used while frozen.

The scripts are in examples/scripts: NumPy behind argparse with a progress bar and a CSV; bash around awk that prints; a
training with a second process that writes JSON lines. For each seed a grid of four rates a decade is trained to the end,
then lrlab is asked. Regret is the score of its rate minus the best of that grid, over the untrained score minus that best;
the untrained score is the script's own at a rate of 1e-12. While a run is frozen, the processor time of all of its
processes is measured for five seconds; afterwards its files are compared with those of a run that was never frozen.

Run: python -m benchmarks.scripts [--workers 1] [-o FILE.json]
"""

import argparse
import csv
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

import lrlab
from benchmarks.kept import output_option, save
from lrlab.tasks.command import CommandTask

SCRIPTS = Path(__file__).parents[1] / "examples" / "scripts"
SPAN, PER_DECADE, SEEDS, FROZEN_S = (1e-4, 10.0), 4, 3, 5.0
MOST_REGRET = 0.02


def task(name: str, folder: Path | None = None) -> CommandTask:
    """One of the scripts, started as its author would."""
    python, script = sys.executable, str(SCRIPTS / name)
    known: dict[str, tuple[list[str], dict[str, Any]]] = {
        "moons.py": (
            [python, script, "--lr", "{lr}", "--epochs", "{budget}", "--seed", "{seed}", "--out", "{dir}"],
            {"budget": 64, "metric": "val_loss", "read": "log.csv"},
        ),
        "fit.sh": (["bash", script, "{lr}", "{budget}", "{dir}"], {"budget": 64, "metric": "mse:min"}),
        "sensor.py": (
            [python, script, "--learning-rate", "{lr}", "--steps", "{budget}", "--seed", "{seed}", "--run-dir", "{dir}"],
            {"budget": 1280, "unit": "step", "metric": "eval/mse:min", "read": "metrics.jsonl"},
        ),
    }  # fmt: skip
    words, settings = known[name]
    return lrlab.command(words, runs_folder=folder, **settings)


def row(name: str, seed: int, workers: int, folder: Path) -> dict[str, Any]:
    """Regret and cost of one sweep, against the grid of the same seed."""
    count = round(PER_DECADE * math.log10(SPAN[1] / SPAN[0])) + 1
    settings: dict[str, Any] = {"lr": SPAN, "seed": seed, "workers": workers, "store": "memory"}
    metric = task(name).metric
    began = time.monotonic()
    grid = lrlab.sweep(task(name, folder / f"grid-{seed}"), searcher=f"grid:{count}", **settings)
    grid_s, began = time.monotonic() - began, time.monotonic()
    answer = lrlab.sweep(task(name, folder / f"race-{seed}"), **settings)
    race_s = time.monotonic() - began
    session = task(name, folder / f"untrained-{seed}").start(1e-12, seed=seed)
    untrained = metric.best(r.metrics.get(metric.name, math.nan) for r in session.advance(task(name).budget))
    session.close()
    full = [run.score(metric) for run in grid.runs if run.units >= task(name).budget]
    best = metric.best(full)
    return {
        "script": name,
        "seed": seed,
        "lr": answer.lr,
        "grid_lr": grid.lr,
        "regret": (answer.score - best) / (untrained - best),
        "cost": answer.cost,
        "grid_cost": grid.cost,
        "seconds": race_s,
        "grid_seconds": grid_s,
    }


def frozen(name: str, folder: Path) -> dict[str, Any]:
    """Processor time of everything that a frozen run has started, and whether its files show the pause."""
    whole, paused = task(name, folder / "whole"), task(name, folder / "paused")
    session = whole.start(0.05, seed=0)
    list(session.advance(whole.budget))
    session.close()
    session = paused.start(0.05, seed=0)
    list(session.advance(paused.budget // 4))
    alive = [p for child in psutil.Process().children() for p in (child, *child.children(recursive=True))]
    before = [sum(process.cpu_times()[:2]) for process in alive]
    time.sleep(FROZEN_S)
    used = sum(sum(process.cpu_times()[:2]) for process in alive) - sum(before)
    list(session.advance(paused.budget))
    session.close()
    written = [files(made.run_folder(0.05, 0).path) for made in (whole, paused)]
    return {
        "script": name,
        "processes": len(alive),
        "frozen_cpu_seconds": used,
        "files": len(written[0]),
        "files_identical": written[0] == written[1],
    }


def files(folder: Path) -> dict[str, bytes]:
    """What a run has written; times are left out of its log."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "command.txt"}
    if "log.csv" in found:
        rows = list(csv.DictReader(found["log.csv"].decode().splitlines()))
        found["log.csv"] = repr([{k: v for k, v in each.items() if k != "time"} for each in rows]).encode()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=1)
    output_option(parser)
    args = parser.parse_args()
    names = ("moons.py", "fit.sh", "sensor.py")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seeds = {name: range(SEEDS) if "{seed}" in task(name).words else range(1) for name in names}
        rows = [row(name, seed, args.workers, folder / name) for name in names for seed in seeds[name]]
        pauses = [frozen(name, folder / name) for name in names]
    result = {
        "sweeps": rows,
        "frozen": pauses,
        "mean_regret": statistics.fmean(each["regret"] for each in rows),
        "worst_regret": max(each["regret"] for each in rows),
        "mean_cost": statistics.fmean(each["cost"] for each in rows),
        "frozen_cpu_seconds": sum(each["frozen_cpu_seconds"] for each in pauses),
    }
    print(save(result, args.output))
    fine = result["worst_regret"] <= MOST_REGRET and result["frozen_cpu_seconds"] == 0
    return 0 if fine and all(each["files_identical"] for each in pauses) else 1


if __name__ == "__main__":
    sys.exit(main())
