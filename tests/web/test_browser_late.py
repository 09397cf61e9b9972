"""What a slow machine or network does in a real browser: replies that come late, and news under a pressed button."""
# ruff: noqa: F401, F811

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    Server,
    Show,
    axis,
    browser,
    close,
    drawn,
    folder,
    lab,
    opened,
    ready,
    server,
    show,
    wait_for,
)
from page_samples import kept, with_answer  # noqa: E402
from test_browser_live import CHARTS, PAGES, Live, live, points, wait_for_points  # noqa: E402

from lrlab.api.engines import open_lab  # noqa: E402


class Late:
    """The first request for an address waits until it is let go; all others go through."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.route: Any = None
        page.route(address, self._take)

    def _take(self, route: Any) -> None:
        if self.route is None:
            self.route = route
        else:
            route.continue_()

    def asked(self) -> None:
        """Until it was asked for."""
        while self.route is None:
            self.page.wait_for_timeout(20)

    def let_go(self) -> None:
        """Let it go, until its reply has been there for a while."""
        with self.page.expect_event("requestfinished", lambda request: request == self.route.request):
            self.route.continue_()
        self.page.wait_for_timeout(300)


def test_a_search_is_not_undone_by_an_earlier_one(show: Show) -> None:
    page = show("/")
    late = Late(page, "**/?q=s")
    page.fill("#q", "s")
    late.asked()
    page.fill("#q", "edge")
    wait_for(page, "document.querySelectorAll('tr[data-study]').length === 1")
    late.let_go()
    assert page.locator("tr[data-study]").count() == 1


def test_a_command_line_is_that_of_what_is_filled_in(show: Show) -> None:
    page = show("/new")
    wait_for(page, "document.getElementById('command').textContent.startsWith('lrlab sweep')")
    late = Late(page, "**/command-line")
    page.fill("[name=lr]", "wrong")
    late.asked()
    page.fill("[name=lr]", "1e-3:1")
    wait_for(page, "document.getElementById('command').textContent.includes('--lr=1e-3:1')")
    late.let_go()
    assert "--lr=1e-3:1" in page.inner_text("#command")
    assert page.get_attribute("[name=lr]", "aria-invalid") is None


def test_a_choice_that_is_taken_back_at_once_is_taken_back(show: Show) -> None:
    page = show("/studies/seeds")
    page.wait_for_selector("#live[data-state=live]")
    late = Late(page, "**/curves?*by=rate*")
    page.select_option("#v-by", "rate")
    late.asked()
    page.select_option("#v-by", "run")
    late.let_go()
    wait_for(page, "document.getElementById('learning-curves').dataset.series === '39'")


def test_a_window_that_is_taken_back_at_once_is_taken_back(show: Show) -> None:
    page = show("/studies/spiky/runs/1")
    page.wait_for_selector("#live[data-state=live]")
    late = Late(page, "**/series?*from=*")
    page.locator("#verdicts li[data-from] p").first.click()
    late.asked()
    page.click("[data-chart=m1][data-do=reset]")
    late.let_go()
    wait_for(page, "Number(document.getElementById('m1').dataset.xMin) === 0")
    wait_for(page, "!document.getElementById('m1-caption').textContent.includes('This window')")


def test_no_command_is_offered_again_by_a_page_that_came_before_the_server_went(
    browser: Any, tmp_path: Path
) -> None:
    kept(open_lab(tmp_path / "studies"), with_answer("race", "race"))
    own = Server(tmp_path)
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(own.link)
        page.wait_for_selector("tr[data-study=race]")
        page.goto(f"{own.address}/studies/race")
        page.wait_for_selector("#live[data-state=live]")
        ready(page)
        came: list[tuple[Any, Any]] = []
        page.route("**/studies/race", lambda route: came.append((route, route.fetch())))
        page.keyboard.press("r")
        while not came:
            page.wait_for_timeout(20)
    finally:
        own.end()
    page.wait_for_selector("#banner:has-text('not reachable')", timeout=60_000)
    assert page.is_disabled("#do-delete")
    (route, answer), *_ = came
    route.fulfill(response=answer)
    page.wait_for_timeout(500)
    assert page.is_disabled("#do-delete")
    close(context)


def test_news_leaves_the_focus_on_a_verdict(show: Show) -> None:
    page = show("/studies/seeds")
    page.wait_for_selector("#live[data-state=live]")
    page.wait_for_selector("#runs .verdict a")
    drawn(page)
    link = page.locator("#runs .verdict a").last
    link.focus()
    href = link.get_attribute("href")
    for _ in range(2):
        with page.expect_event("requestfinished", lambda request: request.url.endswith("/verdicts")):
            page.keyboard.press("r")
        page.wait_for_timeout(300)
        assert page.evaluate("document.activeElement.getAttribute('href')") == href


def test_a_scroll_while_news_is_under_way_is_left_alone(live: Live, show: Show) -> None:
    page = show(PAGES[1], viewport={"width": 1280, "height": 500})
    page.wait_for_selector("#live[data-state=live]")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    late = Late(page, f"**{PAGES[1]}")
    live.grow(20)
    late.asked()
    page.evaluate("scrollBy(0, -60)")
    place = page.evaluate("scrollY")
    late.let_go()
    assert page.evaluate("scrollY") == pytest.approx(place, abs=1)


def test_a_button_that_is_pressed_while_news_comes_is_clicked(live: Live, show: Show) -> None:
    page = show(PAGES[0])
    page.wait_for_selector("#live[data-state=live]")
    page.evaluate(
        """() => { window.clicks = 0; document.addEventListener('click', (event) => {
             if (event.target.closest('#do-stop')) { clicks += 1; event.stopImmediatePropagation(); } }, true); }"""
    )
    for k in range(3):
        page.hover("#do-stop")
        page.mouse.down()
        page.evaluate("() => { window.pressed = document.getElementById('do-stop'); }")
        with page.expect_response(lambda answer: answer.url == page.url):
            live.grow(20)
        page.wait_for_timeout(500)
        assert page.evaluate("pressed.isConnected")
        page.mouse.up()
        wait_for(page, "(wanted) => clicks === wanted", arg=k + 1)
        wait_for(page, "!pressed.isConnected")  # and then the news is shown


@pytest.mark.parametrize("path", PAGES)
def test_a_window_is_opened_while_news_comes(live: Live, show: Show, path: str) -> None:
    page, chart = show(path), CHARTS[path]
    page.wait_for_selector("#live[data-state=live]")
    seen = points(page, chart)
    whole = axis(page, chart)
    page.locator(f"#{chart}").scroll_into_view_if_needed()
    box = page.locator(f"#{chart} .nsewdrag").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    with page.expect_response(lambda answer: answer.url == page.url):
        live.grow(40)
    page.wait_for_timeout(500)
    page.mouse.move(box["x"] + 0.7 * box["width"], y)
    page.mouse.up()
    width = "([id, most]) => { const [low, high] = document.getElementById(id)._fullLayout.xaxis.range; return high - low <= most; }"
    wait_for(page, width, arg=[chart, 0.6 * (whole[1] - whole[0])])
    wait_for_points(page, chart, seen + 40)
    page.click(f"[data-chart={chart}][data-do=reset]")
    wait_for(
        page, "([id, low]) => Number(document.getElementById(id).dataset.xMin) <= low", arg=[chart, whole[0]]
    )
