"""Whether short branches at other rates (``lrlab diagnose --prove``) set wrong verdicts right, and leave right ones alone.

The trainings of ``diagnosis_grids.py``, ``recorded_workloads.py`` and ``wide_workloads.py`` are begun again as recipes, at
every recorded rate whose truth is known; their grids tell the truth. After 10 and 30 per cent of each the shipped branches are trained. What
they mean, and from what on a verdict is overturned, is fitted without the problem that is judged, and so is the log's own
verdict that is given with them. The two problems that ``diagnosis.py`` holds back are held back here too: ``--held``.

- balanced: mean over too low, right and too high of the share told right, by the log alone (where it cannot tell, that is
  wrong; ``forced``: its likeliest word instead) and with the branches; ``near`` within two decades of the best rate, ``all``
  at any rate, both of runs that have not diverged, ``diverged too`` with those, which are told too high without a branch;
- overturned: share of the log's wrong verdicts that are given up; ``righted``: for the right word;
- spoiled: share of its right verdicts that are given up;
- too high on right: share of runs at a right rate that end as "too high";
- lowest on right: share of those whose branch at 0.3 times the rate ends lowest, which is why that alone is no verdict;
- asked: what the copies alone would do to a log that knew the rate, whose word stands: balanced accuracy, overturned, spoiled;
- without a log: words of the branches alone, at least ``LIKELY_WITHOUT_LOG`` likely or less, and the shares that are right;
- another seed: what a whole grid of one seed tells of the truth by the other seeds: about as much as can be told at all.

Run: LRLAB_DATA=... python -m benchmarks.prove [--held | --write]
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.diagnosis import share
from benchmarks.diagnosis_grids import in_turns
from benchmarks.diagnosis_judged import HELD
from benchmarks.diagnosis_judged import judged as told_by_log
from benchmarks.diagnosis_truth import FINE, LABELS, WIDE, Seen, every_run, judged, label_of, problem_of
from benchmarks.recorded_workloads import WORKLOADS, Workload
from benchmarks.wide_workloads import workloads as wide_workloads
from lrlab.diagnosis.features import family
from lrlab.diagnosis.prove import (
    FACTORS,
    LIKELY_WITHOUT_LOG,
    OVERTURN_FROM,
    WEIGHTS,
    inputs,
    price,
    signs,
    sizes,
    stands,
    together,
)
from lrlab.diagnosis.rate import WARN_FROM, knows_rate
from lrlab.torch import Recipe

HERE = Path(__file__).parent
SHARES = (0.1, 0.3)
COST = 0.05
NEAR = 2.05  # decades
SETS = {"loss": (), "loss, val_loss, lr": ("val_loss", "lr")}
KNOW_RATE = tuple(knows_rate(columns) for columns in SETS.values())  # their word stands
LEAST_CLASS = 8  # a class with fewer runs of a problem than this counts less
STIFFNESS = 0.03  # inverse of how strongly weights are held near 0
MOST_SPOILED = 0.02  # of the right verdicts of any set of columns
RATIOS = (1.0, *np.geomspace(1.05, 300, 60).round(2).tolist())
UNSEEN = ("digits-autoencoder", "digits-cnn")  # digits are trained on often enough
WITH_WARMUP = 0.05
TOO_HIGH = LABELS.index("too_high")
Weights = Sequence[Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A run with its branches.

    Args:
        problem: What is left out together.
        key: Grid, rate and share.
        label: Index into ``LABELS``.
        apart: Decades above the best rate.
        share: How much of the training was seen.
        steps: Of the whole training.
        kind: Family of its optimizer.
        numbers: ``signs`` of its branches; None where it had diverged.
        winner: Index of the branch that ended lowest.
        lost: Whether the branch at its own rate is not finite.
        cost: Price in full trainings.
    """

    problem: str
    key: tuple[str, float, float]
    label: int
    apart: float
    share: float
    steps: int
    kind: str
    numbers: list[float] | None = None
    winner: int = -1
    lost: bool = False
    cost: float = 0.0


def workloads(*, held: bool) -> list[tuple[Path, Workload]]:
    """Grids and what they were recorded of; ``schedules`` has the one of the grid."""
    bigger = [
        (HERE / "grids", replace(workload, schedules=(schedule,)))
        for workload in WORKLOADS
        for schedule in workload.schedules
        if (workload.name in HELD) == held and workload.name not in UNSEEN and schedule != "wsd"
    ]
    small = [(HERE / "grids_small", workload) for workload in in_turns()]
    # Where a unit is more than a tenth of the training, that share cannot be seen.
    wide = [(WIDE, workload) for workload in wide_workloads() if workload.units * SHARES[0] >= 1]
    return bigger if held else [*small, *bigger, *wide]


