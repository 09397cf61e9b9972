"""Nobody is kept out: axe-core on every page, in both themes, wide and narrow; keys alone do everything."""
# ruff: noqa: F401, F811

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# axe-core computes for a minute, and for several on a busy machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1_200)]
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    PAGES,
    PROGRAM,
    Server,
    Show,
    browser,
    close,
    drawn,
    folder,
    lab,
    opened,
    ready,
    server,
    show,
    until,
    wait_for,
)

from lrlab.studies.lab import Lab  # noqa: E402

READY = [*PAGES, "/?q=nothing-like-this", "/studies/seeds?by=rate", "/studies/edge", "/studies/spiky/runs/1"]
MISSING = ["/studies/none", "/studies/race/runs/99", "/nowhere"]


def complaints(axe: Any, page: Any) -> list[tuple[str, Any]]:
    """What axe-core finds, rules of WCAG 2.2 A and AA and its own."""
    found = axe.run(page).response["violations"]
    return [(each["id"], node["target"]) for each in found for node in each["nodes"]]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, server: Server, opened: Any, theme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        storage_state=opened, bypass_csp=True, color_scheme=theme, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    found = []
    for path in [*READY, *MISSING]:
        page.goto(server.address + path)
        drawn(page)
        found += [(path, *each) for each in complaints(axe, page)]
    page.goto(f"{server.address}/studies/race")
    drawn(page)
    page.click("#do-delete")
    found += [("delete asks", *each) for each in complaints(axe, page)]
    page.route("**/api/v1/studies/*/*", lambda route: route.fulfill(status=500, body="{}"))
    page.goto(f"{server.address}/studies/race")
    page.wait_for_selector("#u-curve[data-state=error]")
    found += [("no chart", *each) for each in complaints(axe, page)]
    page.goto(f"{server.address}/new")
    page.fill("[name=lr]", "wrong")
    page.click("#start")
    page.wait_for_selector("#problem:not(:empty)")
    found += [("refused", *each) for each in complaints(axe, page)]
    close(context)
    assert found == []


def test_axe_finds_nothing_where_nothing_is(browser: Any, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    server = Server(tmp_path)
    found = []
    try:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto(server.address)
        found += [("door", *each) for each in complaints(axe, page)]
        page.goto(server.link)
        page.wait_for_selector("h2:has-text('Nothing here yet.')")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 800})
                for path in ("/", "/new"):
                    page.goto(server.address + path)
                    found += [(theme, width, path, *each) for each in complaints(axe, page)]
        context.close()
    finally:
        server.end()
    assert found == []


# Places of texts that cover one another, in the head and the answer; what is only for screen readers is left out.
OVERLAPS = """() => {
  const places = [];
  for (const root of document.querySelectorAll(".bar, .heading, #answer, form, main > .card")) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const owner = node.parentElement;
      if (!node.textContent.trim() || owner.closest(".hidden-text, noscript, option, dialog") || !owner.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const r of range.getClientRects()) if (r.width > 2) places.push([r.left, r.top, r.right, r.bottom, node.textContent.trim().slice(0, 30)]);
    }
  }
  const both = [];
  places.forEach((a, i) => places.slice(i + 1).forEach((b) => {
    const [w, h] = [Math.min(a[2], b[2]) - Math.max(a[0], b[0]), Math.min(a[3], b[3]) - Math.max(a[1], b[1])];
    if (w > 2 && h > 4) both.push([a[4], b[4]]);
  }));
  return both;
}"""


@pytest.mark.parametrize("width", [320, 640, 800, 1024, 1280])
def test_nothing_is_cut_off_or_covered(show: Show, width: int) -> None:
    page = show("/", viewport={"width": width, "height": 700})
    address = page.url.rstrip("/")
    for path in [*PAGES, "/studies/none"]:
        if path == "/studies/none":
            continue
        page.goto(address + path)
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(OVERLAPS) == [], path


def test_little_motion_is_asked_for_and_given(show: Show) -> None:
    page = show("/studies/race", reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0
    assert (
        page.evaluate("getComputedStyle(document.getElementById('u-curve'), '::after').animationName")
        == "none"
    )


def test_where_the_system_sets_the_colours_words_and_forms_are_left(show: Show) -> None:
    page = show("/studies/race", forced_colors="active")
    for row in page.locator("#runs tbody tr [data-label=State] > span:first-child").all_inner_texts():
        glyph, word = row.split(" ")
        assert glyph in "✓■◇✕"
        assert word in ("finished", "dropped", "frozen", "diverged")
    marks = page.evaluate(
        """Object.fromEntries(document.getElementById("u-curve").data.filter((t) => t.marker)
          .map((t) => [t.meta, JSON.stringify([t.marker.symbol, typeof t.marker.color])]))"""
    )
    assert len({marks[name] for name in ("finished", "partial", "diverged")}) == 3  # full, hollow, a cross


def test_the_first_load_is_small(browser: Any, server: Server, opened: Any) -> None:
    context = browser.new_context(storage_state=opened)
    page = context.new_page()
    asked: list[Any] = []
    page.on("requestfinished", lambda request: asked.append(request))  # noqa: PLW0108 (it is looked at)
    page.goto(f"{server.address}/studies/seeds")
    ready(page)
    page.wait_for_selector("#timeline[data-state=ready]")
    own = [r for r in asked if r.url.endswith(".js") and "plotly" not in r.url]
    size = sum(len(r.response().body()) for r in own)
    context.close()
    assert len(asked) <= 25, [r.url for r in asked]
    assert size <= 80_000


def test_the_code_of_the_link_is_left_nowhere(browser: Any, tmp_path: Path) -> None:
    server = Server(tmp_path)
    code = server.link.partition("#")[2]
    context = browser.new_context()
    try:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url + str(request.headers)))
        page.goto(server.link)
        page.wait_for_selector("h1:has-text('Studies')")
        page.click("nav a:has-text('Help')")
        page.wait_for_selector("h1:has-text('Help')")
        history = context.new_cdp_session(page).send("Page.getNavigationHistory")
        kept = page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        )
        assert len(code) > 20
        for text in (*asked, str(history), kept):
            assert code not in text
    finally:
        context.close()
        server.end()


