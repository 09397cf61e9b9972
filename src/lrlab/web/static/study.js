import "/static/ages.js";
import { ask, banner, follow, Problem, refreshParts, turns } from "/static/app.js";
import { Chart, rate } from "/static/charts.js";
import { Control } from "/static/control.js";
import { Hiding } from "/static/hiding.js";
import { Pointing } from "/static/pointing.js";
import { number, several, View, word, zoom } from "/static/view.js";

const name = document.getElementById("head").dataset.study;
const path = `/studies/${encodeURIComponent(name)}`;
const reading = document.getElementById("reading");
let rates = [];
let focused = -1;

// What can stand in the address; `us` and `uz` belong to the U-curve, `ys` and `z` to the learning curves.
const optionsOf = (id) => [...document.getElementById(id).options].map((option) => option.value);
const view = new View(
  {
    metric: word("", ...optionsOf("v-metric")), x: word(...optionsOf("v-x")), ys: word("auto", "lin", "log"), sm: number(0), by: word("run", "rate"), all: word("no", "yes"),
    z: zoom(), us: word("auto", "lin", "log"), uz: zoom(), hollow: word("yes", "no"), only: number(null), hide: several(), band: word("yes", "no"), my: number(null, 1e-100),
  },
  () => applyView(),
);

// --- the two charts, linked by rate ------------------------------------------------------------------------------

const curve = new Chart(document.getElementById("u-curve"), {
  step: (by) => focusOn(Math.min(Math.max(focused + by, 0), rates.length - 1)),
  enter: () => showOnly(focused < 0 ? null : rates[focused].lr),
  escape: (all) => {
    if (all) showOnly(null);
    focusOn(-1);
  },
});
const lines = new Chart(document.getElementById("learning-curves"), {
  rows: () => ({
    head: ["Rate", "Run", lines.figure.spec.layout.xaxis.title.text, lines.figure.spec.layout.yaxis.title.text],
    rows: traces().flatMap((trace, index) => trace.x.map((x, k) => [rate(trace.customdata[0]), numbers[index], x, trace.y[k]])),
  }),
  step: (by) => (pointing.at ? pointing.move(by) : focusOn(Math.min(Math.max(focused + by, 0), rates.length - 1))),
  enter: () => showOnly(lr()),
  escape: (all) => {
    if (all) showOnly(null);
    if (all || !pointing.pinned) pointing.clear();
    focusOn(-1);
  },
});
let numbers = [];
let cursor = null;
let known = null; // where the last point was, when the lines were last asked for
let thinned = false; // whether a window on the lines has more points than are drawn
let pointed = null; // the rate that the mouse, or the keyboard, is at for a moment
const traces = (spec = lines.figure.spec) => spec.data.filter((trace) => trace.meta === "curve");
const lr = () => pointed ?? (focused < 0 ? null : rates[focused].lr);

curve.changes = (spec) => {
  if (view.values.hollow === "no") spec = { ...spec, data: spec.data.filter((trace) => !/^(partial|level)/.test(trace.meta)) };
  if (lr() === null) return spec;
  const line = { type: "line", xref: "x", yref: "paper", x0: lr(), x1: lr(), y0: 0, y1: 1, line: { color: spec.layout.font.color, width: 1 } };
  return { ...spec, layout: { ...spec.layout, shapes: [...(spec.layout.shapes ?? []), line] } };
};
lines.changes = (spec) => {
  const { hide, band } = view.values;
  const left = (trace) => !(hide && Array.isArray(trace.customdata) && hide.includes(trace.customdata[0])) && !(band === "no" && trace.meta === "range");
  return { ...spec, data: spec.data.filter(left) };
};

const pointing = new Pointing(lines, {
  place: document.getElementById("lines-reading"),
  read: (run, x) => ask(`${path}/reading?run=${run}&place=${x}&${shape()}`),
  moved: (value) => pointAt(value),
  picked: (value) => focusOn(rates.findIndex((each) => each.lr === value)),
});
const hiding = new Hiding({
  list: document.getElementById("rates-list"),
  head: document.getElementById("rates-shown"),
  hidden: () => view.values.hide ?? [],
  toggle: (value) => {
    const hide = view.values.hide ?? [];
    choose({ hide: hide.includes(value) ? hide.filter((each) => each !== value) : [...hide, value] });
  },
  all: () => choose({ hide: null }),
  pointed: (value) => pointAt(value),
});

