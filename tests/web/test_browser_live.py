"""Pages that are watched while a study runs: what they fetch, what stays still, what they say, how they part."""
# ruff: noqa: F401, F811

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    PROGRAM,
    TRAINING,
    Server,
    Show,
    alone,
    axis,
    browser,
    drag,
    opened,
    ready,
    server,
    show,
    until,
    wait_for,
)
from page_samples import samples  # noqa: E402

from lrlab.api.engines import open_lab  # noqa: E402
from lrlab.core.outcome import State, StudyState  # noqa: E402
from lrlab.core.record import Record  # noqa: E402
from lrlab.core.run import Run  # noqa: E402
from lrlab.studies.lab import Lab  # noqa: E402

SERIES = ("/series?", "/curves?", "/curves")
PAGES = ("/studies/live", "/studies/live/runs/1")
CHARTS = {"/studies/live": "learning-curves", "/studies/live/runs/1": "m1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a training and a store for studies."""
    found = tmp_path_factory.mktemp("live")
    (found / "bowl.py").write_text(TRAINING)
    open_lab(found / "studies")
    return found


@pytest.fixture(scope="module")
def lab(folder: Path) -> Lab:
    return open_lab(folder / "studies")


class Live:
    """A study that this process writes, record by record: three runs with a loss and a rate."""

    def __init__(self, lab: Lab, name: str = "live") -> None:
        self.runs = [Run(lr=lr, target=20, state=State.RUNNING) for lr in samples.RATES[4:7]]
        answer = samples.answer(tuple(self.runs), study=name)
        study = samples.study(answer, name=name, state=StudyState.RUNNING, answer=None)
        self.ledger = lab.store.create(replace(study, created=time.time()))
        self.done = 0

    def grow(self, count: int, *, per_unit: int = 20, loss: float | None = None) -> None:
        """Record so many more steps of every run."""
        for run in self.runs:
            records = [
                Record(
                    at=(k + 1) / per_unit,
                    step=k + 1,
                    metrics={
                        "val_loss": 0.3 + 2 * math.exp(-k / 300) + 0.01 * math.sin(k * k)
                        if loss is None
                        else loss,
                        "lr": run.lr,
                    },
                )
                for k in range(self.done, self.done + count)
            ]
            self.ledger.append(run.key, self.done, records)
        self.ledger.commands()
        self.ledger.flush()
        self.done += count

    def close(self, lab: Lab) -> None:
        name = self.ledger.study.name
        self.ledger.conclude(StudyState.STOPPED, None)
        self.ledger.close()
        lab.delete(name)


@pytest.fixture
def live(lab: Lab) -> Iterator[Live]:
    found = Live(lab)
    found.grow(300)
    yield found
    found.close(lab)


def points(page: Any, chart: str) -> int:
    return int(page.get_attribute(f"#{chart}", "data-points") or 0)


def wait_for_points(page: Any, chart: str, count: int, *, within_s: float = 60.0) -> None:
    wait_for(page, "([id, count]) => Number(document.getElementById(id).dataset.points) >= count", within_s=within_s,
             arg=[chart, count])  # fmt: skip


def watch(page: Any) -> list[str]:
    """The requests for series from now on."""
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/series" in r.url or "/curves" in r.url else None)
    return asked


def quiet(page: Any, count: Callable[[], int], *, for_s: float = 2.5) -> None:
    """Until nothing more has been counted for a while."""
    seen, since = count(), time.monotonic()
    end = since + 60
    while time.monotonic() - since < for_s:
        assert time.monotonic() < end
        page.wait_for_timeout(100)
        if count() != seen:
            seen, since = count(), time.monotonic()


def pretend(page: Any, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
           Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
           document.dispatchEvent(new Event('visibilitychange')); }""",
        hidden,
    )


@pytest.mark.parametrize("path", PAGES)
def test_a_window_is_left_alone_while_new_data_comes(live: Live, show: Show, path: str) -> None:
    page, chart = show(path), CHARTS[path]
    page.wait_for_selector("#live[data-state=live]")
    zoomed = drag(page, f"#{chart}")
    page.evaluate(
        "(id) => { window.stood = []; setInterval(() => stood.push(document.getElementById(id).dataset.xMax), 50); }",
        chart,
    )
    place = "(id) => document.getElementById(id).getBoundingClientRect().top"
    before = page.evaluate(place, chart)
    for _ in range(4):
        live.grow(50)
        page.wait_for_timeout(1_200)
    page.wait_for_selector("#newer:visible")
    assert axis(page, chart) == zoomed
    assert [float(end) for end in page.evaluate("[...new Set(stood)]")] == [pytest.approx(zoomed[1])]
    assert page.evaluate(place, chart) == pytest.approx(before, abs=1)
    page.click(f"[data-chart={chart}][data-do=reset]")
    wait_for(page, "document.getElementById('newer').hidden")


@pytest.mark.parametrize("path", PAGES)
def test_a_hidden_tab_asks_for_nothing_and_then_once(live: Live, show: Show, path: str) -> None:
    page, chart = show(path), CHARTS[path]
    page.wait_for_selector("#live[data-state=live]")
    asked = watch(page)
    quiet(page, lambda: len(asked))  # what was told while the page was made
    pretend(page, hidden=True)
    page.evaluate(
        "() => { window.heard = 0; new EventSource('/api/v1/events').addEventListener('study', () => { heard += 1; }); }"
    )
    asked.clear()
    seen = points(page, chart)
    for _ in range(6):
        live.grow(20)
        page.wait_for_timeout(700)
    wait_for(page, "heard > 0")
    quiet(page, lambda: int(page.evaluate("heard")))  # the page has heard of the last points, too
    assert asked == []
    pretend(page, hidden=False)
    wait_for_points(page, chart, seen + 120)
    page.wait_for_timeout(1_500)
    assert len(asked) == 1
    assert "after=" in asked[0]


@pytest.mark.parametrize("path", PAGES)
def test_without_events_data_arrives_all_the_same(live: Live, show: Show, path: str) -> None:
    page, chart = show("/settings"), CHARTS[path]
    page.route("**/api/v1/events", lambda route: route.fulfill(status=204))
    page.goto(page.url.replace("/settings", path))
    page.wait_for_selector("#live:has-text('Polling every 5 s')", timeout=60_000)
    ready(page)
    seen = points(page, chart)
    live.grow(40)
    wait_for_points(page, chart, seen + 40)


def test_a_server_that_comes_back_leaves_no_gap(browser: Any, tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "studies")
    live = Live(lab)
    live.grow(200)
    token = "one-token-for-both-servers"
    first = Server(tmp_path, token=token)
    port = int(first.address.rpartition(":")[2])
    page, second = browser.new_page(), None
    try:
        page.goto(first.link)
        page.wait_for_selector("tr[data-study=live]")
        page.goto(f"{first.address}/studies/live/runs/1")
        page.wait_for_selector("#live[data-state=live]")
        wait_for_points(page, "m1", 200)
        first.process.kill()
        first.process.communicate()
        page.wait_for_selector("#banner:has-text('not reachable')", timeout=60_000)
        live.grow(100)
        assert points(page, "m1") == 200  # the last data stay
        second = Server(tmp_path, port=port, token=token)
        begun = time.monotonic()
        page.wait_for_selector("#live[data-state=live]", timeout=60_000)
        wait_for_points(page, "m1", 300)
        page.wait_for_selector("#banner", state="hidden")
        assert alone(time.monotonic() - begun) < 15
        live.grow(50)
        wait_for_points(page, "m1", 350)
        drawn = page.evaluate("document.getElementById('m1').data[0].x")
        assert drawn == [(k + 1) / 20 for k in range(350)]
    finally:
        page.close()
        (second or first).end()
        live.close(lab)


def test_a_new_verdict_is_said_once_and_moves_nothing(live: Live, show: Show) -> None:
    page = show(PAGES[1], viewport={"width": 1280, "height": 500})
    page.wait_for_selector("#live[data-state=live]")
    assert page.locator("#verdict-diverged").count() == 0
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => said.push(document.getElementById('said').textContent))
           .observe(document.getElementById('said'), { childList: true, characterData: true, subtree: true }); }"""
    )
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    place = "[scrollY, document.getElementById('m1').getBoundingClientRect().top]"
    top = show(PAGES[1])  # another one looks at the verdicts
    before, still = page.evaluate(place), top.evaluate("scrollY")
    assert before[0] > 0
    live.grow(40, loss=math.nan)
    wait_for(page, "document.getElementById('verdict-diverged') !== null")
    top.wait_for_selector("#verdict-diverged")
    wait_for(page, "said.some((text) => text.includes('diverged') || text.includes('New verdict'))")
    live.grow(40, loss=math.nan)
    page.wait_for_timeout(3_000)
    assert len([text for text in page.evaluate("said") if text.startswith("New verdict: error")]) == 1
    assert page.evaluate(place)[1] == pytest.approx(before[1], abs=1)
    assert top.evaluate("scrollY") == still == 0
    assert top.locator("#verdict-diverged").count() == 1


