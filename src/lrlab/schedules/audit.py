"""Compare the rates that were planned with those that were applied, and say where and why they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lrlab.core.errors import SpecError
from lrlab.core.question import whole_number
from lrlab.schedules.explain import Explanation, Run, explanations
from lrlab.schedules.protocol import Values

Rates = npt.ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between plan and run.

    Args:
        kind: ``never_applied``, ``scaled``, ``offset``, ``wrong_unit``, ``held``, ``too_early``, ``too_late``,
            ``warmup_overwritten``, ``resumed``, ``stopped``, ``ended_early`` or ``differs``.
        step: The first optimizer step that differs.
        planned: Rate that was planned there.
        applied: Rate that was applied there.
        largest: The largest difference, in rate.
        factor: The number that explains it, where there is one: the scale, how many times too early or late, how
            many steps between changes, by how many steps it is off.
        group: Name of the parameter group; "" where it is true of every group.
        cause: What happened, and what usually makes it happen, in a sentence.
        cure: What to do, in a sentence.
    """

    kind: str
    step: int
    planned: float
    applied: float
    largest: float
    factor: float | None
    group: str
    cause: str
    cure: str

    def __str__(self) -> str:
        """The whole finding as text for a person."""
        where = f"Group {self.group}, from" if self.group else "From"
        numbers = f"planned {self.planned:.3g}, applied {self.applied:.3g}"
        return f"{where} step {self.step} ({numbers}): {self.cause} {self.cure}"


def audit(
    planned: Rates,
    applied: Rates | Mapping[str, Rates],
    *,
    lr: float | Sequence[float] = 1.0,
    steps: npt.ArrayLike | None = None,
    steps_per_epoch: int | None = None,
    resumed_at: Sequence[int] = (),
    tolerance: float = 1e-5,
) -> tuple[Finding, ...]:
    """Where and why the applied rates differ from the planned ones.

    Args:
        planned: Multipliers (then ``lr`` is what they multiply) or rates, one for each optimizer step of the whole
            training, shape ``(n,)``; or ``(n, groups)``.
        applied: Rates that were applied, shape ``(m,)`` or ``(m, groups)``, or name of a group to ``(m,)``.
        lr: Base rate, one for all groups or one for each.
        steps: The optimizer step of each of the ``m`` rows, ascending; by default ``0, 1, 2, ...``.
        steps_per_epoch: Optimizer steps in an epoch, if known.
        resumed_at: Steps at which the training was resumed, if known.
        tolerance: Relative difference that is rounding; float32 needs 1e-6, a log with 6 digits 5e-6.

    Returns:
        One finding for each difference and group, the same in every group as one; none where the run is sound. Where
        no cause fits, the finding says ``differs``. A difference that ends with the plan is not looked for.

    Raises:
        SpecError: If shapes do not fit or a rate is not finite; the sentence says which and where.

    Example:
        >>> from lrlab.schedules.cosine import cosine
        >>> plan = cosine(100).values(range(100))
        >>> audit(plan, 0.1 * plan, lr=0.1)
        ()
        >>> [found] = audit(plan, 0.1 * plan[::2].repeat(2)[:100], lr=0.1)
        >>> found.kind, found.factor
        ('held', 2.0)
    """
    names, columns = _columns(applied)
    count = len(columns[0])
    at = _steps(steps, count)
    plans = _plans(planned, lr, len(columns))
    per_epoch = (
        None if steps_per_epoch is None else whole_number("audit: steps_per_epoch", steps_per_epoch, 1)
    )
    found: list[Finding] = []
    for name, plan, column in zip(names, plans, columns, strict=True):
        inside = at < len(plan)
        if not inside.any():
            raise SpecError(f"audit: no step of applied lies inside the {len(plan)} planned steps.")
        run = Run(
            plan=plan,
            at=at[inside],
            applied=column[inside],
            steps_per_epoch=per_epoch,
            resumed_at=tuple(resumed_at),
            tolerance=tolerance,
        )
        found += [_finding(run, told, name) for told in explanations(run)]
    return tuple(_merged(found, len(columns)))


