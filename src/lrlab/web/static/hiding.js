// Which rates the learning curves show: a button a rate, in its colour.
import { rate } from "/static/charts.js";

export class Hiding {
  /** `hidden()` gives the rates that are left out; `toggle(lr)` is told the one that was pressed, `all()` to show every one. */
  constructor({ list, head, hidden, toggle, all, pointed }) {
    Object.assign(this, { list, head, hidden, pointed, known: "" });
    list.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) button.dataset.lr ? toggle(Number(button.dataset.lr)) : all();
    });
    for (const [name, lr] of [["mouseover", (button) => Number(button.dataset.lr)], ["mouseout", () => null], ["focusin", (button) => Number(button.dataset.lr)], ["focusout", () => null]]) {
      list.addEventListener(name, ({ target }) => {
        const button = target.closest("button[data-lr]");
        if (button) pointed(lr(button));
      });
    }
  }

  set(rates) {
    const known = rates.map((each) => each.lr).join();
    if (known !== this.known) {
      this.known = known;
      this.list.replaceChildren(...rates.map(({ lr, light, dark }) => {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "small", id: `rate-${lr}` });
        const dot = Object.assign(document.createElement("span"), { className: "swatch" });
        dot.style.setProperty("--l", light);
        dot.style.setProperty("--d", dark);
        button.dataset.lr = String(lr);
        button.append(dot, rate(lr));
        return button;
      }), Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Show all" }));
    }
    this.show();
  }

  show() {
    if (!this.list.lastElementChild) return; // no rate has begun
    const hidden = this.hidden();
    const buttons = [...this.list.querySelectorAll("button[data-lr]")];
    for (const button of buttons) button.setAttribute("aria-pressed", String(!hidden.includes(Number(button.dataset.lr))));
    const off = buttons.filter((button) => button.getAttribute("aria-pressed") === "false").length;
    this.head.textContent = off ? `Rates: ${buttons.length - off} of ${buttons.length} drawn` : `Rates: all ${buttons.length} drawn`;
    this.list.lastElementChild.hidden = off === 0;
  }
}
