// What every page shares: asking the server, news, putting in what has changed, copying, dialogs, keys.
const byId = (id) => document.getElementById(id);

let saidAt = -Infinity;
let toSay = null;

/** Read aloud at once: the answer to what a person has just done. */
export function say(text) {
  saidAt = performance.now();
  byId("said").textContent = text;
}

/** Read aloud what has happened by itself: at most every two seconds, and only the latest. */
export function announce(text) {
  const waits = toSay !== null;
  toSay = text;
  if (waits) return;
  setTimeout(() => {
    say(toSay);
    toSay = null;
  }, Math.max(saidAt + 2000 - performance.now(), 0));
}

export class Problem extends Error {
  constructor(status, document, asked = "") {
    super([document.title, document.detail, document.hint].filter(Boolean).join(" "));
    this.status = status;
    this.document = document;
    this.asked = asked;
  }
}

/** Ask the API; a problem is thrown, an unreachable server as TypeError. */
export async function ask(path, { method = "GET", body, id } = {}) {
  const headers = { "x-lrlab": "1" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (id) headers["idempotency-key"] = id;
  const response = await fetch(`/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 204) return null;
  let said;
  try {
    said = await response.json();
  } catch {
    said = { title: `The server answered ${response.status}.` };
  }
  if (!response.ok) throw new Problem(response.status, said, `${method} ${response.url}`);
  return said;
}

export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// --- parts of the page that live ---------------------------------------------------------------------------------

/** Where an element stands in a part, as what finds the one that takes its place. */
function place(part, element) {
  const { id } = element;
  if (id) return () => byId(id);
  const all = (where) => [...where.querySelectorAll("a, button, summary, input, select, [tabindex]")];
  const target = element.getAttribute("href") ?? element.dataset.copyText;
  const index = all(part).indexOf(element);
  return (other) => all(other).find((each) => target && (each.getAttribute("href") ?? each.dataset.copyText) === target) ?? all(other)[index];
}

// A click, or a drag in a chart, that has begun is not taken from under the hand: what is pressed stays until it is let go.
let held = null;
let letGo = () => {};
let later = 0;
const hold = () => { clearTimeout(later); held ??= new Promise((done) => { letGo = () => { held = null; done(); }; }); };
addEventListener("pointerdown", (event) => event.button === 0 && !event.target.closest?.("select") && hold(), true);
addEventListener("pointermove", (event) => event.buttons || letGo(), true); // no button is down, whatever was missed
addEventListener("keydown", (event) => (event.key === " " ? hold() : letGo()), true); // the space bar presses a button, too
for (const kind of ["pointerup", "pointercancel", "keyup", "blur"]) addEventListener(kind, () => { later = setTimeout(letGo, 50); }, true); // the click comes after it
export const released = () => held;

/** Runs what it is given one after the other, whatever became of the one before: a late reply never follows a later one. */
export function turns() {
  let last = Promise.resolve();
  return (work) => (last = last.catch(() => {}).then(work));
}

let asked = 0;
/**
 * Fetch this page anew and put in what differs, without losing focus, scroll or what is hidden; `around` is given what
 * puts it in, and what has come. Of two under way only the later one is put in.
 */
export async function refreshParts(around = (put) => put()) {
  const mine = ++asked;
  const response = await fetch(location.pathname + location.search, { headers: { "x-lrlab": "1" } });
  if (response.status === 404) {
    banner("This study is gone: it was deleted.", "gone");
    return;
  }
  if (!response.ok) throw new Problem(response.status, { title: `The page cannot be loaded (${response.status}).` });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  await released();
  if (mine === asked) around(() => putIn(fresh), fresh);
}

function putIn(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other) continue;
    if (part.hasAttribute("data-keep-hidden")) other.hidden = part.hidden;
    if (part.isEqualNode(other)) continue;
    const told = part.querySelector("[data-announce]")?.textContent;
    const tells = other.querySelector("[data-announce]")?.textContent;
    if (tells && tells !== told) announce(tells);
    const active = part.contains(document.activeElement) ? place(part, document.activeElement) : null;
    const scrolled = [...part.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    part.replaceWith(document.adoptNode(other));
    other.querySelectorAll(".scroll").forEach((box, index) => { box.scrollLeft = scrolled[index] ?? 0; });
    if (active) (active(other) ?? byId("main")).focus({ preventScroll: true });
  }
  shut();
  document.dispatchEvent(new CustomEvent("lrlab:parts"));
}

// --- news --------------------------------------------------------------------------------------------------------

function live(state, word) {
  const element = byId("live");
  if (!element) return;
  element.dataset.state = state;
  byId("live-word").textContent = word;
}

export function banner(text, state = "") {
  const element = byId("banner");
  element.textContent = text;
  element.hidden = !text;
  document.body.dataset.server = state;
  shut();
}

/** No command while there is no server that hears it. */
function shut() {
  for (const button of document.querySelectorAll("[data-command], [data-dialog]")) button.disabled = Boolean(document.body.dataset.server);
}

const clock = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/**
 * Call `refresh` when something that concerns this page has changed: at most once a second, never while it is hidden,
 * never twice at a time. Without server-sent events it asks every five seconds, and says so.
 */
export function follow(concerns, refresh) {
  let source = null;
  let dirty = false;
  let busy = false;
  let next = 0;
  let since = null;
  let polling = null;
  let failures = 0;
  let losses = 0;

  async function run() {
    if (!dirty || busy || document.hidden) return;
    const wait = next - performance.now();
    if (wait > 0) return void setTimeout(run, wait);
    dirty = false;
    busy = true;
    const begun = performance.now();
    const before = losses;
    try {
      await refresh();
      if (before === losses) reached(); // else it was asked before the server went
    } catch (error) {
      if (error instanceof TypeError) lost();
      else if (error instanceof Problem && error.status === 401) locked();
      else announce(error.message);
    } finally {
      busy = false;
      const took = performance.now() - begun;
      next = begun + Math.max(1200, 2 * took); // a slow server has half of its time for others
      run();
    }
  }

  function news() {
    dirty = true;
    run();
  }

  function reached() {
    if (since !== null) banner("");
    since = null;
  }

  function lost() {
    losses += 1;
    since ??= clock();
    live("offline", `Offline since ${since}`);
    banner(`The server is not reachable since ${since}. The last data stay; it is asked again every two seconds.`, "gone");
  }

  function locked() {
    live("offline", "Locked");
    banner("The server has a new token: open the link that lrlab ui printed.", "locked");
  }

  function poll() {
    if (polling) return;
    live("polling", "Polling every 5 s");
    polling = setInterval(news, 5000);
  }

  async function opened() {
    clearInterval(polling);
    polling = null;
    failures = 0;
    live("live", "Live");
    news(); // what happened between the making of this page and now was told to nobody
  }

  function open() {
    source?.close();
    source = new EventSource("/api/v1/events");
    source.addEventListener("open", opened);
    for (const kind of ["study", "deleted"]) {
      source.addEventListener(kind, (event) => {
        if (concerns(JSON.parse(event.data).study)) news();
      });
    }
    source.addEventListener("reset", news);
    source.addEventListener("error", async () => {
      source.close();
      failures += 1;
      try {
        const response = await fetch("/api/v1/health");
        if (!response.ok) throw new TypeError("no health");
        const session = await fetch("/api/v1/session");
        if (session.status === 401) return void (locked(), setTimeout(open, 5000));
        if (failures >= 2) poll();
      } catch {
        lost();
      }
      setTimeout(open, failures < 2 ? 300 : 2000);
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) news();
  });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  open();
  return news;
}

// --- copying -----------------------------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const text = button.dataset.copyText ?? byId(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  const there = button.isConnected ? button : (byId(button.id) ?? button); // it may have been put in anew meanwhile
  const before = (there.dataset.before ??= there.textContent);
  there.textContent = "Copied";
  say(`Copied: ${text.split("\n")[0]}`);
  setTimeout(() => { there.textContent = before; }, 1200);
});

// --- keys --------------------------------------------------------------------------------------------------------

export function keysAreOn() {
  try {
    return localStorage.getItem("lrlab-keys") !== "off";
  } catch {
    return true;
  }
}

export const isTyping = (element) => element.closest("input, textarea, select, dialog[open]") !== null;

let before = "";
const keys = {
  "/": () => (byId("q") ? byId("q").focus() : location.assign("/#q")),
  "?": () => location.assign("/help"),
  p: () => (byId("do-pause") ?? byId("do-resume"))?.click(),
  r: () => document.dispatchEvent(new CustomEvent("lrlab:refresh")),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !keysAreOn()) return;
  if (before === "g" && event.key === "h") location.assign("/");
  before = event.key;
  const act = event.defaultPrevented ? undefined : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// An old link may be opened where the page is open already: its code is not kept in the address.
if (location.hash.length > 20) history.replaceState(null, "", location.pathname + location.search);
