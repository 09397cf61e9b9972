import { ask, newId, Problem, say } from "/static/app.js";

const form = document.getElementById("new");
const command = document.getElementById("command");
const problem = document.getElementById("problem");
const start = document.getElementById("start");
const models = { table: ["mlp", "linear"], text: ["bag", "gru", "transformer"], images: ["cnn", "resnet"] };
const ofData = ["kind", "path", "target_column", "text", "label", "image_size", "model", "batch_size"];

const what = () => form.elements.what.value;

function arrange() {
  const data = what() === "data";
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== what();
  const kind = form.elements.kind.value;
  for (const label of form.querySelectorAll("[data-kind]")) label.hidden = label.dataset.kind !== kind;
  const model = form.elements.model;
  const known = [...model.options].slice(1).map((option) => option.value);
  if (data && known.join() !== models[kind].join()) {
    model.replaceChildren(new Option("its default", ""), ...models[kind].map((name) => new Option(name, name)));
  }
}

function filled() {
  const values = {};
  const kind = form.elements.kind.value;
  for (const field of form.elements) {
    if (!field.name || field.name === "what" || !field.value.trim()) continue;
    if (field.name === "target" && what() !== "target") continue;
    if (ofData.includes(field.name) && (what() !== "data" || (field.closest("[data-kind]") && field.closest("[data-kind]").dataset.kind !== kind))) continue;
    values[field.name] = field.value.trim();
  }
  return values;
}

function mark(errors) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const [name, text] of Object.entries(errors)) {
    const field = form.elements[name];
    if (!field?.closest) continue;
    field.setAttribute("aria-invalid", "true");
    const note = Object.assign(document.createElement("span"), { className: "field-error", textContent: text, id: `error-${name}` });
    field.setAttribute("aria-describedby", note.id);
    field.closest("label, div").append(note);
  }
}

/** A command breaks between its words, not at the hyphens of an option. */
function show(text) {
  const words = text.split(" ").flatMap((word) => [" ", Object.assign(document.createElement("span"), { textContent: word })]);
  command.replaceChildren(...words.slice(1));
}

let waiting = 0;
let asked = 0;
async function preview() {
  const mine = ++asked; // a reply that comes late says nothing of what is filled in by then
  const values = filled();
  if (what() === "data" && !values.path) {
    show(`lrlab sweep ${values.kind} FILE`);
    return;
  }
  try {
    const told = await ask("/command-line", { method: "POST", body: values });
    if (mine !== asked) return;
    if (told.command) show(told.command);
    mark(told.errors);
  } catch (error) {
    if (error instanceof Problem && mine === asked) mark(error.document.errors ?? {});
  }
}

form.addEventListener("input", () => {
  arrange();
  clearTimeout(waiting);
  waiting = setTimeout(preview, 250);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (start.getAttribute("aria-disabled") === "true") return;
  problem.textContent = "";
  start.setAttribute("aria-disabled", "true");
  start.textContent = "Starting…";
  clearTimeout(waiting);
  await preview(); // what it says comes before what the start says
  try {
    let told = await ask("/studies", { method: "POST", body: filled(), id: newId() });
    while (told.state === "starting") {
      await new Promise((done) => setTimeout(done, 300));
      told = await ask(`/starts/${told.id}`);
    }
    if (told.state === "running") return void location.assign(`/studies/${encodeURIComponent(told.study)}`);
    problem.textContent = told.said || `It ended at once, with exit code ${told.exit_code}.`;
  } catch (error) {
    mark(error.document?.errors ?? {});
    problem.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
  }
  problem.focus();
  say("The study could not be started.");
  start.removeAttribute("aria-disabled");
  start.textContent = "Start";
});

arrange();
preview();
