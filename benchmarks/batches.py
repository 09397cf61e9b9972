"""Is a batch too small for its rate, and does the cosine of successive gradients tell it? Small real trainings.

Each problem is trained with three optimizers at 8 rates with a batch of its own and with one 8 times as large, for equally
many steps at a constant rate, with two seeds; every batch is drawn anew. A rate's regret is the share of the improvement
attainable with that batch that it leaves, by the best validation loss, as in ``diagnosis_truth.py``. Of the runs with the
small batch that have not diverged

- ``small``, the batch is too small for the rate: it lies above the best one and loses at least 5 %, but with the large
  batch at most 2 %;
- ``high``: it lies above the best one and loses at least 5 % with either batch;
- ``right``: it loses at most 1 %.

Signs are means over the second half of a training, at every 17th step:

- ``next``: the cosine of a gradient and the next one, which costs no pass. Between independent batches at weights that
  hardly differ the noise of a batch over its signal is 1 / cosine - 1;
- ``same``: that of two independent batches at the same weights, which costs one: the noise itself, without the step;
- ``loss``: the noise of the losses over their fall from the first to the last 20 steps, of every step.

Printed are, of each problem, how many runs are of each kind, their median ``next``, and how many of them ``lrlab.watch``
calls too high with its default telemetry; and how well each sign tells small from right, and small from high: the share of
pairs in which the small one has the larger value, 0.5 being chance. At last, side and limit of each sign that tell small from
high best, among runs called too high, are chosen on the development problems and judged on the others.

References:
    McCandlish et al., An empirical model of large-batch training, 2018, appendix A.

Run: python -m benchmarks.batches
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

import lrlab
from benchmarks import diagnosis_grids as grids
from benchmarks import recorded_workloads as recorded
from benchmarks.diagnosis_truth import judged
from benchmarks.layers import OPTIMIZERS
from benchmarks.recorded_workloads import Loss
from benchmarks.workloads import Arrays

STEPS = 400
EVALUATE_EVERY = 20
SAMPLE_EVERY = 17
LARGER = 8
SEEDS = (0, 1)
LOWEST = {"sgd": -2.0, "momentum": -2.75, "adamw": -3.5}  # decimal logarithm of the lowest rate
RATES = 8  # three a decade
LEAST_LOST, MOST_LOST, RIGHT = 0.05, 0.02, 0.01
KINDS = ("small", "high", "right")
SIGNS = ("next", "same", "loss")
_CLASSES, _NUMBERS = nn.functional.cross_entropy, nn.functional.mse_loss


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is trained.

    Args:
        data: Loads the training and the validation part.
        model: Builds the model.
        loss: Mean over a batch.
        batch: Samples in the small batch.
        reported: Whether nothing was chosen on it.
    """

    data: Callable[[], grids.Data]
    model: Callable[[], nn.Module]
    loss: Loss
    batch: int
    reported: bool = False


