"""Record small real trainings that differ in nothing but their schedule, to judge the diagnosis of schedules on.

Each workload is trained at, and at three times, a rate near its best one, with 3 seeds, under

- a warm-up of 0, 1, 5, 20 or 50 % of the training, level to a half, and a line to zero;
- a warm-up of 5 %, level to 5, 20, 50, 80 or 100 % of the training (100 %: it never falls), and a line to zero.

With ``--kind tails``: 2 seeds under a warm-up of 5 % and an exponential fall to a thousandth, or to a hundred thousandth,
which is written as a level of -3 and -5. With ``--kind full-batch``: at 12 rates under a constant rate, a batch being the
whole training set, with 2 seeds. What a schedule or a rate is worth is then known from what the others reach.

One file a workload: ``val_loss`` (rates, shapes, seeds, units + 1); ``loss`` and ``grad_norm`` (rates, shapes, steps) of the
first seed, logarithms rounded to 1 % so that they compress (validation, and the losses of full batches: 0.05 %), as int16
with ``NOT_FINITE`` for what is not finite; ``lr``, ``shape`` (warm-up, level until), ``meta``. ``read`` undoes it. Not every
workload that is named here has been recorded: what is not there can be added.

Run: python -m benchmarks.symptom_runs --out benchmarks/schedule_runs [--only NAME], and the same with
--out benchmarks/tail_runs --kind tails and --out benchmarks/full_batch_runs --kind full-batch
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.diagnosis_grids import in_turns
from benchmarks.record import train
from benchmarks.recorded_workloads import WORKLOADS, Workload

SEEDS = (0, 1, 2)
FACTORS = (1.0, 3.0)
WARMUPS = (0.0, 0.01, 0.05, 0.2, 0.5)
LEVELS = (0.05, 0.2, 0.5, 0.8, 1.0)
SHAPES = tuple(dict.fromkeys([(warmup, 0.5) for warmup in WARMUPS] + [(0.05, level) for level in LEVELS]))
TAILS = ((0.05, -3.0), (0.05, -5.0))
TWO_SEEDS = (0, 1)
GRAIN = 0.01  # of a kept loss or norm, relative
FINE = 0.0005  # of a validation loss
NOT_FINITE = -(2**15)
# Name and optimizer, a rate near the best, units. What was chosen was chosen on the first group only.
DEVELOPMENT: tuple[tuple[str, str, float, int], ...] = (
    ("friedman-gelu", "adamw", 0.03, 15),
    ("friedman-gelu", "sgd", 0.3, 15),
    ("digits-mlp", "momentum", 0.3, 20),
    ("digits-mlp", "adamw", 0.02, 12),
    ("spirals", "adam", 0.03, 20),
    ("wine-tanh", "adam", 0.03, 30),
    ("digits-cnn", "sgd", 0.5, 12),
)
OTHERS: tuple[tuple[str, str, float, int], ...] = (
    ("manual-transformer", "adamw", 0.0178, 16),
    ("sums-lstm", "adam", 0.03, 20),
    ("noisy-norm", "adam", 0.05, 12),
    ("noisy-norm", "sgd", 1.0, 14),
    ("cancer-deep-linear", "momentum", 0.0178, 16),
    ("badly-scaled", "adamw", 0.0147, 6),
    ("diabetes-tanh", "adam", 0.00316, 20),
    ("lines-bag", "rmsprop", 0.01, 8),
    ("photos-resnet", "momentum", 0.0316, 10),
)
FULL_BATCH: tuple[tuple[str, str, float, int], ...] = (
    ("friedman-gelu", "sgd", 0.4, 250),
    ("friedman-gelu", "momentum", 0.1, 250),
    ("digits-mlp", "sgd", 1.0, 250),
    ("digits-mlp", "adam", 0.03, 200),
    ("wine-tanh", "momentum", 0.5, 200),
    ("wine-tanh", "adam", 0.1, 200),
    ("noisy-norm", "sgd", 1.0, 200),
    ("noisy-norm", "adamw", 0.05, 200),
    ("cancer-deep-linear", "momentum", 0.05, 200),
    ("cancer-deep-linear", "sgd", 0.3, 200),
    ("diabetes-tanh", "sgd", 0.2, 200),
    ("diabetes-tanh", "adam", 0.01, 200),
    ("badly-scaled", "sgd", 0.5, 200),
    ("badly-scaled", "adam", 0.05, 200),
    ("sums-lstm", "momentum", 0.1, 150),
    ("digits-cnn", "momentum", 0.1, 80),
)


def multiplier(warmup: float, level: float, steps: int) -> np.ndarray:
    """The applied rate over the peak at each step, shape (steps,): up in a line, level until a share, down to zero.

    A level below 0 is the decimal logarithm of what is left at the end of an exponential fall.
    """
    step, rise = np.arange(steps), round(warmup * steps)
    up = np.minimum((step + 1) / (rise + 1), 1.0)
    if level < 0:
        return up * 10 ** (level * step / steps)
    return up if level >= 1 else np.minimum(up, (steps - step) / (steps - level * steps))


@dataclass(frozen=True, kw_only=True)
class Runs:
    """What was recorded of a workload.

    Args:
        name: Workload and optimizer.
        optimizer: The same alone.
        problem: The workload's name.
        lr: Peak rates, shape (rates,).
        shape: Warm-up and level of each schedule.
        loss: Of the first seed, shape (rates, shapes, steps).
        grad_norm: Likewise.
        val_loss: Shape (rates, shapes, seeds, units + 1).
        development: Whether limits were chosen on it.
    """

    name: str
    optimizer: str
    problem: str
    lr: np.ndarray
    shape: tuple[tuple[float, float], ...]
    loss: np.ndarray
    grad_norm: np.ndarray
    val_loss: np.ndarray
    development: bool

    @property
    def steps(self) -> int:
        """Optimizer steps of a training."""
        return int(self.loss.shape[-1])


def packed(values: np.ndarray, grain: float = GRAIN) -> np.ndarray:
    """Logarithms in grains, differences along the last axis; what is not finite and positive is ``NOT_FINITE``."""
    good = np.isfinite(values) & (values > 0)
    grains = np.round(np.log(np.where(good, values, 1.0)) / grain)
    return np.where(good, np.clip(grains, NOT_FINITE + 1, -NOT_FINITE - 1), NOT_FINITE).astype(np.int16)


def unpacked(grains: np.ndarray, grain: float = GRAIN) -> np.ndarray:
    """Undoes ``packed``; what was not finite is NaN."""
    return np.where(grains == NOT_FINITE, np.nan, np.exp(grains.astype(float) * grain))


def workloads(chosen: tuple[tuple[str, str, float, int], ...]) -> Iterator[tuple[Workload, float]]:
    """Workloads of those names, at that length, and the rate."""
    known = {workload.name: workload for workload in (*in_turns(), *WORKLOADS)}
    for name, optimizer, lr, units in chosen:
        yield replace(known[name], optimizer=optimizer, units=units), lr


def record(workload: Workload, lr: float, path: Path, *, kind: str) -> None:
    """Train everything of a kind (``schedules``, ``tails``, ``full-batch``) and write it to ``path``."""
    began = time.perf_counter()
    data = workload.data()
    full_batch = kind == "full-batch"
    if full_batch:
        workload = replace(workload, batch_size=len(data[0][0]), unit_batches=1)
        rates = [float(f"{lr * 10 ** ((place - 7) / 4):.3g}") for place in range(12)]
        shapes, seeds = ((0.0, 1.0),), TWO_SEEDS
    else:
        rates = [float(f"{lr * factor:.3g}") for factor in FACTORS]
        shapes, seeds = (TAILS, TWO_SEEDS) if kind == "tails" else (SHAPES, SEEDS)
    steps = workload.units * (workload.unit_batches or len(data[0][0]) // workload.batch_size)
    val = np.full((len(rates), len(shapes), len(seeds), workload.units + 1), np.nan, np.float32)
    series = np.full((2, len(rates), len(shapes), steps), np.nan)
    for at in np.ndindex(val.shape[:3]):
        curves = train(
            workload, data, lr=rates[at[0]], seed=seeds[at[2]], schedule=multiplier(*shapes[at[1]], steps)
        )
        val[at] = curves.validation["val_loss"]
        if at[2] == 0:
            series[0, *at[:2]], series[1, *at[:2]] = curves.series["loss"], curves.series["grad_norm"]
    every = max(workload.units // 20, 1)
    kept = val[..., sorted({0, *range(workload.units, 0, -every)})] if full_batch else val
    meta = {"workload": workload.name, "optimizer": workload.optimizer, "batch_size": workload.batch_size,
            "units": workload.units, "grain": FINE if full_batch else GRAIN, "seconds": round(time.perf_counter() - began, 1)}  # fmt: skip
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(
            stream, lr=np.array(rates), shape=np.array(shapes), loss=packed(series[0], meta["grain"]), grad_norm=packed(series[1]),
            val_loss=packed(kept, FINE), meta=np.array(json.dumps(meta)),
        )  # fmt: skip
    os.replace(part, path)
    print(f"{path.stem}: {steps} steps, {meta['seconds']} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)


def read(folder: Path) -> Iterator[Runs]:
    """Everything that was recorded into a folder."""
    chosen = {f"{name}-{optimizer}" for name, optimizer, *_ in DEVELOPMENT}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as table:
            meta: dict[str, Any] = json.loads(str(table["meta"]))
            yield Runs(
                name=path.stem, optimizer=meta["optimizer"], problem=meta["workload"], lr=table["lr"],
                shape=tuple((float(warmup), float(level)) for warmup, level in table["shape"]),
                loss=unpacked(table["loss"], meta.get("grain", GRAIN)), grad_norm=unpacked(table["grad_norm"]),
                val_loss=unpacked(table["val_loss"], FINE), development=path.stem in chosen,
            )  # fmt: skip


def main() -> None:
    """Record what is not yet recorded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument(
        "--kind", choices=("schedules", "tails", "full-batch"), default="schedules", help="what is recorded"
    )
    parser.add_argument("--only", default="", help="only the workloads with this in their name")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    chosen = FULL_BATCH if options.kind == "full-batch" else (*DEVELOPMENT, *OTHERS)
    for workload, lr in workloads(chosen):
        path = options.out / f"{workload.name}-{workload.optimizer}.npz"
        if options.only in path.stem and not path.exists():
            record(workload, lr, path, kind=options.kind)


if __name__ == "__main__":
    main()
