import { ask, follow, refreshParts, say } from "/static/app.js";
import { Chart } from "/static/charts.js";
import { number, View, zoom } from "/static/view.js";

const { study, run, unit } = document.getElementById("head").dataset;
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

// What can stand in the address: a window on the x axis of all charts, which of them are logarithmic, a verdict.
const view = new View(
  { z: zoom(), verdict: number(0), log: { usual: "", parse: (text) => (/^m\d+(,m\d+)*$/.test(text) ? text : undefined), expected: "charts such as m1,m2" } },
  () => applyView(),
);
let plan = null;
let pointed = null;
function pointAll(x) {
  if (x === pointed) return;
  pointed = x;
  for (const panel of panels) panel.chart.draw();
}

/** The figure of one metric; colours are the page's own, so both themes come from one place. */
function figure(panel) {
  const axis = { gridcolor: color("grid"), linecolor: color("muted"), tickcolor: color("muted"), tickfont: { color: color("muted") }, ticks: "outside", showline: true, zeroline: false };
  const own = { type: "scatter", meta: "curve", mode: panel.x.length > 1 ? "lines" : "markers", x: (panel.part ?? panel).x, y: (panel.part ?? panel).y, name: panel.metric, line: { color: color("accent"), width: 1.6 }, marker: { color: color("accent"), size: 6 }, hovertemplate: `${unit} %{x:.5g}: %{y:.5g}<extra></extra>`, connectgaps: false, showlegend: false };
  const data = [own];
  if (panel.metric === "lr") {
    if (plan) data.push({ type: "scatter", meta: "planned", mode: "lines", x: plan.x, y: plan.y, line: { color: color("muted"), width: 1.4, dash: "dash" }, hovertemplate: "planned %{y:.4g}<extra></extra>", showlegend: false });
  }
  const marked = (panel.metric === "lr" && plan ? plan.off : []).map(([from, to]) => [from, to, "diverged"]);
  const chosen = document.querySelector(`[data-verdict="${view.values.verdict}"]`);
  if (chosen) marked.push([Number(chosen.dataset.from), Number(chosen.dataset.to), "accent"]);
  const shapes = pointed === null ? [] : [{ type: "line", xref: "x", yref: "paper", x0: pointed, x1: pointed, y0: 0, y1: 1, line: { color: color("text"), width: 1 } }];
  shapes.push(...marked.map(([x0, x1, name]) => ({ type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, line: { width: 0 }, fillcolor: color(name), opacity: 0.15, layer: "below" })));
  const layout = {
    paper_bgcolor: color("background"), plot_bgcolor: color("background"),
    font: { family: "system-ui, sans-serif", size: 12, color: color("text") },
    margin: { l: 62, r: 18, t: 8, b: 40 }, hovermode: "closest", dragmode: "zoom", shapes,
    hoverlabel: { bgcolor: color("background"), bordercolor: color("muted"), font: { color: color("text") } },
    xaxis: { ...axis, title: { text: unit }, autorange: true }, yaxis: { ...axis, autorange: true, ...(panel.metric === "lr" ? { rangemode: "tozero" } : {}) },
  };
  return { data, layout };
}

for (const panel of panels) panel.chart.changes = () => figure(panel);

/** How many points are drawn, of how many, and what cannot be drawn. */
function caption(panel) {
  const { id, dataset } = panel.chart.element;
  const many = (n) => n.toLocaleString("en");
  dataset.rawPoints = String(panel.raw);
  const [drawn, all] = panel.part ? [panel.part.n_out, panel.part.n_raw] : [panel.x.length, panel.raw];
  const lost = panel.lost.length ? ` ${panel.lost.length} not finite, first ${panel.lost[0][1]} at ${unit} ${panel.x[panel.lost[0][0]]}.` : "";
  const window_ = panel.part ? ` This window holds ${many(all)} of ${many(panel.raw)}.` : "";
  document.getElementById(`${id}-caption`).textContent =
    (drawn < all ? `${many(drawn)} of ${many(all)} points drawn; first, last, lowest and highest of each column kept.` : `${many(all)} points.`) + window_ + lost;
}

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
    if (panel.part) panel.part = null;
    caption(panel);
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

// --- what a person has chosen ------------------------------------------------------------------------------------

/** Where a chart has left points out, a window on it is asked for anew: there every point may have room. */
async function loadWindow() {
  const { z } = view.values;
  for (const panel of panels) panel.part = null;
  if (z && panels.some((panel) => panel.x.length < panel.raw)) {
    const told = await ask(`${path}?max_points=2000&from=${z.x[0]}&to=${z.x[1]}`);
    for (const panel of panels) panel.part = told.series[panel.index];
  }
  panels.forEach(caption);
}

async function applyView() {
  const { z, log } = view.values;
  for (const { chart } of panels) {
    chart.zoom = z ? { x: z.x, y: null } : null;
    chart.log = log.split(",").includes(chart.element.id) ? true : null;
  }
  await loadWindow();
  await Promise.all(panels.map((panel) => panel.chart.draw()));
}

for (const panel of panels) {
  panel.chart.zoomed = (z) => {
    view.set({ z: z && { x: z.x, y: null } });
    for (const other of panels) if (other !== panel) other.chart.zoom = view.values.z;
    loadWindow().then(() => panels.forEach((each) => each.chart.draw()), (error) => say(error.message));
  };
  panel.chart.rescaled = (scale) => {
    const { id } = panel.chart.element;
    const others = view.values.log.split(",").filter((each) => each && each !== id);
    view.set({ log: (scale === "log" ? [...others, id] : others).join(",") }, { push: true });
    return applyView();
  };
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-verdict]");
  if (!button) return;
  const [from, to] = [Number(button.dataset.from), Number(button.dataset.to)];
  const more = (to - from) / 4;
  view.set({ verdict: Number(button.dataset.verdict), z: { x: [from - more, to + more], y: null } }, { push: true });
  applyView();
  document.querySelector(".panels")?.scrollIntoView({ block: "nearest" });
  say("The charts show where the verdict comes from.");
});

if (!none) {
  plan = (await ask(path.replace(/series$/, "verdicts"))).planned;
  await load();
  await applyView();
}
for (const panel of panels) {
  panel.chart.element.on?.("plotly_hover", (event) => pointAll(event.points[0].x));
  panel.chart.element.on?.("plotly_unhover", () => pointAll(null));
}
window.__lrlab = { ready: true };
