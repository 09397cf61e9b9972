"""A person's own rate beside the answer, for the page: what the study knows of it, and nothing made up."""

import math
from dataclasses import replace

from lrlab.core.answer import Answer
from lrlab.core.lr_range import format_lr
from lrlab.core.outcome import Outcome
from lrlab.report.charts import UCurve, placed, u_curve
from lrlab.report.words import format_score, format_span, percent, short

_SAME = 0.005


def with_yours(answer: Answer, lr: float) -> UCurve:
    """The U-curve with a person's own rate in it."""
    return u_curve(replace(answer, question=replace(answer.question, current_lr=lr)))


def yours_text(answer: Answer, lr: float) -> str:
    """What an own rate means: its distance from the answer, the safe range, and the nearest tested rate.

    Args:
        answer: The answer, or the one so far.
        lr: The own rate, above 0.
    """
    said = []
    own = format_lr(lr)
    if answer.found:
        said.append(f"Your {own} is {_distance(lr, answer.lr)}the rate to use{_place(answer, lr)}.")
    tested = placed(run for run in answer.runs if run.arm == answer.arm and run.records)
    if tested:
        nearest = min(tested, key=lambda run: (abs(math.log(run.lr / lr)), -run.units))
        same = [run for run in tested if run.lr == nearest.lr]
        near = "It was tested" if nearest.lr == lr else f"The nearest tested rate, {format_lr(nearest.lr)},"
        joint = " and " if nearest.lr == lr else " "
        lost = sum(run.outcome is Outcome.DIVERGED for run in same)
        if lost:
            said.append(f"{near}{joint}diverged in {lost} of {len(same)}.")
        else:
            metric, unit = answer.question.metric, answer.question.unit
            scores = [run.score(metric, reduce=answer.question.reduce) for run in same]
            over = f", the mean of {len(same)} seeds," if len(same) > 1 else ""
            reached = max(run.units for run in same)
            said.append(
                f"{near}{joint}came to {short(metric.name)} {format_score(math.fsum(scores) / len(scores))}{over} "
                f"after {reached} of {answer.question.budget} {unit}s."
            )
    return " ".join(said) or "No rate has been tested yet."


def _distance(lr: float, best: float) -> str:
    times = lr / best
    if abs(times - 1) < _SAME:
        return ""
    return f"{_factor(times)}× " if times > 1 else f"1/{_factor(1 / times)} of "


def _factor(times: float) -> str:
    return f"{times:.2g}" if times < 100 else format_lr(times, digits=2)


def _place(answer: Answer, lr: float) -> str:
    low, high = answer.safe_range
    if not low <= high:
        return ""
    where = "inside" if low <= lr <= high else "above" if lr > high else "below"
    return f", {where} the safe range {format_span(answer.safe_range)} (at most {percent(answer.question.tolerance)} lost)"
