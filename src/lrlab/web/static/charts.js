// Draws a Plotly figure in the theme of the page; zoom, focus and a table of its own survive new data.
import { released } from "/static/app.js";

const still = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false };
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 520px)");
const charts = new Map();
const ROWS = 200;

const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

// A patch holds what differs in the dark theme; lists of objects are patched by index.
export function merged(base, patch) {
  if (patch === undefined) return base;
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = Array.isArray(base) ? base.slice() : { ...base };
  for (const key of Object.keys(patch)) result[key] = merged(base?.[key], patch[key]);
  return result;
}

export class Chart {
  /** `rows()` gives the table's head and rows; `step(by)` moves its cursor and is told by keys. */
  constructor(element, { rows, step, enter, escape } = {}) {
    this.element = element;
    this.rows = rows ?? (() => null);
    this.step = step;
    this.enter = enter;
    this.escape = escape;
    this.figure = null;
    this.log = null;
    this.zoom = null; // { x: [low, high], y: [low, high] or null }, as the axes count
    this.zoomed = () => {}; // told when a person has zoomed in, or out again
    this.rescaled = null; // does what a change of the scale needs; by default the chart does it itself
    this.begun = () => {}; // told once Plotly takes listeners: when it has drawn first, and after an error
    this.drawn = () => {}; // told after every drawing
    this.series = null; // does what ↑ and ↓ ask for
    this.changes = (spec) => spec;
    this.drawing = Promise.resolve();
    charts.set(element.id, this);
    element.addEventListener("keydown", (event) => this.key(event));
    if (step) element.addEventListener("blur", () => this.escape?.(false));
  }

  set(figure) {
    this.figure = figure;
    return this.draw();
  }

  draw() {
    this.drawing = this.drawing.then(released).then(() => this.drawNow()).catch((error) => this.fail(error));
    return this.drawing;
  }

  async drawNow() {
    if (!this.figure) return;
    const spec = this.changes(merged(this.figure.spec, isDark() ? this.figure.dark : undefined));
    const layout = merged(spec.layout, { autosize: true, uirevision: "keep" });
    // The zoom is kept here, because the address holds it too: what Plotly remembers of it would win over that.
    const revision = Number(this.element.dataset.revision ?? 0);
    for (const axis of ["xaxis", "yaxis"]) {
      const range = this.zoom?.[axis[0]];
      layout[axis] = merged(layout[axis], { uirevision: revision, ...(range ? { range, autorange: false } : {}) });
    }
    if (narrow.matches) {
      layout.margin = merged(layout.margin, { l: 48, r: 10 });
      const ticks = layout.xaxis.ticktext;
      if (ticks && ticks.length > 6) layout.xaxis = merged(layout.xaxis, { ticktext: ticks.map((text) => (/^1(e|0*$)/.test(text) ? text : "")) });
    }
    if (this.log !== null && this.log !== (layout.yaxis.type === "log")) {
      const axis = { ...layout.yaxis, type: this.log ? "log" : "linear", autorange: !this.zoom?.y };
      for (const name of ["tickvals", "ticktext", ...(this.zoom?.y ? [] : ["range"])]) delete axis[name];
      layout.yaxis = axis;
    }
    if (this.element.dataset.state === "error") this.element.replaceChildren();
    await Plotly.react(this.element, spec.data, layout, still);
    if (!this.listens) this.listen();
    this.describe(spec, layout);
    this.drawn();
  }

  listen() {
    this.listens = true;
    this.element.on("plotly_relayout", (event) => {
      if (!Object.keys(event).some((name) => /^[xy]axis\.(range|autorange)/.test(name))) return;
      const { xaxis, yaxis } = this.element._fullLayout;
      this.zoom = { x: xaxis.range.map(Number), y: yaxis.range.map(Number) };
      this.describe(this.element, this.element.layout);
      this.zoomed(this.zoom);
    });
    this.element.on("plotly_doubleclick", () => this.do("reset"));
    this.begun(this.element);
  }

  describe(spec, layout) {
    const { dataset } = this.element;
    const full = this.element._fullLayout;
    const lines = spec.data.filter((trace) => trace.meta === "curve");
    const ends = (axis) => (axis.type === "log" ? axis.range.map((end) => 10 ** end) : axis.range);
    dataset.series = String(lines.length);
    dataset.points = String(lines.length ? lines.reduce((sum, trace) => sum + trace.x.length, 0) : (this.points ?? 0));
    dataset.xScale = full.xaxis.type === "log" ? "log" : "linear";
    dataset.yScale = full.yaxis.type === "log" ? "log" : "linear";
    [dataset.xMin, dataset.xMax] = ends(full.xaxis).map(String);
    [dataset.yMin, dataset.yMax] = ends(full.yaxis).map(String);
    dataset.revision = String(Number(dataset.revision ?? 0) + 1);
    dataset.state = spec.data.length ? "ready" : "empty";
    const button = document.querySelector(`[data-chart="${this.element.id}"][data-do="log"]`);
    button?.setAttribute("aria-pressed", String(dataset.yScale === "log"));
  }

