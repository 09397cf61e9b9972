"""Record more learning-rate grids to fit and judge the diagnosis on: many small problems, a few minutes of one core.

The eight workloads of ``recorded_workloads.py`` are few to tell a rate's signs from a problem's. These are seconds each:
made-up and packaged data, every optimizer, lengths from 160 to 2,250 steps, batches from 8 to 64, 18 rates at 2 seeds.
The format is that of ``record.py``. They never serve to report a searcher. ``--wide`` records the other kinds of training
of ``wide_workloads.py`` instead, which need ``LRLAB_DATA``.

Run: python -m benchmarks.diagnosis_grids --out benchmarks/grids_small [--only NAME]
     LRLAB_DATA=... python -m benchmarks.diagnosis_grids --wide --out benchmarks/grids_wide [--only NAME] [--workers N]
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.record import SERIES, multipliers, rounded, train
from benchmarks.recorded_workloads import Workload, autoencoder, digit_copies
from benchmarks.wide_workloads import workloads
from benchmarks.workloads import Arrays, digits, split, table

SEEDS = (0, 1)
WIDE_SEEDS = (0, 1, 2)  # fine-tuning gains little, and what it gains is noisy
_CLASSES, _NUMBERS = nn.functional.cross_entropy, nn.functional.mse_loss
Data = tuple[Arrays, Arrays]


def _net(*sizes: int, act: type[nn.Module] = nn.ReLU, norm: bool = False) -> nn.Module:
    """A perceptron with these layer sizes."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs), *([nn.BatchNorm1d(outputs)] if norm else []), act()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


@cache
def _digits() -> Data:
    return digits()[:2]


@cache
def _wine() -> Data:
    return table("wine")[:2]


@cache
def _noisy_classes() -> Data:
    """1,200 points in 20 dimensions, 4 classes, a fifth of the labels wrong."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        2000, 20, n_informative=8, n_classes=4, flip_y=0.2, class_sep=1.5, random_state=3
    )
    return split(torch.tensor(x, dtype=torch.float32), torch.tensor(y))[:2]


@cache
def _friedman() -> Data:
    """A smooth function of 10 numbers, with noise; the target is standardised."""
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(1500, noise=1.0, random_state=1)
    target = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
    return split(torch.tensor(x, dtype=torch.float32), target)[:2]


@cache
def _badly_scaled() -> Data:
    """A linear function of 24 numbers whose spreads span a factor of 30; the target is standardised."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(1000, 24)) * np.logspace(0, -1.5, 24)
    y = x @ draw.normal(size=24) / np.logspace(0, -1, 24).mean() + 0.1 * draw.normal(size=1000)
    target = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
    return split(torch.tensor(x, dtype=torch.float32), target)[:2]


@cache
def _spirals() -> Data:
    """Two spirals in the plane: easy to see, slow to learn."""
    draw = np.random.default_rng(7)
    turn = np.sqrt(draw.uniform(0.05, 1, 1200)) * 9
    label = draw.integers(2, size=1200)
    x = np.stack([np.cos(turn + np.pi * label), np.sin(turn + np.pi * label)], 1) * turn[:, None] / 4
    return split(
        torch.tensor(x + 0.05 * draw.normal(size=x.shape), dtype=torch.float32), torch.tensor(label)
    )[:2]


class _Sums(nn.Module):
    """An LSTM that reads 12 numbers and tells one."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(1, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers of sequences, shape (batch, 12, 1), to (batch, 1)."""
        last: torch.Tensor = self.out(self.lstm(x)[0][:, -1])
        return last


@cache
def _sums() -> Data:
    """Sequences, and their sum weighted towards the first."""
    draw = np.random.default_rng(11)
    x = draw.normal(size=(900, 12, 1))
    y = (x[..., 0] * 0.85 ** np.arange(12)).sum(1, keepdims=True)
    return split(torch.tensor(x, dtype=torch.float32), torch.tensor(np.tanh(y) / 0.6, dtype=torch.float32))[
        :2
    ]


