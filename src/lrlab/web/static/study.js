import { ask, banner, follow, newId, Problem, refreshParts, say } from "/static/app.js";
import { Chart, merged, rate } from "/static/charts.js";
import { number, View, word, zoom } from "/static/view.js";

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
    z: zoom(), us: word("auto", "lin", "log"), uz: zoom(), hollow: word("yes", "no"), only: number(null),
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
  step: (by) => focusOn(Math.min(Math.max(focused + by, 0), rates.length - 1)),
  enter: () => showOnly(focused < 0 ? null : rates[focused].lr),
  escape: (all) => {
    if (all) showOnly(null);
    focusOn(-1);
  },
});
let numbers = [];
let cursor = null;
const traces = () => lines.figure.spec.data.filter((trace) => trace.meta === "curve");
const lr = () => (focused < 0 ? null : rates[focused].lr);

curve.changes = (spec) => {
  if (view.values.hollow === "no") spec = { ...spec, data: spec.data.filter((trace) => !/^(partial|level)/.test(trace.meta)) };
  if (lr() === null) return spec;
  const line = { type: "line", xref: "x", yref: "paper", x0: lr(), x1: lr(), y0: 0, y1: 1, line: { color: spec.layout.font.color, width: 1 } };
  return { ...spec, layout: { ...spec.layout, shapes: [...(spec.layout.shapes ?? []), line] } };
};
lines.changes = (spec) => {
  if (lr() === null) return spec;
  const data = spec.data.map((trace) => (Array.isArray(trace.customdata) && trace.customdata[0] !== lr() ? merged(trace, { opacity: 0.15 }) : trace));
  return { ...spec, data };
};

function focusOn(index) {
  if (index === focused || rates.length === 0) return;
  focused = index;
  reading.textContent = index < 0 ? "" : rates[index].text;
  for (const chart of [curve, lines]) {
    chart.element.dataset.focusLr = index < 0 ? "" : String(lr());
    chart.draw();
  }
}

function showOnly(value) {
  if (value !== view.values.only) view.set({ only: value });
  const { only } = view.values;
  for (const row of document.querySelectorAll("#runs tbody tr")) row.hidden = only !== null && Number(row.dataset.lr) !== only;
  const chip = document.getElementById("only");
  chip.hidden = only === null;
  chip.textContent = only === null ? "" : `only ${rate(only)}; Esc in a chart shows all`;
}

async function loadCurve() {
  const told = await ask(`${path}/u-curve`);
  rates = told.rates;
  focused = Math.min(focused, rates.length - 1);
  curve.points = told.values.points.length;
  document.getElementById("u-caption").textContent = [...told.caption, "Arrow keys step through the rates, Enter shows only a rate's runs."].join(" ");
  await curve.set(told.figure);
}

let loading = Promise.resolve();
/** One after the other: two replies to one cursor would bring the same points twice. */
function loadLines() {
  loading = loading.catch(() => {}).then(loadLinesNow);
  return loading;
}

async function loadLinesNow() {
  const told = await ask(`${path}/curves?${wanted()}`);
  document.getElementById("lines-caption").textContent = told.caption.join(" ");
  if (told.mode === "replace") document.getElementById("v-all").hidden = told.hidden === 0 && view.values.all === "no";
  cursor = told.cursor;
  if (told.mode === "replace") {
    numbers = told.runs;
    await lines.set(told.figure);
  } else if (told.items.length) await append(told);
}

