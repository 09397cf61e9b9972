// What is pointed at in the learning curves: its line gets an outline, and what the point stands for is told in full.
const WAIT_MS = 120;

export class Pointing {
  /**
   * `place` takes the words; `read(run, x)` asks for them; `moved(lr)` is told which rate is pointed at, or null, and
   * `picked(lr)` which one was clicked.
   * A click pins the words, so that they can be selected and copied.
   */
  constructor(chart, { place, read, moved, picked }) {
    Object.assign(this, { chart, place, read, moved, picked, at: null, dimmed: null, pinned: false, asked: 0 });
    chart.drawn = () => this.show();
    chart.series = (by) => this.other(by);
    chart.begun = (element) => {
      // Plotly also tells of labels that were asked for by a key, and late; those have no event of the browser.
      element.on("plotly_hover", ({ points: [point], event }) => event instanceof Event && this.point(point));
      element.on("plotly_unhover", ({ event }) => event instanceof Event && this.leave());
      element.on("plotly_click", ({ points: [point] }) => this.pin(point));
    };
  }

  /** The lines as they are drawn; a group of the picture for each. */
  groups() {
    return [...this.chart.element.querySelectorAll(".scatterlayer > .trace")].map((group) => ({ group, trace: group.__data__?.[0]?.trace }));
  }

  lines() {
    return (this.chart.element.data ?? []).filter((trace) => trace.meta === "curve");
  }

  point(point) {
    const trace = this.chart.element.data[point.curveNumber];
    if (trace?.meta !== "curve") return;
    this.stand(trace, point.pointNumber);
  }

  stand(trace, index) {
    const [lr, run] = trace.customdata;
    this.at = { lr, run, index };
    this.moved(lr);
    this.show();
    if (!this.pinned) this.tell(run, trace.x[index]);
  }

  async tell(run, x) {
    const mine = ++this.asked;
    await new Promise((done) => setTimeout(done, WAIT_MS));
    if (mine !== this.asked) return;
    try {
      const told = await this.read(run, x);
      if (mine === this.asked) this.place.textContent = told.text;
    } catch (error) {
      if (mine === this.asked) this.place.textContent = error.message;
    }
  }

  leave() {
    this.at = null;
    this.moved(null);
    this.show();
    if (!this.pinned) {
      this.asked += 1;
      this.place.textContent = "";
    }
  }

  pin(point) {
    this.pinned = false;
    this.point(point);
    this.pinned = true;
    this.place.dataset.pinned = "yes";
    if (this.at) this.picked(this.at.lr);
  }

  clear() {
    this.pinned = false;
    delete this.place.dataset.pinned;
    if (this.at || this.place.textContent) this.leave();
  }

  /** ↑ and ↓: another line; its last point at first. */
  other(by) {
    const lines = this.lines();
    if (!lines.length) return;
    const now = this.at ? lines.findIndex((trace) => trace.customdata[1] === this.at.run && trace.customdata[0] === this.at.lr) : -1;
    const next = now < 0 ? (by > 0 ? 0 : lines.length - 1) : Math.min(Math.max(now + by, 0), lines.length - 1);
    this.go(lines[next], lines[next].x.length - 1);
  }

  /** ← and →: along the line. */
  move(by) {
    const line = this.lines().find((trace) => trace.customdata[1] === this.at.run && trace.customdata[0] === this.at.lr);
    if (line) this.go(line, Math.min(Math.max(this.at.index + by, 0), line.x.length - 1));
  }

  go(line, index) {
    this.pinned = false;
    this.stand(line, index);
    Plotly.Fx.hover(this.chart.element, [{ curveNumber: this.chart.element.data.indexOf(line), pointNumber: index }]);
  }

  /** Pale what is of another rate; null for nothing. */
  dim(lr) {
    this.dimmed = lr;
    this.show();
  }

  show() {
    let pale = 0;
    this.chart.element.querySelectorAll(".halo").forEach((path) => path.remove());
    for (const { group, trace } of this.groups()) {
      if (!Array.isArray(trace?.customdata)) continue;
      const [lr, run] = trace.customdata;
      const off = this.dimmed !== null && lr !== this.dimmed;
      group.style.opacity = off ? "0.15" : "";
      if (trace.meta === "curve" && off) pale += 1;
      if (trace.meta === "curve" && this.at?.lr === lr && this.at.run === run) this.outline(group);
    }
    const { dataset } = this.chart.element;
    dataset.dimmed = String(pale);
    dataset.outlined = this.at ? String(this.at.run) : "";
  }

  outline(group) {
    const path = group.querySelector("path.js-line");
    if (!path) return;
    const halo = path.cloneNode();
    halo.classList.add("halo");
    halo.classList.remove("js-line");
    halo.style.stroke = getComputedStyle(document.body).color;
    halo.style.strokeWidth = `${parseFloat(path.style.strokeWidth) + 4}px`;
    halo.style.strokeDasharray = "none";
    halo.style.opacity = "0.55";
    path.before(halo);
  }
}