def _problems() -> Iterator[tuple[str, Workload]]:
    """Data family and workload; ``schedules`` has the one that it is recorded under."""

    def of(
        name: str,
        data: Callable[[], Data],
        model: Callable[[], nn.Module],
        loss: Callable[..., torch.Tensor],
        settings: tuple[tuple[str, int, int, str], ...],
    ) -> Iterator[tuple[str, Workload]]:
        for optimizer, units, batch, schedule in settings:
            workload = Workload(
                name=name, kind="table", optimizer=optimizer, data=data, model=model, loss=loss,
                classifies=loss is _CLASSES, units=units, batch_size=batch, schedules=(schedule,),
            )  # fmt: skip
            yield name, workload

    yield from of("wine-tanh", _wine, partial(_net, 13, 24, 24, 3, act=nn.Tanh), _CLASSES,
                  (("sgd", 30, 16, "constant"), ("adam", 60, 8, "cosine"), ("adamw", 40, 16, "constant"), ("momentum", 40, 16, "linear")))  # fmt: skip
    yield from of("noisy-norm", _noisy_classes, partial(_net, 20, 48, 48, 4, norm=True), _CLASSES,
                  (("momentum", 20, 64, "cosine"), ("adamw", 20, 64, "constant"), ("sgd", 20, 32, "cosine"), ("adam", 12, 32, "linear")))  # fmt: skip
    yield from of("friedman-gelu", _friedman, partial(_net, 10, 48, 32, 1, act=nn.GELU), _NUMBERS,
                  (("adamw", 30, 32, "cosine"), ("sgd", 40, 32, "constant"), ("momentum", 20, 16, "constant"), ("rmsprop", 25, 64, "cosine")))  # fmt: skip
    yield from of("badly-scaled", _badly_scaled, partial(_net, 24, 1), _NUMBERS,
                  (("sgd", 30, 16, "constant"), ("momentum", 30, 32, "cosine"), ("adam", 40, 32, "constant"), ("adamw", 15, 8, "linear")))  # fmt: skip
    yield from of("spirals", _spirals, partial(_net, 2, 32, 32, 2), _CLASSES,
                  (("adam", 50, 32, "constant"), ("momentum", 60, 32, "cosine"), ("adamw", 80, 32, "linear"), ("sgd", 50, 16, "constant")))  # fmt: skip
    yield from of("digits-mlp", _digits, partial(_net, 64, 48, 10), _CLASSES,
                  (("adamw", 15, 32, "cosine"), ("sgd", 15, 32, "constant"), ("momentum", 10, 64, "linear"), ("rmsprop", 15, 32, "constant")))  # fmt: skip
    yield from of("sums-lstm", _sums, _Sums, _NUMBERS,
                  (("adam", 20, 32, "cosine"), ("momentum", 20, 32, "constant"), ("adamw", 20, 64, "constant")))  # fmt: skip
    yield from of("digits-copies", digit_copies, autoencoder, _NUMBERS,
                  (("momentum", 20, 32, "constant"), ("adam", 10, 64, "cosine"), ("sgd", 20, 32, "linear")))  # fmt: skip


def in_turns() -> list[Workload]:
    """Every workload, the first of each problem first."""
    by_name: dict[str, list[Workload]] = {}
    for name, workload in _problems():
        by_name.setdefault(name, []).append(workload)
    longest = max(len(own) for own in by_name.values())
    return [own[turn] for turn in range(longest) for own in by_name.values() if turn < len(own)]


def record(workload: Workload, path: Path, seeds: tuple[int, ...] = SEEDS) -> str:
    """Train a grid and write it, as ``record.record`` does, with the series of two seeds; a line about it."""
    began = time.perf_counter()
    data = workload.data()
    [schedule] = workload.schedules
    lowest = -4.5 if workload.optimizer in ("sgd", "momentum") else -5.5
    rates = tuple(float(f"{10 ** (lowest + step / 3):.3e}") for step in range(18))
    found = [train(workload, data, lr=lr, seed=seed, schedule=schedule) for lr in rates for seed in seeds]
    steps = len(found[0].series["loss"])
    shape = (len(rates), len(seeds), -1)
    meta = {
        "workload": workload.name, "kind": workload.kind, "optimizer": workload.optimizer, "schedule": schedule,
        "units": workload.units, "steps": steps, "batch_size": workload.batch_size, "clip": workload.clip,
        "untrained": float(np.mean([curves.validation["val_loss"][0] for curves in found])),
    }  # fmt: skip
    arrays = {
        "lr": np.array(rates),
        "seed": np.array(seeds),
        "multiplier": multipliers(schedule, steps).astype(np.float32),
        "steps_done": np.array([curves.steps_done for curves in found], np.int32).reshape(shape[:2]),
        "val_loss": np.stack([curves.validation["val_loss"] for curves in found]).reshape(shape),
        "meta": np.array(json.dumps(meta)),
    }
    for series in SERIES[:3]:
        whole = np.stack([curves.series[series] for curves in found]).reshape(shape)
        arrays[series] = rounded(whole[:, : len(SEEDS)])
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    os.replace(part, path)
    size = path.stat().st_size / 1e6
    return f"{path.stem}: {steps} steps, {time.perf_counter() - began:.0f} s, {size:.2f} MB"


def main() -> None:
    """Record what is not yet recorded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the grids")
    parser.add_argument("--only", default="", help="only the grids with this in their name")
    parser.add_argument("--wide", action="store_true", help="the workloads of wide_workloads.py")
    parser.add_argument("--workers", type=int, default=1, help="processes; each trains on one core")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for number, workload in enumerate(_workloads(options.wide)):
        [schedule] = workload.schedules
        path = options.out / f"{workload.name}-{workload.optimizer}-{schedule}.npz"
        if options.only in path.stem and not path.exists():
            jobs.append((options.wide, number, path))
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for told in pool.map(_record_one, jobs):
            print(told, flush=True)


def _workloads(wide: bool) -> list[Workload]:
    return list(workloads()) if wide else in_turns()


def _record_one(job: tuple[bool, int, Path]) -> str:
    """The grid of (wide, number of the workload, path)."""
    wide, number, path = job
    torch.set_num_threads(1)
    return record(_workloads(wide)[number], path, WIDE_SEEDS if wide else SEEDS)


if __name__ == "__main__":
    main()
