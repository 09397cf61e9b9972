"""Fit the model that tells whether a learning rate is right, and write it as readable JSON, a file for each set of columns.

A forest for each set of columns, on all labelled runs of ``diagnosis_truth.py``: problems count alike, and within a
problem the three classes. On problems left out one by one it is chosen how far its probabilities are sharpened, and how
likely the opposite of a verdict may be before nothing is told: so that of the verdicts told at most 1 % are opposite.

Run: LRLAB_DATA=... python -m benchmarks.fit_diagnosis [-o src/lrlab/diagnosis/forests]
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

from benchmarks.diagnosis_truth import FINE, LABELS, Seen, every_run
from lrlab.diagnosis.features import CONTEXT, GROUPS, LOSS, SHAPE
from lrlab.diagnosis.rate import DECADES, OPTIONAL, VIEWS, columns_used, knows_rate, view_of

TARGET = Path(__file__).parent.parent / "src/lrlab/diagnosis/forests"
FOREST = {"n_estimators": 40, "max_leaf_nodes": 256, "min_samples_leaf": 5, "max_features": 0.3}
FURTHEST = 5.0  # decades; runs further off count as this far
WORD = 1.5  # decades by which a distance is wrong count as much as a wrong word
LEAST_CLASS = 30  # a class with fewer runs of a problem than this counts less
TEMPERATURES = np.geomspace(0.3, 1.5, 25)
DOUBTS = (1.0, *(step / 100 for step in range(50, 2, -1)))
OPPOSITE = 0.01  # of the verdicts that are told


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Runs as arrays.

    Args:
        x: Features, shape (runs, features).
        label: Index into ``LABELS``, -1 where there is none: those are told, and nothing is learned of them; shape (runs,).
        apart: Decades above the middle of the good rates, shape (runs,).
        fine: Whether the rate moved by each of ``DECADES`` is a good one, shape (runs, decades).
        problem: What is left out together, shape (runs,).
        view: Index into ``rate.VIEWS``, shape (runs,).
    """

    x: np.ndarray
    label: np.ndarray
    apart: np.ndarray
    fine: np.ndarray
    problem: np.ndarray
    view: np.ndarray


def sets() -> Iterator[tuple[str, ...]]:
    """Every set of columns that the model has a forest for."""
    for count in range(len(OPTIONAL) + 1):
        for columns in itertools.combinations(OPTIONAL, count):
            if columns_used(columns) == columns:
                yield columns


def names_of(columns: Sequence[str]) -> tuple[str, ...]:
    """The features of a set of columns beside the loss."""
    shape = () if knows_rate(columns) else SHAPE
    return (*CONTEXT, *LOSS, *shape, *(name for column in columns for name in GROUPS[column]))


def usable(runs: Sequence[Seen], columns: Sequence[str]) -> list[Seen]:
    """The runs that have these columns and have not diverged."""
    needed = names_of(columns)
    return [run for run in runs if not run.diverged and all(name in run.numbers for name in needed)]


def rows_of(runs: Sequence[Seen], columns: Sequence[str]) -> Rows:
    """Labelled runs as arrays."""
    names = names_of(columns)
    return Rows(
        x=np.array([[run.numbers[name] for name in names] for run in runs], dtype=np.float32),
        label=np.array([LABELS.index(run.label) if run.label else -1 for run in runs]),
        apart=np.clip([math.log10(run.lr) - run.truth.middle for run in runs], -FURTHEST, FURTHEST),
        fine=np.array([[run.truth.at(run.lr * 10**move) <= FINE for move in DECADES] for run in runs]),
        problem=np.array([run.problem for run in runs]),
        view=np.array([view_of(run.numbers) for run in runs]),
    )


@dataclass(frozen=True, kw_only=True)
class Forest:
    """A fitted forest.

    Args:
        trees: Its trees (``sklearn.tree``); their values are the three shares, and decades over ``WORD``.
        fine: Of each tree the share of good rates at each of its nodes that is a leaf, shape (nodes, decades).
    """

    trees: Sequence[Any]
    fine: Sequence[np.ndarray]

    def told(self, x: np.ndarray) -> np.ndarray:
        """The three shares and those of good rates, shape (runs, 3 + decades)."""
        total = np.zeros((len(x), 3 + len(DECADES)))
        for tree, fine in zip(self.trees, self.fine, strict=True):
            leaf = tree.apply(x)
            total += np.concatenate([tree.value[leaf, :3, 0], fine[leaf]], axis=1)
        return total / len(self.trees)


def forest(rows: Rows, chosen: np.ndarray) -> Forest:
    """A forest fitted on some of the rows."""
    from sklearn.ensemble import ExtraTreesRegressor

    chosen = chosen & (rows.label >= 0)
    weight = np.zeros(len(rows.label))
    for problem in np.unique(rows.problem):
        for label in range(3):
            own = (rows.problem == problem) & (rows.label == label)
            weight[own] = 1 / max(own.sum(), LEAST_CLASS)
    weight = weight[chosen] / weight[chosen].mean()
    x, fine = rows.x[chosen], rows.fine[chosen]
    wanted = np.concatenate([np.eye(3)[rows.label[chosen]], rows.apart[chosen, None] / WORD], axis=1)
    made = ExtraTreesRegressor(**FOREST, random_state=0).fit(x, wanted, sample_weight=weight)
    trees = [one.tree_ for one in made.estimators_]
    return Forest(trees=trees, fine=[_at_leaves(tree, x, fine, weight) for tree in trees])


