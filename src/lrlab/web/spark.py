"""The U-curve in a row of a table."""

import math

from lrlab.report.charts import UCurve

_W, _H, _PAD = 120, 28, 4
# Seen on white and on black: a picture in a page does not know the page's theme.
_LINE, _BEST, _SAFE, _BAD = "#7b8494", "#5f7df0", "#3fa34d", "#d9534a"


def spark(chart: UCurve) -> bytes:
    """The curve as SVG of 120 by 28 pixels: its points and line, the safe range, the best rate, what diverged."""
    low, high = (math.log10(end) for end in chart.x_range)

    def x(lr: float) -> float:
        return _PAD + (_W - 2 * _PAD) * (math.log10(lr) - low) / ((high - low) or 1)

    parts = []
    if chart.safe_range is not None:
        left, right = (x(end) for end in chart.safe_range)
        parts.append(
            f'<rect x="{left:.1f}" y="0" width="{max(right - left, 1):.1f}" height="{_H}" fill="{_SAFE}" fill-opacity=".25"/>'
        )
    if chart.y_range is not None:
        logarithmic = chart.y_scale == "log"
        bottom, top = (math.log10(v) if logarithmic else v for v in chart.y_range)

        def y(score: float) -> float:
            value = chart.drawn(score)
            value = math.log10(value) if logarithmic else value
            return _H - _PAD - (_H - 2 * _PAD) * (value - bottom) / ((top - bottom) or 1)

        own = [p for p in chart.points if p.score is not None]
        means = [m for m in chart.means if m.arm == chart.arm]
        if len(means) > 1:
            line = " ".join(f"{x(m.lr):.1f},{y(m.value):.1f}" for m in means)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>')
        parts += [
            f'<circle cx="{x(p.lr):.1f}" cy="{y(p.score or 0.0):.1f}" r="1.8" fill="{_LINE}"/>' for p in own
        ]
        if chart.lr and chart.score is not None:
            parts.append(f'<circle cx="{x(chart.lr):.1f}" cy="{y(chart.score):.1f}" r="3" fill="{_BEST}"/>')
    for p in chart.of("diverged"):
        at = x(p.lr)
        parts.append(f'<path d="M{at - 2:.1f} 2l4 4m0-4l-4 4" stroke="{_BAD}" stroke-width="1.2"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_W}" height="{_H}" viewBox="0 0 {_W} {_H}">'
    return f"{head}{''.join(parts)}</svg>".encode()
