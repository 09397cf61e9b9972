// Exchanges the code in the address for the cookie, and forgets it at once.
async function open() {
  const code = location.hash.slice(1);
  if (!code) return;
  history.replaceState(null, "", location.pathname + location.search);
  const said = document.getElementById("door");
  said.textContent = "Opening…";
  try {
    const response = await fetch("/api/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    });
    if (response.ok) location.replace(location.pathname + location.search);
    else {
      const problem = await response.json();
      said.textContent = `${problem.title} ${problem.hint}`;
    }
  } catch {
    said.textContent = "The page does not answer. Is lrlab ui still running?";
  }
}

addEventListener("hashchange", open); // a link that is put into the address of this very page loads nothing anew
open();
