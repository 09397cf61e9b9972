"""What does watching cost a training, and how long does a long log take to diagnose?

Two trainings with the same step of about 20 ms go on side by side in one process and on one thread, one bare and one
watched: a step of the one, a step of the other. So other programs on the machine disturb both alike. What is added is the
difference of their sums over 200 steps, with everything that watching does in them, a look at the run included; the
median over trainings is given. Watched is: a loop of one's own without telemetry and with the default telemetry, logging
each step's loss; and the callbacks, called in the order in which Ultralytics and transformers call them, around the same
step, also without telemetry, which is the same for them.

Run: python -m benchmarks.watch [--pairs 15] [-o FILE.json]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import lrlab
from benchmarks.kept import output_option, save

STEP_MS = 20.0
STEPS = 200  # of a timed training; two looks at the run are among them
POINTS = 1_000_000
MOST_SHARE = 0.01  # of a step, without telemetry and for a callback
MOST_SHARE_TELEMETRY = 0.03
MOST_SECONDS = 3.0  # for POINTS
BATCH = 64
Around = Callable[[nn.Module, torch.optim.Optimizer], Callable[[torch.Tensor], None]]


class Loop:
    """A training whose step takes about 20 ms on one thread: three layers, AdamW."""

    def __init__(self, width: int) -> None:
        torch.manual_seed(0)
        self.width = width
        self.model = nn.Sequential(
            nn.Linear(256, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.inputs = torch.randn(BATCH, 256)
        self.target = torch.randint(10, (BATCH,))

    def step(self) -> torch.Tensor:
        """One step; its loss."""
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(self.inputs), self.target)
        loss.backward()
        self.optimizer.step()
        return loss


def seconds(loop: Loop, after: Callable[[torch.Tensor], None]) -> float:
    """Processor seconds of one step and what comes after it: nothing here waits."""
    began = time.process_time()
    after(loop.step())
    return time.process_time() - began


def width_of_a_step() -> int:
    """How wide the layers are whose step takes about as long as is asked for."""
    width = 256
    while True:
        loop = Loop(width)
        loop.step()
        began = time.process_time()
        for _ in range(3):
            loop.step()
        if (time.process_time() - began) / 3 * 1e3 >= 0.9 * STEP_MS:
            return width
        width += 128


def by_hand(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[torch.Tensor], None]:
    """What a person does with the loss: keep it."""
    losses: list[float] = []
    return lambda loss: losses.append(loss.item())


def watched(telemetry: int | None) -> Around:
    """A loop of one's own that is watched."""

    def around(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[torch.Tensor], None]:
        settings: dict[str, Any] = {} if telemetry is None else {"telemetry": telemetry}
        watcher = lrlab.watch(model, optimizer, total_steps=STEPS, quiet=True, **settings)
        keep = by_hand(model, optimizer)

        def after(loss: torch.Tensor) -> None:
            keep(loss)
            watcher.log(loss=loss)

        return after

    return around


def yolo(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[torch.Tensor], None]:
    """The callbacks on a YOLO model."""
    events: dict[str, Callable[[Any], None]] = {}
    lrlab.watch(SimpleNamespace(add_callback=events.__setitem__), quiet=True, telemetry=0)
    trainer = SimpleNamespace(
        optimizer=optimizer, epochs=1, epoch=0, train_loader=range(STEPS), accumulate=1, metrics={}
    )
    events["on_train_start"](trainer)
    keep = by_hand(model, optimizer)

    def after(loss: torch.Tensor) -> None:
        keep(loss)
        part = loss.detach() / 3
        trainer.loss_items = {"box_loss": part, "cls_loss": part, "dfl_loss": part}
        events["on_train_batch_end"](trainer)

    return after


def huggingface(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[torch.Tensor], None]:
    """The callback of a Trainer."""
    added: list[Any] = []
    total = torch.zeros(())
    trainer = SimpleNamespace(add_callback=added.append, callback_handler=None, _tr_loss=total)
    lrlab.watch(trainer, quiet=True, telemetry=0)
    [callback] = added
    state = SimpleNamespace(is_world_process_zero=True, max_steps=STEPS, global_step=0)
    callback.on_train_begin(None, state, None, optimizer=optimizer)
    keep = by_hand(model, optimizer)

    def after(loss: torch.Tensor) -> None:
        keep(loss)
        total.add_(loss.detach())
        callback.on_step_begin(None, state, None)
        callback.on_step_end(None, state, None)

    return after


def overhead(around: Around, width: int, pairs: int, most: float) -> dict[str, Any]:
    """What watching adds to a step."""
    bare, shares = [], []
    for _ in range(pairs):
        loops = Loop(width), Loop(width)
        ways = [way(loop.model, loop.optimizer) for way, loop in zip((by_hand, around), loops, strict=True)]
        spent = [0.0, 0.0]
        for step in range(STEPS):
            for which in (0, 1) if step % 2 else (1, 0):
                spent[which] += seconds(loops[which], ways[which])
        bare.append(spent[0] / STEPS)
        shares.append((spent[1] - spent[0]) / spent[0])
    shares.sort()
    added = statistics.median(shares)
    return {
        "step_ms": round(1e3 * statistics.median(bare), 2),
        "added_share": round(added, 4),
        "added_us": round(1e6 * added * statistics.median(bare), 1),
        "quartiles": [round(shares[len(shares) // 4], 4), round(shares[3 * len(shares) // 4], 4)],
        "at_most": most,
        "met": added <= most,
    }


def long_log() -> dict[str, Any]:
    """Seconds to diagnose a million logged losses: as columns, and kept point by point by a watcher."""
    steps = np.arange(POINTS)
    losses = 2.3 * np.exp(-steps / (POINTS / 5)) + 0.02 * np.random.default_rng(0).standard_normal(POINTS)
    began = time.process_time()
    lrlab.diagnose({"step": steps, "loss": losses}, optimizer="adamw", total_steps=POINTS)
    columns = time.process_time() - began
    from lrlab.diagnosis.live import LiveRun

    run = LiveRun()
    for step, loss in enumerate(losses.tolist()):
        run.take("loss", step, loss)
    run.checkup()
    began = time.process_time()
    for _ in range(10):
        run.checkup()
    return {
        "points": POINTS,
        "seconds": round(columns, 3),
        "look_ms": round(100 * (time.process_time() - began), 2),
        "at_most": MOST_SECONDS,
        "met": columns <= MOST_SECONDS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=15, help="trainings of each kind")
    output_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    width = width_of_a_step()
    ways: dict[str, tuple[Around, float]] = {
        "without telemetry": (watched(0), MOST_SHARE),
        "default telemetry": (watched(None), MOST_SHARE_TELEMETRY),
        "yolo": (yolo, MOST_SHARE),
    }
    if find_spec("transformers") is not None:
        ways["huggingface"] = (huggingface, MOST_SHARE)
    steps = {name: overhead(way, width, options.pairs, most) for name, (way, most) in ways.items()}
    result = {
        "benchmark": "watch", "torch": torch.__version__, "width": width, "overhead": steps, "long_log": long_log(),
    }  # fmt: skip
    print(save(result, options.output))
    return 0 if all(part["met"] for part in (*steps.values(), result["long_log"])) else 1  # type: ignore[index]


if __name__ == "__main__":
    sys.exit(main())
