// Commands for a study: a button says what it is doing until the study's process has answered.
import { ask, newId, Problem, say } from "/static/app.js";

const PATIENCE_MS = 10_000;
const FIELDS = ["lr", "seeds", "max_cost", "tolerance"];
const byId = (id) => document.getElementById(id);

export class Control {
  /** `path` is the study's, below the API; `news` has the page look anew. */
  constructor(path, news) {
    Object.assign(this, { path, news, doing: new Map() }); // kind of command -> its id, while no word has come
    document.addEventListener("click", (event) => this.click(event));
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.addEventListener("close", () => {
        byId(dialog.opener)?.focus();
        if (dialog.returnValue === "go") this.confirmed(dialog.id);
      });
    }
    byId("extend-form").addEventListener("submit", (event) => this.extend(event));
  }

  click(event) {
    const button = event.target.closest("[data-command], [data-dialog]");
    if (!button || button.disabled) return;
    const kind = button.dataset.command ?? button.dataset.dialog;
    if (button.dataset.dialog || kind === "stop") open(button, kind);
    else this.command(kind);
  }

  confirmed(kind) {
    if (kind === "stop") return this.command("stop");
    if (kind === "delete") return this.ask("DELETE", this.path, () => location.assign("/"));
    if (kind === "lost") return this.ask("POST", `${this.path}/lost`, ({ text }) => this.tell(text));
  }

  async ask(method, path, then) {
    try {
      then(await ask(path, { method }));
    } catch (error) {
      this.tell(error.message);
    }
    this.news();
  }

  /** Say again what is under way, on buttons that have been put in anew. */
  mark(kinds = this.doing.keys()) {
    for (const kind of kinds) {
      const button = byId(`do-${kind}`);
      if (!button) continue;
      button.dataset.word ??= button.textContent;
      button.textContent = this.doing.has(kind) ? (button.dataset.doing ?? "Extending…") : button.dataset.word;
      button.setAttribute("aria-disabled", String(this.doing.has(kind)));
    }
  }

  tell(text, { silent = false } = {}) {
    byId("answering").hidden = !text;
    byId("answered").textContent = text;
    byId("do-lost").hidden = !silent;
  }

  async command(kind, args) {
    if (this.doing.has(kind)) return; // a second click is the same wish
    const id = newId();
    this.doing.set(kind, id);
    this.mark([kind]);
    this.tell("");
    const begun = performance.now();
    try {
      let reply = await ask(`${this.path}/commands`, { method: "POST", body: { kind, arguments: args ?? {} }, id });
      while (reply.fate === "sent" || reply.fate === "accepted") {
        this.wait(reply, performance.now() - begun);
        await new Promise((done) => setTimeout(done, 250));
        reply = await ask(`${this.path}/commands/${id}`);
      }
      this.tell(reply.text);
      say(`${kind}: ${reply.text}`);
    } catch (error) {
      this.tell(error instanceof TypeError ? "The server does not answer." : error.message);
      if (kind === "extend" && error instanceof Problem && [409, 422].includes(error.status)) throw error;
    } finally {
      this.doing.delete(kind);
      this.mark([kind]);
      this.news();
    }
  }

  /** After a while without a word, say so, and offer to give the process up. */
  wait(reply, waited) {
    if (waited < PATIENCE_MS) return;
    if (reply.fate === "accepted") return this.tell(reply.text);
    const heard = reply.heard_s === null || reply.heard_s === undefined ? "" : ` (last heard of ${reply.heard_s.toFixed(0)} s ago)`;
    this.tell(`The study's process has not answered for ${Math.round(waited / 1000)} s${heard}. The command waits for it.`, { silent: true });
  }

  async extend(event) {
    if (event.submitter?.value !== "go") return;
    event.preventDefault();
    const args = {};
    for (const field of FIELDS) {
      const value = event.target.elements[field].value.trim();
      if (value) args[field] = field === "lr" ? value : Number(value);
    }
    const error = byId("extend-error");
    if (Object.values(args).some((value) => Number.isNaN(value))) {
      error.textContent = "Seeds, price limit and tolerance are numbers.";
      return;
    }
    const dialog = byId("extend");
    const work = this.command("extend", args).catch((problem) => {
      if (!dialog.open) dialog.showModal();
      error.textContent = problem.message;
      event.target.elements.lr.focus();
    });
    dialog.close("sent");
    await work;
  }
}

function open(button, kind) {
  const dialog = byId(kind);
  dialog.returnValue = "cancel";
  if (kind === "extend") {
    byId("extend-error").textContent = "";
    dialog.querySelector("[name=lr]").value = button.dataset.lr ?? "";
  }
  dialog.opener = button.id;
  dialog.showModal();
}