@pytest.mark.parametrize("path", ["/", *PAGES])
def test_what_is_read_aloud_is_seldom(live: Live, show: Show, path: str) -> None:
    page = show(path)
    page.wait_for_selector("#live[data-state=live]")
    page.evaluate(
        """() => { window.said = []; const regions = () => [...document.querySelectorAll('[aria-live], [role=status], [role=alert]')];
           const texts = new Map(); const look = () => { for (const each of regions()) { const key = each.id || each.className;
             const text = each.hidden ? '' : each.textContent; if (texts.has(key) && texts.get(key) !== text && text) said.push([performance.now(), key, text]);
             texts.set(key, text); } };
           look(); new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true, attributes: true }); }"""
    )
    for k in range(16):
        live.grow(10 + k)
        page.wait_for_timeout(500)
    told = page.evaluate("said")
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(told)]
    assert all(gap >= 1_950 for gap in gaps), told


SECONDS = 8


def test_no_point_is_fetched_twice_at_a_hundred_a_second(
    browser: Any, server: Server, opened: Any, folder: Path
) -> None:
    from benchmarks.page_live import watched, written

    store = folder / "studies"
    with written(store, 90):
        for path, shown in (
            (PAGES[0], dict.fromkeys(range(1, 13), ("val_loss",))),
            (PAGES[1], {1: ("val_loss", "lr")}),
        ):
            traffic, new = watched(browser, opened, server.address + path, store, SECONDS, shown)
            assert 0 < len(traffic.asked) <= SECONDS  # at most one a second
            assert traffic.most_in_a_second <= 2  # where the machine is busy, one comes late
            assert traffic.total <= 3 * new, dict(traffic.received)
            own = sum(traffic.received[kind] for kind in ("/series", "/curves"))
            assert own <= 1.5 * new
    lab = open_lab(store)
    lab.delete("live")


