"""Does a loss that swings to and fro tell that the rate is too high? Candidates for a rule, on recorded trainings.

Runs are those of the learning-rate grids (batches of 8 to 64) and of ``full_batch_runs`` (every step sees the whole training
set, ``symptom_runs.py``). A run *should go lower* where a lower rate of its grid loses at least 5 % less of the improvement
from untrained to best; it is right where it loses at most 1 %. Candidates are told by the second half of the training loss:

- zigzag: the negative correlation of a change with the next, -0.5 for independent noise, -1 for a swing of two steps;
- slow swing: that correlation where it is above that of noise, and the loss gets nowhere (less than a tenth of its path);
- swing over what is left: spread from step to step over the mean;

Limits are the ones with at most 2 % of the right runs told, on the digits, Friedman's function, wine and the spirals; hits and
false alarms (share of right runs) are counted on the others.

Run: python -m benchmarks.diagnosis_oscillation
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.diagnosis_schedules import blocks_of, shares
from benchmarks.diagnosis_truth import FOLDERS, judged
from benchmarks.symptom_runs import multiplier, read
from lrlab.diagnosis.checkup import Log, check_up
from lrlab.diagnosis.signals import MEAN, Stretch, between

HERE = Path(__file__).parent
DEVELOPMENT = ("digits", "friedman", "wine", "spirals")
MOST_ALARMS = 0.02
LOSES = 0.05


@dataclass(frozen=True, kw_only=True)
class Swing:
    """One run.

    Args:
        name: Its grid.
        full: Whether a batch is the whole set.
        too_high: Whether a lower rate is better.
        right: Whether its own is about the best.
        warned: Whether the diagnosis says that its rate is too high.
        signs: Candidate to its number; a larger one speaks for the symptom.
    """

    name: str
    full: bool
    too_high: bool
    right: bool
    warned: bool
    signs: dict[str, float]


def swings(name: str, full: bool, loss: np.ndarray, lr: np.ndarray, regret: np.ndarray, place: int,
           optimizer: str, multipliers: np.ndarray) -> Swing:  # fmt: skip
    """One run; ``regret`` has the shape (rates,)."""
    table = blocks_of(loss)
    late = Stretch.of(between(table, 0.5, 1))
    fall = max(float(loss[:3].mean() - table[:, MEAN].min()), 1e-9)
    moves = late.noise > 3e-3 * fall  # else it has come to rest
    nowhere = abs(late.progress) < 0.1
    steps = np.arange(float(len(loss)))
    log = Log(columns={"loss": (steps, loss), "lr": (steps, lr[place] * multipliers)}, seen=len(loss),
              total=len(loss), optimizer=optimizer)  # fmt: skip
    lowest = regret[:place].min() if place else regret[place]
    return Swing(
        name=name, full=full, too_high=bool(regret[place] - lowest >= LOSES), right=bool(regret[place] <= 0.01),
        warned=check_up(log).rate.verdict == "too_high",
        signs={
            "zigzag": -late.echo * (moves and nowhere),
            "slow swing": (late.echo + 1) * (moves and nowhere),
            "swing over what is left": late.noise / max(abs(late.mean), 1e-12) * (moves and nowhere),
        },
    )  # fmt: skip


def every() -> Iterator[Swing]:
    """Every run of the first seed that did not diverge."""
    for path in sorted(path for folder in FOLDERS for path in folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as table:
            arrays = {name: table[name] for name in table.files}
        meta = json.loads(str(arrays["meta"]))
        _, regret = judged(arrays["lr"], arrays["val_loss"].astype(float))
        for place in range(len(regret)):
            loss = arrays["loss"][place, 0].astype(float)
            if np.isfinite(loss).all():
                yield swings(path.stem, False, loss, arrays["lr"], regret, place, meta["optimizer"],
                             arrays["multiplier"].astype(float))  # fmt: skip
    for runs in read(HERE / "full_batch_runs"):
        _, regret = judged(runs.lr, runs.val_loss[:, 0])
        for place in range(len(regret)):
            loss = runs.loss[place, 0]
            if np.isfinite(loss).all():
                yield swings(runs.name, True, loss, runs.lr, regret, place, runs.optimizer,
                             multiplier(0.0, 1.0, runs.steps))  # fmt: skip


def main() -> None:
    """Count and print."""
    runs = list(every())
    chosen = np.array([run.name.startswith(DEVELOPMENT) for run in runs])
    full, high, right, warned = (
        np.array([getattr(run, name) for run in runs]) for name in ("full", "too_high", "right", "warned")
    )
    print(f"{len(runs)} runs, {full.sum()} with full batches; development {chosen.sum()}")
    for sign in runs[0].signs:
        value = np.array([run.signs[sign] for run in runs])
        quiet = np.sort(value[chosen & right])
        told = value > quiet[math.ceil((1 - MOST_ALARMS) * len(quiet)) - 1]
        print(f"{sign}:")
        for title, part in (
            ("development", chosen),
            ("others", ~chosen),
            ("others, full batches", ~chosen & full),
        ):
            kept = part & (high | right)
            new = told & part & high & ~warned
            print(
                f"  {title}: {shares(told[kept], high[kept])}; hits that the rate's verdict misses {new.sum()}"
            )


if __name__ == "__main__":
    main()
