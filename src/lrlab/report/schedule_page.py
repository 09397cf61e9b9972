"""An interactive page of schedules: one HTML file that opens from disk without a network."""

import base64
import hashlib
import json

from lrlab.report import figures
from lrlab.report.markup import Safe, tag
from lrlab.report.palette import DARK, LIGHT
from lrlab.report.schedules import ScheduleChart

_OWN = """
const all = JSON.parse(document.getElementById("lrlab-data").textContent).figures;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const place = document.getElementById("schedules");
function draw() {
  const figure = all[dark.matches ? "dark" : "light"];
  Plotly.react(place, figure.data, figure.layout, {responsive: true, displaylogo: false});
  place.dataset.state = "ready";
}
dark.addEventListener("change", draw);
draw();
"""
_STYLE = f"""
:root {{ color-scheme: light dark; }}
body {{ background: {LIGHT.background}; color: {LIGHT.text}; }}
@media (prefers-color-scheme: dark) {{ body {{ background: {DARK.background}; color: {DARK.text}; }} }}
"""
_STYLE += """
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font-family: system-ui, sans-serif; overflow-x: auto; }
table { border-collapse: collapse; margin-top: 1.5rem; } th, td { padding: .2rem .8rem .2rem 0; text-align: left; font-weight: normal; }
thead th { font-family: monospace; }
"""


def schedule_page(chart: ScheduleChart) -> str:
    """The page: the chart in the theme that the reader's system has, and the facts as a table.

    Raises:
        NotFoundError: If Plotly is not installed.
    """
    program = figures.script().replace("\r\n", "\n")
    drawn = {
        theme.name: json.loads(figures.schedule_figure(chart, theme=theme).to_json())
        for theme in (LIGHT, DARK)
    }
    data = json.dumps({"schema": "lrlab.schedules/1", "figures": drawn}, allow_nan=False)
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (program, _OWN)
    )
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=f"{policy}; base-uri 'none'; form-action 'none'"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", "lrlab: schedules"),
        tag("style", Safe(_STYLE)),
    )  # fmt: skip
    names = [curve.name for curve in chart.curves]
    body = tag(
        "body",
        tag("h1", "Learning-rate schedules" if len(names) > 1 else names[0]),
        tag("div", id="schedules", role="img", aria_label=f"{chart.quantity} over {chart.unit}"),
        tag("noscript", tag("p", "The chart needs JavaScript.")),
        _facts(chart),
        tag("script", Safe(data.replace("<", "\\u003c")), type="application/json", id="lrlab-data"),
        tag("script", Safe(program)),
        tag("script", Safe(_OWN)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _facts(chart: ScheduleChart) -> Safe:
    if not chart.facts:
        return Safe("")
    head = tag("thead", tag("tr", tag("th", ""), *(tag("th", curve.name) for curve in chart.curves)))
    rows = (
        tag("tr", tag("th", name, scope="row"), *(tag("td", text) for text in texts))
        for name, texts in chart.facts
    )
    return tag("table", head, tag("tbody", *rows))
