"""Small real trainings that fill a store for ``lrlab demo --ui``: one of every state that a page can show.

All are written with NumPy alone and take a second or two, but the one that is meant to be watched.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.api.sweep import sweep
from lrlab.api.targets import build
from lrlab.core.errors import TaskError
from lrlab.studies.lab import Lab
from lrlab.tasks.training_run import TrainingRun

_BATCH = 32
_PAUSE_S = 0.5  # after an epoch of the study that is watched: about two minutes in all
_FEATURES, _SAMPLES, _CLASSES = 24, 900, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One study of the demo.

    Args:
        name: Its name.
        about: What it shows, in a sentence.
        training: What is trained.
        lr: Rates to search.
        budget: Epochs of a full training.
        searcher: How.
        seeds: Seeds of the final comparison.
        current_lr: A rate to compare with.
        watched: Whether it goes on while the page is open, in a process of its own.
    """

    name: str
    about: str
    training: Callable[[Any], None]
    lr: str
    budget: int
    searcher: str = "race"
    seeds: int = 1
    current_lr: float | None = None
    watched: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The command line that asks for it, after ``lrlab``."""
        own = (f"--current-lr={self.current_lr!r}",) if self.current_lr is not None else ()
        return (
            "sweep", "python", f"{__name__}:{self.training.__name__}", f"--budget={self.budget}", f"--lr={self.lr}",
            "--metric=val_loss", f"--searcher={self.searcher}", f"--seeds={self.seeds}", f"--study={self.name}",
            "--workers=1", *own,
        )  # fmt: skip


def classes(run: "TrainingRun") -> None:
    """Train a softmax regression on made-up clusters."""
    _classify(run, pause_s=0.0)


def classes_slowly(run: "TrainingRun") -> None:
    """The same, with a rest after every epoch, so that it can be watched."""
    _classify(run, pause_s=_PAUSE_S)


def line(run: "TrainingRun") -> None:
    """Fit a line to made-up numbers by gradient descent; from a certain rate on it diverges."""
    samples, labels, _, _ = _parts()
    goal = samples @ np.linspace(-1, 1, _FEATURES) + 0.1 * labels
    weights = np.zeros(_FEATURES)
    run.log(at=0, val_loss=float(np.mean(goal**2)))
    for _ in run.units():
        for _ in range(4):
            weights -= run.lr * 2 * samples.T @ (samples @ weights - goal) / len(goal)
        with np.errstate(over="ignore", invalid="ignore"):
            loss = float(np.mean((samples @ weights - goal) ** 2))
        run.report(val_loss=loss, lr=run.lr)


EXAMPLES = (
    Example(
        name="demo-finished", about="a search with its answer", training=classes, lr="1e-4:10", budget=24,
        current_lr=3e-2,
    ),
    Example(
        name="demo-seeds", about="a grid with three seeds a rate", training=classes, lr="1e-3:3", budget=12,
        searcher="grid:7", seeds=3,
    ),
    Example(
        name="demo-edge", about="the best rate is the highest that was tried", training=classes, lr="1e-6:1e-3",
        budget=12,
    ),
    Example(
        name="demo-diverged", about="every rate is too high", training=line, lr="1:1000", budget=12,
        searcher="grid:5",
    ),
    Example(
        name="demo-running", about="still training: pause it, stop it, extend it", training=classes_slowly,
        lr="1e-4:10", budget=120, watched=True,
    ),
)  # fmt: skip


def fill(lab: Lab, *, told: Callable[[str], None] = lambda text: None) -> None:
    """Train the examples that the store has not, in this process; those to watch are left to the caller.

    Args:
        lab: The store.
        told: Hears the name of each, and what it shows.
    """
    known = set(lab.store.names())
    for example in EXAMPLES:
        if example.watched or example.name in known:
            continue
        told(f"{example.name}: {example.about}")
        target = {"kind": "python", "ref": f"{__name__}:{example.training.__name__}", "budget": example.budget,
                  "metric": "val_loss"}  # fmt: skip
        try:
            sweep(
                build(target), lr=example.lr, searcher=example.searcher, seeds=example.seeds, workers=0,
                current_lr=example.current_lr, study=example.name, store=lab.store, target=target,
            )  # fmt: skip
        except TaskError:
            if example.name not in lab.store.names():
                raise


def _classify(run: "TrainingRun", *, pause_s: float) -> None:
    samples, labels, val_samples, val_labels = _parts()
    random = np.random.default_rng(run.seed)
    weights = 0.01 * random.standard_normal((_FEATURES, _CLASSES))
    run.log(at=0, val_loss=_loss(weights, val_samples, val_labels)[0])
    for _ in run.units():
        for batch in np.array_split(random.permutation(len(labels)), len(labels) // _BATCH):
            shares = _shares(samples[batch] @ weights)
            shares[np.arange(len(batch)), labels[batch]] -= 1
            weights -= run.lr * (samples[batch].T @ shares) / len(batch)
        loss, accuracy = _loss(weights, val_samples, val_labels)
        time.sleep(pause_s)
        run.report(
            val_loss=loss, val_acc=accuracy, loss=_loss(weights, samples, labels)[0], lr=run.lr,
            weights=float(np.linalg.norm(weights)),
        )  # fmt: skip


@cache
def _parts() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Samples and classes to train on, and to choose by."""
    random = np.random.default_rng(0)
    centers = random.standard_normal((_CLASSES, _FEATURES))
    labels = random.integers(0, _CLASSES, _SAMPLES)
    samples = centers[labels] + 1.6 * random.standard_normal((_SAMPLES, _FEATURES))
    half = _SAMPLES // 2
    return samples[:half], labels[:half], samples[half:], labels[half:]


def _shares(scores: NDArray[Any]) -> NDArray[Any]:
    grown = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True))


def _loss(weights: NDArray[Any], samples: NDArray[Any], labels: NDArray[Any]) -> tuple[float, float]:
    shares = _shares(samples @ weights)
    own = np.maximum(shares[np.arange(len(labels)), labels], 1e-30)
    return float(-np.log(own).mean()), float((shares.argmax(1) == labels).mean())
