"""What the diagnosis tells of recorded runs, by models that have not seen their problems; see ``diagnosis.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.diagnosis_truth import LABELS, WIDE, Seen
from benchmarks.fit_diagnosis import (
    doubtful,
    doubts_of,
    forest,
    left_out,
    rows_of,
    sharpened,
    temperature_of,
    usable,
)
from lrlab.diagnosis.rate import DIVERGED_CONFIDENCE, diverged_verdict, factor_of, furthest

SETS: Mapping[str, tuple[str, ...]] = {
    "loss": (),
    "loss, validation": ("val_loss",),
    "loss, gradient norm": ("grad_norm",),
    "loss, update ratio": ("update_ratio",),
    "loss, rate": ("lr",),
    "everything": ("val_loss", "update_ratio", "lr"),
}
HELD = ("manual-transformer", "photos-resnet")


@dataclass(frozen=True, kw_only=True)
class Told3:
    """Verdicts on runs.

    Args:
        runs: The runs.
        shares: Probabilities, shape (runs, 3).
        factor: What the rate is to be multiplied by, shape (runs,).
        given: Whether a verdict is told, shape (runs,); all by default.
    """

    runs: Sequence[Seen]
    shares: np.ndarray
    factor: np.ndarray
    given: np.ndarray | None = None

    @property
    def told(self) -> np.ndarray:
        """Where a verdict is told."""
        return np.ones(len(self.runs), dtype=bool) if self.given is None else self.given

    @property
    def said(self) -> np.ndarray:
        """Index of the word."""
        return self.shares.argmax(axis=1)

    @property
    def truth(self) -> np.ndarray:
        """The same of the truth; -1 where a run has no label."""
        return np.array([LABELS.index(run.label) if run.label else -1 for run in self.runs])

    @property
    def sure(self) -> np.ndarray:
        """How likely the word is true; 0 where nothing is told."""
        return np.where(self.told, self.shares.max(axis=1), 0.0)

    def only(self, chosen: np.ndarray) -> "Told3":
        """Some of the runs."""
        return Told3(
            runs=[run for run, kept in zip(self.runs, chosen, strict=True) if kept],
            shares=self.shares[chosen],
            factor=self.factor[chosen],
            given=self.told[chosen],
        )


def judged(runs: Sequence[Seen], columns: Sequence[str], *, by: str = "problem") -> Told3:
    """What is told of every run by a model that has not seen its problem (or its ``optimizer``, or its length).

    Those of ``HELD`` count as one problem.
    """
    kept = usable(runs, columns)
    rows = rows_of(kept, columns)
    groups = np.array([_group(run, by) for run in kept])
    shares, fine = left_out(rows, groups)
    raw, given = shares.copy(), np.ones(len(kept), dtype=bool)
    for group in np.unique(groups):
        out = groups == group
        temperature = temperature_of(raw, rows, ~out)
        doubts = doubts_of(sharpened(raw, temperature), rows, ~out)
        shares[out] = sharpened(raw[out], temperature)
        given[out] = ~doubtful(shares[out], doubts[rows.view[out]])
    return with_diverged(kept, shares, _factors(fine, shares, given, columns), given, runs)


def judged_unseen(runs: Sequence[Seen], columns: Sequence[str]) -> Told3:
    """What is told of the runs of ``WIDE`` by a model fitted on all others, as ``fit_diagnosis.py`` fits it."""
    known, new = (usable([run for run in runs if is_wide(run) == wide], columns) for wide in (False, True))
    rows, asked = rows_of(known, columns), rows_of(new, columns)
    whole = np.ones(len(known), dtype=bool)
    told, _ = left_out(rows)
    temperature = temperature_of(told, rows, whole)
    doubts = doubts_of(sharpened(told, temperature), rows, whole)
    found = forest(rows, whole).told(asked.x)
    shares = sharpened(found[:, :3], temperature)
    given = ~doubtful(shares, doubts[asked.view])
    return with_diverged(new, shares, _factors(found[:, 3:], shares, given, columns), given, runs)


def _factors(fine: np.ndarray, shares: np.ndarray, given: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """What each rate is to be multiplied by, shape (runs,)."""
    words = [LABELS[at] if told else "right" for at, told in zip(shares.argmax(axis=1), given, strict=True)]
    return np.array([
        factor_of(tuple(own), word, furthest(columns)) for own, word in zip(fine, words, strict=True)
    ])  # fmt: skip


def is_wide(run: Seen) -> bool:
    """Whether it is a training of ``wide_workloads.py``."""
    return run.folder == WIDE.name


def with_diverged(
    kept: Sequence[Seen], shares: np.ndarray, factor: np.ndarray, given: np.ndarray, runs: Sequence[Seen]
) -> Told3:
    """Verdicts, and those on the diverged runs of the same grids, which are no matter of the model."""
    own = {run.grid for run in kept}
    lost = [run for run in runs if run.diverged and run.grid in own]
    rest = (1 - DIVERGED_CONFIDENCE) / 2
    return Told3(
        runs=[*kept, *lost],
        shares=np.concatenate([shares, np.tile([rest, rest, DIVERGED_CONFIDENCE], (len(lost), 1))]),
        factor=np.concatenate([factor, np.full(len(lost), diverged_verdict().factor)]),
        given=np.concatenate([given, np.ones(len(lost), dtype=bool)]),
    )


def _group(run: Seen, by: str) -> str:
    if by == "length":
        return "short" if run.steps < 500 else "middle" if run.steps < 1000 else "long"
    return "held" if by == "problem" and run.problem in HELD else str(getattr(run, by))
