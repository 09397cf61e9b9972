"""What comes of following the diagnosis: change the rate as advised, train a little, ask again.

On the recorded grids of ``diagnosis_truth.py``, by models that have not seen the problem (``benchmarks.diagnosis``): a run
at a wrong rate is judged after 10 % of its training; another begins at the recorded rate nearest to the advised one, and so on
until the rate is called right, nothing is told, or no other rate is nearer; at most ``MOVES`` times. Every move costs the share
of a training that was seen.

- within 2 %: share of wrong rates that are left with a regret of at most 2 %, after each number of moves;
- halved: share whose regret is at most half of what it was;
- worse: share that is left with more regret than it began with;
- runs: mean cost of all moves in full trainings.

Last, how exact an advice must be: the share within 2 % of moves that miss the best rate by a normal error.

Run: LRLAB_DATA=... python -m benchmarks.diagnosis_followed
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.diagnosis_judged import HELD, SETS, Told3, judged
from benchmarks.diagnosis_truth import FINE, Seen, every_run
from lrlab.diagnosis.rate import LABELS

MOVES = 4
SHARE = 0.1
ERRORS = (0.0, 0.1, 0.15, 0.2, 0.3, 0.4)  # decades, standard deviation
Key = tuple[str, int, float]  # grid, seed, rate


def advice(told: Told3) -> dict[Key, float]:
    """The factor told of each run, logged at every step, after the share; 1 where it is right or nothing is told."""
    found: dict[Key, float] = {}
    for run, factor, word, given in zip(told.runs, told.factor, told.said, told.told, strict=True):
        if run.share == SHARE and (run.cadence == "step" or run.diverged):
            key = (run.grid, run.seed, run.lr)
            found.setdefault(key, float(factor) if given and LABELS[word] != "right" else 1.0)
    return found


def path(start: Key, factors: Mapping[Key, float], rates: Sequence[float]) -> list[float]:
    """The rates that a person tries, the first one included."""
    grid, seed, lr = start
    tried = [lr]
    while len(tried) <= MOVES and factors.get((grid, seed, tried[-1]), 1.0) != 1.0:
        wanted = math.log10(tried[-1] * factors[grid, seed, tried[-1]])
        nearest = min(rates, key=lambda rate: abs(math.log10(rate) - wanted))
        if nearest == tried[-1]:
            break
        tried.append(nearest)
    return tried


def main() -> None:
    """Measure and print."""
    runs = list(every_run())
    for title in ("loss", "loss, rate", "everything"):
        factors = advice(judged(runs, SETS[title]))
        show(title, runs, factors)
    wrong = [run for run in runs if run.label in ("too_low", "too_high") and run.problem not in HELD]
    draw = np.random.default_rng(0).normal(size=len(wrong))
    print(f"\nhow exact an advice must be, over {len(wrong)} views:")
    for error in ERRORS:
        left = [
            run.truth.at(run.lr * 10 ** (miss - run.apart))
            for run, miss in zip(wrong, error * draw, strict=True)
        ]
        print(
            f"missing the best rate by {error:.2f} decades: {np.mean(np.array(left) <= FINE):.2f} within 2 %"
        )


def show(title: str, runs: Sequence[Seen], factors: Mapping[Key, float]) -> None:
    """A table of one set of columns: a row for each number of moves."""
    known = {
        (run.grid, run.seed, run.lr): run
        for run in runs
        if (run.grid, run.seed, run.lr) in factors and run.problem not in HELD
    }
    by_grid: dict[str, set[float]] = {}
    for grid, _, lr in known:
        by_grid.setdefault(grid, set()).add(lr)
    wrong = [key for key, run in known.items() if run.label in ("too_low", "too_high")]
    paths = [path(key, factors, sorted(by_grid[key[0]])) for key in wrong]
    begun = np.array([known[key].regret for key in wrong])
    near = np.array([abs(known[key].apart) <= 2 for key in wrong])
    print(f"\n{title}: {len(wrong)} runs at a wrong rate, {near.sum()} of them within two decades")
    print("moves  within 2 %  (near)  halved  worse  runs")
    for moves in range(1, MOVES + 1):
        at = [tried[min(moves, len(tried) - 1)] for tried in paths]
        left = np.array([known[key].truth.at(lr) for key, lr in zip(wrong, at, strict=True)])
        cost = SHARE * np.mean([min(moves, len(tried) - 1) for tried in paths])
        good = left <= FINE
        print(
            f"{moves:5}  {good.mean():10.2f}  {good[near].mean():6.2f}  {(left <= begun / 2).mean():6.2f}  "
            f"{(left > begun + 1e-9).mean():5.3f}  {cost:4.2f}"
        )


if __name__ == "__main__":
    main()
