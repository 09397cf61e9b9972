// What a person has chosen, kept in the address: short, what is usual left out, so that a link or a reload shows it again.
export const word = (usual, ...others) => ({ usual, parse: (text) => ([usual, ...others].includes(text) ? text : undefined), expected: [usual, ...others].filter(Boolean).join(", ") });
export const number = (usual, low = 0) => ({
  usual,
  parse: (text) => (text.trim() !== "" && Number.isFinite(Number(text)) && Number(text) >= low ? Number(text) : undefined),
  expected: `a number of at least ${low}`,
});
/** Several numbers; null for none. */
export const several = () => ({
  usual: null,
  parse: (text) => {
    const found = text.split(",").map(Number);
    return text && found.every((value) => Number.isFinite(value) && value > 0) ? found : undefined;
  },
  write: (found) => found.join(","),
  expected: "numbers above 0 with commas between",
});
/** A window on a chart: two ends of its x axis, or those and two of its y axis, as the axis counts. */
export const zoom = () => ({
  usual: null,
  parse: (value) => {
    const ends = value.split(",").map(Number);
    return [2, 4].includes(ends.length) && ends.every(Number.isFinite) ? { x: ends.slice(0, 2), y: ends.length === 4 ? ends.slice(2) : null } : undefined;
  },
  write: ({ x, y }) => [...x, ...(y ?? [])].join(","),
  expected: "2 or 4 numbers with commas between",
});

export class View {
  /** `keys` names what can stand in the address; `changed` is told when a person goes back or forward. */
  constructor(keys, changed) {
    this.keys = keys;
    this.read();
    addEventListener("popstate", () => {
      this.read();
      changed();
    });
  }

  read() {
    const query = new URLSearchParams(location.search);
    this.values = {};
    const wrong = [];
    for (const [key, { usual, parse, expected }] of Object.entries(this.keys)) {
      const given = query.get(key);
      const value = given === null ? usual : parse(given);
      if (value === undefined) wrong.push(`${key}=${given.slice(0, 60)} is none of ${expected}`);
      this.values[key] = value === undefined ? usual : value;
    }
    for (const key of query.keys()) if (!(key in this.keys)) wrong.push(`${key.slice(0, 60)} is not known here`);
    this.tell(wrong);
  }

  /** What of the address could not be heeded, with a way to get rid of it. */
  tell(wrong) {
    const place = document.getElementById("notices");
    place.hidden = wrong.length === 0;
    const button = Object.assign(document.createElement("button"), { className: "small", type: "button", textContent: "Dismiss" });
    button.addEventListener("click", () => this.set({}));
    place.replaceChildren(`In the address: ${wrong.join("; ")}. What is usual is shown instead. `, button);
  }

  /** `push` makes a step that Back goes back over; without it the address only follows. */
  set(changes, { push = false } = {}) {
    Object.assign(this.values, changes);
    const query = new URLSearchParams();
    for (const [key, { usual, write = String }] of Object.entries(this.keys)) {
      const value = this.values[key];
      if (value !== null && value !== usual) query.set(key, write(value));
    }
    const address = query.size ? `?${query}` : location.pathname;
    history[push ? "pushState" : "replaceState"](null, "", address);
    this.tell([]);
  }
}
