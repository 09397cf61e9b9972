"""Runs of recorded learning-rate grids, cut off early, each with the truth about its rate.

Truth is by the whole grid. With lr* its best rate (lowest mean over seeds of the best validation loss) and the regret of
a rate (the share of the improvement from untrained to best that it leaves):

- ``too_high``: at least 3 lr*, and a regret of at least 5 %;
- ``too_low``: at most lr* / 3, and a regret of at least 5 %;
- ``right``: a regret of at most 1 %;
- what lies between has no label, and is counted apart.

A run is seen after 3, 10, 30, 50 and 100 per cent of its training, by its training loss at every step (DeepOBS: 500 blocks
of it), and for lrlab's own grids also by gradient norm, update ratio and rate. Runs that have met a value that is not finite
are ``diverged``.
"""

import json
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lrlab.diagnosis import signals
from lrlab.diagnosis.features import Course, family, features, halved
from lrlab.diagnosis.signals import Track

HERE = Path(__file__).parent
NARROW = (HERE / "grids", HERE / "grids_small")
WIDE = HERE / "grids_wide"
FOLDERS = (*NARROW, WIDE)
SHARES = (0.03, 0.1, 0.3, 0.5, 1.0)
CADENCES = ("step", "tenth", "unit")
LEAST_POINTS = 4
FINE = 0.02  # the regret of a good rate
LABELS = ("too_low", "right", "too_high")
_TELEMETRY = ("loss", "grad_norm", "update_ratio")
_OPTIMIZERS = {"GradientDescentOptimizer": "sgd", "MomentumOptimizer": "momentum", "AdamOptimizer": "adam"}
# Workloads on the same data are one problem: what was learned on one may not be judged on the other.
_FAMILIES = (
    ("cancer", "cancer"), ("diabetes", "diabetes"), ("digits", "digits"), ("lines", "lines"), ("cifar10", "cifar10"),
    ("fmnist", "fashion-mnist"), ("mnist", "mnist"), ("tweets", "tweets"), ("cells", "cells"),
)  # fmt: skip


class Truth(NamedTuple):
    """Regret over rates.

    Args:
        log_lr: Decimal logarithms of the rates, ascending.
        regret: Of each.
    """

    log_lr: np.ndarray
    regret: np.ndarray

    def at(self, lr: float) -> float:
        """The regret of any rate: on a line between its neighbours; that of the last one outside."""
        return float(np.interp(math.log10(lr), self.log_lr, self.regret))

    @property
    def middle(self) -> float:
        """Decimal logarithm of the middle of the good rates (a regret of at most ``FINE``) around the best one."""
        near = np.linspace(self.log_lr[0], self.log_lr[-1], 500)
        bad = np.interp(near, self.log_lr, self.regret) > FINE
        best = int(np.interp(near, self.log_lr, self.regret).argmin())
        below, above = np.flatnonzero(bad[:best]), np.flatnonzero(bad[best:])
        low = below[-1] + 1 if below.size else 0
        high = best + above[0] - 1 if above.size else len(near) - 1
        return float(near[low] + near[high]) / 2


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A run as far as it was seen.

    Args:
        problem: What has to be left out together.
        grid: Which training.
        optimizer: Its name.
        steps: Of the whole training.
        lr: Its rate.
        apart: Decades above the best rate.
        regret: Of its rate; at most 1.
        label: See the head of this file; "" where it has none.
        share: How much of the training was seen.
        diverged: Whether something was not finite by then.
        truth: Of its whole grid.
        cadence: How often it was logged.
        seed: Which of the grid's.
        folder: Where its grid is kept.
        numbers: The features; empty where it diverged.
    """

    problem: str
    grid: str
    optimizer: str
    steps: int
    lr: float
    apart: float
    regret: float
    label: str
    share: float
    diverged: bool
    truth: Truth
    cadence: str = "step"
    seed: int = 0
    folder: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


def problem_of(workload: str) -> str:
    """The data that a workload trains on."""
    return next((data for word, data in _FAMILIES if workload.startswith(word)), workload)


def judged(lr: np.ndarray, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decades above the best rate and regret of each rate; ``curves`` has the shape (rates, seeds, units + 1)."""
    trained = curves[..., 1:]
    whole = np.isfinite(trained).all(axis=-1)
    ends = np.where(whole, np.where(np.isfinite(trained), trained, np.inf).min(axis=-1), np.inf).mean(axis=1)
    untrained = float(np.nanmedian(curves[:, :, 0], axis=0).mean())
    best = ends.min()
    regret = np.minimum((ends - best) / (untrained - best), 1.0)
    return np.log10(lr) - np.log10(lr[int(ends.argmin())]), regret


