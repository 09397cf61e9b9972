// What lies over a chart and needs no drawing anew: the cursor that all charts share, and the flags of verdicts.
const make = (name, className, more = {}) => Object.assign(document.createElement(name), { className, ...more });
const GAP = 26; // pixels between two flags

export class Marks {
  /** `chosen(symptom)` is told when a flag is clicked, `pointed(x)` where the pointer is, null when it has gone. */
  constructor(element, { chosen, pointed }) {
    this.element = element;
    this.layer = make("div", "marks");
    this.line = make("div", "cursor", { hidden: true });
    this.reading = make("div", "at-cursor number", { hidden: true });
    this.flags = [];
    this.layer.append(this.line, this.reading);
    element.after(this.layer);
    this.layer.addEventListener("click", (event) => {
      const flag = event.target.closest(".flag");
      if (flag) chosen(flag.dataset.symptom);
    });
    element.addEventListener("pointermove", (event) => {
      const axis = this.axis();
      if (!axis) return;
      const place = event.clientX - element.getBoundingClientRect().left - axis._offset;
      pointed(place < 0 || place > axis._length ? null : axis.p2d(place));
    });
    element.addEventListener("pointerleave", () => pointed(null));
  }

  axis() {
    return this.element._fullLayout?.xaxis;
  }

  /** Show the cursor at a place of the x axis with what is there; null takes it away. */
  point(x, text) {
    const axis = this.axis();
    const place = x === null || !axis ? NaN : axis.d2p(x);
    const hidden = !(place >= 0 && place <= axis._length);
    this.line.hidden = this.reading.hidden = hidden;
    this.element.dataset.cursor = hidden ? "" : String(x);
    if (hidden) return;
    const { t, h } = this.element._fullLayout._size;
    Object.assign(this.line.style, { left: `${axis._offset + place}px`, top: `${t}px`, height: `${h}px` });
    this.reading.textContent = text;
    const right = place < axis._length / 2; // it stands on the side where there is more room
    Object.assign(this.reading.style, { top: `${t + 4}px`, left: right ? `${axis._offset + place + 8}px` : "auto", right: right ? "auto" : `${this.element.clientWidth - axis._offset - place + 8}px` });
  }

  /** The flags of this chart: `{ symptom, number, severity, from, to, label }` each. */
  set(flags, chosen) {
    const focused = document.activeElement?.closest?.(".flag")?.dataset.symptom;
    const had = this.flags.some(({ button }) => button === document.activeElement);
    for (const { button } of this.flags) button.remove();
    this.flags = flags.map((flag) => {
      const button = make("button", `flag v-${flag.severity}`, { type: "button", textContent: String(flag.number) });
      button.dataset.symptom = flag.symptom;
      button.setAttribute("aria-label", flag.label);
      button.title = flag.label;
      button.setAttribute("aria-pressed", String(flag.symptom === chosen));
      this.layer.append(button);
      if (had && flag.symptom === focused) button.focus({ preventScroll: true });
      return { ...flag, button };
    });
    this.place();
  }

  /** Put the flags where their stretches begin; after every drawing, zoom and change of size. */
  place() {
    const axis = this.axis();
    if (!axis) return;
    const { t } = this.element._fullLayout._size;
    let free = -Infinity;
    const shown = this.flags.map((flag) => ({ ...flag, begin: axis.d2p(flag.from), end: axis.d2p(flag.to) }));
    for (const { button, begin, end } of shown.sort((a, b) => a.begin - b.begin)) {
      button.hidden = end < 0 || begin > axis._length;
      if (button.hidden) continue;
      const left = Math.min(Math.max(begin, 0, free + GAP), axis._length - 24);
      free = left;
      Object.assign(button.style, { left: `${axis._offset + left}px`, top: `${t - 26}px` });
    }
  }
}
