"""Are layers that died told, and no others? Small real trainings under ``lrlab.watch``, with its default telemetry.

Deep nets are trained with three optimizers at rates from a third of a usual one to 30 times it, 250 steps each. A layer is
truly dead where a hidden layer of rectifiers gives 0 for every training input at the end; nets without rectifiers have none.
Counted are: dead runs that are told, the layers' runs that are told falsely, at which step it is told against when the layer
died, and what the rate a tenth as high loses less (share of the improvement from untrained to best): the advice.

The rule was written on ``digits-deep``; the others are what is reported.

Run: python -m benchmarks.layers
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import lrlab
from benchmarks import diagnosis_grids as small
from benchmarks.recorded_workloads import Loss, cancer, digit_images
from benchmarks.workloads import Arrays
from lrlab.core.verdict import Checkup

STEPS = 250
FACTORS = (1 / 3, 1.0, 3.0, 10.0, 30.0)
DEVELOPMENT = "digits-deep"
_CLASSES, _NUMBERS = nn.functional.cross_entropy, nn.functional.mse_loss
OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], float]] = {
    "sgd": (torch.optim.SGD, 0.2),
    "momentum": (lambda weights, lr: torch.optim.SGD(weights, lr=lr, momentum=0.9), 0.03),
    "adamw": (torch.optim.AdamW, 0.005),
}


def deep(inputs: int, outputs: int, depth: int, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Module:
    """A perceptron with ``depth`` hidden layers of 32."""
    sizes = [inputs, *[32] * depth]
    layers = [part for pair in itertools.pairwise(sizes) for part in (nn.Linear(*pair), act())]
    return nn.Sequential(*layers, nn.Linear(32, outputs))


def convolutions() -> nn.Module:
    """Three convolutions and two linear layers, for 1 x 8 x 8."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


PROBLEMS: dict[str, tuple[Callable[[], small.Data], Callable[[], nn.Module], Callable[..., torch.Tensor]]] = {
    "digits-deep": (small._digits, lambda: deep(64, 10, 6), _CLASSES),
    "digits-cnn": (digit_images, convolutions, _CLASSES),
    "noisy-deep": (small._noisy_classes, lambda: deep(20, 4, 5), _CLASSES),
    "friedman-deep": (small._friedman, lambda: deep(10, 1, 4), _NUMBERS),
    "spirals-deep": (small._spirals, lambda: deep(2, 2, 4), _CLASSES),
    "cancer-deep": (cancer, lambda: deep(30, 2, 8), _CLASSES),
    "friedman-tanh": (small._friedman, lambda: deep(10, 1, 4, nn.Tanh), _NUMBERS),
    "wine-gelu": (small._wine, lambda: deep(13, 3, 5, nn.GELU), _CLASSES),
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training.

    Args:
        lr: Its rate.
        end: Validation loss at its end; infinite where it diverged.
        start: Before it.
        dead: Whether a hidden layer of rectifiers is.
        told: Step since which the verdict says that a layer is dead; None without one.
        severe: Whether something else is told as a warning or an error.
    """

    lr: float
    end: float
    start: float
    dead: bool
    told: int | None
    severe: bool


@torch.no_grad()
def a_layer_is_dead(model: nn.Module, inputs: torch.Tensor) -> bool:
    """Whether a layer of rectifiers gives nothing but 0."""
    if not isinstance(model, nn.Sequential):
        return False
    for part in model:
        inputs = part(inputs)
        if isinstance(part, nn.ReLU) and not inputs.any():
            return True
    return False


def watched(
    model: nn.Module, optimizer: str, lr: float, data: Arrays, loss_of: Loss, *, steps: int = STEPS
) -> tuple[list[float], Checkup]:
    """Train a model under watch until its loss is not finite; the losses, and what is said in the end."""
    chosen = OPTIMIZERS[optimizer][0](model.parameters(), lr=lr)
    order, losses = torch.Generator().manual_seed(0), []
    with lrlab.watch(model, chosen, total_steps=steps, quiet=True) as watcher:
        for _ in range(steps):
            rows = torch.randint(len(data[0]), (32,), generator=order)
            chosen.zero_grad()
            loss = loss_of(model(data[0][rows]), data[1][rows])
            loss.backward()
            chosen.step()
            watcher.log(loss=loss)
            losses.append(loss.item())
            if not torch.isfinite(loss):
                break
    return losses, watcher.checkup()


def train(problem: str, optimizer: str, lr: float) -> Trained:
    """One training under watch."""
    load, build, loss_of = PROBLEMS[problem]
    train_part, validation = load()[:2]
    torch.manual_seed(0)
    model = build()

    def judged() -> float:
        with torch.no_grad():
            found = loss_of(model(validation[0]), validation[1]).item()
        return found if np.isfinite(found) else np.inf

    start = judged()
    _, checkup = watched(model, optimizer, lr, train_part, loss_of)
    verdict = checkup.found("dead_layer")
    return Trained(
        lr=lr, end=judged(), start=start, dead=a_layer_is_dead(model, train_part[0]),
        told=None if verdict is None else verdict.first_step,
        severe=any(one.weight >= 2 and one.symptom != "dead_layer" for one in checkup.verdicts),
    )  # fmt: skip


def main() -> None:
    """Train, count and print."""
    torch.set_num_threads(1)
    print(
        "problem             runs  dead  told  falsely  also warned otherwise  a tenth of the rate loses less"
    )
    counted = np.zeros(5, int)
    for problem in PROBLEMS:
        row, gains = np.zeros(5, int), []
        for optimizer, (_, usual) in OPTIMIZERS.items():
            rates = [usual * factor for factor in FACTORS]
            runs = {factor: train(problem, optimizer, lr) for factor, lr in zip(FACTORS, rates, strict=True)}
            best = min(run.end for run in runs.values())
            for factor, run in runs.items():
                diverged = not np.isfinite(run.end)
                dead, told = run.dead and not diverged, run.told is not None and not diverged
                row += [not diverged, dead, dead and told, told and not dead, dead and told and run.severe]
                if dead and told and factor / 10 >= FACTORS[0] * 0.99:
                    lower = runs[min(runs, key=lambda other: abs(np.log(other * 10 / factor)))]
                    gains.append((run.end - lower.end) / max(run.start - best, 1e-12))
        if problem != DEVELOPMENT:
            counted += row
        told_gains = f"{min(gains):.2f} to {max(gains):.2f}" if gains else ""
        print(
            f"{problem:<18} {row[0]:5} {row[1]:5} {row[2]:5} {row[3]:8} {row[4]:21}  {told_gains}", flush=True
        )
    print(
        f"{'all but the first':<18} {counted[0]:5} {counted[1]:5} {counted[2]:5} {counted[3]:8} {counted[4]:21}"
    )


if __name__ == "__main__":
    main()
