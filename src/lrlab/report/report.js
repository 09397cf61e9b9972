"use strict";
(() => {
  const data = JSON.parse(document.getElementById("lrlab-data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 520px)");
  const still = { displaylogo: false, responsive: true, modeBarButtons: [["toImage", "resetScale2d"]] };
  const curve = document.getElementById("u-curve");
  const lines = document.getElementById("learning-curves");
  const reading = document.getElementById("reading");
  let printing = false;
  let focused = -1;

  // A patch holds what differs in the dark theme; lists of objects are patched by index.
  function merged(base, patch) {
    if (patch === undefined) return base;
    if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
    const result = Array.isArray(base) ? base.slice() : Object.assign({}, base);
    for (const key of Object.keys(patch)) result[key] = merged(base[key], patch[key]);
    return result;
  }

  function draw(element) {
    const figure = data.figures[element.id];
    const spec = merged(figure.spec, dark.matches && !printing ? figure.dark : undefined);
    const layout = merged(spec.layout, { autosize: !printing, xaxis: { fixedrange: false } });
    if (printing) Object.assign(layout, { width: 660, height: 380 });
    if (narrow.matches) {
      layout.margin = merged(layout.margin, { l: 48, r: 10 });
      if (layout.xaxis.ticktext && layout.xaxis.ticktext.length > 6) {
        layout.xaxis.ticktext = layout.xaxis.ticktext.map((text) => (/^1(e|0*$)/.test(text) ? text : ""));
      }
    }
    const lr = focused < 0 ? null : data.rates[focused].lr;
    const traces = spec.data.map((trace) => {
      const other = lr !== null && element === lines && Array.isArray(trace.customdata) && trace.customdata[0] !== lr;
      return other ? merged(trace, { opacity: 0.15 }) : trace;
    });
    if (lr !== null && element === curve) {
      const color = layout.font.color;
      const line = { type: "line", xref: "x", yref: "paper", x0: lr, x1: lr, y0: 0, y1: 1, line: { color, width: 1 } };
      layout.shapes = (layout.shapes || []).concat([line]);
    }
    return Plotly.react(element, traces, layout, still).then(() => {
      element.dataset.revision = String(Number(element.dataset.revision || 0) + 1);
      element.dataset.state = "ready";
      element.dataset.focusLr = lr === null ? "" : String(lr);
    });
  }

  const drawAll = () => Promise.all([draw(curve), draw(lines)]);

  function focusOn(index) {
    if (index === focused) return;
    focused = index;
    reading.textContent = index < 0 ? "" : data.rates[index].text;
    drawAll();
  }

  function filterRows(lr) {
    for (const row of document.querySelectorAll("#runs tbody tr")) {
      row.hidden = lr !== null && Number(row.dataset.lr) !== lr;
    }
  }

  curve.addEventListener("keydown", (event) => {
    const last = data.rates.length - 1;
    const next = { ArrowRight: Math.min(focused + 1, last), ArrowLeft: Math.max(focused - 1, 0), Home: 0, End: last };
    if (event.key in next && last >= 0) focusOn(next[event.key]);
    else if (event.key === "Enter" && focused >= 0) filterRows(data.rates[focused].lr);
    else if (event.key === "Escape") {
      filterRows(null);
      focusOn(-1);
    } else return;
    event.preventDefault();
  });
  curve.addEventListener("blur", () => focusOn(-1));

  drawAll().then(() => {
    const place = (lr) => data.rates.findIndex((rate) => rate.lr === lr);
    for (const element of [curve, lines]) {
      element.on("plotly_click", (event) => focusOn(place([].concat(event.points[0].customdata ?? event.points[0].data.customdata)[0])));
      element.on("plotly_doubleclick", () => focusOn(-1));
    }
  });
  for (const query of [dark, narrow]) query.addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { printing = true; drawAll(); });
  addEventListener("afterprint", () => { printing = false; drawAll(); });
})();
