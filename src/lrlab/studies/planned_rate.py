"""Whether a finished run applied the rates that its task had planned."""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from lrlab.core.answer import Caution
from lrlab.core.lr_range import format_lr
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run
from lrlab.schedules.audit import Finding, audit
from lrlab.schedules.evaluate import values
from lrlab.schedules.plan import RatePlan
from lrlab.schedules.protocol import Values

CODE = "RATE_DEVIATES"
_MOST_RUNS = 3  # what is wrong with a training is wrong at every rate
_ABSOLUTE = 1e-9  # of the largest rate: how far a rate of 0 may be from it


def cautions(runs: Iterable[Run], tasks: Mapping[str, object], *, first: float) -> tuple[Caution, ...]:
    """What the runs that were trained to the end applied besides their plan, a warning each; each arm's once.

    Args:
        runs: Every run, with its records.
        tasks: The training target of each arm; one that has a plan tells it as ``planned``, a ``RatePlan``.
        first: The rate whose runs are looked at first, the answer's.
    """
    done = [run for run in runs if run.outcome is Outcome.FINISHED]
    done.sort(key=lambda run: (run.lr != first, -run.units, run.key))
    found: dict[str, Caution] = {}
    for run in done[:_MOST_RUNS]:
        plan = getattr(tasks.get(run.arm), "planned", None)
        deviation = deviates(run, plan) if isinstance(plan, RatePlan) else None
        if deviation is not None and isinstance(plan, RatePlan):
            found.setdefault(run.arm, Caution(code=CODE, text=_text(run, plan, deviation)))
    return tuple(found.values())


def deviates(run: Run, plan: RatePlan) -> Finding | None:
    """Where and why a run's applied rates first differ from its plan; None where they do not, or it tells none."""
    at, applied = _applied(run, plan)
    keep = _settled(run, plan, at, applied)
    at, applied = at[keep], applied[keep]
    # Most runs are sound: for them the whole plan need not be computed.
    if not len(at) or _agree(plan, run.lr * values(plan.schedule, at), applied).all():
        return None
    whole = values(plan.schedule, np.arange(plan.length or int(at[-1]) + 1))
    inside = at < len(whole)
    if not inside.any():
        return None
    found = audit(whole, applied[inside], lr=run.lr, steps=at[inside], tolerance=plan.tolerance)
    # That a run has ended before its budget is told elsewhere.
    return next((one for one in found if one.kind != "ended_early"), None)


def _applied(run: Run, plan: RatePlan) -> tuple[npt.NDArray[np.int64], Values]:
    """Moments, ascending, and the rate that the run told of each; rates that are no numbers are left out."""
    told: dict[int, float] = {}
    for record in run.records:
        rate = record.metrics.get(plan.column, math.nan)
        by_unit = int(record.at) if record.ends_unit else 0
        moment = (by_unit if plan.counts == "unit" else record.step or 0) - 1
        if moment >= plan.since and math.isfinite(rate):
            told[moment] = rate
    moments = sorted(told)
    return np.array(moments, dtype=np.int64), np.array([told[moment] for moment in moments])


def _settled(run: Run, plan: RatePlan, at: npt.NDArray[np.int64], applied: Values) -> slice:
    """What of the moments is no longer a warm-up of unknown length."""
    if not plan.rises or not len(at):
        return slice(None)
    planned = run.lr * values(plan.schedule, at)
    agrees = _agree(plan, planned, applied)
    if agrees.any():
        return slice(int(np.argmax(agrees)), None)
    known = planned > 0
    shares = applied[known] / planned[known]
    rising = len(shares) > 1 and bool((np.diff(shares) > 0).all()) and bool((shares < 1).all())
    return slice(0, 0) if rising else slice(None)


def _agree(plan: RatePlan, planned: Values, applied: Values) -> npt.NDArray[np.bool_]:
    size = np.maximum(np.abs(planned), np.abs(applied))
    return np.asarray(
        np.abs(planned - applied) <= plan.tolerance * size + _ABSOLUTE * planned.max(initial=0.0)
    )


def _text(run: Run, plan: RatePlan, found: Finding) -> str:
    counted = f" Steps are counted in {'units' if plan.counts == 'unit' else 'optimizer steps'}, from 0."
    arm = "" if run.arm == "default" else f" with {run.arm}"
    return f"The run at {format_lr(run.lr)}{arm} did not apply its planned rates. {found}{counted}"
