"""The planned rate of a run beside the one that it applied."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import LrlabError
from lrlab.core.history import metric_names
from lrlab.core.run import Run
from lrlab.schedules.spec import feedback, resolve
from lrlab.web.shelf import Seen

_OFF = 0.01  # how far an applied rate may lie from the planned one
_POINTS = 400  # of the plan's line
_LEAST = 1e-300
Floats = NDArray[np.float64]


def planned(seen: Seen, run: Run) -> dict[str, Any] | None:
    """The planned rate beside the applied one.

    None where the run has logged no rate, or its plan cannot be told. A warm-up that was given beside the schedule, and
    not inside its text, is not known here.

    Returns:
        ``schedule``; ``x`` and ``y``, the plan over the whole training in the study's units; ``off``, the stretches
        where the applied rate lies more than 1 % off; ``deviations``, the same with how far it is at most, in per cent,
        and the applied and the planned rate there; ``text``, a sentence, or "" where it is as planned.
    """
    if "lr" not in metric_names(run.records):
        return None
    told = [(r.at, r.step, r.metrics["lr"]) for r in run.records if "lr" in r.metrics]
    arm = next((arm for arm in seen.study.question.arms if arm.name == run.arm), None)
    schedule = (arm.schedule if arm is not None else "") or "constant"
    budget, unit = seen.study.question.budget, seen.study.question.unit
    at = np.array([place for place, _, _ in told])
    applied = np.array([rate for _, _, rate in told])
    if schedule == "constant":
        x, y = np.array([0.0, max(float(budget), float(at.max()))]), np.full(2, run.lr)
        plan = np.full(len(at), run.lr)
    else:
        steps = [step for _, step, _ in told if step is not None]
        last = next((r for r in reversed(run.records) if r.step and r.at), None)
        if last is None or last.step is None or len(steps) < len(told):
            return None
        per_unit = last.step / last.at
        value = _resolved(schedule, round(budget * per_unit), round(per_unit) if unit == "epoch" else None)
        if value is None:
            return None
        # A record at step n tells the rate of the step before it.
        plan = np.array([run.lr * value(max(step - 1, 0)) for step in steps])
        grid = np.unique(np.linspace(0, max(round(budget * per_unit), 1) - 1, _POINTS).round().astype(int))
        x, y = (grid + 1) / per_unit, np.array([run.lr * value(step) for step in grid.tolist()])
    found = _deviations(at, applied, plan)
    return {"schedule": schedule, "x": x.tolist(), "y": y.tolist(),
            "off": [[one["from"], one["to"]] for one in found], "deviations": found,
            "text": _sentence(found, unit)}  # fmt: skip


def _resolved(text: str, total: int, per_epoch: int | None) -> Callable[[int], float] | None:
    """The multiplier of every step; None where it is no function of the step."""
    try:
        if feedback(text) is not None:
            return None
        return resolve(
            text, total_steps=max(total, 1), steps_per_epoch=max(per_epoch, 1) if per_epoch else None
        )
    except LrlabError:
        return None


def _deviations(at: Floats, applied: Floats, plan: Floats) -> list[dict[str, float]]:
    """From where to where the applied rate lies off, and the farthest of each stretch; of one place, from the place
    before it on, because a record tells what was applied until then."""
    share = np.abs(applied - plan) / np.maximum(np.abs(plan), _LEAST)
    off = ~(share <= _OFF)  # what is not finite lies off too
    edges = np.diff(np.concatenate(([False], off, [False])).astype(int))
    found = []
    for first, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        worst = first + int(np.argmax(share[first:end]))
        begin = first - 1 if end - first == 1 and first else first
        found.append({"from": float(at[begin]), "to": float(at[end - 1]), "most": 100 * float(share[worst]),
                      "applied": float(applied[worst]), "planned": float(plan[worst])})  # fmt: skip
    return found


def _sentence(found: list[dict[str, float]], unit: str) -> str:
    if not found:
        return ""
    where = ", ".join(
        f"{one['from']:g} to {one['to']:g}" if one["to"] > one["from"] else f"{one['from']:g}"
        for one in found[:5]
    )
    more = f" and {len(found) - 5} more stretches" if len(found) > 5 else ""
    worst = max(one["most"] for one in found)
    return f"Applied and planned rate differ by up to {worst:.3g} % at {unit} {where}{more}."
