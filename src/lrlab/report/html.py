"""The report: one HTML file with everything in it, which opens from disk without a network."""

import base64
import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files

from lrlab.core import wire
from lrlab.core.answer import Answer, sentence
from lrlab.core.lr_range import format_lr
from lrlab.core.study import Study
from lrlab.report import figures, pieces
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.curves import LearningCurves, learning_curves
from lrlab.report.interactive import rates, themed
from lrlab.report.markup import Safe, joined, tag, unbroken
from lrlab.report.palette import DARK, LIGHT, Theme, tone_color
from lrlab.report.sharing import answer_json, scrubbed, shared_answer, shared_environment, shared_study
from lrlab.report.tables import ladder, runs_table
from lrlab.report.words import counted, percent, short

SCHEMA = "lrlab.report/1"
_MOST_LADDER_ROWS = 200
# What each mark and number means; shown in every report, so that it can be read without anything else.
_METHOD = (
    "Every dot of the U-curve is one training run at one learning rate. A full dot was trained to the end; a hollow "
    "one only in part, because it was stopped, waits or still trains. Dotted lines join runs at equal budgets: only "
    "there can a short run be compared with a long one.",
    "The interval says where the best rate lies, with 90 % probability. The safe range holds the rates that lose at "
    "most the tolerance, as a share of the whole improvement from the untrained score to the best one.",
    "A run that diverged has no score; it stands in the lane at the top and never sets the axis. The same colour "
    "means the same rate in every chart and table.",
    "Cost is given in full runs: units trained, over the length of a full training. The winner's own full training "
    "is part of it.",
    "Confidence lies between 0 and 1: under 0.5 is low, under 0.8 medium, else high. Its reasons stand beside it.",
)  # fmt: skip


def report_html(study: Study, answer: Answer) -> str:
    """The whole report as one HTML document of at most 7 MB; it loads nothing and tells no folder or machine.

    Args:
        study: What was asked and what happened; its runs make the ladder.
        answer: The answer, with its runs.

    Raises:
        NotFoundError: If Plotly is not installed.
    """
    answer = shared_answer(answer)
    curve, lines = u_curve(answer), learning_curves(answer)
    program, own = figures.script().replace("\r\n", "\n"), _asset("report.js")
    text, kept, total = answer_json(answer)
    main = tag(
        "main",
        _answer_card(study, answer),
        _warnings(answer),
        tag("div", _u_figure(curve), _lines_figure(lines), class_="charts"),
        tag(
            "noscript",
            tag("p", "The charts need JavaScript. The tables below hold every number that they show."),
        ),
        tag("details", tag("summary", "The U-curve as a table"), pieces.means_table(curve)),
        tag("h2", "How far each run went"),
        pieces.ladder_table(ladder(shared_study(study)), curve, most=_MOST_LADDER_ROWS),
        tag("h2", "Runs"),
        pieces.runs(runs_table(answer), curve),
        tag("h2", "How to read it"),
        *(tag("p", line) for line in _METHOD),
        tag("h2", "Settings"),
        _pairs(settings(study)),
        tag("h2", "Environment"),
        _pairs(shared_environment(study.environment).items()),
        tag("h2", "Events"),
        tag("ul", *(_event(event.at, f"{event.kind}: {event.text}") for event in study.events)),
        _records_note(kept, total),
    )
    block = _data_block(study, text, curve, lines)
    body = (main, block, tag("script", Safe(program)), tag("script", Safe(own)))
    return f"<!DOCTYPE html>\n{tag('html', _head(study, program, own), tag('body', *body), lang='en')}\n"


def _asset(name: str) -> str:
    return files("lrlab.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _head(study: Study, *scripts: str) -> Safe:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts
    )
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"
    policy += "; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"lrlab: {study.name}"),
        tag("style", Safe(_colors() + _asset("report.css"))),
    )


def _colors() -> str:
    def block(theme: Theme) -> str:
        names = ("background", "text", "muted", "grid", "accent", "safe", "diverged")
        pairs = [f"--{name}: {getattr(theme, name)};" for name in names]
        return (
            f":root {{ color-scheme: {theme.name}; {' '.join(pairs)} --mark: {tone_color(0.5, theme)}; }}\n"
        )

    return f"{block(LIGHT)}@media (prefers-color-scheme: dark) {{ {block(DARK)} }}\n@media print {{ {block(LIGHT)} }}\n"


def _answer_card(study: Study, answer: Answer) -> Safe:
    confidence = f"Confidence: {answer.confidence_word} ({answer.confidence:.2f})"
    return tag(
        "header",
        tag("h1", f"{study.name}: learning rate of {scrubbed(study.task)}"),
        tag("p", unbroken(sentence(answer), class_="number"), class_="sentence", role="status"),
        tag("p", confidence + ("" if answer.reasons else ".")),
        tag("ul", *(tag("li", reason) for reason in answer.reasons)) if answer.reasons else Safe(""),
        class_="answer",
    )