  /** Say why it is not there, with what whoever is asked for help wants to know; the next data draw it again. */
  fail(error) {
    const { element } = this;
    if (element._fullLayout) Plotly.purge(element);
    this.listens = false;
    element.dataset.state = "error";
    const text = Object.assign(document.createElement("p"), { textContent: `This chart cannot be shown: ${error.message}` });
    const copy = Object.assign(document.createElement("button"), { className: "small", type: "button", textContent: "Copy details" });
    const { status, asked, document: told } = error;
    copy.dataset.copyText = [`${element.id} of ${location.pathname}${location.search}`, new Date().toISOString(), asked ?? "", status ? `status ${status}, code ${told.code ?? "none"}, request ${told.request ?? "none"}` : (error.stack ?? ""), error.message, navigator.userAgent].filter(Boolean).join("\n");
    element.replaceChildren(text, copy);
    console.warn(error);
  }

  do(what) {
    if (what === "log") {
      const log = this.element.dataset.yScale !== "log";
      if (this.zoom) this.zoom = { x: this.zoom.x, y: null };
      if (this.rescaled) return this.rescaled(log ? "log" : "lin");
      this.log = log;
      return this.draw();
    }
    if (what === "reset") {
      this.zoom = null;
      this.zoomed(null);
      return this.draw();
    }
    if (what === "png") {
      const { width, height } = this.element.getBoundingClientRect();
      const filename = document.title.split(":")[0].replace(/[^\w.-]+/g, "-") + `-${this.element.id}`;
      return Plotly.downloadImage(this.element, { format: "png", scale: 2, width, height, filename });
    }
    return this.toggleTable();
  }

  toggleTable() {
    const place = document.getElementById(`${this.element.id}-table`);
    const table = this.rows();
    if (table) place.replaceChildren(pagedTable(table));
    place.hidden = !place.hidden;
    document.querySelector(`[data-chart="${this.element.id}"][data-do="table"]`)?.setAttribute("aria-expanded", String(!place.hidden));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.shiftKey ? 10 : 1;
    const steps = { ArrowRight: by, ArrowLeft: -by, Home: -Infinity, End: Infinity };
    const series = { ArrowDown: 1, ArrowUp: -1 };
    const does = { l: "log", 0: "reset", t: "table", e: "png" };
    if (event.key in steps && this.step) this.step(steps[event.key]);
    else if (event.key in series && this.series) this.series(series[event.key]);
    else if (event.key === "Enter" && this.enter) this.enter();
    else if (event.key === "Escape" && this.escape) this.escape(true);
    else if (event.key in does) this.do(does[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function pagedTable({ head, rows }) {
  const box = document.createElement("div");
  box.className = "scroll";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "The chart as a table");
  const table = document.createElement("table");
  const cell = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const first = document.createElement("tr");
  first.append(...head.map((text) => Object.assign(cell("th", text), { scope: "col" })));
  const body = document.createElement("tbody");
  table.createTHead().append(first);
  table.append(body);
  const more = Object.assign(document.createElement("button"), { className: "small", type: "button" });
  let shown = 0;
  const page = () => {
    for (const row of rows.slice(shown, shown + ROWS)) {
      const line = document.createElement("tr");
      line.append(...row.map((text) => cell("td", String(text))));
      body.append(line);
    }
    shown = Math.min(shown + ROWS, rows.length);
    more.textContent = `${shown} of ${rows.length} rows; show more`;
    more.hidden = shown >= rows.length;
  };
  more.addEventListener("click", page);
  page();
  box.append(table, more);
  return box;
}

export const drawAll = () => Promise.all([...charts.values()].map((chart) => chart.draw()));
for (const query of [dark, narrow]) query.addEventListener("change", drawAll);
document.addEventListener("lrlab:theme", drawAll);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-chart]");
  if (button) charts.get(button.dataset.chart)?.do(button.dataset.do);
});

/** A rate as a person writes it: 2.5e-3. */
export function rate(value) {
  const [mantissa, exponent] = value.toExponential(2).split("e");
  const power = Number(exponent);
  if (power >= 0 && power <= 2) return String(Number(value.toPrecision(3)));
  return `${Number(mantissa)}e${power}`;
}
