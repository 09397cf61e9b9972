"""Text for a terminal: the U-curve drawn in characters, the table of runs, the whole answer.

No line is longer than the given width, nothing holds control characters, and with ``unicode=False`` everything is
ASCII. Characters that a terminal obeys are written out wherever foreign text is shown.
"""

import math
from collections.abc import Sequence

from lrlab.core.answer import Answer, sentence
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import format_lr
from lrlab.report.canvas import Canvas, cells, fitted, wrapped
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.scales import lr_ticks
from lrlab.report.tables import RunRow, runs_table
from lrlab.report.words import counted, format_score, format_span, one_line

NARROWEST = 30
# Wider than this a curve of a dozen rows looks flat.
_WIDEST_PLOT = 100
_HEIGHT = 12
_MOST_ROWS = 26
_GUTTER = 10
_TO_ASCII = str.maketrans({"–": "-", "…": "...", "×": "x", "∞": "inf", "’": "'", "—": "-"})
_SIGNS = {
    True: {"finished": "●", "partial": "○", "diverged": "✕", "none": "╷", "best": "◉", "clipped": "▲", "axis": "┤",
           "corner": "└", "floor": "─", "tick": "┬", "safe": "▀", "interval": "━", "current": "│"},
    False: {"finished": "*", "partial": "o", "diverged": "x", "none": "'", "best": "@", "clipped": "^", "axis": "|",
            "corner": "+", "floor": "-", "tick": "+", "safe": "=", "interval": "~", "current": ":"},
}  # fmt: skip


def terminal_plot(chart: UCurve, *, width: int, unicode: bool) -> str:
    """The U-curve in characters: a logarithmic axis, diverged runs in a lane of their own, bars below the axis.

    Args:
        chart: What to draw.
        width: Longest line, in columns; at least 30. The plot itself is at most 100 columns wide.
        unicode: Whether braille and other signs may be used; else ASCII only.

    Raises:
        SpecError: If ``width`` is below 30.
    """
    _check(width)
    signs = _SIGNS[unicode]
    columns = min(width, _WIDEST_PLOT + _GUTTER) - _GUTTER
    canvas = Canvas(columns, _HEIGHT if chart.y_range else 1, unicode=unicode)
    lines = [fitted(_foreign(chart.metric, unicode=unicode), width, more=_more(unicode))]
    if crossed := chart.of("diverged"):
        lane = [" "] * columns
        for point in crossed:
            lane[canvas.column(_place(point.lr, chart))] = signs["diverged"]
        lines.append(_row("diverged", signs["axis"], "".join(lane)))
    labels = _draw(canvas, chart, signs)
    lines += [_row(labels.get(row, ""), signs["axis"], text) for row, text in enumerate(canvas.rows())]
    lines += _floor(chart, canvas, signs)
    lines += _bars(chart, canvas, signs, width=width)
    lines += wrapped(_key(chart, signs, unicode=unicode), width, indent="  ")
    return "\n".join(line.rstrip() for line in lines)


def runs_text(rows: Sequence[RunRow], *, width: int, unicode: bool = True) -> str:
    """The runs as an aligned table; where the width does not hold every column, the less telling ones are left out.

    Raises:
        SpecError: If ``width`` is below 30.
    """
    _check(width)
    arms = len({row.arm for row in rows}) > 1
    # From the most telling column to the least; the order on the line is another.
    columns: dict[str, list[str]] = {
        "rate": [format_lr(row.lr) + (" <" if row.winner else "") for row in rows],
        "state": [row.status for row in rows],
        "score": [_foreign(format_score(row.score), unicode=unicode) for row in rows],
        "units": [str(row.units) for row in rows],
        **(
            {"arm": [fitted(_foreign(row.arm, unicode=unicode), 16, more="~") for row in rows]}
            if arms
            else {}
        ),
        "seed": [str(row.seed) for row in rows],
        "seconds": [f"{row.seconds:.3g}" for row in rows],
    }
    kept: dict[str, int] = {}
    for name, texts in columns.items():
        wide = max([len(name), *(cells(text) for text in texts)])
        if sum(kept.values()) + 2 * len(kept) + wide <= width:
            kept[name] = wide
    room = width - sum(kept.values()) - 2 * len(kept)
    order = [name for name in ("rate", "arm", "seed", "state", "units", "score", "seconds") if name in kept]
    lines = []
    for index in range(-1, len(rows)):
        parts = [
            _padded(columns[n][index] if index >= 0 else n, kept[n], left=n in ("rate", "arm", "state"))
            for n in order
        ]
        if room >= 20:
            said = rows[index].detail.strip().rpartition("\n")[2] or rows[index].why if index >= 0 else "why"
            parts.append(fitted(_foreign(said, unicode=unicode), room, more=_more(unicode)))
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def answer_text(answer: Answer, *, width: int, unicode: bool) -> str:
    """The whole answer for a terminal: sentence, confidence, warnings, curve and runs.

    Raises:
        SpecError: If ``width`` is below 30.
    """
    _check(width)
    chart = u_curve(answer)

    def paragraph(text: str, indent: str = "  ") -> list[str]:
        return wrapped(_foreign(text, unicode=unicode), width, indent=indent)

    lines = paragraph(sentence(answer), "")
    lines += paragraph(
        f"Confidence: {answer.confidence_word} ({answer.confidence:.2f}). {' '.join(answer.reasons)}"
    )
    for caution in answer.warnings:
        lines += paragraph(f"Warning {caution.code}: {caution.text}")
    if not answer.runs:
        return "\n".join(lines)
    rows = runs_table(answer)
    shown = _telling(rows, chart)
    lines += ["", terminal_plot(chart, width=width, unicode=unicode), ""]
    lines.append(runs_text(shown, width=width, unicode=unicode))
    if len(shown) < len(rows):
        lines += paragraph(f"{counted(len(rows) - len(shown), 'more run')} not shown.")
    return "\n".join(lines)


