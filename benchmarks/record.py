"""Record full learning-rate grids of eight small real trainings, to replay searchers on and to test diagnosis.

Each workload of ``recorded_workloads.py`` is trained at 25 rates over six decades with 3 seeds, under a constant rate and
under a cosine, two of them also under a line to zero and under warm-up, stable, decay. One file a grid:

- ``lr`` (rates,), ``seed`` (seeds,), ``multiplier`` (steps,): the applied rate of a step is ``lr * multiplier``;
- ``val_loss``, and ``val_acc`` where there are classes: (rates, seeds, units + 1), column 0 is before training;
- ``loss``, ``grad_norm`` (before the step; nothing is clipped), ``update_ratio`` (length of the step over length of the
  weights) and ``grad_cosine`` (between this batch's gradient and the last one's): (rates, seeds, steps), every step,
  rounded to 12 significant bits so that they compress;
- ``steps_done`` and ``seconds`` (rates, seeds); ``meta``: JSON.

All are float32. A training ends where its loss or its validation loss is not finite: that value stands, what follows
is NaN. A finished grid is not recorded again.

Run: python -m benchmarks.record --out benchmarks/grids [--only NAME] [--workers N]
"""

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from benchmarks.recorded_workloads import WORKLOADS, Workload
from benchmarks.workloads import Arrays
from lrlab.schedules.spec import resolve

SEEDS = (0, 1, 2)
WARMUP = 0.05  # share of the training, before every decaying schedule
STABLE_UNTIL = 0.8  # of a training under warm-up, stable, decay
KEPT_BITS = 12
TELL_EVERY = 25  # trainings
SERIES = ("loss", "grad_norm", "update_ratio", "grad_cosine")


def multipliers(schedule: str, steps: int) -> np.ndarray:
    """The applied rate over the given one at each step, shape (steps,), float64.

    Args:
        schedule: ``constant``; ``cosine`` or ``linear`` to zero after a warm-up of 5 %; ``wsd``: the same warm-up, level
            to 80 % of the training, and a line to zero.
        steps: Optimizer steps of the training.
    """
    if schedule != "wsd":
        multiplier = resolve(schedule, total_steps=steps, warmup=0.0 if schedule == "constant" else WARMUP)
        return np.array([multiplier(step) for step in range(steps)])
    rise = math.ceil(WARMUP * steps)
    step = np.arange(steps)
    fall = (steps - step) / (steps - STABLE_UNTIL * steps)
    return np.minimum(np.minimum(step / rise, 1.0), fall)


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What one training recorded; see the head of this file. Values after an early end are NaN."""

    validation: Mapping[str, np.ndarray]
    series: Mapping[str, np.ndarray]
    steps_done: int
    seconds: float


class OneVector:
    """A model's weights and gradients, each laid out as one vector, so that a step and its lengths cost little.

    Every optimizer here treats each number for itself, so nothing depends on how they are grouped.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        parts = list(model.parameters())
        self.weights = torch.nn.Parameter(torch.cat([part.detach().flatten() for part in parts]))
        self.weights.grad = torch.zeros_like(self.weights)
        place = 0
        for part in parts:
            end = place + part.numel()
            part.data = self.weights.data[place:end].view_as(part)
            part.grad = self.weights.grad[place:end].view_as(part)
            place = end


def optimizer(name: str, weights: torch.nn.Parameter, lr: float) -> torch.optim.Optimizer:
    """The optimizer of that name with PyTorch's defaults; ``momentum`` is SGD with 0.9."""
    if name == "momentum":
        return torch.optim.SGD([weights], lr=lr, momentum=0.9)
    makers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop}  # fmt: skip
    return makers[name]([weights], lr=lr)


def unit_steps(workload: Workload, train: Arrays) -> int:
    """Optimizer steps in a unit."""
    return workload.unit_batches or len(train[0]) // workload.batch_size


def batches(workload: Workload, train: Arrays, order: torch.Generator) -> Iterator[Arrays]:
    """The batches of one unit, in the next order."""
    shuffled = torch.randperm(len(train[0]), generator=order)
    for number in range(unit_steps(workload, train)):
        chosen = shuffled[number * workload.batch_size : (number + 1) * workload.batch_size]
        yield train[0][chosen], train[1][chosen]


@torch.no_grad()
def evaluate(workload: Workload, model: torch.nn.Module, validation: Arrays) -> dict[str, float]:
    """The validation metrics."""
    model.eval()
    output = model(validation[0])
    found = {"val_loss": workload.loss(output, validation[1]).item()}
    if workload.classifies:
        found["val_acc"] = (output.argmax(-1) == validation[1]).float().mean().item()
    model.train()
    return found


def train(
    workload: Workload, data: tuple[Arrays, Arrays], *, lr: float, seed: int, schedule: str | np.ndarray
) -> Curves:
    """One training, recorded; a schedule is a name, or its multipliers.

    Weights, order of the data and dropout depend on ``seed`` only.
    """
    began = time.perf_counter()
    per_unit = unit_steps(workload, data[0])
    steps = workload.units * per_unit
    multiplier = multipliers(schedule, steps) if isinstance(schedule, str) else schedule
    series = {name: np.full(steps, np.nan, np.float32) for name in SERIES}
    validation: dict[str, np.ndarray] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = workload.model()
        vector = OneVector(model)
        chosen = optimizer(workload.optimizer, vector.weights, lr)
        order = torch.Generator().manual_seed(seed)
        last_gradient, step = torch.zeros_like(vector.weights), 0
        for unit in range(workload.units + 1):
            if unit:
                for inputs, targets in batches(workload, data[0], order):
                    chosen.param_groups[0]["lr"] = lr * float(multiplier[step])
                    values = advance(workload, model, vector, chosen, (inputs, targets), last_gradient)
                    for name, value in zip(SERIES, values, strict=True):
                        series[name][step] = value
                    step += 1
                    if not math.isfinite(values[0]):
                        break
            if unit and not math.isfinite(series["loss"][step - 1]):
                break
            found = evaluate(workload, model, data[1])
            for name, value in found.items():
                validation.setdefault(name, np.full(workload.units + 1, np.nan, np.float32))[unit] = value
            if not math.isfinite(found["val_loss"]):
                break
    return Curves(validation=validation, series=series, steps_done=step, seconds=time.perf_counter() - began)


