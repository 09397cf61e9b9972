"""Whether short branches at other rates (``lrlab diagnose --prove``) set wrong verdicts right, and leave right ones alone.

The trainings of ``diagnosis_grids.py`` are begun again as recipes, at every recorded rate whose truth is known and that
lies within two decades of the best one; their grids tell the truth. After 10 and 30 per cent of each the shipped branches
are trained. What they mean is fitted without the problem that is judged, and so is the log's own verdict that is given
with them. Runs that had diverged by then are left out: nothing is to be proved of them.

- balanced: mean over too low, right and too high of the share told right, by the log alone (where it cannot tell, that is
  wrong) and with the branches;
- overturned: share of the log's wrong verdicts that are given up; ``righted``: for the right word;
- spoiled: share of its right verdicts that are given up;
- lower on right: share of runs at a right rate that end as "too high";
- lowest on right: share of those whose branch at 0.3 times the rate ends lowest, which is why that alone is no verdict.

Run: python -m benchmarks.prove [--write]
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.diagnosis import judged as told_by_log
from benchmarks.diagnosis_grids import in_turns
from benchmarks.diagnosis_truth import LABELS, deepobs_runs, judged, label_of, own_runs, problem_of
from benchmarks.recorded_workloads import Workload
from lrlab.diagnosis.prove import FACTORS, OVERTURN_FROM, inputs, price, signs, sizes, together
from lrlab.diagnosis.rate import WARN_FROM
from lrlab.torch import Recipe

HERE = Path(__file__).parent
SHARES = (0.1, 0.3)
COST = 0.05
NEAR = 2.05  # decades
SETS = {"loss": (), "loss, val_loss, lr": ("val_loss", "lr")}
LEAST_CLASS = 8  # a class with fewer runs of a problem than this counts less


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A run with its branches.

    Args:
        problem: What is left out together.
        key: Grid, rate and share.
        label: Index into ``LABELS``.
        share: How much of the training was seen.
        numbers: ``signs`` of its branches.
        winner: Index of the branch that ended lowest.
        cost: Price in full trainings.
        steps: Of the whole training.
    """

    problem: str
    key: tuple[str, float, float]
    label: int
    share: float
    numbers: list[float]
    winner: int
    cost: float
    steps: int


def tried(workload: Workload) -> Iterator[Tried]:
    """Every run of a workload whose truth is known."""
    [schedule] = workload.schedules
    grid = f"{workload.name}-{workload.optimizer}-{schedule}"
    with np.load(HERE / "grids_small" / f"{grid}.npz", allow_pickle=False) as table:
        rates, curves = table["lr"], table["val_loss"].astype(float)
    apart, regret = judged(rates, curves)
    train, validation = workload.data()
    for place, lr in enumerate(rates):
        label = label_of(apart[place], regret[place])
        if not label or abs(apart[place]) > NEAR:
            continue
        recipe = Recipe(
            workload.model, train, workload.loss, val_data=validation, optimizer=workload.optimizer, schedule=schedule,
            warmup=0.0 if schedule == "constant" else 0.05, budget=workload.units, batch_size=workload.batch_size,
        )  # fmt: skip
        session = recipe.start(float(lr), seed=0)
        total = session.total_steps or 0
        steps, batches = sizes(total, COST)
        for share in SHARES:
            records = list(session.advance(max(round(share * workload.units), 1)))
            if not np.isfinite(records[-1].metrics.get("train_loss", np.nan)):
                break
            start = session.branch(1.0, steps=0, fade=0, ahead=steps, judged=batches).judged
            ends = {
                factor: session.branch(factor, steps=steps, fade=steps, ahead=steps, judged=batches).judged
                for factor in FACTORS
            }
            means = [np.nan_to_num(np.mean(ends[factor]), nan=np.inf) for factor in FACTORS]
            yield Tried(
                problem=problem_of(workload.name), key=(grid, float(f"{lr:.4g}"), share), label=LABELS.index(label),
                share=share, numbers=signs(start, ends), winner=int(np.argmin(means)), steps=total,
                cost=price(total, steps, batches),
            )  # fmt: skip
        session.close()


