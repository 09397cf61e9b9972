"""What a rule sees, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lrlab.core.verdict import RateVerdict, Unchecked, Verdict
from lrlab.diagnosis.signals import END, MEAN, Floats, Stretch, Track, between
from lrlab.schedules.audit import Finding

LOSSES = ("loss", "val_loss")
_ALIKE = 3.0  # times: two losses nearer than this are of one kind, a sum or a penalty is no part of either


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """How a log that counts epochs was laid out in steps.

    Args:
        steps: Steps that an epoch was taken for.
        behind: What the log's own number of an epoch lags behind the number of epochs done: 1 where it counts from 0.
    """

    steps: float
    behind: float = 0.0

    def at(self, step: float) -> int:
        """The log's own number of the epoch that a step lies in."""
        return round(step / self.steps - self.behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """A run as rules see it.

    Args:
        tracks: Column to its signals: ``loss``, and ``val_loss val_acc grad_norm update_ratio lr layer_grad_min
            layer_grad_min_at`` where logged.
        blocks: Column to its blocks, taken once.
        rate: What the model says of the rate.
        seen: Optimizer steps seen.
        total: Length of the training; ``seen`` where it was not told.
        told_total: Whether it was told.
        planned: Findings of the schedule's audit; None where no schedule was given or no rate logged.
        layers: What the numbers in ``layer_grad_min_at`` stand for, as far as known.
        epochs: How the log's epochs were laid out, where it does not count steps; sentences name epochs then.
    """

    tracks: Mapping[str, Track]
    blocks: Mapping[str, Floats]
    rate: RateVerdict
    seen: int
    total: int
    told_total: bool = True
    planned: Sequence[Finding] | None = field(default=None)
    layers: Sequence[str] = ()
    epochs: Epochs | None = None

    def at(self, step: float) -> str:
        """A step as a sentence names it."""
        return f"step {step:.0f}" if self.epochs is None else f"epoch {self.epochs.at(step)}"

    @property
    def finished(self) -> bool:
        """Whether the training is over, a rounding aside."""
        return self.seen >= 0.97 * self.total

    def part(self, column: str, begin: float, end: float) -> Stretch:
        """A column between two shares of what was seen."""
        return Stretch.of(between(self.blocks[column], begin, end))

    def fall(self, column: str = "loss") -> float:
        """How far a column has fallen from its first blocks to its lowest, at least a hair."""
        means = self.blocks[column][:, MEAN]
        start = float(means[: max(len(means) // 50, 1)].mean())
        return max(start - float(np.min(means)), 1e-9 * max(abs(start), 1e-12))

    def untrained(self) -> float:
        """The validation loss before the first step, by the training loss, which was logged earlier; at least the first one.

        What was learned before the first validation counts too: else a network that knows nearly all by then would be warned
        of a rise that is next to nothing of what it has learned.
        """
        first = float(self.blocks["val_loss"][0, MEAN])
        loss = self.blocks["loss"]
        beside = loss[int(np.abs(loss[:, END] - self.blocks["val_loss"][0, END]).argmin()), MEAN]
        start = self.part("loss", 0, 0.02).mean
        alike = first > 0 and first / _ALIKE <= beside <= first * _ALIKE
        return max(first, start) if alike else first


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Looks for one symptom.

    Args:
        symptom: Its name.
        looks_for: The same in a few words for a person, such as ``overfitting``.
        needs: Columns, and arguments of ``diagnose``, without which it cannot look.
        least_points: Points of the first column below which it cannot look.
        look: The verdict, or None where the symptom is not there.
    """

    symptom: str
    looks_for: str
    needs: tuple[str, ...]
    look: Callable[[Signs], Verdict | None]
    least_points: int = 8

    def missing(self, signs: Signs) -> tuple[str, ...]:
        """What it needs and does not have."""
        absent = [name for name in self.needs if name != "schedule" and name not in signs.blocks]
        return (*absent, *(("schedule",) if "schedule" in self.needs and signs.planned is None else ()))

    def unchecked(self, signs: Signs) -> Unchecked | None:
        """Why it cannot look; None where it can."""
        missing = self.missing(signs)
        if missing:
            return Unchecked(
                symptom=self.symptom,
                missing=missing,
                text=f"Cannot tell about {self.looks_for}, because {_listed(missing)}.",
            )
        first = next((name for name in self.needs if name in signs.blocks), "loss")
        points = signs.tracks[first].count if first in signs.tracks else 0
        if points < self.least_points:
            text = f"Cannot tell about {self.looks_for}, because {self.least_points} points of {first} are needed"
            return Unchecked(symptom=self.symptom, missing=(first,), text=f"{text} and there are {points}.")
        return None


def _listed(missing: Sequence[str]) -> str:
    logged = [name for name in missing if name != "schedule"]
    parts = []
    if logged:
        parts.append(f"{' and '.join(logged)} {'was' if len(logged) == 1 else 'were'} not logged")
    if "schedule" in missing:
        parts.append("no schedule was given")
    return ", and ".join(parts)
