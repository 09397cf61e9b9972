"""What does a recipe cost a step, against a loop that is written by hand and does the same work?

Both train the same model on the same batches in the same order, evaluate it after every unit, and keep the same
numbers: the mean training loss, the rate, the gradient's norm, validation loss and accuracy, and a few losses inside
the unit. They must agree in every bit of every number before anything is timed. Then they are timed in turns, in one
process and on one thread. What is added is the median over the pairs: other programs on the machine disturb single
pairs in both directions. Then the calls of a function ``train(run)`` are timed in its thread; ``report`` hands over to a caller that
only asks for more.

Run: python -m benchmarks.overhead [--pairs 60] [-o FILE.json]
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.kept import output_option, save
from lrlab.tasks.function import task
from lrlab.tasks.torch_data import epoch_seed
from lrlab.tasks.training_run import TrainingRun
from lrlab.torch import Recipe

SEED, LR = 0, 1e-3
MOST_SHARE = 0.02  # of a step that takes 5 ms or more
MOST_MICROSECONDS = 15.0  # of any step
MOST_CALL_MS = 0.2  # median of run.log and of run.report
CALLS = 500
Numbers = list[dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One training to time.

    Args:
        features: Width of the input.
        hidden: Width of the two hidden layers.
        samples: Training samples; a third as many validate.
        batch: Samples in a batch.
        epochs: Length of the training.
    """

    features: int
    hidden: int
    samples: int
    batch: int
    epochs: int

    @property
    def epoch_steps(self) -> int:
        """Optimizer steps in an epoch."""
        return math.ceil(self.samples / self.batch)

    @property
    def log_every(self) -> int:
        """Steps between losses inside an epoch, as a recipe chooses them."""
        return max(math.ceil(self.epoch_steps / 5), 10)

    def model(self) -> nn.Module:
        """A perceptron with ten classes."""
        return nn.Sequential(
            nn.Linear(self.features, self.hidden), nn.ReLU(),
            nn.Linear(self.hidden, self.hidden), nn.ReLU(),
            nn.Linear(self.hidden, 10),
        )  # fmt: skip

    def data(self, samples: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise with labels; what is learned does not matter here."""
        draw = torch.Generator().manual_seed(seed)
        x = torch.randn(samples, self.features, generator=draw)
        return x, torch.randint(10, (samples,), generator=draw)


SIZES = {
    "tiny": Size(features=8, hidden=16, samples=1024, batch=8, epochs=1),
    "tiny, short epochs": Size(features=8, hidden=16, samples=128, batch=8, epochs=8),
    "small": Size(features=64, hidden=128, samples=1024, batch=32, epochs=2),
    "large": Size(features=384, hidden=768, samples=1024, batch=64, epochs=1),
}


def by_hand(
    size: Size, train: tuple[torch.Tensor, ...], val: tuple[torch.Tensor, ...]
) -> Callable[[], Numbers]:
    """The loop that an engineer writes for these numbers; built here, timed when it is called."""
    torch.manual_seed(SEED)
    model = size.model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    (x, y), (val_x, val_y) = train, val

    def evaluate() -> dict[str, float]:
        model.eval()
        loss = right = 0.0
        with torch.no_grad():
            for start in range(0, len(val_x), size.batch):
                inputs, target = val_x[start : start + size.batch], val_y[start : start + size.batch]
                output = model(inputs)
                loss += functional.cross_entropy(output, target).item() * len(target)
                right += (output.argmax(1) == target).float().mean().item() * len(target)
        model.train()
        return {"val_loss": loss / len(val_x), "val_acc": right / len(val_x)}

    def run() -> Numbers:
        numbers: Numbers = [evaluate()]
        for epoch in range(size.epochs):
            total, logged, samples, since = 0.0, 0.0, 0, 0
            shuffler = torch.Generator().manual_seed(epoch_seed(SEED, epoch))
            order = torch.randperm(len(x), generator=shuffler)
            for step, start in enumerate(range(0, len(x), size.batch), start=1):
                index = order[start : start + size.batch]
                inputs, target = x[index], y[index]
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(inputs), target)
                loss.backward()
                if step == size.epoch_steps:
                    norm = torch.stack([weight.grad.norm() for weight in model.parameters()]).norm()  # type: ignore[union-attr]
                optimizer.step()
                logged += loss.item() * len(target)
                since += len(target)
                ends = step == size.epoch_steps
                if ends or step % size.log_every == 0:
                    if not ends:
                        numbers.append({"loss": logged / since})
                    total, samples, logged, since = total + logged, samples + since, 0.0, 0
            rate = optimizer.param_groups[0]["lr"]
            numbers.append(
                {"train_loss": total / samples, **evaluate(), "lr": rate, "grad_norm": float(norm)}
            )
        return numbers

    return run


def by_recipe(
    size: Size, train: tuple[torch.Tensor, ...], val: tuple[torch.Tensor, ...]
) -> Callable[[], Numbers]:
    """The same training as a recipe's run."""
    recipe = Recipe(
        size.model,
        train,
        val_data=val,
        optimizer="adamw",
        batch_size=size.batch,
        budget=size.epochs,
        device="cpu",
    )
    session = recipe.start(LR, seed=SEED)
    return lambda: [dict(record.metrics) for record in session.advance(size.epochs)]


def timed(run: Callable[[], Numbers]) -> float:
    """Processor seconds that ``run`` takes: nothing here waits, and other programs may share the machine."""
    began = time.process_time()
    run()
    return time.process_time() - began


def compare(size: Size, pairs: int) -> dict[str, Any]:
    """Times of both, and what the recipe adds.

    Raises:
        SystemExit: If the two do not do the same work.
    """
    train, val = size.data(size.samples, 1), size.data(size.samples // 3, 2)
    if by_hand(size, train, val)() != by_recipe(size, train, val)():  # warms both up, too
        raise SystemExit("overhead: the two trainings differ, so there is nothing to compare.")
    hand, recipe = [], []
    for pair in range(pairs):
        turns = [(by_hand, hand), (by_recipe, recipe)]
        for make, times in turns if pair % 2 else reversed(turns):
            times.append(timed(make(size, train, val)))
    steps = size.epochs * size.epoch_steps
    step_us = statistics.median(hand) / steps * 1e6
    added = sorted((b - a) / steps * 1e6 for a, b in zip(hand, recipe, strict=True))
    added_us = statistics.median(added)
    return {
        "steps": steps,
        "hand_us_per_step": round(step_us, 1),
        "added_us_per_step": round(added_us, 2),
        "added_us_quartiles": [round(added[len(added) // 4], 2), round(added[3 * len(added) // 4], 2)],
        "added_share": round(added_us / step_us, 4),
        "met": added_us <= (MOST_SHARE * step_us if step_us >= 5000 else MOST_MICROSECONDS),
    }


def call_times() -> dict[str, float]:
    """Median milliseconds of ``run.log`` and of ``run.report`` in one training."""
    taken: dict[str, list[float]] = {"log": [], "report": []}

    def train(run: TrainingRun) -> None:
        for unit in run.units():
            began = time.perf_counter()
            run.log(loss=0.5, grad_norm=1.5, step=unit)
            logged = time.perf_counter()
            run.report(val_loss=0.5, train_loss=0.4, step=unit)
            taken["report"].append(time.perf_counter() - logged)
            taken["log"].append(logged - began)

    session = task(train, budget=CALLS).start(LR, seed=SEED)
    for _ in session.advance(CALLS):
        pass
    session.close()
    return {name: 1e3 * statistics.median(times) for name, times in taken.items()}


def calls(trainings: int) -> dict[str, Any]:
    """The lowest medians among some trainings."""
    found = [call_times() for _ in range(trainings)]
    lowest = {f"{name}_median_ms": round(min(times[name] for times in found), 4) for name in found[0]}
    return {**lowest, "met": all(median <= MOST_CALL_MS for median in lowest.values())}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=60, help="how often each is timed")
    output_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = {name: compare(size, options.pairs) for name, size in SIZES.items()}
    function = calls(options.pairs)
    result = {
        "benchmark": "overhead",
        "bars": {
            "share_of_a_step_of_5_ms": MOST_SHARE,
            "us_per_step": MOST_MICROSECONDS,
            "call_median_ms": MOST_CALL_MS,
        },
        "torch": torch.__version__,
        "sizes": sizes,
        "calls": function,
    }
    print(save(result, options.output))
    return 0 if all(part["met"] for part in (*sizes.values(), function)) else 1


if __name__ == "__main__":
    sys.exit(main())
