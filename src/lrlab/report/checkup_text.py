"""A checkup as text for a terminal: the sentence first, then evidence, advice, and the curve in characters."""

import math
from collections.abc import Sequence

from lrlab.core.lr_range import format_lr
from lrlab.core.verdict import Checkup, RateVerdict
from lrlab.report.canvas import Canvas, cells, fitted, wrapped
from lrlab.report.words import format_score, one_line

_HEIGHT = 6
_GUTTER = 11
_WIDEST = 72
_WORDS = {
    "too_high": "The learning rate is too high",
    "too_low": "The learning rate is too low",
    "right": "The learning rate is about right",
    "unknown": "Whether the learning rate is right cannot be told",
}
_SIGNS = {"ok": "ok", "note": "note", "warn": "WARNING", "error": "ERROR"}


def rate_sentence(rate: RateVerdict, *, lr: float | None = None) -> str:
    """The verdict of the rate in one line."""
    if rate.verdict == "unknown":
        names = ("too low", "right", "too high")
        shares = (
            f"{name} {100 * share:.0f} %" for name, share in zip(names, rate.probabilities, strict=False)
        )
        return f"{_WORDS[rate.verdict]}{': ' if rate.probabilities else ''}{', '.join(shares)}."
    sure = f"({100 * rate.confidence:.0f} % sure)"
    if rate.verdict == "right":
        return f"{_WORDS[rate.verdict]} {sure}."
    to = "" if lr is None else f", {format_lr(lr)} to about {format_lr(lr * rate.factor, digits=2)}"
    return f"{_WORDS[rate.verdict]} {sure}: multiply it by {rate.factor:g}{to}."


def checkup_text(checkup: Checkup, curve: Sequence[tuple[float, float]], *, width: int, unicode: bool) -> str:
    """The whole checkup.

    Args:
        checkup: What is told.
        curve: Steps and training losses; none is drawn of fewer than 3.
        width: Longest line, in columns; at least 30.
        unicode: Whether braille may be used; else ASCII only.
    """
    lines = wrapped(rate_sentence(checkup.rate, lr=checkup.lr), width)
    for verdict in checkup.verdicts:
        lines.append("")
        head = f"{_SIGNS[verdict.severity]}: {verdict.sentence} [{verdict.symptom}, {verdict.confidence:.2f}]"
        lines += wrapped(one_line(head), width, indent="  ")
        for evidence in verdict.evidence:
            lines += wrapped(f"  - {one_line(str(evidence))}", width, indent="    ")
        if verdict.advice is not None:
            lines += wrapped(f"  > {one_line(verdict.advice.text)}", width, indent="    ")
    drawn = _drawn(curve, width=width, unicode=unicode, unit=checkup.unit)
    lines += ["", *drawn] if drawn else []
    if checkup.unchecked:
        lines.append("")
        for gap in checkup.unchecked:
            lines += wrapped(f"not checked: {one_line(gap.text)}", width, indent="  ")
    text = "\n".join(line.rstrip() for line in lines)
    return text if unicode else text.encode("ascii", "replace").decode()


def _drawn(curve: Sequence[tuple[float, float]], *, width: int, unicode: bool, unit: str) -> list[str]:
    """The loss over steps; its axis is logarithmic where that shows more."""
    if len(curve) < 3:
        return []
    values = [value for _, value in curve]
    low, high = min(values), max(values)
    log = low > 0 and high / low > 20
    places = [math.log(value) if log else value for value in values]
    bottom, top = min(places), max(places)
    first, last = curve[0][0], curve[-1][0]
    if not top > bottom or not last > first or not math.isfinite(top - bottom):
        return []
    canvas = Canvas(max(min(width, _WIDEST) - _GUTTER, 10), _HEIGHT, unicode=unicode)
    canvas.line(
        [
            ((step - first) / (last - first), (place - bottom) / (top - bottom))
            for (step, _), place in zip(curve, places, strict=True)
        ]
    )
    edge = "┤" if unicode else "|"
    labels = {0: format_score(high), _HEIGHT - 1: format_score(low)}
    rows = [f"{labels.get(row, ''):>{_GUTTER - 2}} {edge}{text}" for row, text in enumerate(canvas.rows())]
    caption = f"loss, {unit}s {first:.0f} to {last:.0f}{', logarithmic' if log else ''}"
    indent = " " * min(_GUTTER, max(width - cells(caption), 0))
    return [*rows, fitted(indent + caption, width, more="~")]
