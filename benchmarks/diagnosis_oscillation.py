"""Does a loss that swings to and fro tell that the rate is too high? Candidates for a rule, on recorded trainings.

Runs are those of the learning-rate grids (batches of 8 to 64) and of ``full_batch_runs`` (every step sees the whole training
set, ``symptom_runs.py``). A run *should go lower* where a lower rate of its grid loses at least 5 % less of the improvement
from untrained to best; it is right where it loses at most 1 %. Candidates are told by the second half of the training loss:

- zigzag: the negative correlation of a change with the next, -0.5 for independent noise, -1 for a swing of two steps;
- slow swing: that correlation where it is above that of noise, and the loss gets nowhere (less than a tenth of its path);
- swing over what is left: spread from step to step over the mean;

Limits are the ones with at most 2 % of the right runs told, on the digits, Friedman's function, wine and the spirals; hits and
false alarms (share of right runs) are counted on the others.

With ``--train`` the rule that is shipped is tried, which looks at the validation loss: each run of ``grids_wide`` under a
constant rate that it tells of (two seeds; its limits were chosen on other grids) is trained once more from the same seed, with the
same batches and a cosine to zero. Counted is how often the last validation loss is lower then. The *end* is where the last
validation lies above the lowest of the run that kept its rate, over all that it learned; a minute of one core.

Run: python -m benchmarks.diagnosis_oscillation
     LRLAB_DATA=... python -m benchmarks.diagnosis_oscillation --train
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.diagnosis_schedules import blocks_of, shares
from benchmarks.diagnosis_symptoms import checkup
from benchmarks.diagnosis_truth import FOLDERS, WIDE, judged
from benchmarks.record import train
from benchmarks.symptom_runs import multiplier, read
from benchmarks.wide_workloads import workloads
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


def calmed() -> None:
    """Train what swings once more, with a rate that falls, and print how it ends."""
    torch.set_num_threads(1)
    ends: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for workload in workloads():
        if workload.schedules != ("constant",):
            continue
        name = f"{workload.name}-{workload.optimizer}"
        with np.load(WIDE / f"{name}-constant.npz", allow_pickle=False) as table:
            arrays = {part: table[part] for part in table.files}
        meta = json.loads(str(arrays["meta"]))
        data = None
        for place in np.ndindex(arrays["loss"].shape[:2]):
            told = checkup(arrays, meta, place, meta["steps"], meta["steps"]).found("oscillating")
            if told is None:
                continue
            data = data or workload.data()
            again = train(
                workload,
                data,
                lr=arrays["lr"][place[0]],
                seed=int(arrays["seed"][place[1]]),
                schedule="cosine",
            )
            kept = arrays["val_loss"][place].astype(float)
            lowest = np.nanmin(kept[1:])
            learned = kept[0] - lowest
            end = again.validation["val_loss"][-1]
            ends[name].append(
                ((kept[-1] - lowest) / learned, (end - lowest) / learned if np.isfinite(end) else np.inf)
            )
        if ends[name]:
            _tell(name, ends[name])
    _tell("all", [pair for own in ends.values() for pair in own])


def _tell(name: str, pairs: list[tuple[float, float]]) -> None:
    before, after = np.array(pairs).T
    print(f"{name:<28} {len(pairs):3} told, {np.mean(after < before):.2f} end lower with a rate that falls; "
          f"end, median: {np.median(before):.2f}, then {np.median(after):.2f}", flush=True)  # fmt: skip


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", action="store_true", help="train what swings once more, with a cosine")
    if parser.parse_args().train:
        calmed()
        return
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
