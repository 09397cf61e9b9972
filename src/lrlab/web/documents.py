"""What the API tells, as plain JSON: no number that is not finite is ever written as one."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.core import wire
from lrlab.core.answer import Answer, sentence
from lrlab.core.history import metric_names, told
from lrlab.core.run import Run, RunKey
from lrlab.report.charts import UCurve
from lrlab.report.curves import LearningCurves
from lrlab.report.downsample import m4
from lrlab.report.marks import line_width
from lrlab.report.view import View
from lrlab.web.changes import curves_change
from lrlab.web.shelf import LIVE, Line, Seen

LEAST_POINTS, MOST_POINTS = 8, 16_000
CURSOR = r"^([0-9]{1,11}(\.[0-9]{1,11})*)?$"  # of learning curves: how many records of each run are known
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


def summary_document(line: Line) -> dict[str, Any]:
    """One line of the list of studies."""
    summary, answer = line.summary, line.answer
    return strict({  # type: ignore[no-any-return]
        "name": summary.name,
        "task": summary.task,
        "state": "unreadable" if summary.problem else str(summary.state),
        "created": moment(summary.created),
        "runs": summary.runs,
        "cost": summary.cost,
        "last_data": None if line.last is None else moment(line.last),
        "lr": summary.lr,
        "score": line.score,
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
        "training": None if answer.training is None else asdict(answer.training),
        "best_at": answer.best_at,
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
    return list(metric_names(run.records))


Series = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def series_of(run: Run, metric: str, after: int = 0) -> Series:
    """Places, values and steps (-1 where not known) of a metric, in the order of the places, from the record ``after`` on."""
    x, y, steps = told(run.records, metric, after)
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y, steps = x[order], y[order], steps[order]
    return x, y, steps


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
        points: How many points it can show, at least 8; the first, last, lowest and highest of each column are kept,
            and beside them values that are not finite.
    """
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
        "step": [None if step < 0 else step for step in steps[shown].tolist()],
        "nonfinite": [[k, _word(v)] for k, v in enumerate(values) if not math.isfinite(v)],
        "n_raw": len(x),
        "n_out": len(shown),
        "method": "m4",
        "cursor": total,
    }


def curves_delta(seen: Seen, after: str, view: View) -> dict[str, Any] | None:
    """What has come to a study's learning curves since ``after``, a cursor; None where everything must be drawn anew."""
    before = seen.drawn.find(view, after)
    items = None if before is None else curves_change(before, seen.curves(view))
    if items is None:
        return None
    numbers = run_numbers(seen, seen.curves(view))
    return {"mode": "append", "cursor": cursor_of(seen.study.runs),
            "widths": [line_width(curve) for curve in seen.curves(view).curves],
            "items": [{"run": numbers[item["line"]], **item} for item in items]}  # fmt: skip


def cursor_of(runs: Sequence[Run]) -> str:
    """How many records of each run somebody has who has all of them."""
    return ".".join(str(len(run.records)) for run in runs)


def chart_values(chart: UCurve) -> Any:
    """What the U-curve shows, as its frozen values."""
    return strict(json.loads(wire.dumps(UCurve, chart)))


def run_numbers(seen: Seen, chart: LearningCurves) -> list[int]:
    """The number of the run of each learning curve, in their order; of a mean, of its first."""
    numbers = {run.key: number for number, run in enumerate(seen.study.runs, start=1)}
    return [numbers[RunKey(c.arm, c.lr, c.seed)] for c in chart.curves]


def _word(value: float) -> str:
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