def _at_leaves(tree: Any, x: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The weighted mean of values at each leaf, shape (nodes, values)."""
    leaf = tree.apply(x)
    total = np.stack(
        [np.bincount(leaf, weight * column, minlength=tree.node_count) for column in values.T], axis=1
    )
    return total / np.maximum(np.bincount(leaf, weight, minlength=tree.node_count), 1e-12)[:, None]


def sharpened(shares: np.ndarray, temperature: float) -> np.ndarray:
    """``rate.tempered`` of many rows."""
    powers = np.maximum(shares, 1e-3) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def left_out(rows: Rows, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Shares (runs, 3) and those of good rates (runs, decades), told by a forest that has not seen its group (its problem)."""
    groups = rows.problem if groups is None else groups
    told = np.zeros((len(groups), 3 + len(DECADES)))
    for group in np.unique(groups):
        out = groups == group
        told[out] = forest(rows, ~out).told(rows.x[out])
    return told[:, :3], told[:, 3:]


def temperature_of(shares: np.ndarray, rows: Rows, chosen: np.ndarray) -> float:
    """The temperature under which what happened is likeliest, problems counting alike."""
    chosen = chosen & (rows.label >= 0)
    weight = np.zeros(len(rows.label))
    for problem in np.unique(rows.problem[chosen]):
        own = (rows.problem == problem) & chosen
        weight[own] = 1 / own.sum()

    def surprise(temperature: float) -> float:
        given = sharpened(shares[chosen], temperature)
        return float(-(weight[chosen] @ np.log(given[np.arange(len(given)), rows.label[chosen]])))

    return float(min(TEMPERATURES, key=surprise))


def doubts_of(shares: np.ndarray, rows: Rows, chosen: np.ndarray) -> np.ndarray:
    """For each of ``rate.VIEWS`` the largest of ``DOUBTS`` under which of the verdicts told at most ``OPPOSITE`` are opposite,
    or the smallest where there is none; shape (views,)."""
    said = shares.argmax(axis=1)
    opposite = np.abs(said - rows.label) == 2
    found = []
    for view in range(len(VIEWS)):
        own = chosen & (rows.label >= 0) & (rows.view == view)
        fits = (
            doubt
            for doubt in DOUBTS
            if opposite[told := own & ~doubtful(shares, np.full(len(own), doubt))].sum()
            <= OPPOSITE * told.sum()
        )
        found.append(next(fits, DOUBTS[-1]) if own.any() else 1.0)
    return np.array(found)


def doubtful(shares: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """Where ``rate.verdict_of`` tells nothing, shape (runs,)."""
    said = shares.argmax(axis=1)
    return (said != 1) & (shares[np.arange(len(shares)), 2 - said] > doubt)


def readable(tree: Any, fine: np.ndarray, node: int = 0) -> list[Any]:
    """A fitted tree as nested lists; see ``lrlab.diagnosis.rate``."""
    if tree.children_left[node] < 0:
        shares = [float(f"{value:.2f}") for value in tree.value[node, :3, 0]]
        percent = [round(100 * value) for value in fine[node]]
        known = [place for place, value in enumerate(percent) if value]
        first, last = (known[0], known[-1]) if known else (0, -1)
        return [*shares, [first, *percent[first : last + 1]]]
    below, above = (readable(tree, fine, int(way[node])) for way in (tree.children_left, tree.children_right))
    return [int(tree.feature[node]), float(f"{tree.threshold[node]:.4g}"), below, above]


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, default=TARGET, help="where the model is written")
    options = parser.parse_args()
    runs = [run for run in every_run() if run.label]
    problems = sorted({run.problem for run in runs})
    if "cifar10" not in problems:
        print("skipped: LRLAB_DATA is not set, and the model is fitted with its grids", file=sys.stderr)
        return
    about = {
        "what": "Whether a learning rate is too low, right or too high; lrlab.diagnosis.rate says how it is read.",
        "fitted_by": "python -m benchmarks.fit_diagnosis",
        "problems": problems,
    }
    options.out.mkdir(exist_ok=True)
    for columns in sets():
        kept = usable(runs, columns)
        rows = rows_of(kept, columns)
        everything = np.ones(len(kept), dtype=bool)
        shares, _ = left_out(rows)
        temperature = temperature_of(shares, rows, everything)
        doubts = doubts_of(sharpened(shares, temperature), rows, everything)
        made = forest(rows, everything)
        trees = [readable(tree, fine) for tree, fine in zip(made.trees, made.fine, strict=True)]
        head = {
            "about": {**about, "runs": len(kept)},
            "features": names_of(columns),
            "temperature": float(f"{temperature:.3g}"),
            "doubt": dict(zip(VIEWS, doubts.tolist(), strict=True)),
        }
        path = options.out / f"{'+'.join(('loss', *columns))}.json"
        lines = ",\n".join(json.dumps(tree, separators=(",", ":")) for tree in trees)
        path.write_text(f'{json.dumps(head)[:-1]}, "trees": [\n{lines}\n]}}\n', encoding="utf-8")
        right = float(np.mean(shares.argmax(axis=1) == rows.label))
        print(
            f"{path.name}: {len(kept)} runs, temperature {temperature:.2f}, doubts {doubts}, "
            f"{right:.3f} right on problems left out, {math.ceil(path.stat().st_size / 1000)} kB",
            flush=True,
        )


if __name__ == "__main__":
    main()
