import { ask, follow, refreshParts, say } from "/static/app.js";
import { Chart, rate } from "/static/charts.js";

const { study, run, lr, unit } = document.getElementById("head").dataset;
const path = `/studies/${encodeURIComponent(study)}/runs/${run}/series`;
const styles = getComputedStyle(document.documentElement);
const color = (name) => styles.getPropertyValue(`--${name}`).trim();
const panels = [...document.querySelectorAll(".panel")].map((element) => new Panel(element));
let cursor = 0;

function Panel(element) {
  this.metric = element.dataset.metric;
  this.index = Number(element.dataset.index);
  this.x = [];
  this.y = [];
  this.steps = [];
  this.lost = [];
  this.raw = 0;
  this.at = -1;
  this.chart = new Chart(element, {
    rows: () => ({ head: [unit, "step", this.metric], rows: this.x.map((x, k) => [x, this.steps[k] ?? "–", this.y[k] ?? this.word(k)]) }),
    step: (by) => {
      this.at = Math.min(Math.max(this.at + by, 0), this.x.length - 1);
      say(`${unit} ${this.x[this.at]}: ${this.metric} ${this.y[this.at]?.toPrecision(4) ?? this.word(this.at)}`);
      pointAll(this.x[this.at]);
    },
    escape: () => pointAll(null),
  });
  this.word = (k) => this.lost.find(([index]) => index === k)?.[1] ?? "";
}

let zoom = null; // one range of the x axis for all of them
let pointed = null;
function pointAll(x) {
  if (x === pointed) return;
  pointed = x;
  for (const panel of panels) panel.chart.draw();
}

/** The figure of one metric; colours are the page's own, so both themes come from one place. */
function figure(panel) {
  const axis = { gridcolor: color("grid"), linecolor: color("muted"), tickcolor: color("muted"), tickfont: { color: color("muted") }, ticks: "outside", showline: true, zeroline: false };
  const own = { type: "scatter", meta: "curve", mode: panel.x.length > 1 ? "lines" : "markers", x: panel.x, y: panel.y, name: panel.metric, line: { color: color("accent"), width: 1.6 }, marker: { color: color("accent"), size: 6 }, hovertemplate: `${unit} %{x:.5g}: %{y:.5g}<extra></extra>`, connectgaps: false, showlegend: false };
  const data = [own];
  if (panel.metric === "lr") {
    const [first, last] = [panel.x[0] ?? 0, panel.x.at(-1) ?? 1];
    data.push({ type: "scatter", meta: "planned", mode: "lines", x: [first, last], y: [Number(lr), Number(lr)], line: { color: color("muted"), width: 1.4, dash: "dash" }, hovertemplate: `planned ${rate(Number(lr))}<extra></extra>`, showlegend: false });
  }
  const shapes = pointed === null ? [] : [{ type: "line", xref: "x", yref: "paper", x0: pointed, x1: pointed, y0: 0, y1: 1, line: { color: color("text"), width: 1 } }];
  const layout = {
    paper_bgcolor: color("background"), plot_bgcolor: color("background"),
    font: { family: "system-ui, sans-serif", size: 12, color: color("text") },
    margin: { l: 62, r: 18, t: 8, b: 40 }, hovermode: "closest", dragmode: "zoom", shapes,
    hoverlabel: { bgcolor: color("background"), bordercolor: color("muted"), font: { color: color("text") } },
    xaxis: { ...axis, title: { text: unit }, ...(zoom ? { range: zoom } : { autorange: true }) }, yaxis: { ...axis, autorange: true, ...(panel.metric === "lr" ? { rangemode: "tozero" } : {}) },
  };
  return { data, layout };
}

for (const panel of panels) panel.chart.changes = () => figure(panel);

let loading = Promise.resolve();
/** One after the other: two replies to one cursor would bring the same points twice. */
function load() {
  loading = loading.catch(() => {}).then(loadNow);
  return loading;
}

async function loadNow() {
  const told = await ask(`${path}?after=${cursor}&max_points=2000`);
  if (told.series.length > panels.length) return void location.reload(); // a metric is new: the server makes its place
  for (const panel of panels) {
    const own = told.series[panel.index];
    if (own.mode === "replace") Object.assign(panel, { x: [], y: [], steps: [], lost: [], raw: 0 });
    panel.lost.push(...own.nonfinite.map(([index, word]) => [index + panel.x.length, word]));
    panel.x.push(...own.x);
    panel.y.push(...own.y);
    panel.steps.push(...own.step);
    panel.raw += own.n_raw;
  }
  cursor = told.cursor;
  for (const panel of panels) {
    const { chart } = panel;
    chart.element.dataset.rawPoints = String(panel.raw);
    const lost = panel.lost.length ? ` ${panel.lost.length} not finite, first ${panel.lost[0][1]} at ${unit} ${panel.x[panel.lost[0][0]]}.` : "";
    document.getElementById(`${chart.element.id}-caption`).textContent =
      (panel.x.length < panel.raw ? `${panel.x.length.toLocaleString("en")} of ${panel.raw.toLocaleString("en")} points drawn; first, last, lowest and highest of each column kept.` : `${panel.raw.toLocaleString("en")} points.`) + lost;
    await chart.set({ spec: { data: [], layout: {} } });
  }
}

const none = panels.length === 0;
const news = follow((changed) => changed === study, async () => {
  await refreshParts();
  if (none) {
    const told = await ask(`${path}?max_points=8`);
    if (told.series.length) location.reload();
  } else await load();
});
document.addEventListener("lrlab:refresh", news);
if (!none) await load();
for (const panel of panels) {
  panel.chart.element.on?.("plotly_hover", (event) => pointAll(event.points[0].x));
  panel.chart.element.on?.("plotly_unhover", () => pointAll(null));
  panel.chart.element.on?.("plotly_relayout", () => {
    const { range, autorange } = panel.chart.element._fullLayout.xaxis;
    const wanted = autorange ? null : range.map(Number);
    if (String(wanted) === String(zoom)) return;
    zoom = wanted;
    for (const other of panels) if (other !== panel) other.chart.draw();
  });
}
window.__lrlab = { ready: true };