def _finding(run: Run, told: Explanation, group: str) -> Finding:
    row = int(np.searchsorted(run.at, told.step))
    row = min(row, len(run.at) - 1)
    gaps = np.abs(run.applied - run.planned)
    step = int(min(told.step, len(run.plan) - 1))
    return Finding(
        kind=told.kind,
        step=told.step,
        planned=float(run.plan[step]),
        applied=float(run.applied[row]),
        largest=float(gaps.max()),
        factor=None if told.factor is None else float(told.factor),
        group=group,
        cause=told.cause,
        cure=told.cure,
    )


def _merged(found: list[Finding], groups: int) -> Iterator[Finding]:
    """What is true of every group, once."""
    by_cause: dict[tuple[str, int, str], list[Finding]] = {}
    for one in found:
        by_cause.setdefault((one.kind, one.step, one.cause), []).append(one)
    for same in by_cause.values():
        if len(same) == groups:
            yield replace(same[0], group="", largest=max(one.largest for one in same))
        else:
            yield from same


def _columns(applied: Rates | Mapping[str, Rates]) -> tuple[list[str], list[Values]]:
    """Name and rates of each group."""
    if isinstance(applied, Mapping):
        names = [str(name) for name in applied]
        columns = [_rates(f"applied of group {name}", values) for name, values in applied.items()]
    else:
        table = _rates("applied", applied, most_axes=2)
        columns = [table] if table.ndim == 1 else list(table.T)
        names = [str(index) for index in range(len(columns))]
    if not columns or len({len(column) for column in columns}) != 1:
        raise SpecError(
            "audit: applied must have the same number of steps in every group, at least one group."
        )
    return names, columns


def _plans(planned: Rates, lr: float | Sequence[float], groups: int) -> list[Values]:
    """The planned rates of each group."""
    table = _rates("planned", planned, most_axes=2)
    bases = _rates("lr", lr, least_axes=0)
    if bases.ndim and len(bases) != groups:
        raise SpecError(
            f"audit: lr must be one rate or one for each of the {groups} groups, got {len(bases)}."
        )
    if table.ndim == 2 and table.shape[1] != groups:
        raise SpecError(f"audit: planned has {table.shape[1]} groups and applied {groups}.")
    columns = [table] * groups if table.ndim == 1 else list(table.T)
    return [column * base for column, base in zip(columns, np.broadcast_to(bases, groups), strict=True)]


def _rates(what: str, given: object, *, least_axes: int = 1, most_axes: int = 1) -> Values:
    try:
        table = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise SpecError(f"audit: {what} must hold numbers, got {given!r:.60}.") from None
    if not least_axes <= table.ndim <= most_axes or table.size == 0:
        raise SpecError(f"audit: {what} must hold a rate for each step, got the shape {table.shape}.")
    if not np.isfinite(table).all():
        step = int(np.argwhere(~np.isfinite(table))[0][0]) if table.ndim else 0
        raise SpecError(f"audit: {what} must be finite, got {table[step]} in row {step}.")
    return table


def _steps(steps: npt.ArrayLike | None, count: int) -> npt.NDArray[np.int64]:
    if steps is None:
        return np.arange(count)
    at = np.asarray(steps)
    whole = at.dtype.kind in "iu" or (at.dtype.kind == "f" and bool(np.all(at == np.floor(at))))
    if at.shape != (count,) or not whole:
        raise SpecError(
            f"audit: steps must be {count} whole numbers, one for each row of applied, got {steps!r:.60}."
        )
    at = at.astype(np.int64)
    if at[0] < 0 or (np.diff(at) <= 0).any():
        raise SpecError("audit: steps must ascend from 0 or more, each of them once.")
    return at
