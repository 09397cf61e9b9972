"""What the API tells, as plain JSON: no number that is not finite is ever written as one."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.core import wire
from lrlab.core.answer import Answer, sentence
from lrlab.core.errors import SpecError
from lrlab.core.run import Run, RunKey
from lrlab.report.charts import UCurve
from lrlab.report.curves import LearningCurves
from lrlab.report.downsample import m4
from lrlab.report.scales import placeable, showable
from lrlab.report.view import View
from lrlab.store.protocol import StudySummary
from lrlab.web.shelf import LIVE, Seen

MOST_POINTS = 16_000
_MOST_NONFINITE = 200


def strict(value: Any) -> Any:
    """``value`` as strict JSON knows it: what is not finite becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): strict(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [strict(part) for part in value]
    return value


def moment(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def summary_document(summary: StudySummary, answer: Answer | None) -> dict[str, Any]:
    """One line of the list of studies."""
    return strict({  # type: ignore[no-any-return]
        "name": summary.name,
        "task": summary.task,
        "state": "unreadable" if summary.problem else str(summary.state),
        "created": moment(summary.created),
        "runs": summary.runs,
        "cost": summary.cost,
        "lr": summary.lr,
        "safe_range": None if answer is None else answer.safe_range,
        "confidence": None if answer is None else answer.confidence,
        "warnings": [] if answer is None else [caution.code for caution in answer.warnings],
        "problem": summary.problem,
    })  # fmt: skip


def study_document(seen: Seen) -> dict[str, Any]:
    """A study without its runs' records."""
    study, question = seen.study, seen.study.question
    return strict({  # type: ignore[no-any-return]
        "name": study.name,
        "mark": seen.mark,
        "task": study.task,
        "state": str(study.state),
        "searcher": study.searcher,
        "created": moment(study.created),
        "cost": study.cost,
        "expected_cost": seen.price,
        "metric": {"name": question.metric.name, "direction": question.metric.direction, "reduce": question.reduce},
        "lr_range": [question.lr.low, question.lr.high],
        "budget": question.budget,
        "unit": question.unit,
        "seeds": question.seeds,
        "tolerance": question.tolerance,
        "max_cost": question.max_cost,
        "current_lr": question.current_lr,
        "live": study.state in LIVE,
        "can_be_rebuilt": bool(study.target),
        "runs": len(study.runs),
        "answer": answer_document(seen.answer),
        "events": [{"at": moment(e.at), "kind": e.kind, "text": e.text} for e in study.events],
    })  # fmt: skip


def answer_document(answer: Answer) -> dict[str, Any]:
    """An answer without its runs."""
    return strict({  # type: ignore[no-any-return]
        "text": sentence(answer),
        "lr": answer.lr if answer.found else None,
        "interval": answer.interval,
        "safe_range": answer.safe_range,
        "score": answer.score,
        "cost": answer.cost,
        "lost_cost": answer.lost_cost,
        "confidence": answer.confidence,
        "confidence_word": answer.confidence_word,
        "reasons": answer.reasons,
        "warnings": [{"code": caution.code, "text": caution.text} for caution in answer.warnings],
        "arm": answer.arm,
        "untrained": answer.untrained,
        "current_regret": answer.current_regret,
        "seconds": answer.seconds,
        "final": answer.final,
        "exit_code": answer.exit_code,
    })  # fmt: skip


def run_document(run: Run, number: int, seen: Seen) -> dict[str, Any]:
    """A run without its records; its score is null where it has none."""
    question = seen.study.question
    return strict({  # type: ignore[no-any-return]
        "run": number,
        "arm": run.arm,
        "lr": run.lr,
        "seed": run.seed,
        "state": run.status,
        "units": run.units,
        "target": run.target,
        "score": run.score(question.metric, reduce=question.reduce),
        "records": len(run.records),
        "metrics": metrics_of(run),
        "seconds": run.seconds,
        "why": run.why,
        "detail": run.detail,
    })  # fmt: skip


def metrics_of(run: Run) -> list[str]:
    """Every metric that a run has recorded, in the order of their coming."""
    names: dict[str, None] = {}
    for record in run.records:
        if not record.metrics.keys() <= names.keys():
            names |= dict.fromkeys(record.metrics)
    return list(names)


Series = tuple[NDArray[np.float64], NDArray[np.float64], list[int | None]]


def series_of(run: Run, metric: str, after: int = 0) -> Series:
    """Places, values and steps of a metric, in the order of the places, from the record ``after`` on."""
    known = [(r.at, r.metrics[metric], r.step) for r in run.records[after:] if metric in r.metrics]
    known.sort(key=lambda moment: moment[0])  # stable, and quick where they are in order
    x = np.array([moment[0] for moment in known], dtype=np.float64)
    y = np.array([moment[1] for moment in known], dtype=np.float64)
    return x, y, [moment[2] for moment in known]


def part_of(series: Series, low: float | None, high: float | None) -> Series:
    """What of a series lies from ``low`` to ``high``."""
    x, y, steps = series
    first = 0 if low is None else int(np.searchsorted(x, low))
    end = len(x) if high is None else int(np.searchsorted(x, high, side="right"))
    return x[first:end], y[first:end], steps[first:end]


def series_document(series: Series, metric: str, *, after: int, total: int, points: int) -> dict[str, Any]:
    """A metric of a run over its training, down-sampled, or what has come since.

    Args:
        series: What there is of it, or has come.
        metric: Name of the metric.
        after: How many of the run's records the asker has; 0 asks for everything.
        total: How many records the run has.
        points: How many points it can show; the first, last, lowest and highest of each column are kept, and beside
            them values that are not finite.

    Raises:
        SpecError: If ``points`` is out of range.
    """
    if not 8 <= points <= MOST_POINTS:
        raise SpecError(f"series: max_points must lie between 8 and {MOST_POINTS}, got {points}.")
    x, y, steps = series
    finite = np.flatnonzero(np.isfinite(y))
    kept = finite[m4(x[finite], y[finite], points=points)]
    strange = np.flatnonzero(~np.isfinite(y))
    if len(strange) > _MOST_NONFINITE:
        strange = np.concatenate((strange[: _MOST_NONFINITE // 2], strange[-_MOST_NONFINITE // 2 :]))
    shown = np.sort(np.concatenate((kept, strange)).astype(np.int64))
    values = y[shown].tolist()
    return {
        "metric": metric,
        "mode": "append" if after else "replace",
        "x": x[shown].tolist(),
        "y": [v if math.isfinite(v) else None for v in values],
        "step": [steps[index] for index in shown.tolist()],
        "nonfinite": [[k, _word(v)] for k, v in enumerate(values) if not math.isfinite(v)],
        "n_raw": len(x),
        "n_out": len(shown),
        "method": "m4",
        "cursor": total,
    }


def curves_delta(seen: Seen, after: str, view: View) -> dict[str, Any] | None:
    """What has come to a study's learning curves since ``after``, a cursor; None where everything must be drawn anew.

    Raises:
        SpecError: If ``after`` is no cursor.
    """
    runs, chart = seen.study.runs, seen.curves(view)
    counts = cursor_counts(after)
    if not view.grows or view.x != "unit":
        return None
    if len(counts) != len(runs) or any(n > len(run.records) for n, run in zip(counts, runs, strict=True)):
        return None
    drawn = {(c.arm, c.lr, c.seed): c for c in chart.curves}
    if any(len(c.x) < c.raw_points for c in drawn.values()):
        return None  # it is thinned: the columns may have moved
    items = []
    for number, (run, count) in enumerate(zip(runs, counts, strict=True), start=1):
        curve = drawn.get((run.arm, run.lr, run.seed))
        if count == len(run.records) or curve is None:
            continue
        old = sum(1 for record in run.records[:count] if _is_drawn(record.metrics.get(chart.metric), chart))
        if old == 0:
            return None  # its line is new
        items.append({"run": number, "lr": run.lr, "seed": run.seed, "arm": run.arm, "had": old,
                      "x": list(curve.x[old:]), "y": list(curve.y[old:])})  # fmt: skip
    return {"mode": "append", "cursor": cursor_of(runs), "items": items}


def _is_drawn(value: float | None, chart: LearningCurves) -> bool:
    """Whether the learning curves have a place for a value."""
    if value is None or not showable(value):
        return False
    return chart.y_scale == "linear" or placeable(value)


def cursor_of(runs: Sequence[Run]) -> str:
    """How many records of each run somebody has who has all of them."""
    return ".".join(str(len(run.records)) for run in runs)


def cursor_counts(cursor: str) -> list[int]:
    """The counts that a cursor holds.

    Raises:
        SpecError: If it holds something else.
    """
    parts = cursor.split(".") if cursor else []
    if not all(part.isdecimal() and len(part) < 12 for part in parts):
        raise SpecError(f"curves: after is a cursor that the page gave, got {cursor!r:.60}.")
    return [int(part) for part in parts]


def chart_values(chart: UCurve) -> Any:
    """What the U-curve shows, as its frozen values."""
    return strict(json.loads(wire.dumps(UCurve, chart)))


def run_numbers(seen: Seen, chart: LearningCurves) -> list[int]:
    """The number of the run of each learning curve, in their order; of a mean, of its first."""
    numbers = {run.key: number for number, run in enumerate(seen.study.runs, start=1)}
    return [numbers[RunKey(c.arm, c.lr, c.seed)] for c in chart.curves]


def _word(value: float) -> str:
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