def _check(width: int) -> None:
    if width < NARROWEST:
        raise SpecError(f"terminal: width must be at least {NARROWEST} columns, got {width}.")


def _foreign(text: str, *, unicode: bool) -> str:
    line = one_line(text)
    return line if unicode else line.translate(_TO_ASCII).encode("ascii", "backslashreplace").decode()


def _more(unicode: bool) -> str:
    return "…" if unicode else "..."


def _row(label: str, axis: str, text: str) -> str:
    return f"{label:>{_GUTTER - 2}} {axis}{text}"


def _place(lr: float, chart: UCurve) -> float:
    low, high = map(math.log10, chart.x_range)
    return (math.log10(lr) - low) / (high - low)


def _draw(canvas: Canvas, chart: UCurve, signs: dict[str, str]) -> dict[int, str]:
    """Draw lines and runs; the labels of the y axis by row."""
    if chart.y_range is None:
        return {0: "no score"}
    low, high = chart.y_range
    log = chart.y_scale == "log"
    low, high = (math.log10(low), math.log10(high)) if log else (low, high)

    def height(score: float) -> float:
        return ((math.log10(score) if log and score > 0 else score) - low) / (high - low)

    for level in chart.levels:
        canvas.line(
            [(_place(lr, chart), height(s)) for lr, s in zip(level.rates, level.scores, strict=True)], every=3
        )
    for arm in reversed(chart.arms):
        means = [mean for mean in chart.means if mean.arm == arm]
        canvas.line([(_place(mean.lr, chart), height(chart.drawn(mean.value))) for mean in means])
    for kind in ("partial", "finished"):
        for point in chart.of(kind):
            score = point.score or 0.0
            inside = chart.drawn(score) == score
            sign = signs[kind] if inside else signs["clipped"] if chart.direction == "min" else "v"
            canvas.mark(_place(point.lr, chart), height(chart.drawn(score)), sign)
    for point in chart.of("none"):
        canvas.mark(_place(point.lr, chart), 0.0, signs["none"])
    if chart.lr is not None and chart.score is not None:
        canvas.mark(_place(chart.lr, chart), height(chart.score), signs["best"])
    labels = {}
    for row in range(0, canvas.height, 4):
        value = high - (high - low) * row / (canvas.height - 1)
        labels[row] = f"{10**value if log else value:.3g}"
    labels[canvas.height - 1] = f"{10**low if log else low:.3g}"
    return labels


def _floor(chart: UCurve, canvas: Canvas, signs: dict[str, str]) -> list[str]:
    floor = [signs["floor"]] * canvas.width
    names = [" "] * (canvas.width + _GUTTER)
    end = -1
    for tick in lr_ticks(*chart.x_range, most=max(2, canvas.width // 9)):
        column = canvas.column(_place(tick, chart))
        text = format_lr(tick)
        start = min(max(_GUTTER + column - len(text) // 2, 0), len(names) - len(text))
        if start > end:
            floor[column] = signs["tick"]
            names[start : start + len(text)] = text
            end = start + len(text)
    if chart.current_lr is not None:
        floor[canvas.column(_place(chart.current_lr, chart))] = signs["current"]
    return [_row("", signs["corner"], "".join(floor)), "".join(names)]


def _bars(chart: UCurve, canvas: Canvas, signs: dict[str, str], *, width: int) -> list[str]:
    lines = []
    for sign, span, text in (
        ("safe", chart.safe_range, "safe range"),
        ("interval", chart.interval, "90 % interval"),
    ):
        if span is None or chart.lr is None:
            continue
        first, last = (canvas.column(_place(end, chart)) for end in span)
        bar = " " * (_GUTTER + first) + signs[sign] * (last - first + 1)
        named = f"{text} {format_span(span)}"
        if len(bar) + 2 + len(named) <= width:
            lines.append(f"{bar}  {named}")
        elif len(named) + 1 < _GUTTER + first:
            lines.append(f"{named:>{_GUTTER + first - 1}} {bar.lstrip()}")
        else:
            lines += [bar, f"{fitted(named, width, more=''):>{min(width, _GUTTER + canvas.width)}}"]
    return lines


def _key(chart: UCurve, signs: dict[str, str], *, unicode: bool) -> str:
    texts = {
        mark: text
        for mark, text in chart.legend.items()
        if mark in signs and mark not in ("safe", "interval")
    }
    said = [f"{signs[mark]} {text}" for mark, text in texts.items()]
    if "mean-0" in chart.legend:
        said.append(chart.band_text)
    return _foreign("; ".join(said), unicode=unicode)


def _padded(text: str, width: int, *, left: bool) -> str:
    gap = " " * (width - cells(text))
    return text + gap if left else gap + text


def _telling(rows: Sequence[RunRow], chart: UCurve) -> list[RunRow]:
    """At most ``_MOST_ROWS`` rows: the winner and the best scores, in the order of the table."""
    if len(rows) <= _MOST_ROWS:
        return list(rows)
    turn = 1.0 if chart.direction == "min" else -1.0
    ranked = sorted(rows, key=lambda row: (not row.winner, row.score is None, turn * (row.score or 0.0)))
    kept = {id(row) for row in ranked[:_MOST_ROWS]}
    return [row for row in rows if id(row) in kept]
