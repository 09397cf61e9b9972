"""The page in a real browser, served by a real ``lrlab ui``, with a study that really runs."""
# ruff: noqa: F401, F811

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    NARROW,
    PAGES,
    PROGRAM,
    WIDE,
    Server,
    Show,
    alone,
    axis,
    browser,
    drag,
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
from page_samples import HOSTILE, kept, with_answer  # noqa: E402

from lrlab.api.engines import open_lab  # noqa: E402
from lrlab.studies.lab import Lab  # noqa: E402


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_in_both_themes_and_widths(show: Show, path: str) -> None:
    page = show(path, viewport=NARROW, color_scheme="light")
    drawn(page)
    background = "getComputedStyle(document.body).backgroundColor"
    for theme, color in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 26)")):
        page.emulate_media(color_scheme=theme)
        assert page.evaluate(background) == color
        for size in (NARROW, {"width": 640, "height": 800}, WIDE):
            page.set_viewport_size(size)
            wait_for(page, "(width) => document.documentElement.scrollWidth <= width", arg=size["width"])
    assert page.locator("h1").count() == 1
    assert page.evaluate("window.__x") is None
    if path.startswith("/studies/"):
        plots = page.locator(".plot")
        assert plots.count() >= 1
        assert {plots.nth(k).get_attribute("data-state") for k in range(plots.count())} <= {"ready", "empty"}


def test_without_the_link_nothing_is_shown(browser: Any, server: Server) -> None:
    page = browser.new_page()
    page.goto(f"{server.address}/#wrong-code-wrong-code-wrong-code")
    wait_for(page, "document.getElementById('door').textContent.includes('used before')")
    assert page.url == f"{server.address}/"
    page.goto(f"{server.address}/studies/race")
    assert page.text_content("h1") == "Open the page"
    assert "2.15e-3" not in page.content()
    page.close()


def test_a_page_of_another_port_reads_and_changes_nothing(
    browser: Any, server: Server, opened: Any, folder: Path, lab: Lab
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert other.stdout is not None
        port = re.search(r"port (\d+)", other.stdout.readline())
        assert port
        context = browser.new_context(storage_state=opened)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port[1]}/bowl.py")
        read = page.evaluate(
            """async (address) => {
              const told = [];
              for (const mode of ["cors", "no-cors"]) {
                for (const [path, how] of [["/", {}], ["/api/v1/studies", {}], ["/api/v1/studies/race", { method: "DELETE" }],
                    ["/api/v1/studies/race/commands", { method: "POST", body: '{"kind": "stop"}' }]]) {
                  try {
                    const answer = await fetch(address + path, { mode, credentials: "include", ...how });
                    told.push((await answer.text()).length);
                  } catch { told.push(0); }
                }
              }
              navigator.sendBeacon(address + "/api/v1/studies", "{}");
              const frame = document.createElement("iframe");
              frame.src = address + "/studies/race";
              document.body.append(frame);
              await new Promise((done) => { frame.onload = done; setTimeout(done, 10000); });
              let inside = 0;
              try { inside = frame.contentDocument.body.textContent.length; } catch { inside = 0; }
              return [...told, inside];
            }""",
            server.address,
        )
        assert set(read) == {0}
        assert "race" in lab.store.names()
        context.close()
    finally:
        other.kill()
        other.communicate()


def test_home_tells_the_answers_and_is_searched_and_sorted(show: Show) -> None:
    page = show("/")
    row = page.locator("tr[data-study=race]")
    for text in ("finished", "2.15e-3", "6e-4 to 8e-3", "13"):
        assert text in row.inner_text()
    assert page.locator("tr[data-study=race] img").evaluate(
        "image => image.complete || image.loading === 'lazy'"
    )
    page.keyboard.press("/")
    page.keyboard.type("edg")
    wait_for(page, "document.querySelectorAll('tr[data-study]').length === 1")
    assert page.url.endswith("/?q=edg")
    assert page.evaluate("document.activeElement.id") == "q"
    page.fill("#q", "nothing at all")
    page.wait_for_selector("#no-match")
    page.goto(page.url.partition("?")[0])
    for direction in ("desc", "asc"):
        page.click("thead a:has-text('Study')")
        page.wait_for_url(f"**dir={direction}")
    names = page.locator("tr[data-study]").evaluate_all("rows => rows.map(row => row.dataset.study)")
    assert names == sorted(names)