def fitted(x: np.ndarray, label: np.ndarray, problem: np.ndarray) -> list[list[float]]:
    """Weights of a logistic model, problems counting alike and within one the classes; shape (3, numbers + 1)."""
    from sklearn.linear_model import LogisticRegression

    weight = np.zeros(len(label))
    for name in np.unique(problem):
        for word in range(3):
            own = (problem == name) & (label == word)
            weight[own] = 1 / max(own.sum(), LEAST_CLASS)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(x, label, sample_weight=weight / weight.mean())
    return np.column_stack([model.coef_, model.intercept_]).round(3).tolist()


def balanced(said: np.ndarray, truth: np.ndarray) -> float:
    """Mean over classes of the share told right."""
    return float(np.mean([(said[truth == word] == word).mean() for word in range(3)]))


def measured(name: str, runs: list[Tried], log: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Print the figures of one set of columns; the inputs of the model, for the final fit."""
    problem, truth = np.array([run.problem for run in runs]), np.array([run.label for run in runs])
    shares = np.array([run.share for run in runs])
    x = np.array([inputs(run.numbers, tuple(own)) for run, own in zip(runs, log, strict=True)])
    told = np.zeros((len(runs), 3))
    for out in (problem == one for one in np.unique(problem)):
        weights = fitted(x[~out], truth[~out], problem[~out])
        told[out] = [
            together(run.numbers, tuple(own), weights)
            for run, own, left in zip(runs, log, out, strict=True)
            if left
        ]
    before = np.where(given, log.argmax(axis=1), -1)
    after = np.where((told.max(axis=1) >= OVERTURN_FROM) | ~given, told.argmax(axis=1), before)
    wrong, kept, right = given & (before != truth), before == truth, truth == 1
    print(f"\n{name}: {len(runs)} states of runs")
    for share in SHARES:
        own = shares == share
        lowest = np.mean([run.winner == 0 for run, kept in zip(runs, own & right, strict=True) if kept])
        print(
            f"at {100 * share:.0f} %: balanced {balanced(before[own], truth[own]):.2f} by the log, "
            f"{balanced(after[own], truth[own]):.2f} with branches; lowest on right {lowest:.2f}"
        )
    print(
        f"overturned {(after != before)[wrong].mean():.2f} of {wrong.sum()} wrong, righted "
        f"{(after == truth)[wrong].mean():.2f}, spoiled {(after != before)[kept].mean():.3f} of {kept.sum()} right; "
        f"lower on right {(after[right] == 2).mean():.3f} (by the log {(before[right] == 2).mean():.3f})"
    )
    sure = told.max(axis=1) >= WARN_FROM
    print(
        f"at least {WARN_FROM:.0%} sure: {sure.mean():.2f}, of those right {(after == truth)[sure].mean():.2f}"
    )
    return x


def main() -> None:
    """Train, fit, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="also print the weights fitted on every problem")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    runs = [run for workload in in_turns() for run in tried(workload)]
    print(f"{len(runs)} states, {time.process_time() - began:.0f} s of CPU", flush=True)
    costs, steps = np.array([run.cost for run in runs]), np.array([run.steps for run in runs])
    print(
        f"cost: median {np.median(costs):.3f} of a training, from 500 steps on {costs[steps >= 500].max():.3f} at most"
    )
    seen = [run for run in (*own_runs(), *deepobs_runs()) if run.label]
    gathered = []
    for name, columns in SETS.items():
        told = told_by_log(seen, columns)
        log: dict[tuple[str, float, float], tuple[np.ndarray, bool]] = {}
        for run, shares, given in zip(told.runs, told.shares, told.told, strict=True):
            if run.cadence == "step" or run.diverged:
                log.setdefault((run.grid, float(f"{run.lr:.4g}"), run.share), (shares, given))
        known = [run for run in runs if run.key in log]
        shares = np.array([log[run.key][0] for run in known])
        given = np.array([log[run.key][1] for run in known])
        gathered.append((known, measured(name, known, shares, given)))
    if options.write:
        whole = [run for known, _ in gathered for run in known]
        x = np.concatenate([own for _, own in gathered])
        for row in fitted(
            x, np.array([run.label for run in whole]), np.array([run.problem for run in whole])
        ):
            print(f"    ({', '.join(f'{value:g}' for value in row)}),")


if __name__ == "__main__":
    main()