def label_of(apart: float, regret: float) -> str:
    """The truth about a rate; "" where it lies between."""
    third = math.log10(3) - 1e-3  # rates are written with four digits
    if regret <= 0.01:
        return "right"
    if regret >= 0.05 and apart >= third:
        return "too_high"
    return "too_low" if regret >= 0.05 and apart <= -third else ""


def blocks_of(values: np.ndarray) -> np.ndarray:
    """The blocks of a series, as the diagnosis would keep them."""
    track = Track()
    track.extend(range(len(values)), values.tolist())
    return track.blocks()


def logged(
    columns: Mapping[str, np.ndarray], cadence: str, per_unit: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and values of each column as a log at this cadence would have them: every ``step``, every ``tenth`` step,
    or the mean over each ``unit``."""
    found = {}
    for name, values in columns.items():
        at = np.arange(len(values))
        if cadence == "tenth":
            at, values = at[::10], values[::10]
        elif cadence == "unit":
            whole = len(values) // per_unit
            values = values[: whole * per_unit].reshape(whole, per_unit).mean(axis=1)
            at = np.arange(1, whole + 1) * per_unit - 1
        found[name] = at, values
    return found


def own_runs(
    *,
    shares: Sequence[float] = SHARES,
    folders: Sequence[Path] = FOLDERS,
    cadences: Sequence[str] = CADENCES,
    without: Collection[str] = (),
) -> Iterator[Seen]:
    """Runs of the grids of ``record.py`` and ``diagnosis_grids.py``, without those of some problems."""
    for path in sorted(path for folder in folders for path in folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as table:
            arrays = {name: table[name] for name in table.files}
        meta = json.loads(str(arrays["meta"]))
        if problem_of(meta["workload"]) in without:
            continue
        apart, regret = judged(arrays["lr"], arrays["val_loss"].astype(float))
        truth = Truth(np.log10(arrays["lr"]), regret)
        for rate in range(len(arrays["lr"])):
            for seed in range(min(arrays["loss"].shape[1], 2)):
                columns = {name: arrays[name][rate, seed].astype(float) for name in _TELEMETRY}
                columns["lr"] = arrays["lr"][rate] * arrays["multiplier"].astype(float)
                val = arrays["val_loss"][rate, seed].astype(float)
                done = int(arrays["steps_done"][rate, seed])
                for cadence in cadences:
                    for share, numbers in _views(columns, val, meta, done, shares, cadence):
                        yield Seen(
                            problem=problem_of(meta["workload"]), grid=path.stem, optimizer=meta["optimizer"],
                            steps=int(meta["steps"]), lr=float(arrays["lr"][rate]), apart=float(apart[rate]),
                            regret=float(regret[rate]), label=label_of(apart[rate], regret[rate]), share=share,
                            cadence=cadence, seed=seed, diverged=numbers is None, numbers=numbers or {}, truth=truth,
                            folder=path.parent.name,
                        )  # fmt: skip


def _views(
    columns: Mapping[str, np.ndarray],
    val: np.ndarray,
    meta: Mapping[str, Any],
    done: int,
    shares: Sequence[float],
    cadence: str,
) -> Iterator[tuple[float, Mapping[str, float] | None]]:
    """A run after each share of its training: its numbers, None where it has diverged; too short views are left out."""
    steps, per_unit = int(meta["steps"]), int(meta["steps"]) // int(meta["units"])
    log = logged(columns, cadence, per_unit)
    log["val_loss"] = (np.arange(1, len(val)) * per_unit - 1, val[1:])
    tracks = {name: Track() for name in log}
    taken = 0
    for share in shares:
        seen = max(round(share * steps), LEAST_POINTS)
        if done < seen or not np.isfinite(columns["loss"][:seen]).all():
            yield share, None
            continue
        for name, (at, values) in log.items():
            new = (at >= taken) & (at < seen)
            tracks[name].extend(at[new].tolist(), values[new].tolist())
        taken = seen
        if tracks["loss"].count < LEAST_POINTS:
            continue
        blocks = {name: track.blocks() for name, track in tracks.items() if track.count >= 2}
        yield (
            share,
            features(Course(blocks=blocks, optimizer=family(meta["optimizer"]), seen=seen, total=steps)),
        )


def deepobs_runs(*, shares: Sequence[float] = SHARES) -> Iterator[Seen]:
    """Runs of the folder ``curves`` of ``LRLAB_DATA``; none where it is not set."""
    named = os.environ.get("LRLAB_DATA", "")
    for path in sorted((Path(named) / "curves").glob("*.npz")) if named else ():
        with np.load(path, allow_pickle=False) as table:
            arrays = {name: table[name] for name in table.files}
        workload, _, optimizer = path.stem.partition("__")
        rows = np.flatnonzero(arrays["seed"] == 42)
        rows = rows[np.argsort(arrays["lr"][rows])]
        lr = arrays["lr"][rows]
        apart, regret = judged(lr, arrays["test_losses"][rows].astype(float)[:, None, :])
        for place, row in enumerate(rows):
            steps = int(arrays["n_minibatch"][row])
            table_of_blocks = _deepobs_blocks(arrays, row, steps)
            bad = int(arrays["first_nonfinite_mb"][row])
            for share in shares:
                kept = max(round(share * len(table_of_blocks)), 3)
                blocks = table_of_blocks[:kept]
                diverged = 0 <= bad < share * steps or not np.isfinite(blocks[:, signals.MEAN]).all()
                numbers = {}
                if not diverged:
                    course = Course(
                        blocks={
                            "loss": halved(blocks), "lr": blocks_of(np.full(3, lr[place])),
                            **_validation(arrays, row, share),
                        },
                        optimizer=family(_OPTIMIZERS[optimizer]), seen=round(share * steps), total=steps,
                    )  # fmt: skip
                    numbers = features(course)
                yield Seen(
                    problem=problem_of(workload), grid=path.stem, optimizer=_OPTIMIZERS[optimizer], steps=steps,
                    lr=float(lr[place]), apart=float(apart[place]), regret=float(regret[place]),
                    label=label_of(apart[place], regret[place]), share=share, diverged=diverged, numbers=numbers,
                    truth=Truth(np.log10(lr), regret),
                )  # fmt: skip


def every_run(*, cadences: Sequence[str] = CADENCES) -> Iterator[Seen]:
    """Runs of lrlab's own grids, and of DeepOBS where ``LRLAB_DATA`` is set."""
    yield from own_runs(cadences=cadences)
    yield from deepobs_runs()


def _validation(arrays: Mapping[str, np.ndarray], row: int, share: float) -> dict[str, np.ndarray]:
    """The blocks of the test losses so far, where there are two."""
    losses = arrays["test_losses"][row, 1:].astype(float)
    seen = losses[: int(share * len(losses))]
    return {"val_loss": blocks_of(seen)} if np.isfinite(seen).sum() >= 2 else {}


def _deepobs_blocks(arrays: Mapping[str, np.ndarray], row: int, steps: int) -> np.ndarray:
    """The 500 blocks of a run in the form of ``signals``; what was not kept of them is left 0."""
    mean, std = arrays["mb_mean"][row].astype(float), arrays["mb_std"][row].astype(float)
    size = steps / len(mean)
    table = np.zeros((len(mean), signals.FIELDS))
    table[:, signals.COUNT] = size
    table[:, signals.MEAN] = table[:, signals.FIRST] = table[:, signals.LAST] = mean
    table[:, signals.M2] = std**2 * (size - 1)
    table[:, signals.LOW], table[:, signals.HIGH] = mean - 2 * std, arrays["mb_max"][row]
    echo = np.clip(np.nan_to_num(arrays["mb_acf1"][row].astype(float)), -1, 1)
    table[:, signals.PATH2] = 2 * std**2 * (1 - echo) * (size - 1)
    table[:, signals.PATH] = np.sqrt(table[:, signals.PATH2] / size) * size
    table[0, signals.FIRST] = float(arrays["train_losses"][row, 0])
    table[:, signals.BEGIN] = np.arange(len(mean)) * size
    table[:, signals.END] = table[:, signals.BEGIN] + size - 1
    return table