def tried(folder: Path, workload: Workload) -> Iterator[Tried]:
    """Every run of a workload whose truth is known."""
    [schedule] = workload.schedules
    grid = f"{workload.name}-{workload.optimizer}-{schedule}"
    with np.load(folder / f"{grid}.npz", allow_pickle=False) as table:
        rates, curves = table["lr"], table["val_loss"].astype(float)
    apart, regret = judged(rates, curves)
    train, validation = workload.data()
    each = workload.unit_batches  # steps of a unit, where it is no epoch
    length: dict[str, Any] = (
        {"budget": workload.units}
        if each is None
        else {"budget": workload.units * each, "unit": "step", "eval_every": each}
    )
    for place, lr in enumerate(rates):
        label = label_of(apart[place], regret[place])
        if not label:
            continue
        recipe = Recipe(
            workload.model, train, workload.loss, val_data=validation, optimizer=workload.optimizer, schedule=schedule,
            warmup=0.0 if schedule == "constant" else WITH_WARMUP, batch_size=workload.batch_size,
            clip_norm=workload.clip, **length,
        )  # fmt: skip
        session = recipe.start(float(lr), seed=0)
        total = session.total_steps or 0
        steps, batches = sizes(total, COST)
        lost = False
        for part in SHARES:
            run = Tried(
                problem=problem_of(workload.name), key=(grid, float(f"{lr:.4g}"), part), label=LABELS.index(label),
                apart=float(apart[place]), share=part, steps=total, kind=family(workload.optimizer),
            )  # fmt: skip
            if not lost:
                records = list(session.advance(max(round(part * workload.units), 1) * (each or 1)))
                lost = not np.isfinite(records[-1].metrics.get("train_loss", np.nan))
            if not lost:
                start = session.branch(1.0, steps=0, fade=0, ahead=steps, judged=batches).judged
                lost = not np.isfinite(start).all()
            if lost:
                yield run
                continue
            ends = {
                factor: session.branch(factor, steps=steps, fade=steps, ahead=steps, judged=batches).judged
                for factor in FACTORS
            }
            means = [np.nan_to_num(np.mean(ends[factor]), nan=np.inf) for factor in FACTORS]
            yield replace(
                run, numbers=signs(start, ends), winner=int(np.argmin(means)),
                lost=not np.isfinite(ends[1.0]).all(), cost=price(total, steps, batches),
            )  # fmt: skip
        session.close()


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Runs that have not diverged, each with what one set of columns of its log says.

    Args:
        runs: The runs.
        columns: Index into ``SETS``, shape (runs,).
        log: Its three shares, shape (runs, 3).
        before: Index of the log's word, -1 where it tells nothing, shape (runs,).
    """

    runs: Sequence[Tried]
    columns: np.ndarray
    log: np.ndarray
    before: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """Index of the true word."""
        return np.array([run.label for run in self.runs])

    @property
    def problem(self) -> np.ndarray:
        """What is left out together."""
        return np.array([run.problem for run in self.runs])

    def inputs(self) -> np.ndarray:
        """What the model looks at, shape (runs, numbers)."""
        return np.array([
            inputs(run.numbers or (), tuple(own), run.steps, run.kind) for run, own in zip(self.runs, self.log, strict=True)
        ])  # fmt: skip

    def told(self, weights: Weights) -> np.ndarray:
        """The shares with the branches, shape (runs, 3)."""
        return np.array([
            together(run.numbers or (), tuple(own), total=run.steps, kind=run.kind, weights=weights)
            for run, own in zip(self.runs, self.log, strict=True)
        ])  # fmt: skip

    def after(self, told: np.ndarray, ratio: float) -> np.ndarray:
        """Index of the word that stands, -1 where nothing is told, shape (runs,)."""
        found = (
            TOO_HIGH if run.lost
            else int(word) if KNOW_RATE[at] and word >= 0
            else stands(tuple(own), None if word < 0 else int(word), ratio)
            for run, at, own, word in zip(self.runs, self.columns, told, self.before, strict=True)
        )  # fmt: skip
        return np.array([-1 if word is None else word for word in found])


def labelled() -> list[Seen]:
    """The logs that the log's own model is fitted on."""
    seen = [run for run in every_run(cadences=("step",)) if run.label]
    if not any(run.problem == "cifar10" for run in seen):
        raise SystemExit("skipped: LRLAB_DATA is not set, and the model of the log is fitted with its grids")
    return seen