def test_the_charts_tell_what_the_api_tells(show: Show) -> None:
    page = show("/studies/race")
    curve, lines = page.locator("#u-curve"), page.locator("#learning-curves")
    assert (curve.get_attribute("data-points"), curve.get_attribute("data-x-scale")) == ("13", "log")
    assert lines.get_attribute("data-series") == "13"
    told = page.evaluate("fetch('/api/v1/studies/race/u-curve').then((answer) => answer.json())")
    drawn = page.evaluate(
        """document.getElementById('u-curve').data.filter((t) => ['finished', 'partial', 'diverged'].includes(t.meta))
           .flatMap((t) => t.x).sort((a, b) => a - b)"""
    )
    assert drawn == [p["lr"] for p in told["values"]["points"]]
    shape = page.evaluate("document.getElementById('u-curve').layout.shapes.map((s) => [s.x0, s.x1])")
    assert shape[0] == told["values"]["safe_range"]
    ticks = page.locator("#u-curve .xtick text").all_text_contents()
    assert all(re.fullmatch(r"\d(\.\d+)?e-?\d+|1|10+", tick) for tick in ticks)
    assert "Safe range 6e-4 to 8e-3: loses at most 2 %" in page.inner_text("#legend")
    assert page.inner_text("#answer .sentence").startswith("Use LR 2.15e-3")


def test_the_keyboard_links_charts_and_runs(show: Show) -> None:
    page = show("/studies/race")
    page.focus("#u-curve")
    page.keyboard.press("Home")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#reading") == "Learning rate 2.15e-3; mean val_loss 0.3061, 1 seed."
    wait_for(
        page,
        "document.getElementById('learning-curves').dataset.dimmed === '12'",
    )
    page.keyboard.press("Enter")
    assert page.locator("#runs tbody tr:visible").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#runs tbody tr:visible").count() == 13
    page.focus("#learning-curves")
    page.keyboard.press("t")
    rows = page.locator("#learning-curves-table tbody tr")
    points = int(page.get_attribute("#learning-curves", "data-points"))
    assert rows.count() == min(points, 200)
    assert page.locator("#learning-curves-table thead").inner_text().split() == [
        "Rate",
        "Run",
        "epoch",
        "val_loss",
    ]
    before = page.get_attribute("#learning-curves", "data-y-scale")
    page.keyboard.press("l")
    wait_for(page, "(old) => document.getElementById('learning-curves').dataset.yScale !== old", arg=before)


def test_every_control_is_reached_by_the_keyboard(show: Show) -> None:
    page = show("/studies/seeds")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        where = page.evaluate(
            "[document.activeElement.id || document.activeElement.textContent.trim(), document.activeElement.matches(':focus-visible')]"
        )
        reached.append(where[0])
        assert where[1]
    assert reached[0] == "Skip to content"
    for wanted in ("Studies", "do-delete", "copy-lr", "Report", "u-curve", "learning-curves"):
        assert wanted in reached
    page.click("#do-delete")
    assert page.evaluate("document.getElementById('delete').open")
    assert "Lost for good: 39 runs" in page.inner_text("#delete")
    page.keyboard.press("Escape")
    wait_for(page, "document.activeElement.id === 'do-delete'")


