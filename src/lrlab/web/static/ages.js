// How long ago something was, kept true while the page stands: the server tells when, the browser counts.
function told(seconds) {
  if (seconds < 90) return `${Math.max(Math.round(seconds), 0)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

export function tellAges() {
  for (const place of document.querySelectorAll("time.age")) {
    const text = told(Date.now() / 1000 - Number(place.dataset.at));
    place.title ||= `${place.textContent} UTC`;
    if (place.textContent !== text) place.textContent = text;
  }
}

tellAges();
setInterval(() => document.hidden || tellAges(), 1000);
document.addEventListener("lrlab:parts", tellAges);
document.addEventListener("visibilitychange", tellAges);