def rows_of(runs: Sequence[Tried], seen: Sequence[Seen]) -> Rows:
    """Runs, and what a model says of their logs that has not seen their problem."""
    found: list[tuple[Tried, int, np.ndarray, int]] = []
    for at, columns in enumerate(SETS.values()):
        told = told_by_log(seen, columns)
        log: dict[tuple[str, float, float], tuple[np.ndarray, int]] = {}
        for run, shares, given, said in zip(told.runs, told.shares, told.told, told.said, strict=True):
            log.setdefault(
                (run.grid, float(f"{run.lr:.4g}"), run.share), (shares, int(said) if given else -1)
            )
        found += [(run, at, *log[run.key]) for run in runs if run.numbers is not None and run.key in log]
    own, columns_of, shares_of, before = zip(*found, strict=True)
    return Rows(runs=own, columns=np.array(columns_of), log=np.array(shares_of), before=np.array(before))


def fitted(x: np.ndarray, label: np.ndarray, problem: np.ndarray) -> list[list[float]]:
    """Weights of a logistic model, problems counting alike and within one the classes; shape (3, numbers + 1)."""
    from sklearn.linear_model import LogisticRegression

    weight = np.zeros(len(label))
    for name in np.unique(problem):
        for word in range(3):
            own = (problem == name) & (label == word)
            weight[own] = 1 / max(own.sum(), LEAST_CLASS)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=STIFFNESS, max_iter=2000)
    model.fit((x - middle) / spread, label, sample_weight=weight / weight.mean())
    slopes = model.coef_ / spread
    return np.column_stack([slopes, model.intercept_ - slopes @ middle]).round(3).tolist()


def ratio_of(rows: Rows, told: np.ndarray, chosen: np.ndarray) -> float:
    """The lowest of ``RATIOS`` under which at most ``MOST_SPOILED`` of the right verdicts of any set of columns are given up.

    Those of the sets that know the rate are never given up, unless the run explodes.
    """
    kept = chosen & (rows.before == rows.truth)
    for ratio in RATIOS:
        given_up = rows.after(told, ratio) != rows.before
        if all(given_up[kept & (rows.columns == at)].mean() <= MOST_SPOILED for at in range(len(SETS))):
            return ratio
    return RATIOS[-1]


def left_out(rows: Rows) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """The shares (runs, 3), the words that stand (runs,), and the ratio of each problem that is left out."""
    problem, x = rows.problem, rows.inputs()
    told, after = np.zeros((len(problem), 3)), np.full(len(problem), -1)
    for out in (problem == one for one in np.unique(problem)):
        told[out] = rows.told(fitted(x[~out], rows.truth[~out], problem[~out]))[out]
    ratios = []
    for out in (problem == one for one in np.unique(problem)):
        ratios.append(ratio_of(rows, told, ~out))
        after[out] = rows.after(told, ratios[-1])[out]
    return told, after, ratios


def balanced(said: np.ndarray, truth: np.ndarray) -> float:
    """Mean over classes of the share told right."""
    return float(
        np.mean([(said[truth == word] == word).mean() for word in range(3) if (truth == word).any()])
    )


def show(rows: Rows, told: np.ndarray, after: np.ndarray, diverged: Sequence[Tried]) -> None:
    """Print the figures of every set of columns."""
    truth, before = rows.truth, rows.before
    parts = np.array([run.share for run in rows.runs])
    near = np.array([abs(run.apart) <= NEAR for run in rows.runs])
    winner = np.array([run.winner for run in rows.runs])
    for at, name in enumerate(SETS):
        own = rows.columns == at
        print(f"\n{name}: {own.sum()} states of runs, {(own & near).sum()} near")
        for part in SHARES:
            now = own & (parts == part)
            gone = np.array([run.label for run in diverged if run.share == part], dtype=int)
            for title, chosen, more in (
                ("near", now & near, gone[:0]),
                ("all", now, gone[:0]),
                ("diverged too", now, gone),
            ):
                labels, high = np.concatenate([truth[chosen], more]), np.full(len(more), TOO_HIGH)
                words = [
                    np.concatenate([said[chosen], high]) for said in (before, rows.log.argmax(axis=1), after)
                ]
                log, forced, tried_too = (balanced(said, labels) for said in words)
                opposite = [share(np.abs(said - labels) == 2, said >= 0) for said in words]
                print(
                    f"at {100 * part:.0f} %, {title} ({len(labels)}): balanced {log:.2f} by the log ({forced:.2f} forced), "
                    f"{tried_too:.2f} with branches; opposite of those told {opposite[0]:.1%} ({opposite[1]:.1%}), {opposite[2]:.1%}"
                )
            print(f"lowest on right {share(winner == 0, now & (truth == 1)):.2f}")
        for title, chosen in (("near", own & near), ("all", own)):
            wrong, kept = chosen & (before >= 0) & (before != truth), chosen & (before == truth)
            right, sure = chosen & (truth == 1), chosen & (told.max(axis=1) >= WARN_FROM)
            print(
                f"{title}: overturned {share(after != before, wrong):.2f} of {wrong.sum()} wrong, righted "
                f"{share(after == truth, wrong):.2f}, spoiled {share(after != before, kept):.3f} of {kept.sum()} right; "
                f"too high on right {share(after == TOO_HIGH, right):.3f} (by the log {share(before == TOO_HIGH, right):.3f}); "
                f"at least {WARN_FROM:.1%} sure {sure.sum() / chosen.sum():.2f}, of those right {share(after == truth, sure):.2f}"
            )
        if KNOW_RATE[at]:
            free = np.array([stands(tuple(one), int(word), OVERTURN_FROM) if word >= 0 else word for one, word in zip(told, before, strict=True)])  # fmt: skip
            wrong, kept = own & (before >= 0) & (before != truth), own & (before == truth)
            print(
                f"asked: balanced {balanced(before[own], truth[own]):.2f} by the log, {balanced(free[own], truth[own]):.2f}, "
                f"overturned {share(free != before, wrong):.2f}, spoiled {share(free != before, kept):.3f}"
            )
        by_problem = {
            str(one): balanced(after[own & (rows.problem == one)], truth[own & (rows.problem == one)])
            for one in np.unique(rows.problem)
        }
        print("by problem:", ", ".join(f"{one} {value:.2f}" for one, value in sorted(by_problem.items(), key=lambda pair: pair[1])))  # fmt: skip