def test_the_theme_is_chosen_and_kept(show: Show) -> None:
    page = show("/studies/race", color_scheme="light")
    line = "document.querySelector('#learning-curves .lines path').style.stroke"
    light = page.evaluate(line)
    page.goto(page.url.partition("/studies")[0] + "/settings")
    page.check("[name=theme][value=dark]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    page.go_back()
    page.wait_for_selector("#learning-curves[data-state=ready]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert page.evaluate(line) != light


def test_copying_gives_every_digit(show: Show) -> None:
    page = show("/studies/race", permissions=["clipboard-read", "clipboard-write"])
    page.click("#copy-lr")
    page.wait_for_selector("#copy-lr:has-text('Copied')")
    rate = page.evaluate("navigator.clipboard.readText()")
    page.click("#copy-code")
    page.wait_for_selector("#copy-code:has-text('Copied')")
    code = page.evaluate("navigator.clipboard.readText()")
    compile(code, "pasted", "exec")
    assert f"lr = {rate}\n" in code


def test_foreign_text_is_text(show: Show) -> None:
    for path in ("/", "/studies/hostile", "/studies/hostile/runs/12"):
        page = show(path)
        assert page.locator("main img[src=x]").count() == 0
        assert HOSTILE[:20] in page.inner_text("main")
        assert page.evaluate("window.__x") is None


def test_a_runs_page_shows_its_metrics_and_what_is_not_finite(show: Show) -> None:
    page = show("/studies/spiky/runs/1")
    assert page.locator(".panel").count() == 2
    assert page.get_attribute("#m1", "data-raw-points") == "3000"
    caption = page.inner_text("#m1-caption")
    assert "of 3,000 points drawn" in caption
    assert "2 not finite, first inf at epoch 2.998" in caption
    drawn = page.evaluate("document.getElementById('m1').data[0].y.filter((v) => v !== null)")
    assert max(drawn) == 777.0
    zoomed = drag(page, "#m1")
    wait_for(
        page, "(wanted) => document.getElementById('m2')._fullLayout.xaxis.range[1] === wanted[1]", arg=zoomed
    )
    assert axis(page, "m2") == zoomed != [0, 2.999]


def test_nothing_yet_says_what_to_do(browser: Any, tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        page = browser.new_page()
        page.goto(server.link)
        page.wait_for_selector("h2:has-text('Nothing here yet.')")
        assert page.locator("#list code").count() == 4
        page.wait_for_selector("#live[data-state=live]")
        took = []
        for name in ("first", "second", "third"):
            kept(open_lab(tmp_path / "studies"), with_answer(name, "race"))
            begun = time.monotonic()
            page.wait_for_selector(f"tr[data-study={name}]")  # by itself
            took.append(alone(time.monotonic() - begun))
    finally:
        taken, code, said = server.end()  # with the page open
        page.close()
    assert min(took) < 4, took
    assert alone(taken) < 4
    assert code == 0
    assert "Traceback" not in said


def test_without_script_the_numbers_are_there(show: Show) -> None:
    page = show("/", java_script_enabled=False)
    page.click("a:has-text('race')")
    page.wait_for_url("**/studies/race")
    assert "lrlab pause STUDY" in page.inner_text("noscript")
    assert "Use LR 2.15e-3" in page.inner_text("#answer")


# --- a study that runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A study of minutes, however slowly a test gets to its end, in a process of its own."""
    words = ["sweep", "python", "bowl.py:train", "--budget=600", "--lr=1e-4:0.9", "--searcher=grid:9", "--study=live",
             "--store=studies", "--workers=0"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lab = open_lab(folder / "studies")
    until(lambda: "live" in lab.store.names() and lab.store.heard("live") is not None, within_s=120)
    yield process
    process.kill()
    process.wait()


def records(lab: Lab) -> int:
    return sum(len(run.records) for run in lab.study("live").runs)


def test_a_running_study_is_watched_paused_resumed_extended_and_stopped(
    show: Show, lab: Lab, running: "subprocess.Popen[bytes]"
) -> None:
    page = show("/studies/live")
    page.wait_for_selector("#live[data-state=live]")
    asked: list[tuple[str, int]] = []
    page.on(
        "response",
        lambda answer: asked.append((answer.url, answer.status)) if "/curves" in answer.url else None,
    )

    # News arrives by itself, and curves come as what is new only.
    more = "(old) => Number(document.getElementById('learning-curves').dataset.points) > old"
    took = []
    for _ in range(4):
        seen = int(page.get_attribute("#learning-curves", "data-points") or 0)
        begun = time.monotonic()
        wait_for(page, more, arg=seen)
        took.append(alone(time.monotonic() - begun))
    assert min(took) < 2.5, took
    zoomed = drag(page, "#learning-curves")
    seen = int(page.get_attribute("#learning-curves", "data-points"))
    wait_for(page, more, arg=seen)
    assert axis(page, "learning-curves") == zoomed
    assert asked
    assert [(url, status) for url, status in asked if "after=" not in url or status != 200] == []
    page.click("[data-chart=learning-curves][data-do=reset]")

    # Pause is acknowledged by the study's process; nothing is trained afterwards.
    page.click("#do-pause")
    page.wait_for_selector("#state:has-text('paused')", timeout=60_000)
    page.wait_for_selector("#answering:has-text('Paused.')")
    stands = records(lab)
    page.reload()
    page.wait_for_selector("#state:has-text('paused')")
    ready(page)
    assert records(lab) == stands
    page.keyboard.press("p")  # the same by a key: it goes on
    page.wait_for_selector("#state:has-text('running')", timeout=60_000)
    run = lab.study("live").runs[0]
    assert [record.at for record in run.records] == sorted({record.at for record in run.records})

    # A wish that the process refuses comes back as a sentence; one that it takes changes the question.
    page.click("#do-extend")
    page.fill("#extend [name=lr]", "1e-2:1")
    page.click("#extend-go")
    wait_for(page, "document.getElementById('extend-error').textContent.includes('must hold the range')")
    page.fill("#extend [name=lr]", "1e-4:2")
    page.click("#extend-go")
    wait_for(
        page,
        "document.getElementById('answering').textContent.startsWith('Extended')",
    )
    assert lab.study("live").question.lr.high == 2

    # Stop asks first; Escape changes nothing; two clicks are one command.
    page.click("#do-stop")
    page.keyboard.press("Escape")
    assert lab.store.heard("live") is not None
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.click("#do-stop")
    page.dblclick("#stop button[value=go]")
    page.wait_for_selector("#state:has-text('stopped')", timeout=60_000)
    assert len(posts) == 1
    assert running.wait(timeout=60) is not None
    assert page.locator("#do-pause").count() == page.locator("#do-stop").count() == 0


def test_a_target_is_swept_from_the_page(show: Show, lab: Lab) -> None:
    page = show("/new")
    assert "bowl (bowl.py:quick)" in page.inner_text("#target")
    page.fill("[name=lr]", "wrong")
    page.wait_for_selector("#error-lr")
    page.fill("[name=lr]", "1e-3:1")
    page.fill("[name=study]", "from-the-page")
    page.fill("[name=workers]", "0")
    wait_for(
        page,
        """(() => { const text = document.getElementById('command').textContent;
           return text.startsWith('lrlab sweep bowl --lr=1e-3:1 --workers=0') && text.includes('--study=from-the-page'); })()""",
    )
    page.click("#start")
    page.wait_for_url("**/studies/from-the-page", timeout=120_000)
    page.wait_for_selector("#state:has-text('finished')", timeout=120_000)
    page.wait_for_selector("#answer .sentence:has-text('Use LR')")


def test_a_server_that_is_gone_is_said_and_found_again(browser: Any, tmp_path: Path) -> None:
    kept(open_lab(tmp_path / "studies"), with_answer("race", "race"))
    token = "one-token-for-both-servers"
    first = Server(tmp_path, token=token)
    port = int(first.address.rpartition(":")[2])
    page = browser.new_page()
    page.goto(first.link)
    page.wait_for_selector("tr[data-study=race]")
    page.goto(f"{first.address}/studies/race")
    page.wait_for_selector("#live[data-state=live]")
    first.end()
    page.wait_for_selector("#banner:has-text('not reachable')", timeout=60_000)
    assert page.is_disabled("#do-delete")
    assert page.locator("#u-curve .point").count() > 0  # the last data stay
    second = Server(tmp_path, port=port, token=token)
    try:
        page.wait_for_selector("#live[data-state=live]", timeout=60_000)
        page.wait_for_selector("#banner", state="hidden")
        assert not page.is_disabled("#do-delete")
    finally:
        page.close()
        second.end()


def test_without_events_it_asks_every_five_seconds(show: Show) -> None:
    page = show("/settings")
    page.route("**/api/v1/events", lambda route: route.fulfill(status=204))
    page.goto(page.url.replace("/settings", "/studies/race"))
    page.wait_for_selector("#live:has-text('Polling every 5 s')", timeout=60_000)
