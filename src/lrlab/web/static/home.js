import "/static/ages.js";
import { follow, refreshParts } from "/static/app.js";

const news = follow(() => true, refreshParts);
document.addEventListener("lrlab:refresh", news);

// That another program lets go of a study's file is told by nobody.
let later = 0;
function lookAgain() {
  clearTimeout(later);
  if (document.querySelector("[data-in-use]")) later = setTimeout(news, 3000);
}
document.addEventListener("lrlab:parts", lookAgain);
lookAgain();

if (location.hash === "#q") document.getElementById("q")?.focus();

const form = document.getElementById("find");
if (form) {
  let waiting = 0;
  const find = () => {
    const query = new URLSearchParams(location.search);
    for (const field of ["q", "state"]) {
      const { value } = form.elements[field];
      if (value) query.set(field, value);
      else query.delete(field);
    }
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    refreshParts();
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 200);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    find();
  });
}