@pytest.fixture
def running(folder: Path, lab: Lab) -> Iterator["subprocess.Popen[bytes]"]:
    """A study that really trains, in a process of its own."""
    words = ["sweep", "python", "bowl.py:train", "--budget=600", "--lr=1e-4:0.9", "--searcher=grid:9", "--study=real",
             "--store=studies", "--workers=0"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(
        lambda: "real" in lab.store.names() and any(run.records for run in lab.study("real").runs),
        within_s=120,
    )
    yield process
    process.kill()
    process.wait()


def places(lab: Lab) -> list[list[float]]:
    return [[record.at for record in run.records] for run in lab.study("real").runs]


def test_pause_and_stop_say_what_is_true(show: Show, lab: Lab, running: "subprocess.Popen[bytes]") -> None:
    page = show("/studies/real")
    page.wait_for_selector("#live[data-state=live]")
    page.evaluate(
        """() => { window.seen = []; const look = () => { const text = `${document.getElementById('do-pause')?.textContent ?? '-'}|${document.getElementById('state').textContent.trim()}`;
           if (seen.at(-1) !== text) seen.push(text); }; look(); new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true }); }"""
    )
    page.click("#do-pause")
    page.wait_for_selector("#state:has-text('paused')", timeout=60_000)
    seen = page.evaluate("seen")
    assert seen[1].startswith("Pausing…|")
    assert "running" in seen[1]
    stands = places(lab)
    time.sleep(3)
    assert places(lab) == stands  # nothing is trained
    page.click("#do-resume")
    page.wait_for_selector("#state:has-text('running')", timeout=60_000)
    until(lambda: places(lab) != stands)
    for run in places(lab):
        assert run == [float(k + 1) for k in range(len(run))]  # no gap, no repeat

    page.click("#do-stop")
    assert "Every result so far is kept" in page.inner_text("#stop")
    page.keyboard.press("Escape")
    wait_for(page, "document.activeElement.id === 'do-stop' && !document.getElementById('stop').open")
    assert lab.store.heard("real") is not None
    posts: list[Any] = []
    page.on("request", lambda request: posts.append(request) if request.method == "POST" else None)
    page.dblclick("#do-stop")
    page.dblclick("#stop button[value=go]")
    page.wait_for_selector("#state:has-text('stopped')", timeout=60_000)
    assert len({request.headers["idempotency-key"] for request in posts}) == len(posts) == 1
    assert running.wait(timeout=60) is not None


def test_ctrl_c_parts_from_five_browsers(browser: Any, tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "studies")
    live = Live(lab)
    live.grow(100)
    server = Server(tmp_path, token="a-token-for-five-browsers")
    pages = []
    try:
        first = browser.new_context()
        page = first.new_page()
        page.goto(server.link)
        page.wait_for_selector("tr[data-study=live]")
        state = first.storage_state()
        pages = [browser.new_context(storage_state=state).new_page() for _ in range(5)]
        for page, path in zip(pages, ("/", *PAGES, *PAGES), strict=True):
            page.goto(server.address + path)
            page.wait_for_selector("#live[data-state=live]")
        live.grow(50)  # in the midst of it
        taken, code, said = server.end()
    finally:
        server.process.kill()  # where it has not ended
        for page in pages:
            page.context.close()
        live.close(lab)
    assert alone(taken) <= 4
    assert code in (0, 130)
    assert "Traceback" not in said
