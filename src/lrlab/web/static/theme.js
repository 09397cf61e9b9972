// Before anything is painted: the theme that was chosen here; none follows the system.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("lrlab-theme");
  } catch { /* a browser may forbid it */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
