"""Fit the model that tells whether a learning rate is right, and write it as readable JSON.

A forest for each set of columns, on all labelled runs of ``diagnosis_truth.py``: problems count alike, and within a
problem the three classes. How far its probabilities are sharpened is chosen on problems left out one by one.

Run: LRLAB_DATA=... python -m benchmarks.fit_diagnosis [-o src/lrlab/diagnosis/rate.json]
"""

import argparse
import itertools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diagnosis_truth import LABELS, Seen, deepobs_runs, own_runs
from lrlab.diagnosis.features import CONTEXT, GROUPS, LOSS
from lrlab.diagnosis.rate import OPTIONAL, columns_used

TARGET = Path(__file__).parent.parent / "src/lrlab/diagnosis/rate.json"
FOREST = {"n_estimators": 40, "max_leaf_nodes": 32, "min_samples_leaf": 12, "max_features": 0.5}
FURTHEST = 3.0  # decades; runs further off count as this far
LEAST_CLASS = 30  # a class with fewer runs of a problem than this counts less
TEMPERATURES = np.geomspace(0.3, 1.5, 25)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Runs as arrays.

    Args:
        x: Features, shape (runs, features).
        label: Index into ``LABELS``; shape (runs,).
        apart: Decades above the best rate, shape (runs,).
        problem: What is left out together, shape (runs,).
    """

    x: np.ndarray
    label: np.ndarray
    apart: np.ndarray
    problem: np.ndarray


def sets() -> Iterator[tuple[str, ...]]:
    """Every set of columns that the model has a forest for."""
    for count in range(len(OPTIONAL) + 1):
        for columns in itertools.combinations(OPTIONAL, count):
            if columns_used(columns) == columns:
                yield columns


def names_of(columns: Sequence[str]) -> tuple[str, ...]:
    """The features of a set of columns beside the loss."""
    return (*CONTEXT, *LOSS, *(name for column in columns for name in GROUPS[column]))


def usable(runs: Sequence[Seen], columns: Sequence[str]) -> list[Seen]:
    """The runs that have these columns and have not diverged."""
    needed = names_of(columns)
    return [run for run in runs if not run.diverged and all(name in run.numbers for name in needed)]


def rows_of(runs: Sequence[Seen], columns: Sequence[str]) -> Rows:
    """Labelled runs as arrays."""
    names = names_of(columns)
    return Rows(
        x=np.array([[run.numbers[name] for name in names] for run in runs], dtype=np.float32),
        label=np.array([LABELS.index(run.label) for run in runs]),
        apart=np.clip([run.apart for run in runs], -FURTHEST, FURTHEST),
        problem=np.array([run.problem for run in runs]),
    )


def forest(rows: Rows, chosen: np.ndarray) -> Any:
    """A forest fitted on some of the rows; its outputs are the three shares, and decades over ``FURTHEST``."""
    from sklearn.ensemble import ExtraTreesRegressor

    weight = np.zeros(len(rows.label))
    for problem in np.unique(rows.problem):
        for label in range(3):
            own = (rows.problem == problem) & (rows.label == label)
            weight[own] = 1 / max(own.sum(), LEAST_CLASS)
    wanted = np.concatenate([np.eye(3)[rows.label], rows.apart[:, None] / FURTHEST], axis=1)
    made = ExtraTreesRegressor(**FOREST, random_state=0)
    weight = weight[chosen] / weight[chosen].mean()
    return made.fit(rows.x[chosen], wanted[chosen], sample_weight=weight)


def sharpened(shares: np.ndarray, temperature: float) -> np.ndarray:
    """``rate.tempered`` of many rows."""
    powers = np.maximum(shares, 1e-3) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def left_out(rows: Rows, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Shares (runs, 3) and decades (runs,) of each run, told by a forest that has not seen its group (its problem)."""
    groups = rows.problem if groups is None else groups
    shares, apart = np.zeros((len(groups), 3)), np.zeros(len(groups))
    for group in np.unique(groups):
        out = groups == group
        told = forest(rows, ~out).predict(rows.x[out])
        shares[out], apart[out] = told[:, :3], told[:, 3] * FURTHEST
    return shares, apart


def temperature_of(shares: np.ndarray, rows: Rows, chosen: np.ndarray) -> float:
    """The temperature under which what happened is likeliest, problems counting alike."""
    weight = np.zeros(len(rows.label))
    for problem in np.unique(rows.problem[chosen]):
        own = (rows.problem == problem) & chosen
        weight[own] = 1 / own.sum()

    def surprise(temperature: float) -> float:
        given = sharpened(shares[chosen], temperature)
        return float(-(weight[chosen] @ np.log(given[np.arange(len(given)), rows.label[chosen]])))

    return float(min(TEMPERATURES, key=surprise))


def readable(tree: Any, node: int = 0) -> list[Any]:
    """A fitted tree as nested lists; see ``lrlab.diagnosis.rate``."""
    if tree.children_left[node] < 0:
        low, right, high, apart = (float(f"{value:.3f}") for value in tree.value[node, :, 0])
        return [low, right, high, float(f"{apart * FURTHEST:.2f}")]
    below, above = (readable(tree, int(way[node])) for way in (tree.children_left, tree.children_right))
    return [int(tree.feature[node]), float(f"{tree.threshold[node]:.4g}"), below, above]


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, default=TARGET, help="where the model is written")
    options = parser.parse_args()
    runs = [run for run in itertools.chain(own_runs(), deepobs_runs()) if run.label]
    problems = sorted({run.problem for run in runs})
    if "cifar10" not in problems:
        print("skipped: LRLAB_DATA is not set, and the model is fitted with its grids", file=sys.stderr)
        return
    parts = {}
    for columns in sets():
        kept = usable(runs, columns)
        rows = rows_of(kept, columns)
        everything = np.ones(len(kept), dtype=bool)
        shares, _ = left_out(rows)
        temperature = temperature_of(shares, rows, everything)
        trees = [readable(one.tree_) for one in forest(rows, everything).estimators_]
        name = "+".join(("loss", *columns))
        parts[name] = {
            "features": names_of(columns),
            "temperature": float(f"{temperature:.3g}"),
            "trees": trees,
        }
        right = float(np.mean(shares.argmax(axis=1) == rows.label))
        print(
            f"{name}: {len(kept)} runs, temperature {temperature:.2f}, {right:.3f} right on problems left out"
        )
    about = {
        "what": "Whether a learning rate is too low, right or too high; lrlab.diagnosis.rate says how it is read.",
        "fitted_by": "python -m benchmarks.fit_diagnosis",
        "problems": problems,
        "runs": len(runs),
    }
    body = ",\n".join(
        f' "{name}": {{"features": {json.dumps(part["features"])}, "temperature": {part["temperature"]}, "trees": [\n'
        + ",\n".join("  " + json.dumps(tree, separators=(",", ":")) for tree in part["trees"])
        + "\n ]}"
        for name, part in parts.items()
    )
    options.out.write_text(f'{{"about": {json.dumps(about)},\n"sets": {{\n{body}\n}}}}\n', encoding="utf-8")
    size = math.ceil(options.out.stat().st_size / 1000)
    print(f"{options.out}: {size} kB, {len(runs)} runs of {len(problems)} problems")


if __name__ == "__main__":
    main()
