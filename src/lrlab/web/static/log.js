// The log of a run: only the lines around what is seen are in the page, however long it is.
import { ask, say } from "/static/app.js";

const MARGIN = 120; // lines that are held above and below what is seen
const view = document.getElementById("log-view");
const tall = document.getElementById("log-tall");
const held = document.getElementById("log-lines");
const followed = document.getElementById("log-follow");
const field = document.getElementById("log-text");
const told = document.getElementById("log-said");

export class Log {
  constructor(path) {
    this.path = path;
    this.total = Number(document.getElementById("log").dataset.lines);
    this.first = Number(held?.dataset.first ?? 0);
    this.count = held?.children.length ?? 0;
    this.follow = true;
    this.found = null;
    this.loading = Promise.resolve();
    if (!view) return;
    this.height = held.children[0]?.getBoundingClientRect().height || 18;
    this.lay();
    this.toEnd();
    view.addEventListener("scroll", () => this.scrolled(), { passive: true });
    followed.addEventListener("click", () => this.setFollow(!this.follow));
    document.getElementById("log-next").addEventListener("click", () => this.find(false));
    document.getElementById("log-before").addEventListener("click", () => this.find(true));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.find(event.shiftKey);
    });
  }

  setFollow(on) {
    this.follow = on;
    followed.setAttribute("aria-pressed", String(on));
    if (on) this.refresh().then(() => this.toEnd());
  }

  toEnd() {
    view.scrollTop = view.scrollHeight;
    this.last = view.scrollTop;
  }

  lay() {
    tall.style.height = `${this.total * this.height}px`;
    held.style.top = `${this.first * this.height}px`;
    view.dataset.total = String(this.total);
  }

  scrolled() {
    if (view.scrollTop < this.last - 1 && this.follow) this.setFollow(false);
    this.last = view.scrollTop;
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.fill();
    });
  }

  /** Fetch what is seen, where it is not held. */
  fill() {
    const top = Math.floor(view.scrollTop / this.height);
    const end = Math.min(top + Math.ceil(view.clientHeight / this.height), this.total);
    if (top >= this.first && end <= this.first + this.count) return undefined;
    return this.load(Math.max(top - MARGIN, 0), end - top + 2 * MARGIN);
  }

  load(first, count) {
    this.loading = this.loading.catch(() => {}).then(async () => {
      this.put(await ask(`${this.path}/lines?count=${count}${first === null ? "" : `&first=${first}`}`));
    });
    return this.loading.catch((error) => say(error.message));
  }

  put({ total, first, lines }) {
    if (total < this.total) this.found = null; // the run has begun anew
    [this.total, this.first, this.count] = [total, first, lines.length];
    held.replaceChildren(...lines.map((line, k) => {
      const row = document.createElement("span");
      row.className = first + k === this.found ? "line found" : "line";
      for (const [text, look] of line) {
        if (look) row.append(Object.assign(document.createElement("span"), { className: look, textContent: text }));
        else row.append(text);
      }
      row.append("\n");
      return row;
    }));
    document.getElementById("log-count").firstChild.textContent = `${total.toLocaleString("en")} line${total === 1 ? "" : "s"}; the whole log: `;
    this.lay();
  }

  /** What has come: seen at once where the end is followed, else only counted. */
  async refresh() {
    if (!view || document.hidden) return;
    if (this.follow) {
      await this.load(null, Math.ceil(view.clientHeight / this.height) + 2 * MARGIN);
      if (this.follow) this.toEnd();
    } else await this.load(this.first, Math.max(this.count, 1));
  }

  async find(backwards) {
    const text = field.value;
    if (!text) return;
    const from = this.found === null ? Math.floor(view.scrollTop / this.height) : this.found + (backwards ? this.total - 1 : 1);
    const { line } = await ask(`${this.path}/find?text=${encodeURIComponent(text)}&start=${from}&backwards=${backwards}`);
    this.found = line;
    if (line === null) {
      told.textContent = "Not found.";
      return;
    }
    if (this.follow) this.setFollow(false);
    const top = Math.max(line - 5, 0);
    await this.load(Math.max(top - MARGIN, 0), Math.ceil(view.clientHeight / this.height) + 2 * MARGIN);
    this.last = view.scrollTop = top * this.height;
    told.textContent = `Line ${(line + 1).toLocaleString("en")}.`;
  }
}
