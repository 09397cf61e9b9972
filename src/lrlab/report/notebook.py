"""What a notebook shows: HTML without script and ids, readable in light and dark.

The colours of text are the notebook's own; a picture brings its background. Without matplotlib the pictures are left
out, and the cell says so.
"""

import base64
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape
from typing import Any

from lrlab.core.answer import Answer, sentence
from lrlab.core.errors import NotFoundError
from lrlab.core.lr_range import format_lr
from lrlab.core.outcome import Outcome
from lrlab.core.question import Arm, Question
from lrlab.core.run import DEFAULT_ARM, Run
from lrlab.report import pictures
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.curves import learning_curves
from lrlab.report.markup import Safe, joined, tag, unbroken
from lrlab.report.palette import GLYPHS
from lrlab.report.sharing import scrubbed
from lrlab.report.words import counted, format_score, format_span, one_line, short

_WIDTH_PX = 720
_SMALL_PX = 460
# Foreign words may be long; a cell must not become wider than the page for them.
_STYLE = "max-width:75em;overflow-wrap:anywhere"
_BAR = 24  # characters


def answer_html(answer: Answer) -> str:
    """The sentence, a picture of the U-curve and a small table, at most 60 kB."""
    chart = u_curve(answer)
    warnings = [tag("p", f"{caution.code}: {caution.text}"[:600]) for caution in answer.warnings[:10]]
    return tag(
        "div",
        _said(sentence(answer)),
        *warnings,
        _picture(lambda: pictures.u_curve_picture(chart, width=7.2, height=4.4), alt=_described(chart)),
        _table(_answer_facts(answer, chart)),
        class_="lrlab-answer",
        style=_STYLE,
    )


def run_line(run: Run, question: Question) -> str:
    """A run in one line of plain text."""
    parts = [f"LR {format_lr(run.lr)}, seed {run.seed}"]
    if run.arm != DEFAULT_ARM:
        parts.append(short(run.arm))
    done = f"{run.units} of {counted(question.budget, question.unit)}"
    score = _score(run, question)
    told = f", {short(question.metric.name)} {score}" if score else ""
    return f"{', '.join(parts)}: {run.status}, {done}{told}"


def run_html(run: Run, question: Question) -> str:
    """A run's line, a picture of its learning curve and a small table, at most 60 kB."""
    chart = learning_curves(_alone(run, question))
    alt = f"{short(question.metric.name)} over training at learning rate {format_lr(run.lr)}"
    return tag(
        "div",
        _said(f"{GLYPHS.get(run.status, '')} {run_line(run, question)}"),
        _picture(lambda: pictures.curves_picture(chart, width=4.6, height=2.8), alt=alt, width=_SMALL_PX),
        _table(_run_facts(run, question)),
        class_="lrlab-run",
        style=_STYLE,
    )


def live_pictures(answer: Answer) -> Safe:
    """The U-curve and the learning curves so far, small, side by side where there is room."""
    chart, lines = u_curve(answer), learning_curves(answer)
    alt = f"{short(chart.metric)} over training, {counted(len(lines.curves), 'run')}"
    return joined(
        (
            _picture(lambda: pictures.u_curve_picture(chart, width=4.6, height=3, legend=False),
                     alt=_described(chart), width=_SMALL_PX),
            _picture(lambda: pictures.curves_picture(lines, width=4.6, height=3), alt=alt, width=_SMALL_PX),
        )
    )  # fmt: skip


def live_html(status: str, *, share: float | None, said: str, drawn: Safe) -> str:
    """A study that runs, or how it ended.

    Args:
        status: How far it is, in a line.
        share: Of the expected cost, 0 to 1; None for no bar.
        said: The answer so far.
        drawn: ``live_pictures``, or nothing.
    """
    parts = [_said(said)] if said else []
    if share is not None:
        parts.append(tag("p", tag("code", progress_bar(share))))
    return tag("div", *parts, tag("p", status), drawn, class_="lrlab-live", style=_STYLE)


