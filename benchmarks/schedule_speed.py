"""What does a schedule cost a step, a million steps at once, and through PyTorch?

A composed schedule (a warm-up, then a cosine, clipped) is called once a step in plain Python, and evaluated for a
million steps with NumPy; the median over the repeats is told, in this process's own time and on one thread, so that
what else runs on the machine counts little.

A step of the scheduler that ``lrlab.schedule(...).torch`` makes is compared with PyTorch's own of the same curve, the
two in turns; what is told is the median of the ratios. PyTorch's are a warm-up and a cosine in a ``SequentialLR``, and
``CosineAnnealingLR`` alone.

Run: python -m benchmarks.schedule_speed [--repeats 15] [-o FILE.json]
"""

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch.optim import lr_scheduler as rates

from benchmarks.kept import output_option, save
from lrlab.api.schedule import schedule
from lrlab.schedules.evaluate import values
from lrlab.schedules.text import parse

TEXT = "clip from 0.01 to 1 (warmup 5% then cosine)"
STEPS = 1_000_000
CALLS = 100_000
MOST_MICROSECONDS = 2.0  # a step
MOST_MS = 50.0  # all steps at once
MOST_RATIO = 1.0  # of a step of PyTorch's own scheduler
TORCH_STEPS = 3_000
GROUPS = 2


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Median processor time of ``work``, in seconds."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times)


def measure(repeats: int) -> dict[str, float]:
    """Microseconds a step and milliseconds for all steps."""
    composed = parse(TEXT).bind(total_steps=STEPS)
    places = range(0, STEPS, STEPS // CALLS)
    steps = np.arange(STEPS)

    def one_by_one() -> None:
        for step in places:
            composed(step)  # type: ignore[operator]

    return {
        "microseconds_a_step": median_s(one_by_one, repeats) / len(places) * 1e6,
        "million_steps_ms": median_s(lambda: values(composed, steps), repeats) * 1e3,  # type: ignore[arg-type]
    }


def _optimizer() -> torch.optim.Optimizer:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": 0.1 / (k + 1)} for k in range(GROUPS)]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    optimizer.step()  # PyTorch warns where a scheduler is stepped first
    return optimizer


def _composed(optimizer: torch.optim.Optimizer) -> rates.LRScheduler:
    rise = TORCH_STEPS // 20
    parts: list[rates.LRScheduler] = [
        rates.LinearLR(optimizer, start_factor=1e-9, total_iters=rise),
        rates.CosineAnnealingLR(optimizer, TORCH_STEPS - rise),
    ]
    return rates.SequentialLR(optimizer, parts, milestones=[rise])


def _alone(optimizer: torch.optim.Optimizer) -> rates.LRScheduler:
    return rates.CosineAnnealingLR(optimizer, TORCH_STEPS)


# What is compared: our text, and PyTorch's own of the same curve.
PAIRS = {"warmup 5% then cosine": _composed, "cosine": _alone}


def through_torch(text: str, repeats: int) -> tuple[float, float]:
    """Microseconds of a step of our scheduler, and the median ratio to PyTorch's own, measured in turns."""
    spec = schedule(text)

    def stepped(make: Callable[[torch.optim.Optimizer], rates.LRScheduler]) -> float:
        optimizer = _optimizer()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the optimizer is not stepped in between
            scheduler = make(optimizer)
            started = time.process_time()
            for _ in range(TORCH_STEPS):
                scheduler.step()
        return (time.process_time() - started) / TORCH_STEPS * 1e6

    ours, ratios = [], []
    for _ in range(repeats):
        mine = stepped(lambda optimizer: spec.torch(optimizer, total_steps=TORCH_STEPS))
        ours.append(mine)
        ratios.append(mine / stepped(PAIRS[text]))
    return statistics.median(ours), statistics.median(ratios)


def main(arguments: list[str] | None = None) -> int:
    """Measure, tell, and fail where a bound is broken."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--repeats", type=int, default=15)
    output_option(options)
    given = options.parse_args(arguments)
    found = measure(given.repeats)
    print(f"{TEXT}, median of {given.repeats}:")
    print(f"  {found['microseconds_a_step']:.2f} microseconds a step (at most {MOST_MICROSECONDS:g})")
    print(f"  {found['million_steps_ms']:.1f} ms for a million steps (at most {MOST_MS:g})")
    sound = found["microseconds_a_step"] <= MOST_MICROSECONDS and found["million_steps_ms"] <= MOST_MS
    for text in PAIRS:
        cost, ratio = through_torch(text, given.repeats)
        print(
            f"  {text}: {cost:.1f} microseconds a step in PyTorch, {ratio:.2f} of PyTorch's own (at most {MOST_RATIO:g})"
        )
        found[f"torch: {text}"], found[f"torch ratio: {text}"] = cost, ratio
        sound = sound and ratio <= MOST_RATIO
    save(found, given.output)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