/** Show in both charts which rate is looked at. */
function mark() {
  const index = rates.findIndex((each) => each.lr === lr());
  reading.textContent = index < 0 ? "" : rates[index].text;
  for (const chart of [curve, lines]) chart.element.dataset.focusLr = index < 0 ? "" : String(lr());
  pointing.dim(index < 0 ? null : lr());
  curve.draw();
}

function pointAt(value) {
  if (value === pointed) return;
  pointed = value;
  mark();
}

function focusOn(index) {
  if (index === focused || rates.length === 0) return;
  focused = index;
  pointed = null;
  mark();
}

function showOnly(value) {
  if (value !== view.values.only) view.set({ only: value });
  const { only } = view.values;
  for (const row of document.querySelectorAll("#runs tbody tr")) row.hidden = only !== null && Number(row.dataset.lr) !== only;
  const chip = document.getElementById("only");
  chip.hidden = only === null;
  chip.textContent = only === null ? "" : `only ${rate(only)}; Esc in a chart shows all`;
}

let mine = null; // the person's own rate that the curve shows
const curving = turns();
function loadCurve() {
  return curving(loadCurveNow);
}

async function loadCurveNow() {
  mine = view.values.my;
  const told = await ask(`${path}/u-curve${mine === null ? "" : `?yours=${mine}`}`);
  rates = told.rates;
  hiding.set(rates);
  const yours = document.getElementById("yours");
  if (yours && yours.textContent !== told.yours) yours.textContent = told.yours;
  focused = Math.min(focused, rates.length - 1);
  const own = [...document.querySelectorAll("#legend li")].find((each) => each.textContent.startsWith("Yours: "));
  if (own && told.values.current_lr) own.lastChild.textContent = `Yours: ${rate(told.values.current_lr)}`;
  curve.points = told.values.points.length;
  document.getElementById("u-caption").textContent = [...told.caption, "Arrow keys step through the rates, Enter shows only a rate's runs."].join(" ");
  await curve.set(told.figure);
}

const loading = turns(); // two replies to one cursor would bring the same points twice
/** `anew`: whatever is known already. */
function loadLines(anew = false) {
  return loading(() => {
    if (anew) cursor = null; // not before: a reply that is under way tells a cursor, too
    return loadLinesNow();
  });
}

async function loadLinesNow() {
  const part = windowed();
  const told = await ask(`${path}/curves?${wanted()}`);
  document.getElementById("lines-caption").textContent = told.caption.join(" ");
  if (told.mode === "replace") document.getElementById("v-all").hidden = told.hidden === 0 && view.values.all === "no";
  cursor = told.cursor;
  if (part && known !== null && told.last > known) document.getElementById("newer").hidden = false;
  known = told.last;
  if (told.mode === "replace") {
    numbers = told.runs;
    traces(told.figure.spec).forEach((trace, index) => { trace.customdata = [trace.customdata[0], numbers[index]]; });
    if (!part) thinned = told.thinned;
    if (!part && windowed()) {
      cursor = null;
      return loadLinesNow();
    }
    await lines.set(told.figure);
  } else if (told.items.length) await append(told);
}

/** Only what is new has come: put it behind what is drawn. */
function append(told) {
  const drawn = traces();
  for (const item of told.items) {
    const trace = drawn[numbers.indexOf(item.run)];
    if (!trace || trace.x.length !== item.of) {
      cursor = null; // something was missed: everything is drawn anew
      return loadLinesNow();
    }
    trace.x = [...trace.x.slice(0, item.had), ...item.x]; // where points are left out, the last ones may give way
    trace.y = [...trace.y.slice(0, item.had), ...item.y];
    trace.mode = trace.x.length > 1 ? "lines" : "markers";
  }
  told.widths.forEach((width, index) => { drawn[index].line = { ...drawn[index].line, width }; });
  const last = Math.max(...told.items.map((item) => item.x.at(-1) ?? 0));
  document.getElementById("newer").hidden = !(lines.zoom && last > lines.zoom.x[1]);
  const { layout } = lines.figure.spec;
  const y = told.axes.y_range;
  layout.xaxis.range = told.axes.x_range;
  if (y) layout.yaxis.range = told.axes.y_scale === "log" ? y.map(Math.log10) : y;
  return lines.draw();
}

