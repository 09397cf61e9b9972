"""The study page in a real Chromium: when its charts stand, and how long it is busy; nothing is trained.

Usage: python -m benchmarks.page_browser [LOADS]
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.page import keep, study
from lrlab.api.engines import open_lab

CHROMIUM = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
PROGRAM = "import sys; from lrlab.cli.main import main; main()"
WATCH = """
window.__seen = { charts: {}, tasks: [] };
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) __seen.tasks.push([task.startTime, task.duration]);
}).observe({ type: "longtask", buffered: true });
new MutationObserver((changes) => {
  for (const { target } of changes) {
    if (target.dataset?.state === "ready") __seen.charts[target.id] ??= performance.now();
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
"""

ACTS = {
    "every chart drawn anew": "document.dispatchEvent(new CustomEvent('lrlab:theme'))",
    "another y axis": "document.querySelector('[data-chart=learning-curves][data-do=log]').click()",
    "another rate looked at": "document.getElementById('u-curve').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}))",
}


def loaded(page: Any, address: str) -> dict[str, float]:
    """Open a study's page; when its charts stood, in milliseconds after the navigation began, and the longest task after
    that."""
    page.goto(address)
    ready = "['u-curve', 'learning-curves', 'timeline'].every((id) => __seen.charts[id])"
    while not page.evaluate(ready):
        page.wait_for_timeout(25)
    page.wait_for_timeout(1_000)
    seen = page.evaluate("__seen")
    charts = seen["charts"]
    begin = max(charts["u-curve"], charts["learning-curves"])
    after = [duration for start, duration in seen["tasks"] if start > begin]
    return {
        "u-curve drawn": charts["u-curve"],
        "both charts drawn": begin,
        "every chart drawn": max(charts.values()),
        "longest task after both charts": max(after, default=0.0),
        "longest task while loading": max((d for s, d in seen["tasks"] if s <= begin), default=0.0),
    }


def busy(page: Any, cdp: Any, act: str) -> tuple[float, float]:
    """The longest task after an act (0 where none took 50 ms), and the time that the page's thread has computed, in
    milliseconds; what else the machine does lengthens the first only."""
    begin, before = page.evaluate("performance.now()"), computed(cdp)
    page.evaluate(act)
    page.wait_for_timeout(1_500)
    tasks = page.evaluate("__seen.tasks")
    longest = max((duration for start, duration in tasks if start >= begin - 1), default=0.0)
    return float(longest), computed(cdp) - before


def computed(cdp: Any) -> float:
    """How long the page's thread has computed so far, in milliseconds."""
    metrics = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
    return 1_000 * float(metrics["TaskDuration"])


def told(what: str, values: list[float], unit: str = "ms") -> None:
    """Print the median and the worst."""
    print(
        f"{what:<60} {sorted(values)[len(values) // 2]:8.0f} {unit}, worst of {len(values)}: {max(values):.0f} {unit}",
        flush=True,
    )


def measure(page: Any, address: str, loads: int) -> None:
    """Print the figures of both studies."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    for name, what in (("small", "13 rates x 3 seeds"), ("wide", "64 curves x 1,500 points")):
        page.goto(f"{address}/studies/{name}")  # once, so that the browser has the scripts
        page.wait_for_selector("#timeline[data-state=ready]")
        found = [loaded(page, f"{address}/studies/{name}") for _ in range(loads)]
        for key in found[0]:
            told(f"{what}: {key}", [each[key] for each in found])
        for text, act in ACTS.items():
            took = [busy(page, cdp, act) for _ in range(loads)]
            told(f"{what}: {text}, longest task", [longest for longest, _ in took])
            told(f"{what}: {text}, computed in all", [all_of_it for _, all_of_it in took])


def main() -> None:
    """Print the figures."""
    from playwright.sync_api import sync_playwright

    loads = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        lab = open_lab(Path(folder) / "studies")
        keep(lab, study("small", runs=39, points=20))
        keep(lab, study("wide", runs=64, points=1_500))
        server = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "ui", "--no-browser", "--store", "studies"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            link = server.stdout.readline().split()[-1]
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=CHROMIUM,
                    args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                )
                page = chromium.new_page(viewport={"width": 1280, "height": 800})
                page.add_init_script(WATCH)
                page.goto(link)
                page.wait_for_selector("h1:has-text('Studies')")
                measure(page, link.partition("#")[0].rstrip("/"), loads)
                chromium.close()
        finally:
            server.kill()
            server.communicate()


if __name__ == "__main__":
    main()
