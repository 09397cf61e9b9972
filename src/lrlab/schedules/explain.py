"""Why applied rates differ from planned ones: the usual causes, each tried on the numbers.

A cause predicts the whole run; the first whose prediction agrees with what was applied is told. Only where none does,
the place where plan and run part is looked at by itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrlab.schedules.protocol import Values

_FACTORS = range(
    2, 65
)  # accumulation, processes: how many times a schedule may be counted too often or too rarely
_STRETCHED = 0.005  # of the peak: between the steps of a plan its shape is not known
_FEWEST = 5  # rows that must agree with a cause
_PROBES = 6  # rows on which a shift is tried before all of them are


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One group's plan and what was applied.

    Args:
        plan: Rate of every planned step, shape ``(n,)``.
        at: Steps at which the applied rate is known, ascending, shape ``(m,)``.
        applied: The rates, shape ``(m,)``.
        steps_per_epoch: Optimizer steps in an epoch, if known.
        resumed_at: Steps at which the training was resumed, if known.
        tolerance: Relative difference that is rounding.
    """

    plan: Values
    at: npt.NDArray[np.int64]
    applied: Values
    steps_per_epoch: int | None
    resumed_at: tuple[int, ...]
    tolerance: float

    @property
    def planned(self) -> Values:
        """What was planned where something was applied."""
        return self.plan[self.at]

    @property
    def peak(self) -> float:
        """The largest planned rate."""
        return float(np.abs(self.plan).max())

    def same(self, one: Values, other: Values) -> npt.NDArray[np.bool_]:
        """Where two arrays of rates agree but for rounding."""
        size = np.maximum(np.abs(one), np.abs(other))
        return np.asarray(np.abs(one - other) <= self.tolerance * size + 1e-9 * self.peak)

    def agrees(self, steps: npt.NDArray[np.int64], applied: Values) -> npt.NDArray[np.bool_]:
        """Where the plan of other steps is what was applied; before and after the plan nothing is known."""
        known = (steps >= 0) & (steps < len(self.plan))
        return np.asarray(~known | self.same(self.plan[np.where(known, steps, 0)], applied))

    def fits(self, steps: npt.NDArray[np.int64]) -> bool:
        """Whether the plan of other steps is what was applied; one that never changes proves nothing."""
        known = self.plan[steps[(steps >= 0) & (steps < len(self.plan))]]
        moves = len(known) >= _FEWEST and bool(np.ptp(known) > self.tolerance * self.peak)
        return moves and bool(self.agrees(steps, self.applied).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One cause; see ``audit.Finding``."""

    kind: str
    step: int
    factor: float | None
    cause: str
    cure: str


Cause = Callable[[Run, int], "Explanation | None"]


def explanations(run: Run) -> Iterator[Explanation]:
    """What is wrong with a run; nothing where it is sound."""
    wrong = ~run.same(run.applied, run.planned)
    if wrong.any():
        first = int(run.at[np.argmax(wrong)])
        told = (cause(run, first) for cause in _CAUSES)
        yield next(one for one in told if one is not None)
    last, spacing = int(run.at[-1]), int(np.diff(run.at).max(initial=1))
    if last + spacing < len(run.plan):
        yield Explanation(
            kind="ended_early",
            step=last + 1,
            factor=(last + 1) / len(run.plan),
            cause=f"The training ended after {last + 1} of {len(run.plan)} planned steps, so the schedule did not end.",
            cure="Plan for the steps that are trained, or train to the end of the plan.",
        )


def _offset(run: Run, first: int) -> Explanation | None:
    for by, word in ((1, "late"), (-1, "early")):
        if run.fits(run.at - by):
            when = "before the optimizer's first step" if by < 0 else "after the rate of a step was read"
            return Explanation(
                kind="offset",
                step=first,
                factor=by,
                cause=f"Every rate comes one step {word}: the scheduler is stepped {when}, or counts from 1.",
                cure="Call optimizer.step() and then scheduler.step(), once each, and count steps from 0.",
            )
    return None


def _staircase(run: Run, first: int) -> Explanation | None:
    """The scheduler is stepped, or asked, only once in so many steps."""
    changes = run.at[1:][~run.same(run.applied[1:], run.applied[:-1])]
    lengths = {int(length) for length in (*changes[:1], *np.diff(changes[:_PROBES]))}
    for every in sorted(lengths | set(_FACTORS) | {run.steps_per_epoch or 1}):
        if every < 2:
            continue
        epoch = every == run.steps_per_epoch or (run.steps_per_epoch is None and every not in _FACTORS)
        if run.fits(run.at // every):
            what = "an epoch" if epoch else f"{every} optimizer steps"
            why = "" if epoch else ", as when micro-batches or processes are counted for steps"
            return Explanation(
                kind="wrong_unit",
                step=first,
                factor=every,
                cause=f"The schedule moves on by one step in {what} ({every} steps){why}, but is planned in optimizer steps.",
                cure="Step the scheduler after every optimizer step, or plan it in the unit in which it is stepped.",
            )
        if run.fits(run.at // every * every):
            return Explanation(
                kind="held",
                step=first,
                factor=every,
                cause=f"The rate follows the plan but changes only every {every} steps"
                f"{', once an epoch' if epoch else ''}.",
                cure="Update the rate at every optimizer step, or plan it in stairs.",
            )
    return None


def _speed(run: Run, first: int) -> Explanation | None:
    """The schedule runs through a whole number of times too fast or too slowly."""
    for times in _FACTORS:
        if run.fits(run.at * times):
            return Explanation(
                kind="too_early",
                step=first,
                factor=times,
                cause=f"The schedule runs {times} times too fast: it is stepped {times} times in an optimizer step, for "
                "every micro-batch of an accumulation or by every process.",
                cure=f"Step it once in an optimizer step, or plan it {times} times as long.",
            )
    stretched = {
        times: float(
            np.abs(run.applied - np.interp(run.at / times, np.arange(len(run.plan)), run.plan)).max()
        )
        for times in _FACTORS
    }
    times = min(stretched, key=stretched.__getitem__)
    gap = float(np.abs(run.applied - run.planned).max())
    moves = np.ptp(run.applied) > 4 * _STRETCHED * run.peak
    if moves and stretched[times] <= _STRETCHED * run.peak and gap > 4 * stretched[times]:
        return Explanation(
            kind="too_late",
            step=first,
            factor=times,
            cause=f"The schedule runs {times} times too slowly: its length counts micro-batches or the steps of all "
            "processes for optimizer steps.",
            cure=f"Divide its length by {times} (accumulation times processes).",
        )
    return None


def _warmup(run: Run, first: int) -> Explanation | None:
    """Only the warm-up differs."""
    peak = int(np.argmax(run.plan))
    rises = peak > 0 and bool((np.diff(run.plan[: peak + 1]) >= 0).all())
    wrong = run.at[~run.same(run.applied, run.planned)]
    if not rises or int(wrong[-1]) >= peak or int(run.at[-1]) < peak:
        return None
    return Explanation(
        kind="warmup_overwritten",
        step=first,
        factor=None,
        cause=f"Only the warm-up (steps 0 to {peak - 1}) differs: something else sets the rate there, such as a second "
        "warm-up, a trainer's own default, or a scheduler that writes its rate when it is made.",
        cure="Leave the warm-up to one of them, and make the scheduler before the first step.",
    )


def _never(run: Run, first: int) -> Explanation | None:
    if np.ptp(run.planned) <= run.tolerance * run.peak or not run.same(run.applied, run.applied[:1]).all():
        return None
    rate = float(run.applied[0])
    return Explanation(
        kind="never_applied",
        step=first,
        factor=None,
        cause=f"The rate stays at {rate:.3g}: the schedule is never applied, because the scheduler is not stepped or "
        "belongs to another optimizer.",
        cure="Call scheduler.step() after optimizer.step(), on a scheduler that was made for this optimizer.",
    )


def _scaled(run: Run, first: int) -> Explanation | None:
    """From the first difference on, everything is multiplied by one number."""
    late = run.at >= first
    planned, applied = run.planned[late], run.applied[late]
    known = planned > 1e-6 * run.peak
    if known.sum() < 2 or np.ptp(planned) <= run.tolerance * run.peak:
        return None
    by = float(np.median(applied[known] / planned[known]))
    if not run.same(applied, by * planned).all():
        return None
    since = "" if run.same(run.applied, by * run.planned).all() else f" from step {first} on"
    why = "the optimizer was given another rate, or something scales it (batch size, processes)"
    if since:
        why = "a resume or a second scheduler changed the base rate there"
    return Explanation(
        kind="scaled",
        step=first,
        factor=by,
        cause=f"Every rate is {by:.4g} times the planned one{since}: {why}.",
        cure="Compare the base rate of each group with the plan's, and scale it in one place only.",
    )


def _resumed(run: Run, first: int) -> Explanation | None:
    """From some step on it goes on from another place of the plan."""
    late = run.at >= first
    at, applied = run.at[late], run.applied[late]
    if len(at) < 3 or np.ptp(applied) <= run.tolerance * run.peak:
        return None
    rows = np.unique(np.linspace(0, len(at) - 1, _PROBES).astype(int))
    places = np.arange(len(run.plan))
    fits = np.ones(len(places), dtype=bool)
    for row in rows:
        fits &= run.agrees(places + (at[row] - at[0]), np.full(len(places), applied[row]))
    for place in np.flatnonzero(fits)[:50]:
        known = int((place + (at - at[0]) < len(run.plan)).sum())
        if known >= min(_FEWEST, len(at)) and run.agrees(place + (at - at[0]), applied).all():
            by = int(at[0] - place)
            told = (
                ", where the training was resumed,"
                if any(abs(first - r) <= 1 for r in run.resumed_at)
                else ""
            )
            where = "from its beginning" if place <= 1 else f"from its step {int(place)}"
            return Explanation(
                kind="resumed",
                step=first,
                factor=by,
                cause=f"At step {first}{told} the schedule goes on {where}, {abs(by)} steps "
                f"{'back' if by > 0 else 'ahead'}: its counter was not stored or not restored with the optimizer.",
                cure="Store and load the scheduler's state, or compute the rate from the step.",
            )
    return None


def _stopped(run: Run, first: int) -> Explanation | None:
    """From some step on the rate no longer changes."""
    late = run.at >= first
    applied = run.applied[late]
    if late.all() or late.sum() < 2 or not run.same(applied, applied[:1]).all():
        return None
    rate = float(applied[0])
    return Explanation(
        kind="stopped",
        step=first,
        factor=None,
        cause=f"From step {first} on the rate stays at {rate:.3g}: the schedule is shorter than the training, or is no "
        "longer stepped.",
        cure="Give it the number of optimizer steps of the whole training.",
    )


def _unknown(run: Run, first: int) -> Explanation:
    gaps = np.abs(run.applied - run.planned)
    worst = int(np.argmax(gaps))
    wrong = int((~run.same(run.applied, run.planned)).sum())
    return Explanation(
        kind="differs",
        step=first,
        factor=None,
        cause=f"{wrong} of {len(run.at)} rates differ, most at step {int(run.at[worst])} (planned "
        f"{run.planned[worst]:.3g}, applied {run.applied[worst]:.3g}), and no usual cause explains it.",
        cure="Look for a second scheduler, a callback or a trainer that sets the rate as well.",
    )


# In this order: what explains more precisely comes first.
_CAUSES: tuple[Cause, ...] = (
    _offset, _staircase, _warmup, _never, _scaled, _resumed, _speed, _stopped, _unknown,
)  # fmt: skip
