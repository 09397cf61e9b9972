"""How much memory a study of many frozen runs takes, and whether a smaller bound is kept.

Sixteen recipes (a digits perceptron, and one with 48 MB of weights) wait frozen in two workers; the resident memory
of coordinator and workers is sampled ten times a second. A bound that is set to less must be kept by evicting runs,
at the same answer.

Run: python -m benchmarks.memory
"""

import json
import threading
from collections.abc import Callable
from typing import Any

import psutil
from torch import nn

import lrlab
from benchmarks.workloads import digits, mlp
from lrlab.api.results import digest
from lrlab.torch import Recipe

GIB = 2**30


class Sampler(threading.Thread):
    """The largest resident memory, in bytes, of this process with its children, and of one child."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.all = self.worker = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Look until ``stop``."""
        own = psutil.Process()
        while not self._over.wait(0.1):
            children = []
            for child in own.children(recursive=True):
                try:
                    children.append(child.memory_info().rss)
                except psutil.Error:
                    continue  # it has just ended
            self.all = max(self.all, own.memory_info().rss + sum(children))
            self.worker = max(self.worker, *children) if children else self.worker

    def stop(self) -> "Sampler":
        """End the sampling."""
        self._over.set()
        self.join()
        return self


def large() -> nn.Module:
    """A perceptron of 12 million weights: 48 MB, and as much again for momentum and gradients."""
    return nn.Sequential(
        nn.Linear(64, 3400), nn.ReLU(), nn.Linear(3400, 3400), nn.ReLU(), nn.Linear(3400, 10)
    )


def study(build: Callable[[], nn.Module], *, budget: int, memory_gib: float | None) -> dict[str, Any]:
    """One study of sixteen rates with two workers, and what it held."""
    (x, y), validation, _ = digits()
    recipe = Recipe(
        build,
        (x[:256], y[:256]),
        val_data=validation,
        optimizer="momentum",
        budget=budget,
        batch_size=64,
        name="memory",
    )
    sampler = Sampler()
    sampler.start()
    answer = lrlab.sweep(
        recipe, lr=(1e-4, 1.0), searcher="halving:16", workers=2, memory_gib=memory_gib, store="memory"
    )
    sampler.stop()
    return {
        "bound_gib": memory_gib, "peak_gib": round(sampler.all / GIB, 2),
        "largest_worker_gib": round(sampler.worker / GIB, 2), "runs": len(answer.runs), "cost": answer.cost,
        "digest": digest(answer),
    }  # fmt: skip


def main() -> None:
    """Print every study as JSON."""
    small = [study(mlp(64, 10), budget=16, memory_gib=None)]
    loose = study(large, budget=8, memory_gib=8)
    tight = study(large, budget=8, memory_gib=1.4)
    print(json.dumps({"small_recipes": small, "large_recipes": [loose, tight], "bar_gib": 2.5}, indent=1))


if __name__ == "__main__":
    main()