# --- keys -----------------------------------------------------------------------------------------------------


def test_keys_do_nothing_while_somebody_types_or_has_turned_them_off(show: Show) -> None:
    page = show("/new")
    page.focus("[name=metric]")
    page.keyboard.type("gh?/pr")
    assert page.input_value("[name=metric]") == "gh?/pr"
    assert page.url.endswith("/new")
    page.goto(page.url.replace("/new", "/settings"))
    page.uncheck("#keys")
    page.goto(page.url.replace("/settings", "/"))
    page.keyboard.press("?")
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    assert page.url.endswith("/")
    assert page.evaluate("document.activeElement.id") != "q"
    page.goto(page.url + "settings")
    page.check("#keys")
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    page.wait_for_url("**/help")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_selector("h1:has-text('Studies')")


@pytest.fixture(scope="module")
def running(folder: Path, lab: Lab) -> Iterator["subprocess.Popen[bytes]"]:
    """A study of minutes, in a process of its own, that has two runs with something to show."""
    words = ["sweep", "python", "bowl.py:train", "--budget=90", "--lr=1e-4:0.9", "--searcher=grid:60", "--study=live",
             "--store=studies", "--workers=0"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(
        lambda: "live" in lab.store.names() and sum(bool(run.records) for run in lab.study("live").runs) >= 2,
        within_s=120,
    )
    yield process
    process.kill()
    process.wait()


def points(page: Any) -> int:
    return int(page.get_attribute("#learning-curves", "data-points") or 0)


def test_news_takes_no_focus_and_is_not_read_aloud_without_end(
    running: "subprocess.Popen[bytes]", show: Show
) -> None:
    page = show("/studies/live")
    page.wait_for_selector("#live[data-state=live]")
    page.evaluate(
        """() => {
          window.told = [];
          window.begun = performance.now();
          const of = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("[aria-live], [role=status], [role=alert]");
          new MutationObserver((changes) => {
            for (const change of changes) {
              const regions = [of(change.target), ...[...change.addedNodes].flatMap((node) => (node.querySelectorAll ? [...node.querySelectorAll("[aria-live], [role=status], [role=alert]")] : []))];
              for (const region of regions) if (region && region.textContent.trim()) window.told.push([performance.now(), region.id || region.className, region.textContent.trim().slice(0, 60)]);
            }
          }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }"""
    )
    link = page.locator("#runs tbody th a").nth(1)
    link.focus()
    href = link.get_attribute("href")
    seen = points(page)
    wait_for(page, "performance.now() - begun >= 6_000")
    wait_for(
        page, "(old) => Number(document.getElementById('learning-curves').dataset.points) > old", arg=seen
    )
    assert page.evaluate("document.activeElement.getAttribute('href')") == href
    told = page.evaluate("told.filter(([at]) => at < begun + 6_000)")
    assert len(told) <= 3, told


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until the focus stands there, and can be seen."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_the_keyboard_alone_does_everything(running: "subprocess.Popen[bytes]", show: Show, lab: Lab) -> None:
    page = show("/", permissions=["clipboard-read", "clipboard-write"])
    # Open a study.
    page.keyboard.press("/")
    page.keyboard.type("live")
    wait_for(page, "document.querySelectorAll('tr[data-study]').length === 1")
    tab_to(page, "tr[data-study=live] a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/live")
    ready(page)
    # Pause it, copy the rate so far.
    page.keyboard.press("p")
    page.wait_for_selector("#state:has-text('paused')", timeout=60_000)
    tab_to(page, "#copy-lr")
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy-lr:has-text('Copied')")
    rate = float(page.evaluate("navigator.clipboard.readText()"))
    assert rate in [run.lr for run in lab.study("live").runs]
    # Walk through the rates, show the runs of one, change the axis.
    tab_to(page, "#u-curve")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#reading").startswith("Learning rate 1e-4")
    page.keyboard.press("Enter")
    assert page.locator("#runs tbody tr:visible").count() == 1
    page.keyboard.press("Escape")
    before = page.get_attribute("#u-curve", "data-y-scale")
    page.keyboard.press("l")
    wait_for(page, "(old) => document.getElementById('u-curve').dataset.yScale !== old", arg=before)
    tab_to(page, "#v-x")
    # Stop it, after thinking twice.
    tab_to(page, "#do-stop")
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('stop').contains(document.activeElement)")
    page.keyboard.press("Escape")
    wait_for(page, "document.activeElement.id === 'do-stop'")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector("#state:has-text('stopped')", timeout=60_000)
    assert running.wait(timeout=60) is not None
    assert page.evaluate("document.activeElement !== document.body")
    # A verdict of another study, shown in the charts.
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/")
    page.wait_for_selector("tr[data-study=spiky]")
    tab_to(page, "tr[data-study=spiky] a")
    page.keyboard.press("Enter")
    page.wait_for_selector("#runs .verdict a")
    tab_to(page, "#runs .verdict a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/1#verdicts")
    ready(page)
    tab_to(page, "#verdicts li button.small")
    page.keyboard.press("Enter")
    wait_for(page, "location.search.includes('verdict=')")