def without_log(rows: Rows) -> str:
    """How often the shipped meaning of the branches is right of runs whose log is not given."""
    runs = [run for run, at in zip(rows.runs, rows.columns, strict=True) if at == 0]
    told = np.array([together(run.numbers or (), (), total=run.steps, kind=run.kind) for run in runs])
    right = told.argmax(axis=1) == np.array([run.label for run in runs])
    likely = told.max(axis=1) >= LIKELY_WITHOUT_LOG
    return f"{likely.sum()} likely, right {share(right, likely):.2f}; {(~likely).sum()} less so, right {share(right, ~likely):.2f}"


def another_seed(grids: Sequence[tuple[Path, Workload]]) -> str:
    """What the grid of each seed tells of the truth by the others."""
    said, truth, near = [], [], []
    for folder, workload in grids:
        with np.load(folder / f"{workload.name}-{workload.optimizer}-{workload.schedules[0]}.npz", allow_pickle=False) as table:  # fmt: skip
            rates, curves = table["lr"], table["val_loss"].astype(float)
        for seed in range(curves.shape[1]):
            apart, regret = judged(rates, np.delete(curves, seed, axis=1))
            own_apart, own_regret = judged(rates, curves[:, [seed]])
            for place in range(len(rates)):
                label = label_of(apart[place], regret[place])
                if label:
                    wrong = TOO_HIGH if own_apart[place] > 0 else LABELS.index("too_low")
                    said.append(LABELS.index("right") if own_regret[place] <= FINE else wrong)
                    truth.append(LABELS.index(label))
                    near.append(abs(apart[place]) <= NEAR)
    words, labels, close = np.array(said), np.array(truth), np.array(near)
    return f"near {balanced(words[close], labels[close]):.2f}, all {balanced(words, labels):.2f}"


def main() -> None:
    """Train, fit, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--write", action="store_true", help="also print weights and ratio fitted on every problem"
    )
    parser.add_argument("--held", action="store_true", help="only the problems held back, by what is shipped")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seen = labelled()
    began = time.process_time()
    grids = workloads(held=options.held)
    runs = [run for folder, workload in grids for run in tried(folder, workload)]
    diverged = [run for run in runs if run.numbers is None]
    print(
        f"{len(runs)} states, {len(diverged)} diverged, {time.process_time() - began:.0f} s of CPU",
        flush=True,
    )
    costs, steps = (np.array([getattr(run, name) for run in runs if run.cost]) for name in ("cost", "steps"))
    print(
        f"cost: median {np.median(costs):.3f} of a training, from 500 steps on at most "
        f"{costs[steps >= 500].max():.3f}, of shorter ones {costs.max():.3f}"
    )
    print(f"another seed: {another_seed(grids)}")
    rows = rows_of(runs, seen)
    print(f"without a log: {without_log(rows)}")
    if options.held:
        told = rows.told(WEIGHTS)
        show(rows, told, rows.after(told, OVERTURN_FROM), diverged)
        return
    told, after, ratios = left_out(rows)
    print(f"overturned from {min(ratios):g} to {max(ratios):g} times as likely as the log's word on")
    show(rows, told, after, diverged)
    if options.write:
        print(f"\nOVERTURN_FROM = {ratio_of(rows, told, np.ones(len(told), dtype=bool)):g}")
        for row in fitted(rows.inputs(), rows.truth, rows.problem):
            print(f"    ({', '.join(f'{value:g}' for value in row)}),")


if __name__ == "__main__":
    main()
