"""Schedules for a terminal: drawn in characters, and their facts as a table."""

from collections.abc import Sequence

from lrlab.report.canvas import Canvas, cells, fitted, wrapped
from lrlab.report.schedules import ScheduleChart
from lrlab.report.words import one_line

_HEIGHT = 12
_WIDEST_PLOT = 100
_GUTTER = 11
_LETTERS = "ABCDEF"


def schedule_plot(chart: ScheduleChart, *, width: int, unicode: bool) -> str:
    """The curves in characters; several are told apart by a letter on each.

    Args:
        chart: What to draw.
        width: Longest line, in columns; at least 30.
        unicode: Whether braille may be used; else ASCII only.
    """
    columns = min(width, _WIDEST_PLOT + _GUTTER) - _GUTTER
    canvas = Canvas(columns, _HEIGHT, unicode=unicode)
    (low, high), (bottom, top) = chart.x_range, chart.y_range
    for index, curve in enumerate(chart.curves):
        places = [
            ((x - low) / (high - low), (y - bottom) / (top - bottom))
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        if len(places) == 1 or curve.marks:
            for place in places:
                canvas.mark(*place, "o")
            continue
        canvas.line(places)
        if len(chart.curves) > 1:
            # Letters stand at other places for every curve, so that they do not hide one another.
            for share in (0.12, 0.45, 0.78):
                x, y = places[min(int((share + 0.04 * index) * len(places)), len(places) - 1)]
                canvas.mark(x, y, _LETTERS[index])
    axis, corner, floor = ("┤", "└", "─") if unicode else ("|", "+", "-")
    labels = {row: f"{top - (top - bottom) * row / (_HEIGHT - 1):.3g}" for row in range(0, _HEIGHT, 4)}
    labels[_HEIGHT - 1] = f"{bottom:.3g}"
    lines = [chart.quantity]
    lines += [f"{labels.get(row, ''):>{_GUTTER - 2}} {axis}{text}" for row, text in enumerate(canvas.rows())]
    lines.append(f"{'':>{_GUTTER - 2}} {corner}{floor * columns}")
    ends = (f"{low:g}", f"{chart.unit} {high:g}")
    lines.append(f"{'':>{_GUTTER}}{ends[0]}{ends[1]:>{max(columns - len(ends[0]), len(ends[1]) + 1)}}")
    if len(chart.curves) > 1:
        lines += named(chart, width=width)
    return "\n".join(line.rstrip()[:width] for line in lines)


def facts_table(facts: Sequence[tuple[str, Sequence[str]]], *, width: int) -> str:
    """Facts with their values side by side, by letter where there are several; below one another where room ends."""
    count = len(facts[0][1])
    rows = [("", list(_LETTERS[:count]))] if count > 1 else []
    rows += [(name, list(texts)) for name, texts in facts]
    first = max(cells(name) for name, _ in rows)
    wide = [max(cells(row[1][k]) for row in rows) for k in range(count)]
    blocks: list[list[int]] = []
    room = 0
    for k in range(count):
        room -= wide[k] + 2
        if room < 0:
            blocks.append([])
            room = width - first - wide[k] - 2
        blocks[-1].append(k)
    return "\n\n".join(
        "\n".join(
            fitted(
                "  ".join([f"{name:<{first}}", *(f"{texts[k]:>{wide[k]}}" for k in block)]), width, more="~"
            ).rstrip()
            for name, texts in rows
        )
        for block in blocks
    )


def named(chart: ScheduleChart, *, width: int) -> list[str]:
    """Lines that tell which letter, or sign of a record, is which of several schedules."""
    lines: list[str] = []
    for index, curve in enumerate(chart.curves):
        sign = "o" if curve.marks else _LETTERS[index]
        lines += wrapped(f"{sign}  {one_line(curve.name)}", width, indent="   ")
    return lines
