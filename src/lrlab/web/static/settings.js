import { keysAreOn, say } from "/static/app.js";

const keep = (name, value) => {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    say("This browser keeps nothing, so the choice holds for this page only.");
  }
};

const theme = document.documentElement.dataset.theme ?? "auto";
for (const choice of document.querySelectorAll("[name=theme]")) {
  choice.checked = choice.value === theme;
  choice.addEventListener("change", () => {
    if (choice.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice.value;
    keep("lrlab-theme", choice.value === "auto" ? null : choice.value);
    document.dispatchEvent(new CustomEvent("lrlab:theme"));
  });
}

const keys = document.getElementById("keys");
keys.checked = keysAreOn();
keys.addEventListener("change", () => keep("lrlab-keys", keys.checked ? null : "off"));
