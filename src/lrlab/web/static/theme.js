// Before anything is painted: the theme that was chosen here; none follows the system.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("lrlab-theme");
  } catch (error) { /* a browser may forbid it */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}

// A script that does not come, or a browser too old for it: the page says so, instead of standing still.
{
  const told = (what) => {
    const banner = document.getElementById("banner");
    banner.textContent = `${what} Load the page again. It needs Chrome or Edge 111, Firefox 113, Safari 16.2, or a newer one. The numbers below are right, but stand still; the same from a terminal: lrlab studies, lrlab runs STUDY, lrlab pause STUDY.`;
    banner.hidden = false;
  };
  const whenThere = (act) => (document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", act) : act());
  addEventListener("error", ({ target }) => {
    if (target instanceof HTMLScriptElement) whenThere(() => told(`A script of this page did not come (${target.src.split("/").pop()}).`));
  }, true);
  if (!("noModule" in HTMLScriptElement.prototype)) whenThere(() => told("This browser is too old for this page."));
}