PROBLEMS = {
    "digits-mlp": Problem(data=grids._digits, model=partial(grids._net, 64, 48, 10), loss=_CLASSES, batch=4),
    "noisy-norm": Problem(
        data=grids._noisy_classes, model=partial(grids._net, 20, 48, 48, 4, norm=True), loss=_CLASSES, batch=16
    ),
    "friedman-gelu": Problem(
        data=grids._friedman, model=partial(grids._net, 10, 48, 32, 1, act=nn.GELU), loss=_NUMBERS, batch=8
    ),
    "badly-scaled": Problem(data=grids._badly_scaled, model=partial(grids._net, 24, 1), loss=_NUMBERS, batch=4),
    "digits-copies": Problem(
        data=recorded.digit_copies, model=recorded.autoencoder, loss=_NUMBERS, batch=8
    ),
    "spirals": Problem(
        data=grids._spirals, model=partial(grids._net, 2, 32, 32, 2), loss=_CLASSES, batch=8, reported=True
    ),
    "sums-lstm": Problem(data=grids._sums, model=grids._Sums, loss=_NUMBERS, batch=4, reported=True),
    "cancer": Problem(
        data=recorded.cancer, model=recorded.deep_linear, loss=_CLASSES, batch=4, reported=True
    ),
    "diabetes": Problem(
        data=recorded.diabetes, model=recorded.tanh_net, loss=_NUMBERS, batch=4, reported=True
    ),
    "lines-bag": Problem(
        data=recorded.eight_modules, model=lambda: recorded.Bag(2048, 8), loss=_CLASSES, batch=8, reported=True
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training.

    Args:
        validation: Its validation losses, the first before training, shape (evaluations + 1,); NaN once it has diverged.
        signs: Those of the head of this file; NaN where it has diverged.
        word: What is said of its rate.
    """

    validation: np.ndarray
    signs: Mapping[str, float]
    word: str

    @property
    def diverged(self) -> bool:
        """Whether something was not finite."""
        return not bool(np.isfinite(self.validation).all())


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training with the small batch, and what is true of it.

    Args:
        problem: What was trained.
        kind: One of ``KINDS``; "" for what lies between, below the best rate, or has diverged.
        trained: The training.
    """

    problem: str
    kind: str
    trained: Trained


def train(problem: Problem, name: str, lr: float, *, batch: int, seed: int) -> Trained:
    """One training under watch, until its loss is not finite."""
    (inputs, targets), held = problem.data()[:2]
    torch.manual_seed(seed)
    model = problem.model()
    chosen = OPTIMIZERS[name][0](model.parameters(), lr=lr)
    order, aside = (torch.Generator().manual_seed(100 * which + seed) for which in (1, 2))

    def backward(draw: torch.Generator) -> torch.Tensor:
        """The loss of the next batch, whose gradient is then the weights'."""
        rows = torch.randint(len(inputs), (batch,), generator=draw)
        chosen.zero_grad()
        loss = problem.loss(model(inputs[rows]), targets[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def gradient() -> torch.Tensor:
        parts = (weight.grad for weight in model.parameters())
        return torch.cat([part.flatten() for part in parts if part is not None])

    validation, losses = [evaluated(problem, model, held)], []
    following, same = [], []
    last = other = torch.empty(0)
    with lrlab.watch(model, chosen, total_steps=STEPS, quiet=True) as watcher:
        for step in range(STEPS):
            sampled = step % SAMPLE_EVERY == 0 and step >= STEPS // 2
            if sampled:
                backward(aside)
                other = gradient()
            loss = backward(order)
            if step % SAMPLE_EVERY == 1 and len(last):
                following.append(cosine(last, gradient()))
            if sampled:
                last = gradient()
                same.append(cosine(last, other))
            chosen.step()
            watcher.log(loss=loss)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                break
            if (step + 1) % EVALUATE_EVERY == 0:
                validation.append(evaluated(problem, model, held))
                watcher.log(val_loss=validation[-1])
    validation += [math.nan] * (STEPS // EVALUATE_EVERY + 1 - len(validation))
    signs = dict.fromkeys(SIGNS, math.nan)
    if len(losses) == STEPS and math.isfinite(losses[-1]):
        signs = dict(zip(SIGNS, (mean(following), mean(same), noise_of(losses)), strict=True))
    return Trained(validation=np.array(validation), signs=signs, word=watcher.checkup().rate.verdict)


@torch.no_grad()
def evaluated(problem: Problem, model: nn.Module, held: Arrays) -> float:
    """The validation loss."""
    model.eval()
    found = problem.loss(model(held[0]), held[1]).item()
    model.train()
    return found


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    """The cosine between two gradients, shapes (weights,)."""
    return nn.functional.cosine_similarity(one, other, dim=0).item()


def mean(values: Sequence[float]) -> float:
    """The mean; NaN of none."""
    return float(np.mean(values)) if values else math.nan


def noise_of(losses: Sequence[float]) -> float:
    """The losses' noise from one to the next in the second half over their fall, a decimal logarithm."""
    late = np.diff(losses[STEPS // 2 :])
    fall = max(mean(losses[:20]) - mean(losses[-20:]), 1e-9)
    return math.log10(max(math.sqrt(float(np.mean(late**2)) / 2) / fall, 1e-9))


def kind_of(apart: float, small: float, large: float) -> str:
    """What is true of a run with the small batch, "" where it is neither.

    Args:
        apart: Decades above the best rate with the small batch.
        small: Regret of its rate with the small batch.
        large: The same with the large one.
    """
    if small <= RIGHT:
        return "right"
    if apart <= 0 or small < LEAST_LOST:
        return ""
    return "small" if large <= MOST_LOST else "high" if large >= LEAST_LOST else ""


def runs_of(name: str) -> list[Run]:
    """Every run of a problem with the small batch that has not diverged."""
    problem, found = PROBLEMS[name], []
    for chosen, lowest in LOWEST.items():
        rates = [float(f"{10 ** (lowest + step / 3):.3g}") for step in range(RATES)]
        trained = {
            batch: [[train(problem, chosen, lr, batch=batch, seed=seed) for seed in SEEDS] for lr in rates]
            for batch in (problem.batch, LARGER * problem.batch)
        }
        truths = [
            judged(np.array(rates), np.array([[one.validation for one in pair] for pair in grid]))
            for grid in trained.values()
        ]
        (apart, small), (_, large) = truths
        for place, pair in enumerate(trained[problem.batch]):
            kind = kind_of(apart[place], small[place], large[place])
            found += [Run(problem=name, kind=kind, trained=one) for one in pair if not one.diverged]
    return found


def pairs(ones: Sequence[float], others: Sequence[float]) -> float:
    """The share of pairs in which the first is larger; NaN of none."""
    if not len(ones) or not len(others):
        return math.nan
    apart = np.subtract.outer(np.asarray(ones), np.asarray(others))
    return float((apart > 0).mean() + (apart == 0).mean() / 2)


def limit(small: Sequence[float], high: Sequence[float]) -> tuple[float, int]:
    """The limit, and the side of it (1 from it on, -1 up to it), that tell most small runs and fewest high ones."""

    def told(side: int, at: float) -> float:
        return float((side * np.subtract(small, at) >= 0).mean() - (side * np.subtract(high, at) >= 0).mean())

    side, at = max(
        ((side, at) for side in (1, -1) for at in (*small, *high)), key=lambda choice: told(*choice)
    )
    return at, side


def values(runs: Sequence[Run], sign: str, kind: str, *, told: bool = False) -> list[float]:
    """A sign of a kind of runs; ``told``, of those that are called too high."""
    return [
        run.trained.signs[sign]
        for run in runs
        if run.kind == kind and (not told or run.trained.word == "too_high")
    ]


def show(title: str, runs: Sequence[Run]) -> None:
    """Print a row."""
    own = {kind: values(runs, "next", kind) for kind in KINDS}
    cells = (
        f"{len(own[kind]):4} {np.median(own[kind]) if own[kind] else math.nan:6.2f}"
        f" {len(values(runs, 'next', kind, told=True)):4}"
        for kind in KINDS
    )
    shares = (
        "  ".join(f"{pairs(values(runs, sign, 'small'), values(runs, sign, kind)):5.2f}" for sign in SIGNS)
        for kind in ("right", "high")
    )
    print(f"{title:<14}" + "  ".join(cells) + "   " + "   ".join(shares), flush=True)


def main() -> None:
    """Train, count and print."""
    torch.set_num_threads(1)
    began = time.process_time()
    print("runs, median of next, called too high; small over right, and over high, by " + ", ".join(SIGNS))
    print(f"{'':<14}" + "  ".join(f"{kind:>16}" for kind in KINDS))
    found: dict[str, list[Run]] = {}
    for name in PROBLEMS:
        found[name] = runs_of(name)
        show(name, found[name])
    development, reported = (
        [run for name, problem in PROBLEMS.items() if problem.reported is wanted for run in found[name]]
        for wanted in (False, True)
    )
    show("development", development)
    show("reported", reported)
    for sign in SIGNS:
        at, side = limit(*(values(development, sign, kind, told=True) for kind in ("small", "high")))
        counts = []
        for kind in KINDS:
            told = values(reported, sign, kind, told=True)
            counts.append(f"{(side * np.subtract(told, at) >= 0).sum()} of {len(told)} {kind}")
        way = "least" if side > 0 else "most"
        print(f"{sign} of at {way} {at:.2f}: of the reported called too high {', '.join(counts)}")
    print(f"{time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
