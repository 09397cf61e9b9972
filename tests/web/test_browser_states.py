"""What a browser shows when something is missing, broken, odd or slow; and the theme, from the first frame on."""
# ruff: noqa: F401, F811

import base64
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

import samples  # noqa: E402
from page_browser import (  # noqa: E402
    PROGRAM,
    WIDE,
    Server,
    Show,
    axis,
    browser,
    close,
    drag,
    drawn,
    folder,
    lab,
    opened,
    server,
    show,
    wait_for,
)
from page_samples import kept, with_answer  # noqa: E402

from lrlab.core.record import Record  # noqa: E402
from lrlab.studies.lab import Lab  # noqa: E402

Quiet = Callable[..., Any]


@pytest.fixture
def broken(browser: Any, server: Server, opened: Any) -> Iterator[Quiet]:
    """Opens a page on which some requests fail; what the browser complains of is not held against it."""
    contexts = []

    def visit(path: str, fails: str, status: int = 500, **how: Any) -> Any:
        context = browser.new_context(storage_state=opened, **({"viewport": WIDE} | how))
        contexts.append(context)
        page = context.new_page()
        body = (
            '{"title": "internal error: KeyError", "status": 500, "code": "internal", "hint": "Look there.", '
            '"request": "1a2b3c4d"}'
        )
        if status:
            page.route(fails, lambda route: route.fulfill(status=status, body=body, content_type="application/problem+json"))  # fmt: skip
        else:
            page.route(fails, lambda route: route.abort())
        page.goto(server.address + path)
        return page

    yield visit
    for context in contexts:
        close(context)


def test_a_chart_that_cannot_be_had_says_so_and_the_others_stand(broken: Quiet) -> None:
    page = broken("/studies/race", "**/u-curve", permissions=["clipboard-read", "clipboard-write"])
    page.wait_for_selector("#u-curve[data-state=error]")
    for other in ("#learning-curves", "#timeline"):
        page.wait_for_selector(f"{other}[data-state=ready]")
    assert "This chart cannot be shown: internal error: KeyError" in page.inner_text("#u-curve")
    page.click("#u-curve button")
    page.wait_for_selector("#u-curve button:has-text('Copied')")
    details = page.evaluate("navigator.clipboard.readText()")
    for words in ("u-curve of /studies/race", "GET http://", "/api/v1/studies/race/u-curve", "status 500, code internal, request 1a2b3c4d"):  # fmt: skip
        assert words in details
    page.unroute("**/u-curve")
    page.keyboard.press("r")
    page.wait_for_selector("#u-curve[data-state=ready]")
    assert page.locator("#u-curve .point").count() > 0
    page.focus("#u-curve")
    page.keyboard.press("Home")
    assert page.inner_text("#reading").startswith("Learning rate 1e-5")


def test_a_script_that_does_not_come_is_told_with_what_stays(broken: Quiet) -> None:
    page = broken("/studies/race", "**/static/charts.js", status=0)
    page.wait_for_selector("#banner:has-text('A script of this page did not come')")
    assert "lrlab runs STUDY" in page.inner_text("#banner")
    assert "Use LR 2.15e-3" in page.inner_text("#answer")


def test_a_chart_that_takes_its_time_says_that_it_loads(browser: Any, server: Server, opened: Any) -> None:
    context = browser.new_context(storage_state=opened)
    page = context.new_page()
    page.route("**/curves?*", lambda route: None)  # it never comes
    page.goto(f"{server.address}/studies/race")
    page.wait_for_selector("#u-curve[data-state=ready]")
    after = "getComputedStyle(document.getElementById('learning-curves'), '::after')"
    wait_for(page, f"{after}.visibility === 'visible'")
    assert "Loading the chart" in page.evaluate(f"{after}.content")
    assert (
        page.evaluate("document.getElementById('learning-curves').offsetHeight") > 300
    )  # nothing jumps later
    close(context)


def test_a_form_that_is_refused_leads_to_its_fields(show: Show) -> None:
    page = show("/new")
    page.fill("[name=lr]", "wrong")
    page.fill("[name=seeds]", "none")
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem:not(:empty)")
    assert page.evaluate("document.activeElement.id") == "problem"
    for name in ("lr", "seeds"):
        field = page.locator(f"[name={name}]")
        assert field.get_attribute("aria-invalid") == "true"
        assert page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()