/** Only what is new has come: put it behind what is drawn. */
function append(told) {
  const drawn = traces();
  for (const item of told.items) {
    const trace = drawn[numbers.indexOf(item.run)];
    if (!trace || trace.x.length !== item.had) {
      cursor = null; // something was missed: everything is drawn anew
      return loadLinesNow();
    }
    trace.x = [...trace.x, ...item.x];
    trace.y = [...trace.y, ...item.y];
    trace.mode = trace.x.length > 1 ? "lines" : "markers";
  }
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

/** What the server is asked for: only what has come since, where the lines stand already. */
function wanted() {
  const { metric, x, ys, sm, by, all } = view.values;
  const query = new URLSearchParams(cursor === null ? {} : { after: cursor });
  const chosen = { metric, x: x === "unit" ? "" : x, scale: ys === "auto" ? "" : scales[ys], smooth: sm || "", by: by === "run" ? "" : by, every: all === "yes" ? "true" : "" };
  for (const [key, value] of Object.entries(chosen)) if (value) query.set(key, value);
  return query;
}

function setUp() {
  const { z, uz, us, hollow, all } = view.values;
  for (const [key, id] of Object.entries(fields)) {
    const field = document.getElementById(id);
    field.value = key === "sm" ? view.values.sm || "" : key === "metric" ? view.values.metric || field.options[0].value : view.values[key];
  }
  document.getElementById("v-hollow").setAttribute("aria-pressed", String(hollow === "yes"));
  document.getElementById("v-all").setAttribute("aria-pressed", String(all === "yes"));
  lines.zoom = z;
  curve.zoom = uz;
  curve.log = us === "auto" ? null : us === "log";
}

/** After Back, Forward and every choice: the address says what is to be seen. */
async function applyView() {
  setUp();
  showOnly(view.values.only);
  cursor = null;
  document.getElementById("newer").hidden = true;
  try {
    await Promise.all([curve.draw(), loadLines()]);
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
  document.getElementById(id).addEventListener("change", ({ target }) => {
    const own = key === "metric" && target.selectedIndex === 0;
    const value = key === "sm" ? Math.max(Number(target.value) || 0, 0) : own ? "" : target.value;
    choose(key === "x" && view.values.z ? { x: value, z: null } : { [key]: value });
  });
}
document.getElementById("v-hollow").addEventListener("click", () => choose({ hollow: view.values.hollow === "yes" ? "no" : "yes" }));
document.getElementById("v-all").addEventListener("click", () => choose({ all: view.values.all === "yes" ? "no" : "yes" }));
lines.rescaled = (scale) => choose({ ys: scale, z: lines.zoom });
curve.rescaled = (scale) => choose({ us: scale, uz: curve.zoom });
lines.zoomed = (z) => {
  view.set({ z });
  document.getElementById("newer").hidden = true;
};
curve.zoomed = (uz) => view.set({ uz });

function link() {
  const place = (value) => rates.findIndex((each) => each.lr === value);
  const own = (point) => [].concat(point.customdata ?? point.data.customdata ?? [null])[0];
  for (const chart of [curve, lines]) {
    chart.element.on?.("plotly_click", (event) => focusOn(place(own(event.points[0]))));
    chart.element.on?.("plotly_hover", (event) => {
      const index = place(own(event.points[0]));
      reading.textContent = index < 0 ? "" : rates[index].text;
    });
  }
}

/** The gravest verdict of each run that has ended, beside its state; nothing waits for it. */
async function loadVerdicts() {
  const told = await ask(`${path}/verdicts`);
  for (const item of told.items) {
    const place = document.querySelector(`#runs tr[data-run="${item.run}"] .verdict`);
    if (!place) continue;
    const link = Object.assign(document.createElement("a"), { href: `${location.pathname}/runs/${item.run}#verdicts`, textContent: `${item.icon} ${item.symptom.replaceAll("_", " ")}`, title: item.text });
    place.replaceChildren(link, item.more ? ` +${item.more}` : "");
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

/** What stands further below, after what is seen first. */
async function loadRest() {
  for (const load of [loadSlices, loadVerdicts]) {
    await load().catch((error) => (error instanceof Problem && load === loadSlices ? slices.fail(error) : console.warn(error.message)));
  }
}

// --- live --------------------------------------------------------------------------------------------------------

async function refresh() {
  const [first, second] = await Promise.allSettled([Promise.all([loadCurve(), loadLines()]), refreshParts()]);
  for (const each of [first, second]) {
    if (each.status === "rejected" && !(each.reason instanceof Problem && each.reason.status === 404)) throw each.reason;
  }
}

const news = follow((study) => study === name, refresh);
document.addEventListener("lrlab:refresh", news);
document.addEventListener("lrlab:parts", () => {
  loadRest();
  showOnly(view.values.only);
  for (const kind of doing.keys()) markDoing(kind);
});

// --- commands ----------------------------------------------------------------------------------------------------

const doing = new Map(); // kind of command -> its id, while no word has come
const answering = document.getElementById("answering");
const PATIENCE_MS = 10_000;

function markDoing(kind) {
  const button = document.getElementById(`do-${kind}`);
  if (!button) return;
  button.dataset.word ??= button.textContent;
  button.textContent = doing.has(kind) ? (button.dataset.doing ?? "Extending…") : button.dataset.word;
  button.setAttribute("aria-disabled", String(doing.has(kind)));
}

function tell(text) {
  answering.hidden = !text;
  answering.textContent = text;
}

async function command(kind, args) {
  if (doing.has(kind)) return; // a second click is the same wish
  const id = newId();
  doing.set(kind, id);
  markDoing(kind);
  tell("");
  const begun = performance.now();
  try {
    let reply = await ask(`${path}/commands`, { method: "POST", body: { kind, arguments: args ?? {} }, id });
    while (reply.fate === "sent" || reply.fate === "accepted") {
      if (performance.now() - begun > PATIENCE_MS) {
        const heard = reply.heard_s === null || reply.heard_s === undefined ? "" : ` (last heard of ${reply.heard_s.toFixed(0)} s ago)`;
        tell(reply.fate === "accepted" ? reply.text : `The study's process has not answered for ${Math.round((performance.now() - begun) / 1000)} s${heard}. The command waits for it.`);
      }
      await new Promise((done) => setTimeout(done, 250));
      reply = await ask(`${path}/commands/${id}`);
    }
    tell(reply.text);
    say(`${kind}: ${reply.text}`);
  } catch (error) {
    tell(error instanceof TypeError ? "The server does not answer." : error.message);
    if (error instanceof Problem && error.status === 422) throw error;
  } finally {
    doing.delete(kind);
    markDoing(kind);
    news();
  }
}

const dialogs = {
  stop: () => command("stop"),
  delete: async () => {
    try {
      await ask(path, { method: "DELETE" });
      location.assign("/");
    } catch (error) {
      tell(error.message);
    }
  },
};

function openDialog(button, kind) {
  const dialog = document.getElementById(kind);
  dialog.returnValue = "cancel";
  if (kind === "extend") {
    document.getElementById("extend-error").textContent = "";
    dialog.querySelector("[name=lr]").value = button.dataset.lr ?? "";
  }
  dialog.opener = button.id;
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-command], [data-dialog]");
  if (!button || button.disabled) return;
  const kind = button.dataset.command ?? button.dataset.dialog;
  if (button.dataset.dialog || kind === "stop") openDialog(button, kind);
  else command(kind);
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    document.getElementById(dialog.opener)?.focus();
    if (dialog.returnValue === "go") dialogs[dialog.id]?.();
  });
}

document.getElementById("extend-form").addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "go") return;
  event.preventDefault();
  const args = {};
  for (const field of ["lr", "seeds", "max_cost", "tolerance"]) {
    const value = event.target.elements[field].value.trim();
    if (value) args[field] = field === "lr" ? value : Number(value);
  }
  const error = document.getElementById("extend-error");
  if (Object.values(args).some((value) => Number.isNaN(value))) {
    error.textContent = "Seeds, price limit and tolerance are numbers.";
    return;
  }
  const dialog = document.getElementById("extend");
  const work = command("extend", args).catch((problem) => {
    if (!dialog.open) dialog.showModal();
    error.textContent = problem.message;
    event.target.elements.lr.focus();
  });
  dialog.close("sent");
  await work;
});

setUp();
showOnly(view.values.only);
try {
  await Promise.all([loadCurve(), loadLines()]);
  link();
} catch (error) {
  for (const chart of [curve, lines]) if (chart.element.dataset.state !== "ready") chart.fail(error);
  if (error instanceof TypeError) banner("The server does not answer.", "gone");
}
window.__lrlab = { ready: true };
loadRest();
