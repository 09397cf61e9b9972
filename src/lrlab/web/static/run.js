import { announce, ask, follow, refreshParts, say, turns } from "/static/app.js";
import { Chart, rate } from "/static/charts.js";
import { Log } from "/static/log.js";
import { Marks } from "/static/marks.js";
import { thin } from "/static/thin.js";
import { View, zoom } from "/static/view.js";
import "/static/ages.js";

const { study, run, unit } = document.getElementById("head").dataset;
const own = `/studies/${encodeURIComponent(study)}/runs/${run}`;
const path = `${own}/series`;
const POINTS = 2000; // of each metric; when twice as many have come, columns lose what is not seen
const styles = getComputedStyle(document.documentElement);
const color = (name) => styles.getPropertyValue(`--${name}`).trim();
const many = (n) => n.toLocaleString("en");
const panels = [...document.querySelectorAll(".panel")].map((element) => new Panel(element));
const log = new Log(`${own}/log`);
let cursor = 0;

function Panel(element) {
  this.metric = element.dataset.metric;
  this.index = Number(element.dataset.index);
  this.at = -1;
  this.clear = () => Object.assign(this, { x: [], y: [], steps: [], lost: new Map(), raw: 0, part: null });
  this.clear();
  this.said = (k) => this.y[k]?.toPrecision(4) ?? this.lost.get(this.x[k]) ?? "";
  this.chart = new Chart(element, {
    rows: () => ({ head: [unit, "step", this.metric], rows: this.x.map((x, k) => [x, this.steps[k] ?? "–", this.y[k] ?? this.said(k)]) }),
    step: (by) => {
      this.at = Math.min(Math.max(this.at + by, 0), this.x.length - 1);
      say(`${unit} ${this.x[this.at]}: ${this.metric} ${this.said(this.at)}`);
      pointAll(this.x[this.at]);
    },
    escape: () => pointAll(null),
  });
  this.marks = new Marks(element, { chosen: goTo, pointed: pointAll });
  this.chart.changes = () => figure(this);
  this.chart.begun = () => element.on("plotly_afterplot", () => {
    this.marks.place();
    showCursor(this);
    if (this.metric === "lr") for (const tick of element.querySelectorAll(".ytick text")) tick.textContent = rate(Number(tick.textContent.replace("−", "-")));
  });
}

// --- verdicts: the list has them, the charts show where they come from --------------------------------------------

const entries = () => [...document.querySelectorAll("#verdicts li[data-number]")];
const entry = (symptom) => entries().find((each) => each.dataset.symptom === symptom);

// What can stand in the address: a window on the x axis of all charts, which of them are logarithmic, a verdict.
const view = new View(
  {
    z: zoom(),
    verdict: { usual: "", parse: (text) => (entry(text) ? text : undefined), expected: `the verdicts of this run: ${entries().map((each) => each.dataset.symptom).join(", ") || "it has none"}` },
    log: { usual: "", parse: (text) => (/^m\d+(,m\d+)*$/.test(text) ? text : undefined), expected: "charts such as m1,m2" },
  },
  () => applyView(),
);

/** Number and stretch of each verdict into the charts of its metrics; the chosen one is marked in list and charts. */
function showFlags() {
  const { verdict } = view.values;
  const flags = entries().filter((each) => each.dataset.from).map(({ dataset }) => ({
    symptom: dataset.symptom, number: Number(dataset.number), severity: dataset.said.split(":")[0], from: Number(dataset.from), to: Number(dataset.to),
    metrics: JSON.parse(dataset.metrics), label: `Verdict ${dataset.number}, ${dataset.said}`,
  }));
  for (const panel of panels) {
    panel.flags = flags.filter((flag) => flag.metrics.includes(panel.metric));
    panel.marks.set(panel.flags, verdict);
  }
  for (const each of entries()) {
    const chosen = each.dataset.symptom === verdict;
    each.classList.toggle("chosen", chosen);
    each.querySelector("[aria-pressed]")?.setAttribute("aria-pressed", String(chosen));
  }
}

/** From a flag to its verdict. */
function goTo(symptom) {
  view.set({ verdict: symptom }, { push: view.values.verdict !== symptom });
  showFlags();
  drawAll();
  const place = entry(symptom);
  place?.focus({ preventScroll: true });
  place?.scrollIntoView({ block: "center" });
}

/** From a verdict to the charts: its stretch and a quarter of it on both sides. */
function showInCharts(place) {
  const [from, to] = [Number(place.dataset.from), Number(place.dataset.to)];
  const more = (to - from) / 4;
  view.set({ verdict: place.dataset.symptom, z: { x: [from - more, to + more], y: null } }, { push: true });
  applyView();
  const metrics = JSON.parse(place.dataset.metrics);
  const chart = panels.find((panel) => metrics.includes(panel.metric))?.chart.element ?? document.querySelector(".panels");
  chart?.scrollIntoView({ block: "nearest" });
  say("The charts show where the verdict comes from.");
}

