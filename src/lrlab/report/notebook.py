"""What a notebook shows for an answer: HTML without script, readable in light and dark."""

import base64

from lrlab.core.answer import Answer, sentence
from lrlab.core.errors import NotFoundError
from lrlab.core.lr_range import format_lr
from lrlab.report import pictures
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.markup import Safe, tag
from lrlab.report.words import counted, format_score, format_span

_WIDTH_PX = 720


def answer_html(answer: Answer) -> str:
    """The sentence, a picture of the U-curve and a small table, at most 60 kB; no script and no ids.

    The colours of text are the notebook's own; the picture brings its background. Without matplotlib the picture
    is left out, and the cell says so.
    """
    chart = u_curve(answer)
    try:
        png = pictures.small_png(pictures.u_curve_picture(chart, width=7.2, height=4.4))
    except NotFoundError as error:
        picture = tag("p", str(error))
    else:
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        picture = tag(
            "img", src=source, alt=_described(chart), style=f"max-width:min(100%,{_WIDTH_PX}px);height:auto"
        )
    warnings = [tag("p", f"{caution.code}: {caution.text}"[:600]) for caution in answer.warnings[:10]]
    return tag(
        "div",
        tag("p", tag("strong", sentence(answer))),
        *warnings,
        picture,
        _facts(answer, chart),
        class_="lrlab-answer",
        style="max-width:75em",
    )


def _described(chart: UCurve) -> str:
    best = f", best at {format_lr(chart.lr)}" if chart.lr else ""
    return f"{chart.metric[:80]} over learning rate, {counted(chart.rates, 'rate')}{best}"


def _facts(answer: Answer, chart: UCurve) -> Safe:
    reasons = " ".join(answer.reasons)[:600]
    facts = [
        ("Interval (90 %)", chart.interval and format_span(chart.interval)),
        ("Safe range", chart.safe_range and format_span(chart.safe_range)),
        (f"Score ({chart.metric[:40]})", format_score(answer.score)),
        ("Cost", f"{answer.cost:.3g} full runs"),
        ("Confidence", f"{answer.confidence_word} ({answer.confidence:.2f}). {reasons}"),
        ("Runs", f"{counted(len(answer.runs), 'run')}, {counted(chart.rates, 'rate')}"),
    ]
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row", style="text-align:left"),
            tag("td", value, style="text-align:left"),
        )
        for name, value in facts
        if value
    ]
    return tag("table", tag("tbody", *rows))
