"""How often each symptom that the diagnosis names proves true, on recorded runs that it sees a half or the whole of.

What a symptom claims is looked up in what the half does not show:

- diverged, diverging: the rate is too high (at least the grid's best, and losing 5 %);
- plateau, seen at a half under a constant rate: the rest of the run lowers the training loss by less than 5 % of its fall;
- overfitting, seen at a half: the validation loss never falls again by 1 % of its fall below its lowest so far;
- underfitting, of a run cut at a half and told as finished, under a constant rate: going on lowers the lowest validation
  loss by at least 1 % of its fall;
- oscillating, of a whole run: the last validation loss is lower with the same rate, seed and training and a schedule that
  falls to zero (*calmed*), where such a training was recorded too: in another grid of the workload, and in ``schedule_runs``, on
  none of which a limit was chosen; and with the next rate that is at most a third (*third*);
- alarms: share of whole runs at a right rate (regret at most 1 %) with a verdict above ``note``, whose validation ends
  within 2 % of its fall of its lowest.

- level: losses that fall early and then stay level but for noise, as training loss (30 to 10,000 points) and as validation loss
  (8 to 250), 40 of each length: those called diverging and overfitting.

The rules are written by hand. Few of their limits were set on the runs of ``NARROW``, which are not new to them either; those of
``WIDE`` were recorded when the rules stood.

Run: python -m benchmarks.diagnosis_symptoms
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diagnosis_truth import NARROW, WIDE, judged
from benchmarks.symptom_runs import multiplier, read
from lrlab.core.verdict import Checkup
from lrlab.diagnosis.checkup import Log, check_up

HERE = Path(__file__).parent
_COLUMNS = ("loss", "grad_norm", "update_ratio")


def checkup(
    arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], place: tuple[int, int], seen: int, total: int
) -> Checkup:
    """The checkup of a recorded run that is seen up to a step."""
    end = min(int(arrays["steps_done"][place]), seen)
    steps = np.arange(end, dtype=float)
    columns = {name: (steps, arrays[name][place][:end].astype(float)) for name in _COLUMNS}
    columns["lr"] = (steps, arrays["lr"][place[0]] * arrays["multiplier"][:end].astype(float))
    per_unit = int(meta["steps"]) // int(meta["units"])
    units = end // per_unit
    if units:
        at = np.arange(1, units + 1, dtype=float) * per_unit - 1
        columns["val_loss"] = (at, arrays["val_loss"][place][1 : units + 1].astype(float))
    return check_up(Log(columns=columns, seen=end, total=max(total, end), optimizer=str(meta["optimizer"])))


def claims(path: Path) -> Iterator[tuple[str, bool]]:
    """Symptom and whether it proved true, for each verdict on each run of a grid (its first seed)."""
    with np.load(path, allow_pickle=False) as table:
        arrays = {name: table[name] for name in table.files}
    meta = json.loads(str(arrays["meta"]))
    apart, regret = judged(arrays["lr"], arrays["val_loss"].astype(float))
    steps, constant = int(meta["steps"]), meta["schedule"] == "constant"
    for rate in range(len(arrays["lr"])):
        val, loss = arrays["val_loss"][rate, 0].astype(float), arrays["loss"][rate, 0].astype(float)
        high = bool(apart[rate] >= 0 and regret[rate] >= 0.05)
        half = checkup(arrays, meta, (rate, 0), steps // 2, steps)
        whole = checkup(arrays, meta, (rate, 0), steps, steps)
        for seen in (half, whole):
            for symptom in ("diverged", "diverging"):
                if seen.found(symptom):
                    yield symptom, high
        middle = len(val) // 2
        fall = max(val[0] - np.nanmin(val), 1e-12)
        if half.found("overfitting"):
            later, before = val[middle:], np.nanmin(val[1:middle])
            yield "overfitting", bool(not np.isfinite(later).any() or np.nanmin(later) > before - 0.01 * fall)
        if constant and half.found("plateau"):
            tenth = steps // 10
            now, end = loss[steps // 2 - tenth : steps // 2].mean(), loss[-tenth:].mean()
            yield "plateau", bool(not now - end > 0.05 * (loss[:5].mean() - now))
        if constant:
            cut = checkup(arrays, meta, (rate, 0), steps // 2, steps // 2)
            if cut.found("underfitting"):
                yield "underfitting", bool(np.nanmin(val) < np.nanmin(val[:middle]) - 0.01 * fall)
        if whole.found("oscillating"):
            yield from calmer(arrays, meta, rate, path)
        settled = np.isfinite(val).all() and val[-1] - val.min() <= 0.02 * fall
        if regret[rate] <= 0.01 and settled:
            yield "alarms", whole.severity in ("warn", "error")


def calmer(
    arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], rate: int, path: Path
) -> Iterator[tuple[str, bool]]:
    """Whether a run that swings ends lower under a schedule that falls, and at a third of its rate."""
    lr, end = arrays["lr"], arrays["val_loss"][rate, 0, -1]
    lower = np.flatnonzero(lr <= lr[rate] / 2.9)
    if lower.size:
        yield "oscillating, third", bool(arrays["val_loss"][lower[-1], 0, -1] < end)
    for beside in sorted(path.parent.glob(f"{path.stem.removesuffix('constant')}*.npz")):
        with np.load(beside, allow_pickle=False) as table:
            there = int(np.abs(np.log(table["lr"] / lr[rate])).argmin())
            same = beside != path and np.isclose(table["lr"][there], lr[rate], rtol=0.01)
            if same:
                yield "oscillating, calmed", bool(table["val_loss"][there, 0, -1] < end)


def kept_up() -> Iterator[tuple[str, bool]]:
    """The same of trainings that differ in nothing but the schedule: those that kept their rate."""
    for runs in read(HERE / "schedule_runs"):
        keeps, falls = runs.shape.index((0.05, 1.0)), runs.shape.index((0.05, 0.5))
        steps = np.arange(runs.steps, dtype=float)
        for rate, lr in enumerate(runs.lr):
            val = runs.val_loss[rate, keeps, 0]
            at = np.arange(1, len(val)) * runs.steps // (len(val) - 1) - 1.0
            columns = {
                "loss": (steps, runs.loss[rate, keeps]), "val_loss": (at, val[1:]),
                "lr": (steps, lr * multiplier(0.05, 1.0, runs.steps)),
            }  # fmt: skip
            told = check_up(Log(columns=columns, seen=runs.steps, total=runs.steps, optimizer=runs.optimizer))
            if told.found("oscillating"):
                yield "oscillating, calmed", bool(runs.val_loss[rate, falls, 0, -1] < val[-1])


def level() -> Iterator[tuple[str, bool]]:
    """Whether noise alone is told, as which symptom."""
    draw = np.random.default_rng(0)
    for points in (30, 100, 300, 1000, 3000, 10_000):
        steps = np.arange(float(points))
        for _ in range(40):
            loss = 2.3 - 0.02 * steps / points + 0.3 * draw.normal(size=points)
            told = check_up(Log(columns={"loss": (steps, loss)}, seen=points, total=points, optimizer="adam"))
            yield "level, called diverging", told.found("diverging") is not None
    steps = np.arange(2000.0)
    for points in (8, 20, 50, 100, 250):
        at = np.round(np.arange(1, points + 1) * 2000 / points) - 1
        for noise in (0.02, 0.1):
            for _ in range(20):
                val = 0.5 + 1.8 * np.exp(-at / 200) + noise * draw.normal(size=points)
                loss = 0.3 + 2 * np.exp(-steps / 200) - steps / 40_000 + 0.05 * draw.normal(size=2000)
                log = {"loss": (steps, loss), "val_loss": (at, val)}
                told = check_up(Log(columns=log, seen=2000, total=2000, optimizer="adam"))
                yield "level, called overfitting", told.found("overfitting") is not None


def show(title: str, found: Iterable[tuple[str, bool]]) -> None:
    """Print how often each symptom was told and proved true."""
    counted: dict[str, list[bool]] = defaultdict(list)
    for symptom, true in found:
        counted[symptom].append(true)
    print(f"{title:<25} verdicts  true")
    for symptom, truths in sorted(counted.items()):
        print(f"{symptom:<25} {len(truths):8}  {np.mean(truths):.3f}", flush=True)


def main() -> None:
    """Count and print."""
    show("noise", level())
    show("schedules", kept_up())
    for title, folders in (("known to the rules", NARROW), ("new to them", (WIDE,))):
        paths = sorted(path for folder in folders for path in folder.glob("*.npz"))
        show(title, itertools.chain.from_iterable(claims(path) for path in paths))


if __name__ == "__main__":
    main()