document.addEventListener("click", (event) => {
  const place = event.target.closest("#verdicts li[data-from]");
  if (!place || event.target.closest("[data-copy-text], a, summary") || String(getSelection()).length) return;
  showInCharts(place);
});

// --- the charts ---------------------------------------------------------------------------------------------------

let plan = null;
let pointed = null;
let waiting = null;

/** The same place in all charts. */
function pointAll(x) {
  if (x === pointed) return;
  pointed = x;
  waiting ??= requestAnimationFrame(() => {
    waiting = null;
    panels.forEach(showCursor);
  });
}

function showCursor(panel) {
  const { x } = panel.part ?? panel;
  if (pointed === null || !x.length) return panel.marks.point(null, "");
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < pointed) low = middle;
    else high = middle;
  }
  const k = pointed - x[low] <= x[high] - pointed ? low : high;
  const y = (panel.part ?? panel).y[k];
  return panel.marks.point(pointed, `${unit} ${Number(x[k].toPrecision(5))}: ${y === null ? (panel.lost.get(x[k]) ?? "not finite") : Number(y.toPrecision(4))}`);
}

/** Where the training has begun and how far it has come: one axis for all charts. */
function ends() {
  const known = panels.filter((panel) => panel.x.length);
  const low = Math.min(...known.map((panel) => panel.x[0]));
  const high = Math.max(...known.map((panel) => panel.x.at(-1)));
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

/** The figure of one metric; colours are the page's own, so both themes come from one place. */
function figure(panel) {
  const axis = { gridcolor: color("grid"), linecolor: color("muted"), tickcolor: color("muted"), tickfont: { color: color("muted") }, ticks: "outside", showline: true, zeroline: false, exponentformat: "power", automargin: true };
  const { x, y } = panel.part ?? panel;
  const data = [{ type: "scatter", meta: "curve", mode: x.length > 1 ? "lines" : "markers", x, y, name: panel.metric, line: { color: color("accent"), width: 1.6 }, marker: { color: color("accent"), size: 6 }, hoverinfo: "none", connectgaps: false, showlegend: false }];
  const planned = panel.metric === "lr" && plan;
  if (planned) data.push({ type: "scatter", meta: "planned", mode: "lines", x: plan.x, y: plan.y, line: { color: color("muted"), width: 1.4, dash: "dash" }, hoverinfo: "none", showlegend: false });
  const stretch = ([x0, x1, name]) => ({ type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, line: { width: 0 }, fillcolor: color(name), opacity: 0.15, layer: "below" });
  const chosen = entry(view.values.verdict);
  const off = planned ? JSON.parse(document.getElementById("rate-off")?.dataset.off ?? "[]") : [];
  const shapes = off.map(([from, to]) => stretch([from, to, "diverged"]));
  if (chosen?.dataset.from) shapes.push(stretch([Number(chosen.dataset.from), Number(chosen.dataset.to), "accent"]));
  for (const { from } of panel.flags ?? []) shapes.push({ type: "line", xref: "x", yref: "paper", x0: from, x1: from, y0: 0, y1: 1, line: { color: color("muted"), width: 1, dash: "dot" } });
  const layout = {
    paper_bgcolor: color("background"), plot_bgcolor: color("background"),
    font: { family: "system-ui, sans-serif", size: 12, color: color("text") },
    margin: { l: 62, r: 18, t: entries().length ? 30 : 10, b: 40 }, hovermode: "closest", dragmode: "zoom", shapes,
    xaxis: { ...axis, title: { text: unit, standoff: 8 }, range: ends() }, yaxis: { ...axis, autorange: true, ...(panel.metric === "lr" ? { rangemode: "tozero", tickformat: ".2~e" } : {}) },
  };
  return { data, layout };
}

const drawAll = () => Promise.all(panels.map((panel) => panel.chart.set({ spec: { data: [], layout: {} } })));

/** How many points are drawn, of how many, and what cannot be drawn. */
function caption(panel) {
  const { id, dataset } = panel.chart.element;
  dataset.rawPoints = String(panel.raw);
  const [drawn, all] = panel.part ? [panel.part.x.length, panel.part.n_raw] : [panel.x.length, panel.raw];
  const [first] = panel.lost;
  const lost = first ? ` ${many(panel.lost.size)} not finite, first ${first[1]} at ${unit} ${first[0]}.` : "";
  const window_ = panel.part ? ` This window holds ${many(all)} of ${many(panel.raw)}.` : "";
  document.getElementById(`${id}-caption`).textContent =
    (drawn < all ? `${many(drawn)} of ${many(all)} points drawn; first, last, lowest and highest of each column kept.` : `${many(all)} point${all === 1 ? "" : "s"}.`) + window_ + lost;
}

const loading = turns(); // two replies to one cursor would bring the same points twice
function load() {
  return loading(loadNow);
}

async function loadNow() {
  const told = await ask(`${path}?after=${cursor}&max_points=${POINTS}`);
  if (told.series.length > panels.length) return void location.reload(); // a metric is new: the server makes its place
  for (const panel of panels) take(panel, told.series[panel.index]);
  cursor = told.cursor;
  const { z } = view.values;
  const last = Math.max(...panels.map((panel) => panel.x.at(-1) ?? 0));
  document.getElementById("newer").hidden = !(z && last > z.x[1]);
  panels.forEach(caption);
  await drawAll();
}

/** Put behind what is known what has come. */
function take(panel, told) {
  if (told.mode === "replace") panel.clear();
  for (const [index, word] of told.nonfinite) panel.lost.set(told.x[index], word);
  panel.x.push(...told.x);
  panel.y.push(...told.y);
  panel.steps.push(...told.step);
  panel.raw += told.n_raw;
  const { z } = view.values;
  if (panel.part && z) {
    const inside = told.x.map((_, k) => k).filter((k) => z.x[0] <= told.x[k] && told.x[k] <= z.x[1]);
    panel.part.x.push(...inside.map((k) => told.x[k]));
    panel.part.y.push(...inside.map((k) => told.y[k]));
    panel.part.n_raw += inside.length;
  }
  if (panel.x.length > 2 * POINTS) {
    const kept = thin(panel.x, panel.y, POINTS);
    for (const name of ["x", "y", "steps"]) panel[name] = kept.map((k) => panel[name][k]);
  }
}

// --- live ---------------------------------------------------------------------------------------------------------

const none = panels.length === 0;
let known = new Set(entries().map((each) => each.dataset.symptom));

document.addEventListener("lrlab:parts", () => {
  const fresh = entries().filter((each) => !known.has(each.dataset.symptom));
  known = new Set(entries().map((each) => each.dataset.symptom));
  if (fresh.length) announce(`New verdict: ${fresh.map((each) => each.dataset.said).join(" ")}`);
  showFlags();
});

const news = follow((changed) => changed === study, async () => {
  const place = () => document.getElementById("metrics-title").getBoundingClientRect().top;
  await refreshParts((put) => {
    const before = place();
    put();
    // Where the charts are looked at, what comes above them does not move them.
    if (scrollY > 0 && before < innerHeight / 2) scrollBy(0, place() - before);
  });
  if (none) {
    const told = await ask(`${path}?max_points=8`);
    if (told.series.length) location.reload();
  } else await load();
  await log.refresh();
});
document.addEventListener("lrlab:refresh", news);

// --- what a person has chosen ------------------------------------------------------------------------------------

/** Where a chart has left points out, a window on it is asked for anew: there every point may have room. */
function loadWindow() {
  return loading(loadWindowNow);
}

async function loadWindowNow() {
  const { z } = view.values;
  for (const panel of panels) panel.part = null;
  if (z && panels.some((panel) => panel.x.length < panel.raw)) {
    const told = await ask(`${path}?max_points=${POINTS}&from=${z.x[0]}&to=${z.x[1]}`);
    for (const panel of panels) panel.part = told.series[panel.index];
  }
  document.getElementById("newer").hidden = true;
  panels.forEach(caption);
}

async function applyView() {
  const { z, log: logarithmic } = view.values;
  for (const { chart } of panels) {
    chart.zoom = z ? { x: z.x, y: null } : null;
    chart.log = logarithmic.split(",").includes(chart.element.id) ? true : null;
  }
  showFlags();
  await loadWindow();
  await drawAll();
}

for (const panel of panels) {
  panel.chart.zoomed = (z) => {
    view.set({ z: z && { x: z.x, y: null } });
    for (const other of panels) if (other !== panel) other.chart.zoom = view.values.z;
    loadWindow().then(drawAll, (error) => say(error.message));
  };
  panel.chart.rescaled = (scale) => {
    const { id } = panel.chart.element;
    const others = view.values.log.split(",").filter((each) => each && each !== id);
    view.set({ log: (scale === "log" ? [...others, id] : others).join(",") }, { push: true });
    return applyView();
  };
}

if (!none) {
  try {
    plan = (await ask(`${own}/verdicts`)).planned;
    await load();
    await applyView();
  } catch (error) {
    for (const { chart } of panels) if (chart.element.dataset.state !== "ready") chart.fail(error);
  }
} else showFlags();
window.__lrlab = { ready: true };