// --- what a person has chosen ------------------------------------------------------------------------------------

const fields = { metric: "v-metric", x: "v-x", by: "v-by", sm: "v-sm" };
const scales = { auto: "auto", lin: "linear", log: "log" };

/** How the server is to make the lines. */
function shape() {
  const { metric, x, ys, sm, by, all } = view.values;
  const query = new URLSearchParams();
  const chosen = { metric, x: x === "unit" ? "" : x, scale: ys === "auto" ? "" : scales[ys], smooth: sm || "", by: by === "run" ? "" : by, every: all === "yes" ? "true" : "" };
  for (const [key, value] of Object.entries(chosen)) if (value) query.set(key, value);
  return query;
}

const windowed = () => thinned && lines.zoom !== null;

/** What the server is asked for: only what has come since, where the lines stand already; a window where it has more. */
function wanted() {
  const query = shape();
  if (cursor !== null) query.set("after", cursor);
  if (windowed()) lines.zoom.x.forEach((end, index) => query.set(index ? "to" : "from", end));
  return query;
}

/** The same part of the lines, on another axis; null where they do not tell it. */
async function onAxis(x) {
  const { z } = view.values;
  const inside = (trace) => trace.x.filter((value) => value >= z.x[0] && value <= z.x[1]);
  const drawn = traces();
  const longest = drawn.reduce((best, trace, index) => (inside(trace).length > inside(drawn[best]).length ? index : best), 0);
  const places = drawn.length ? inside(drawn[longest]) : [];
  if (places.length < 2) return null;
  const told = await Promise.all([places[0], places.at(-1)].map((place) => ask(`${path}/reading?run=${numbers[longest]}&place=${place}&${shape()}`)));
  const ends = told.map((each) => (x === "step" ? each.step : each.at));
  return ends.includes(null) ? null : { x: ends, y: z.y };
}

function setUp() {
  const { z, uz, us, hollow, all, band, by, my } = view.values;
  for (const [key, id] of Object.entries(fields)) {
    const field = document.getElementById(id);
    field.value = key === "sm" ? view.values.sm || "" : key === "metric" ? view.values.metric || field.options[0].value : view.values[key];
  }
  document.getElementById("v-hollow").setAttribute("aria-pressed", String(hollow === "yes"));
  document.getElementById("v-all").setAttribute("aria-pressed", String(all === "yes"));
  document.getElementById("v-band").setAttribute("aria-pressed", String(band === "yes"));
  document.getElementById("v-band").hidden = by === "run";
  const field = document.getElementById("v-my");
  if (field && field !== document.activeElement) field.value = my === null ? "" : rate(my);
  lines.zoom = z;
  curve.zoom = uz;
  curve.log = us === "auto" ? null : us === "log";
}