def progress_bar(share: float) -> str:
    """A bar in characters, and the share in per cent."""
    share = min(max(share, 0.0), 1.0)
    full = int(share * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {int(100 * share):3} %"


def framed(page: str, *, height: int, title: str) -> str:
    """A whole page in a frame that runs its scripts apart: they cannot reach the notebook around it.

    Args:
        page: An HTML document that loads nothing.
        height: Of the frame, in pixels.
        title: What it is, for those who do not see it.
    """
    # Not through ``tag``: that would write out characters which are part of the scripts inside, and of their hashes.
    frame = (
        f'<iframe sandbox="allow-scripts" title="{escape(one_line(title))}" '
        f'style="width:100%;height:{height}px;border:0" srcdoc="{escape(page)}"></iframe>'
    )
    return tag("div", Safe(frame), class_="lrlab-report")


def _said(text: str) -> Safe:
    return tag("p", tag("strong", unbroken(text, style="white-space:nowrap")))


def _picture(draw: Callable[[], Any], *, alt: str, width: int = _WIDTH_PX) -> Safe:
    try:
        png = pictures.small_png(draw())
    except NotFoundError as error:
        return tag("p", str(error))
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return tag("img", src=source, alt=alt, style=f"max-width:min(100%,{width}px);height:auto")


def _described(chart: UCurve) -> str:
    best = f", best at {format_lr(chart.lr)}" if chart.lr else ""
    return f"{chart.metric[:80]} over learning rate, {counted(chart.rates, 'rate')}{best}"


def _alone(run: Run, question: Question) -> Answer:
    """An answer that consists of this run only; its arm needs no name there."""
    return Answer(
        lr=run.lr, interval=(math.nan, math.nan), safe_range=(math.nan, math.nan), confidence=0.0, cost=0.0,
        score=run.score(question.metric, reduce=question.reduce), runs=(replace(run, arm=DEFAULT_ARM),),
        question=replace(question, arms=(Arm(),)),
    )  # fmt: skip


def _answer_facts(answer: Answer, chart: UCurve) -> list[tuple[str, str | None]]:
    reasons = " ".join(answer.reasons)[:600]
    return [
        ("Interval (90 %)", chart.interval and format_span(chart.interval)),
        ("Safe range", chart.safe_range and format_span(chart.safe_range)),
        (f"Score ({chart.metric[:40]})", format_score(answer.score)),
        ("Cost", f"{answer.cost:.3g} full runs"),
        ("Confidence", f"{answer.confidence_word} ({answer.confidence:.2f}). {reasons}"),
        ("Runs", f"{counted(len(answer.runs), 'run')}, {counted(chart.rates, 'rate')}"),
    ]


def _run_facts(run: Run, question: Question) -> list[tuple[str, str | None]]:
    again = run.repeated_units + run.lost_units
    untrained = run.untrained(question.metric)
    last = scrubbed(run.detail.strip().rpartition("\n")[2])[:300]
    return [
        (f"Score ({short(question.metric.name)})", _score(run, question)),
        ("Before training", None if untrained is None else format_score(untrained)),
        ("Trained", f"{counted(run.units, question.unit)} in {run.seconds:.3g} s"),
        ("Trained again", f"{counted(again, question.unit)}" if again else None),
        ("How it ended" if run.ended else "Where it stands", last),
        ("Why it was trained", scrubbed(run.why)[:300]),
    ]


def _score(run: Run, question: Question) -> str:
    """The score in words; "" of a run that has none, as every run that diverged."""
    score = run.score(question.metric, reduce=question.reduce)
    return format_score(score) if math.isfinite(score) and run.outcome is not Outcome.DIVERGED else ""


def _table(facts: Iterable[tuple[str, str | None]]) -> Safe:
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row", style="text-align:left;overflow-wrap:normal"),
            tag("td", value, style="text-align:left"),
        )
        for name, value in facts
        if value
    ]
    return tag("table", tag("tbody", *rows))
