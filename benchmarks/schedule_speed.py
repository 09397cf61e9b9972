"""What does a schedule cost a step, and a million steps at once?

A composed schedule (a warm-up, then a cosine, clipped) is called once a step in plain Python, and evaluated for a
million steps with NumPy; the median over the repeats is told, in this process's own time and on one thread, so that
what else runs on the machine counts little.

Run: python -m benchmarks.schedule_speed [--repeats 15] [-o FILE.json]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lrlab.schedules.evaluate import values
from lrlab.schedules.text import parse

TEXT = "clip from 0.01 to 1 (warmup 5% then cosine)"
STEPS = 1_000_000
CALLS = 100_000
MOST_MICROSECONDS = 2.0  # a step
MOST_MS = 50.0  # all steps at once


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
    schedule = parse(TEXT).bind(total_steps=STEPS)
    places = range(0, STEPS, STEPS // CALLS)
    steps = np.arange(STEPS)

    def one_by_one() -> None:
        for step in places:
            schedule(step)  # type: ignore[operator]

    return {
        "microseconds_a_step": median_s(one_by_one, repeats) / len(places) * 1e6,
        "million_steps_ms": median_s(lambda: values(schedule, steps), repeats) * 1e3,  # type: ignore[arg-type]
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, tell, and fail where a bound is broken."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--repeats", type=int, default=15)
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args(arguments)
    found = measure(given.repeats)
    print(f"{TEXT}, median of {given.repeats}:")
    print(f"  {found['microseconds_a_step']:.2f} microseconds a step (at most {MOST_MICROSECONDS:g})")
    print(f"  {found['million_steps_ms']:.1f} ms for a million steps (at most {MOST_MS:g})")
    if given.output:
        given.output.write_text(json.dumps(found, indent=2), encoding="utf-8")
    sound = found["microseconds_a_step"] <= MOST_MICROSECONDS and found["million_steps_ms"] <= MOST_MS
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