/** After Back, Forward and every choice: the address says what is to be seen. */
async function applyView() {
  setUp();
  showOnly(view.values.only);
  document.getElementById("newer").hidden = true;
  try {
    hiding.show();
    await Promise.all([view.values.my === mine ? curve.draw() : loadCurve(), loadLines(true)]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    lines.fail(error);
  }
}

function choose(changes) {
  view.set(changes, { push: true });
  return applyView();
}

for (const [key, id] of Object.entries(fields)) {
  document.getElementById(id).addEventListener("change", async ({ target }) => {
    const own = key === "metric" && target.selectedIndex === 0;
    const value = key === "sm" ? Math.max(Number(target.value) || 0, 0) : own ? "" : target.value;
    choose(key === "x" && view.values.z ? { x: value, z: await onAxis(value) } : { [key]: value });
  });
}
document.getElementById("v-hollow").addEventListener("click", () => choose({ hollow: view.values.hollow === "yes" ? "no" : "yes" }));
document.getElementById("v-all").addEventListener("click", () => choose({ all: view.values.all === "yes" ? "no" : "yes" }));
document.getElementById("v-band").addEventListener("click", () => choose({ band: view.values.band === "yes" ? "no" : "yes" }));
document.getElementById("v-my")?.addEventListener("change", ({ target }) => {
  const my = Number(target.value);
  const given = target.value.trim() !== "";
  target.toggleAttribute("aria-invalid", given && !(my > 0 && my < 1e100));
  if (!target.hasAttribute("aria-invalid")) choose({ my: given ? my : null });
});
lines.rescaled = (scale) => choose({ ys: scale, z: lines.zoom });
curve.rescaled = (scale) => choose({ us: scale, uz: curve.zoom });
lines.zoomed = (z) => {
  view.set({ z });
  document.getElementById("newer").hidden = true;
  if (!thinned) return;
  loadLines(true).catch((error) => lines.fail(error));
};
curve.zoomed = (uz) => view.set({ uz });

function link() {
  const place = (value) => rates.findIndex((each) => each.lr === value);
  const own = (point) => [].concat(point.customdata ?? point.data.customdata ?? [null])[0];
  curve.begun = (element) => {
    element.on("plotly_click", (event) => focusOn(place(own(event.points[0]))));
    element.on("plotly_hover", (event) => pointAt(rates[place(own(event.points[0]))]?.lr ?? null));
    element.on("plotly_unhover", () => pointAt(null));
  };
}

/** The gravest verdict of each run that has ended, beside its state; nothing waits for it. */
async function loadVerdicts() {
  const told = await ask(`${path}/verdicts`);
  for (const item of told.items) {
    const place = document.querySelector(`#runs tr[data-run="${item.run}"] .verdict`);
    if (!place) continue;
    const link = Object.assign(document.createElement("a"), { href: `${location.pathname}/runs/${item.run}#verdicts`, textContent: `${item.icon} ${item.symptom.replaceAll("_", " ")}`, title: item.text });
    const more = item.more ? ` +${item.more}` : "";
    if (!place.firstChild?.isEqualNode(link) || place.textContent !== link.textContent + more) place.replaceChildren(link, more); // else it may have the focus
  }
}
const slices = new Chart(document.getElementById("timeline"), {
  rows: () => ({
    head: ["Run", "State", "From, full runs", "To, full runs", "Slice"],
    rows: slices.told.flatMap((row) => row.bars.map((bar) => [row.label, row.status, bar.begin.toFixed(3), bar.end.toFixed(3), bar.text])),
  }),
});

async function loadSlices() {
  const told = await ask(`${path}/timeline`);
  slices.told = told.rows;
  slices.points = told.rows.reduce((sum, row) => sum + row.bars.length, 0);
  document.getElementById("timeline-caption").textContent = told.caption.join(" ");
  await slices.set(told.figure);
}

let rest = null;
let again = false;
/** What stands further below, after what is seen first; where it takes longer than news, once more at the end. */
function loadRest() {
  again = rest !== null;
  rest ??= loadRestNow().finally(() => {
    rest = null;
    if (again) loadRest();
  });
}

async function loadRestNow() {
  for (const load of [loadSlices, loadVerdicts]) {
    await load().catch((error) => (error instanceof Problem && load === loadSlices ? slices.fail(error) : console.warn(error.message)));
  }
}

// --- live --------------------------------------------------------------------------------------------------------

/** The server leaves the verdicts out: those that are known stay until they are asked for anew. */
function keepVerdicts(put, fresh) {
  for (const had of document.querySelectorAll("#runs .verdict")) {
    if (had.firstChild) fresh.querySelector(`#runs tr[data-run="${had.closest("tr").dataset.run}"] .verdict`)?.replaceChildren(...had.cloneNode(true).childNodes);
  }
  put();
}

async function refresh() {
  const [first, second] = await Promise.allSettled([Promise.all([loadCurve(), loadLines()]), refreshParts(keepVerdicts)]);
  for (const each of [first, second]) {
    if (each.status === "rejected" && !(each.reason instanceof Problem && each.reason.status === 404)) throw each.reason;
  }
}

const news = follow((study) => study === name, refresh);
const control = new Control(path, news);
document.addEventListener("lrlab:refresh", news);
document.addEventListener("lrlab:parts", () => {
  loadRest();
  showOnly(view.values.only);
  control.mark();
});

setUp();
showOnly(view.values.only);
link();
const firsts = await Promise.allSettled([loadCurve(), loadLines()]);
firsts.forEach(({ reason }, index) => {
  if (!reason) return;
  [curve, lines][index].fail(reason); // the other one stands all the same
  if (reason instanceof TypeError) banner("The server does not answer.", "gone");
});
window.__lrlab = { ready: true };
loadRest();