def _warnings(answer: Answer) -> Safe:
    if not answer.warnings:
        return Safe("")
    items = [tag("li", tag("code", caution.code), f" {caution.text}") for caution in answer.warnings]
    return tag("section", tag("h2", "Warnings"), tag("ul", *items), class_="warnings", aria_label="Warnings")


def _u_figure(chart: UCurve) -> Safe:
    points = len(chart.points)
    return tag(
        "figure",
        tag("h2", f"{short(chart.metric)} over learning rate", id="u-title"),
        tag("div", id="u-curve", class_="plot", tabindex="0", role="group", aria_labelledby="u-title",
            aria_describedby="u-caption", data_state="loading", data_points=points, data_x_scale="log",
            data_y_scale=chart.y_scale, data_testid="u-curve"),
        tag("p", id="reading", class_="reading", aria_live="polite"),
        pieces.legend(chart),
        tag("figcaption", " ".join((*chart.caption, chart.edge,
            "Arrow keys step through the rates, Enter shows only a rate's runs, Escape shows all.")), id="u-caption"),
    )  # fmt: skip


def _lines_figure(chart: LearningCurves) -> Safe:
    drawn, raw = sum(len(c.x) for c in chart.curves), sum(c.raw_points for c in chart.curves)
    arms = f"Line patterns, from full to dashed: {', '.join(chart.arms)}." if len(chart.arms) > 1 else ""
    return tag(
        "figure",
        tag("h2", f"{short(chart.metric)} over training", id="lines-title"),
        tag("div", id="learning-curves", class_="plot", role="group", aria_labelledby="lines-title",
            aria_describedby="lines-caption", data_state="loading", data_series=len(chart.curves), data_points=drawn,
            data_raw_points=raw, data_y_scale=chart.y_scale, data_testid="learning-curves"),
        tag("figcaption", " ".join((chart.caption[0], arms, *chart.caption[1:])),
            id="lines-caption"),
    )  # fmt: skip


def _pairs(pairs: Iterable[tuple[str, str]]) -> Safe:
    return tag("dl", *(joined((tag("dt", name), tag("dd", value))) for name, value in pairs))


def settings(study: Study) -> list[tuple[str, str]]:
    """What was asked, and how, as pairs of a name and a text; no path in it."""
    question = study.question
    better = "smaller is better" if question.metric.direction == "min" else "larger is better"
    pairs = [
        ("Task", scrubbed(study.task)),
        ("Searcher", scrubbed(study.searcher)),
        ("State", str(study.state)),
        ("Started", _utc(study.created)),
        ("Range", f"{format_lr(question.lr.low)} to {format_lr(question.lr.high)}"),
        ("Budget of a full run", counted(question.budget, question.unit)),
        ("Metric", f"{question.metric.name}, {better}"),
        ("Score of a run", "its best value so far" if question.reduce == "best" else "its last value"),
        ("Tolerance", percent(question.tolerance)),
        ("Price limit", f"{question.max_cost:g} full runs" if question.max_cost else "the searcher's own"),
        ("Seeds", f"{question.seeds}, from {question.seed}"),
        ("A frozen run", {"exact": "goes on from its stored state", "live": "goes on in its process",
                          "restart": "starts again"}[question.resumes]),
        ("Trained so far", f"{study.cost:.3g} full runs"),
        ("Fingerprint", study.fingerprint or "none"),
    ]  # fmt: skip
    if question.current_lr:
        pairs.append(("Your own rate", format_lr(question.current_lr)))
    if len(question.arms) > 1:
        pairs.append(("Arms", ", ".join(arm.name for arm in question.arms)))
    return pairs


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _event(at: float, text: str) -> Safe:
    return tag("li", tag("span", _utc(at), class_="muted number"), f" {scrubbed(text)}")


def _records_note(kept: int, total: int) -> Safe:
    if kept == total:
        return Safe("")
    return tag("p", f"The data inside this file keeps {kept:,} of {total:,} records; every score is exact.")


def _data_block(study: Study, answer: str, curve: UCurve, lines: LearningCurves) -> Safe:
    """What the charts draw and what a program can read, as JSON that cannot end its own element."""
    # The page has a legend of its own.
    first = themed(lambda theme: figures.u_curve_spec(curve, theme=theme, legend=False))
    second = themed(lambda theme: figures.curves_spec(lines, theme=theme, legend=False))
    value = {
        "schema": SCHEMA,
        "study": {"name": study.name, "task": scrubbed(study.task), "searcher": scrubbed(study.searcher),
                  "state": str(study.state), "created": study.created, "fingerprint": study.fingerprint},
        "answer": json.loads(answer),
        "charts": {"u_curve": json.loads(wire.dumps(UCurve, curve))},
        "figures": {
            "u-curve": first,
            "learning-curves": second,
        },
        "rates": rates(curve),
    }  # fmt: skip
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Safe(text), type="application/json", id="lrlab-data")
