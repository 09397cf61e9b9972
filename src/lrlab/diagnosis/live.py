"""A run that is being trained: its columns point by point, in memory that does not grow with them."""

import math
from collections.abc import Sequence

import numpy as np

from lrlab.core.verdict import Checkup
from lrlab.diagnosis.checkup import check_up_tracks
from lrlab.diagnosis.protocol import LOSSES
from lrlab.diagnosis.signals import Floats, Track, thinned
from lrlab.schedules.audit import Finding, audit

COLUMNS = (
    "loss",
    "val_loss",
    "val_acc",
    "grad_norm",
    "update_ratio",
    "lr",
    "layer_grad_min",
    "layer_grad_min_at",
)
EVERY = 200  # steps between checkups at least; one takes about 5 ms
_EVERY_SHARE = (
    20  # and at least this part of what was seen, so that a long run is not looked at ever more often
)
_HURRIES = 2  # checkups at once where a loss is not finite: as many as an alert needs
_MOST_AUDITED = 4096  # steps: a training must not wait for what explains its rates
_TOLERANCE = 1e-4  # of an applied rate against the planned one


class LiveRun:
    """What a training has logged so far.

    Args:
        source: What is watched, as a person would name it.
        every: Steps between checkups at least.
    """

    def __init__(self, *, source: str = "the run", every: int = EVERY) -> None:
        self.source = source
        self.optimizer = ""
        self.total: int | None = None
        self.seen = 0  # optimizer steps
        self.layers: tuple[str, ...] = ()  # what the numbers in layer_grad_min_at stand for
        self._tracks: dict[str, Track] = {}
        self._last: dict[str, float] = {}
        self._plan: Floats | None = None
        self._lr: float | None = None
        self._applied: Floats | None = None
        self._groups: tuple[str, ...] = ()
        self._every = every
        self._due = every
        self._hurries = _HURRIES

    def plan(self, multipliers: Floats, *, lr: float | None) -> None:
        """Compare the rates from here on with these multipliers, one a step.

        Args:
            multipliers: Shape (steps,).
            lr: What they multiply, in the group with the largest rate; None where it is not known.
        """
        self._plan, self._lr = multipliers, lr

    def take(self, name: str, step: int, value: float) -> None:
        """Take in one number of a column, at an optimizer step; steps that fall back count as the last one."""
        track = self._tracks.get(name)
        if track is None:
            track = self._tracks[name] = Track()
        at = self._last[name] = max(step, self._last.get(name, 0))
        track.add(at, value)
        self.seen = max(self.seen, step + 1)
        if self._hurries and name in LOSSES and not math.isfinite(value):
            self._hurries -= 1
            self._due = 0

    def apply(self, step: int, rates: Sequence[float], *, main: int, groups: Sequence[str] = ()) -> None:
        """Take in the applied rate of every parameter group at a step; ``main`` is the group that stands for the run."""
        self.take("lr", step, rates[main])
        if self._plan is None or step >= len(self._plan):
            return
        if self._applied is None:
            self._applied = np.full((len(self._plan), len(rates)), np.nan)
            self._groups = tuple(groups) or tuple(map(str, range(len(rates))))
        if len(rates) == self._applied.shape[1]:
            self._applied[step] = rates

    @property
    def judged(self) -> bool:
        """Whether a loss has come, finite or not."""
        return any(name in self._tracks for name in LOSSES)

    def due(self) -> bool:
        """Whether it is time for the next checkup; asked for once, it is not due again at once."""
        if self.seen < self._due:
            return False
        self._due = self.seen + max(self._every, self.seen // _EVERY_SHARE)
        return True

    def checkup(self) -> Checkup:
        """What there is to say by now."""
        return check_up_tracks(
            dict(self._tracks),
            seen=self.seen,
            total=None if self.total is None else max(self.total, self.seen),
            optimizer=self.optimizer,
            planned=self._audited(),
            source=self.source,
            layers=self.layers,
        )

    def curve(self) -> tuple[tuple[float, float], ...]:
        """Steps and training losses (else validation losses), thinned."""
        track = self._tracks.get("loss", self._tracks.get("val_loss"))
        if track is None or not track.count:
            return ()
        return thinned(track)

    def _audited(self) -> Sequence[Finding] | None:
        """Where the rates of a group differ from the plan; a group keeps its ratio to the largest one."""
        if self._plan is None or self._applied is None:
            return None
        seen = np.flatnonzero(np.isfinite(self._applied).all(axis=1))
        if not len(seen):
            return None
        rates, plan = self._applied[seen], self._plan[seen]
        top = int(np.argmax(plan))
        bases = rates[top] / plan[top] if plan[top] > 0 else np.ones(rates.shape[1])
        if self._lr is not None:
            bases = self._lr * (bases / bases.max() if bases.max() > 0 else np.ones_like(bases))
        if np.allclose(rates, plan[:, None] * bases, rtol=_TOLERANCE, atol=_TOLERANCE * 1e-3 * bases.max()):
            return ()
        kept = (
            np.unique(np.linspace(0, len(seen) - 1, _MOST_AUDITED).astype(int))
            if len(seen) > _MOST_AUDITED
            else slice(None)
        )
        seen, rates = seen[kept], rates[kept]
        applied = dict(zip(self._groups, rates.T, strict=True)) if len(bases) > 1 else rates[:, 0]
        base = bases.tolist() if len(bases) > 1 else float(bases[0])
        found = audit(self._plan, applied, lr=base, steps=seen, tolerance=_TOLERANCE)
        return tuple(one for one in found if one.kind != "ended_early")  # it has not ended