def test_the_commands_of_an_empty_store_are_copied_as_they_stand_and_the_first_one_fills_it(
    browser: Any, tmp_path: Path
) -> None:
    server = Server(tmp_path)
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    demo = None
    try:
        page = context.new_page()
        page.goto(server.link)
        page.wait_for_selector("h2:has-text('Nothing here yet.')")
        commands = []
        for button in page.locator("#list button").all():
            button.click()
            button.and_(page.get_by_text("Copied")).wait_for()
            commands.append(page.evaluate("navigator.clipboard.readText()"))
        assert commands == page.locator("#list .copyable code").all_inner_texts()
        assert len(commands) == 3
        words = commands[0].split()
        assert words[0] == "lrlab"
        demo = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words[1:]],
            cwd=tmp_path,
            env=os.environ | {"LRLAB_STORE": str(tmp_path / "studies")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        page.wait_for_selector("tr[data-study]", timeout=150_000)  # PyTorch is loaded first
    finally:
        if demo is not None:
            demo.kill()
            demo.wait()
        context.close()
        server.end()


ODD = {
    "nothing": lambda: with_answer("nothing", "zero_runs"),
    "nan": lambda: with_answer("nan", "nan_everywhere"),
    "one": lambda: with_answer("one", "one_run"),
    "strange": lambda: samples.study(
        samples.answer(
            (
                replace(samples.run(1.0, 1, outcome=None, records=(Record(at=1, metrics={"val_loss": 1e300}), Record(at=2, metrics={"val_loss": -5e-324}))), lr=1e-300),
                replace(samples.run(1.0, 1, outcome=None, records=(Record(at=1, metrics={"val_loss": 0.5}),)), lr=1e308),
                samples.run(1.0, 0, outcome=None, records=()),
            ),
            study="strange", lr=1e-300,
        ),
        name="strange", task="x" * 10_000 + "🦀 שלום",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ODD))
def test_an_odd_study_is_shown_without_a_complaint(show: Show, lab: Lab, name: str) -> None:
    study = ODD[name]()
    if name not in lab.store.names():
        kept(lab, study)
    for path in ["/", f"/studies/{name}", *([f"/studies/{name}/runs/1"] if study.runs else [])]:
        page = show(path, viewport={"width": 390, "height": 800})
        drawn(page)
        states = page.locator(".plot").evaluate_all("plots => plots.map((plot) => plot.dataset.state)")
        assert "error" not in states
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()


# --- the theme ------------------------------------------------------------------------------------------------


def test_a_dark_system_has_no_light_frame(show: Show) -> None:
    image = pytest.importorskip("PIL.Image")
    page = show("/help", color_scheme="dark")
    frames: list[str] = []
    session = page.context.new_cdp_session(page)

    def keep(frame: Any) -> None:
        frames.append(frame["data"])
        session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "png", "maxWidth": 400})
    page.goto(page.url.replace("/help", "/studies/race"))
    page.wait_for_selector("#learning-curves[data-state=ready]")
    end = time.monotonic() + 60
    while len(frames) < 2 and time.monotonic() < end:
        page.wait_for_timeout(100)
    page.wait_for_timeout(100)
    session.send("Page.stopScreencast")
    assert len(frames) >= 2
    for frame in frames:
        picture = image.open(io.BytesIO(base64.b64decode(frame))).convert("L")
        light = sum(picture.histogram()[200:]) / (picture.width * picture.height)
        assert light < 0.2


def test_another_theme_keeps_the_window_of_a_chart(show: Show) -> None:
    page = show("/studies/race", color_scheme="light")
    zoomed = drag(page, "#learning-curves")
    tick = "getComputedStyle(document.querySelector('#learning-curves .xtick text')).fill"
    line = "document.querySelector('#learning-curves .lines path').style.stroke"
    before = page.evaluate(f"[{tick}, {line}]")
    page.emulate_media(color_scheme="dark")
    wait_for(page, f"(old) => {tick} !== old[0] && {line} !== old[1]", arg=before)
    assert axis(page, "learning-curves") == zoomed
