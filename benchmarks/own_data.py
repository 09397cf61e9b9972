"""Data without code, from the command line: the default rate, lrlab's answer, and a full grid, on the test part.

For each file and seed three things are trained by ``lrlab sweep KIND PATH`` with nothing else said: the model at 1e-3, which
is AdamW's default in PyTorch; lrlab's search; and a grid of two rates a decade over the whole range, each to the end. The
test results are those of the kept weights on the part that none of them sees. Regret is the search's score on the validation
part minus the best of that grid, over the untrained score minus that best; both saw the same seed.

Run: LRLAB_DATA=... python -m benchmarks.own_data [--only NAME] [--model NAME] [--seeds 3] [--workers 1] [-o FILE.json]
Without LRLAB_DATA the tables that scikit-learn carries are all there is.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.kept import output_option, save
from benchmarks.workloads import data_folder
from lrlab.api.data import data_task

DEFAULT_LR = 1e-3
PER_DECADE = 2
# Name, kind, place ("" begins a name of a package's own), options.
DATA: dict[str, tuple[str, str, dict[str, Any]]] = {
    "breast-ultrasound": ("images", "medmnist/breastmnist.npz", {}),
    "blood-cells": ("images", "bccd/crops24.npz", {}),
    "amazon": ("text", "sentiment/amazonReviewSnippets_GroundTruth.txt", {"threshold": 0.0}),
    "movies": ("text", "sentiment/movieReviewSnippets_GroundTruth.txt", {"threshold": 0.0}),
    "tweets": ("text", "sentiment/tweets_GroundTruth.txt", {"threshold": 0.0}),
    "cancer": ("table", "sklearn:breast_cancer", {}),
    "wine": ("table", "sklearn:wine", {}),
}


def asked(kind: str, place: str, options: dict[str, Any], *words: str) -> dict[str, Any]:
    """What ``lrlab sweep`` says to these words."""
    typed = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    line = ["sweep", kind, place, *typed, *words, "--json", "--quiet"]
    program = "from lrlab.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *line], capture_output=True, text=True, check=False)
    told: dict[str, Any] = json.loads(done.stdout)
    if not told.get("lr"):
        sys.exit(f"own_data: {' '.join(line)} found nothing: {done.stdout} {done.stderr}")
    return told


def at_default(kind: str, place: str, options: dict[str, Any], seed: int) -> dict[str, float]:
    """Test result of the same training at the default rate, its best unit's weights kept."""
    recipe = data_task(kind, place, **options)
    session = recipe.start(DEFAULT_LR, seed=seed)
    for _ in session.advance(recipe.budget):
        pass
    scores = recipe.test_scores(recipe.load_model(session.state(), best=True))
    session.close()
    return scores


def row(name: str, seed: int, *, model: str | None, workers: int) -> dict[str, Any]:
    """One file and seed."""
    kind, place, options = DATA[name]
    options = options | ({"model": model} if model else {})
    folder = data_folder()
    place = place if ":" in place or folder is None else str(folder / place)
    span = data_task(kind, place, **options).default_lr_range
    count = round(PER_DECADE * span.decades) + 1
    common = ["--seed", str(seed), "--workers", str(workers)]
    with tempfile.TemporaryDirectory() as store:
        began = time.monotonic()
        found = asked(kind, place, options, *common, "--store", store, "--study", "search")
        seconds = time.monotonic() - began
        grid = asked(
            kind, place, options, *common, "--store", store, "--study", "grid", "--searcher", f"grid:{count}"
        )
    default = at_default(kind, place, options, seed)
    return {
        "data": name,
        "model": model or "default",
        "seed": seed,
        "lr": found["lr"],
        "grid_lr": grid["lr"],
        "interval": found["interval"],
        "cost": found["cost"],
        "grid_cost": grid["cost"],
        "seconds": seconds,
        "regret": (found["score"] - grid["score"]) / (found["untrained"] - grid["score"]),
        "default": default,
        "answer": found["test"],
        "grid": grid["test"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """One line a case, and the means of each file."""
    head = f"{'data':18} {'seed':>4}  {'lr':>8} {'grid lr':>8}  {'cost':>5} {'grid':>5}  {'regret':>7}   "
    lines = [head + "test accuracy (balanced): default 1e-3, answer, grid"]
    for one in rows:
        told = "  ".join(
            f"{one[who]['test_acc']:.3f} ({one[who]['test_balanced_acc']:.3f})"
            for who in ("default", "answer", "grid")
        )
        lines.append(
            f"{one['data']:18} {one['seed']:>4}  {one['lr']:8.2g} {one['grid_lr']:8.2g}  {one['cost']:5.2f} "
            f"{one['grid_cost']:5.0f}  {100 * one['regret']:6.2f} %   {told}"
        )
    for name in dict.fromkeys(one["data"] for one in rows):
        own = [one for one in rows if one["data"] == name]
        means = "  ".join(
            f"{statistics.fmean(one[who]['test_acc'] for one in own):.3f}"
            for who in ("default", "answer", "grid")
        )
        cost = statistics.fmean(one["cost"] for one in own)
        regret = 100 * statistics.fmean(one["regret"] for one in own)
        lines.append(f"mean of {name:18} {cost:.2f} full runs, regret {regret:.2f} %, test accuracy {means}")
    for name in ("default", "grid"):
        others = [(one["answer"]["test_acc"], one[name]["test_acc"]) for one in rows]
        lines.append(
            f"answer's test accuracy against the {name}'s: higher {sum(a > b for a, b in others)}, equal "
            f"{sum(a == b for a, b in others)}, lower {sum(a < b for a, b in others)} of {len(others)}"
        )
    if rows and all(math.isfinite(one["regret"]) for one in rows):
        regrets = [100 * one["regret"] for one in rows]
        accuracy = "  ".join(
            f"{statistics.fmean(one[who]['test_acc'] for one in rows):.3f}"
            for who in ("default", "answer", "grid")
        )
        lines.append(
            f"all: {statistics.fmean(one['cost'] for one in rows):.2f} full runs, regret {statistics.fmean(regrets):.2f} %, "
            f"median {statistics.median(regrets):.2f} %, test accuracy {accuracy}"
        )
        worst = max(rows, key=lambda one: float(one["regret"]))
        lines.append(f"worst regret: {100 * worst['regret']:.2f} % ({worst['data']}, seed {worst['seed']})")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=tuple(DATA), action="append")
    parser.add_argument("--model")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    output_option(parser)
    parser.add_argument("--table", type=Path, metavar="FILE.json", help="only print what was written there")
    args = parser.parse_args()
    if args.table:
        print(table(json.loads(args.table.read_text())))
        return 0
    names = args.only or list(DATA)
    if data_folder() is None:
        left = [name for name in names if not DATA[name][1].startswith("sklearn:")]
        if left:
            print(f"own_data: skipped: LRLAB_DATA is not set ({', '.join(left)})")
        names = [name for name in names if name not in left]
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for seed in range(args.seeds):
        for name in names:
            rows.append(row(name, seed, model=args.model, workers=args.workers))
            print(table(rows[-1:]).split("\n")[1], flush=True)
            save(rows, args.output)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