def advance(
    workload: Workload,
    model: torch.nn.Module,
    vector: OneVector,
    chosen: torch.optim.Optimizer,
    batch: Arrays,
    last_gradient: torch.Tensor,
) -> tuple[float, float, float, float]:
    """One optimizer step; its ``SERIES``. Overwrites ``last_gradient``."""
    gradient = vector.weights.grad
    assert gradient is not None
    gradient.zero_()
    loss = workload.loss(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    before = vector.weights.detach().clone()
    norm, last_norm = gradient.norm().item(), last_gradient.norm().item()
    used = norm if workload.clip is None else min(norm, workload.clip)
    if used < norm:
        gradient.mul_(used / norm)
    chosen.step()
    lengths = used * last_norm
    cosine = torch.dot(gradient, last_gradient).item() / lengths if lengths > 0 else math.nan
    ratio = ((vector.weights.detach() - before).norm() / before.norm()).item()
    last_gradient.copy_(gradient)
    return loss.item(), norm, ratio, cosine


def rounded(values: np.ndarray) -> np.ndarray:
    """``values`` with 12 significant bits: off by at most a part in 2**12 of itself; not finite ones as they are."""
    mantissa, exponent = np.frexp(values)
    scale = np.float32(2**KEPT_BITS)
    return np.ldexp(np.round(mantissa * scale) / scale, exponent).astype(np.float32)


@cache
def loaded(name: str) -> tuple[Workload, tuple[Arrays, Arrays]]:
    """A workload and its data, once a process."""
    torch.set_num_threads(1)
    workload = next(workload for workload in WORKLOADS if workload.name == name)
    return workload, workload.data()


def train_one(job: tuple[str, str, float, int]) -> Curves:
    """The training of (workload, schedule, rate, seed)."""
    name, schedule, lr, seed = job
    workload, data = loaded(name)
    return train(workload, data, lr=lr, seed=seed, schedule=schedule)


def data_hash(data: tuple[Arrays, Arrays]) -> str:
    """Tells whether the data is still the same."""
    total = hashlib.sha256()
    for part in data:
        for array in part:
            total.update(np.ascontiguousarray(array.numpy()).tobytes())
    return total.hexdigest()[:16]


def record(
    workload: Workload,
    schedule: str,
    path: Path,
    *,
    rates: tuple[float, ...] = (),
    seeds: tuple[int, ...] = SEEDS,
    workers: int = 1,
) -> None:
    """Train a whole grid and write it to ``path``, at its end and at once."""
    began = time.perf_counter()
    rates = rates or workload.rates
    jobs = [(workload.name, schedule, lr, seed) for lr in rates for seed in seeds]
    name = f"{workload.name}-{workload.optimizer}-{schedule}"
    found: list[Curves] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for curves in pool.map(train_one, jobs):
            found.append(curves)
            if len(found) % TELL_EVERY == 0:
                each = (time.perf_counter() - began) / len(found)
                print(f"{name}: {len(found)} of {len(jobs)}, {each:.2f} s each", file=sys.stderr, flush=True)
    _, data = loaded(workload.name)
    shape = (len(rates), len(seeds), -1)
    steps = len(found[0].series["loss"])
    meta = {
        "workload": workload.name, "kind": workload.kind, "optimizer": workload.optimizer, "schedule": schedule,
        "units": workload.units, "steps": steps, "batch_size": workload.batch_size,
        "training_samples": len(data[0][0]), "validation_samples": len(data[1][0]), "data": data_hash(data),
        "untrained": float(np.mean([curves.validation["val_loss"][0] for curves in found])),
        "python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__,
        "seconds": round(sum(curves.seconds for curves in found), 1),
    }  # fmt: skip
    arrays = {
        "lr": np.array(rates),
        "seed": np.array(seeds),
        "multiplier": multipliers(schedule, steps).astype(np.float32),
        "steps_done": np.array([curves.steps_done for curves in found], np.int32).reshape(shape[:2]),
        "seconds": np.array([curves.seconds for curves in found], np.float32).reshape(shape[:2]),
        "meta": np.array(json.dumps(meta)),
    }
    for metric in found[0].validation:
        arrays[metric] = np.stack([curves.validation[metric] for curves in found]).reshape(shape)
    for series in SERIES:
        arrays[series] = rounded(np.stack([curves.series[series] for curves in found])).reshape(shape)
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    os.replace(part, path)
    took = time.perf_counter() - began
    print(f"{name}: {len(jobs)} trainings in {took:.0f} s, {path.stat().st_size / 1e6:.2f} MB", flush=True)


def main() -> None:
    """Record what is not yet recorded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the grids")
    parser.add_argument("--only", default="", help="only the grids with this in their name")
    parser.add_argument("--workers", type=int, default=1, help="processes; each trains on one core")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for workload in WORKLOADS:
        for schedule in workload.schedules:
            name = f"{workload.name}-{workload.optimizer}-{schedule}"
            path = options.out / f"{name}.npz"
            if options.only not in name:
                continue
            if path.exists():
                print(f"{name}: is there")
                continue
            record(workload, schedule, path, workers=options.workers)


if __name__ == "__main__":
    main()
