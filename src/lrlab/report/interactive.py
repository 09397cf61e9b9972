"""What a browser needs to draw a chart: its figure in both themes, and what is read aloud of it."""

from collections.abc import Callable, Iterable
from typing import Any

from lrlab.core.lr_range import format_lr
from lrlab.report.charts import UCurve
from lrlab.report.marks import Spec
from lrlab.report.palette import DARK, LIGHT, Theme, tone_color
from lrlab.report.words import counted, format_score, short


def themed(draw: Callable[[Theme], Spec]) -> Spec:
    """A chart in the light theme (``spec``), and what differs from it in the dark one (``dark``).

    Args:
        draw: Tells Plotly's ``data`` and ``layout`` in a theme, such as ``u_curve_spec`` of a chart.
    """
    light, dark = draw(LIGHT), draw(DARK)
    return {"spec": light, "dark": _difference(light, dark)}


def rates(chart: UCurve) -> list[dict[str, object]]:
    """Every rate with its colour in both themes, and the sentence that is read aloud when it gets the focus."""
    found: list[dict[str, object]] = []
    metric = short(chart.metric)
    tones = {p.lr: p.tone for p in chart.points}
    crossed = chart.crossed()
    for lr in sorted(tones):
        said = [f"Learning rate {format_lr(lr)}"]
        for mean in (mean for mean in chart.means if mean.lr == lr):
            arm = f"{mean.arm}: " if len(chart.arms) > 1 else ""
            spread = f", {format_score(mean.low)} to {format_score(mean.high)}" if mean.seeds > 1 else ""
            said.append(
                f"{arm}mean {metric} {format_score(mean.value)}{spread}, {counted(mean.seeds, 'seed')}"
            )
        if "/" in crossed.get(lr, ""):
            said.append(f"{crossed[lr].replace('/', ' of ')} diverged")
        for p in (p for p in chart.points if p.lr == lr and p.kind != "finished"):
            score = "" if p.score is None else f", {metric} {format_score(p.score)}"
            said.append(f"seed {p.seed} {p.status} at {chart.unit} {p.at:.4g}{score}")
        colors = {theme.name: tone_color(tones[lr], theme) for theme in (LIGHT, DARK)}
        found.append({"lr": lr, "text": "; ".join(said) + ".", **colors})
    return found


def _difference(base: Any, other: Any) -> Any:
    """What must be laid over ``base`` to get ``other``; {} where nothing differs."""
    if isinstance(base, dict) and isinstance(other, dict):
        pairs: Iterable[tuple[Any, Any]] = ((key, _difference(base.get(key), other[key])) for key in other)
        return {key: patch for key, patch in pairs if patch != {}}
    lists = isinstance(base, list) and isinstance(other, list)
    if lists and len(base) == len(other) and all(isinstance(item, dict) for item in [*base, *other]):
        pairs = ((str(index), _difference(base[index], item)) for index, item in enumerate(other))
        return {key: patch for key, patch in pairs if patch != {}}
    return {} if base == other else other
