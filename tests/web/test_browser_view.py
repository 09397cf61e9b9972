"""What a person has chosen stands in the address."""
# ruff: noqa: F401, F811

from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    Show,
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
    wait_for,
)

LOOKED_AT = ("xMin", "xMax", "yScale", "series", "points", "xScale")


def shown(page: Any, chart: str) -> dict[str, str]:
    found: dict[str, str] = page.evaluate("(id) => ({...document.getElementById(id).dataset})", chart)
    return {name: found[name] for name in LOOKED_AT}


def wait_for_shown(page: Any, chart: str, wanted: dict[str, str]) -> None:
    """Until a chart shows what another one does."""
    wait_for(
        page,
        "([id, wanted]) => Object.entries(wanted).every(([name, text]) => document.getElementById(id).dataset[name] === text)",
        arg=[chart, wanted],
    )


def test_a_link_shows_what_its_sender_saw(show: Show) -> None:
    page = show("/studies/seeds")
    page.select_option("#v-by", "rate")
    wait_for(page, "document.getElementById('learning-curves').dataset.series === '13'")
    page.fill("#v-sm", "2")
    page.press("#v-sm", "Enter")
    page.select_option("#v-x", "step")
    page.select_option("#v-metric", "loss")
    page.click("[data-chart=learning-curves][data-do=log]")
    wait_for(
        page,
        """(() => { const chart = document.getElementById('learning-curves'), { xaxis, yaxis } = chart._fullLayout;
           return chart.dataset.yScale === 'log' && xaxis.title.text === 'step' && yaxis.title.text.startsWith('loss'); })()""",
    )
    page.click("#v-hollow")
    drag(page, "#learning-curves")
    wait_for(page, "location.search.includes('z=')")
    address = page.evaluate("location.pathname + location.search")
    for part in ("by=rate", "sm=2", "x=step", "metric=loss", "ys=log", "hollow=no", "z="):
        assert part in address
    assert len(address) < 300
    other = show(address)
    wait_for_shown(page, "learning-curves", shown(other, "learning-curves"))
    assert other.input_value("#v-metric") == "loss"
    assert other.get_attribute("#v-hollow", "aria-pressed") == "false"
    other.reload()
    ready(other)
    assert shown(other, "learning-curves") == shown(page, "learning-curves")


def test_back_undoes_a_choice_and_no_zoom(show: Show) -> None:
    page = show("/studies/seeds")
    page.select_option("#v-by", "rate")
    wait_for(page, "document.getElementById('learning-curves').dataset.series === '13'")
    drag(page, "#learning-curves")
    page.go_back()
    wait_for(page, "document.getElementById('learning-curves').dataset.series === '39'")
    assert page.input_value("#v-by") == "run"
    assert page.url.endswith("/studies/seeds")


def test_what_the_address_cannot_mean_is_said_and_dismissed(show: Show) -> None:
    page = show("/studies/race?ys=banana&metric=nothing&what=this")
    said = page.inner_text("#notices")
    assert "ys=banana is none of auto, lin, log" in said
    assert "metric=nothing is none of" in said
    assert "what is not known here" in said
    assert page.get_attribute("#learning-curves", "data-state") == "ready"
    page.click("#notices button")
    assert page.url.endswith("/studies/race")
    assert not page.is_visible("#notices")


def test_hollow_runs_are_left_out_on_demand(show: Show) -> None:
    page = show("/studies/race")
    kinds = "document.getElementById('u-curve').data.map((trace) => trace.meta)"
    assert "partial" in page.evaluate(kinds)
    page.click("#v-hollow")
    wait_for(page, f"!{kinds}.includes('partial')")


def test_the_timeline_and_verdicts_come_by_themselves(show: Show) -> None:
    page = show("/studies/race")
    page.wait_for_selector("#timeline[data-state=ready]")
    page.focus("#timeline")
    page.keyboard.press("t")
    assert page.locator("#timeline-table tbody tr").count() == int(
        page.get_attribute("#timeline", "data-points")
    )
    page.wait_for_selector("#runs .verdict a")
    page.click("#runs tr[data-run='12'] .verdict a")
    page.wait_for_selector("#verdicts li.v-error")
    assert "diverged" in page.inner_text("#verdicts")


def test_a_verdict_is_shown_in_the_charts_and_a_window_has_every_point(show: Show) -> None:
    page = show("/studies/spiky/runs/1")
    shown = page.locator("#verdicts li[data-from]").first
    symptom = shown.get_attribute("data-symptom")
    shown.locator(f"#show-{symptom}").click()
    wait_for(page, "(symptom) => location.search.includes(`verdict=${symptom}`)", arg=symptom)
    for chart in ("m1", "m2"):
        wait_for(
            page,
            """([id, symptom]) => { const { dataset } = document.querySelector(`#verdict-${symptom}`);
               const [low, high] = document.getElementById(id)._fullLayout.xaxis.range;
               const [from, to] = [Number(dataset.from), Number(dataset.to)];
               return low < from && to < high && high - low < 2 * (to - from); }""",
            arg=[chart, symptom],
        )
    wait_for(page, "document.getElementById('m1').layout.shapes.some((shape) => shape.type === 'rect')")
    assert axis(page, "m1") == axis(page, "m2")
    near = show("/studies/spiky/runs/1?z=0.9,1.1")
    wait_for(near, "document.getElementById('m1').dataset.points === '201'")
    assert max(near.evaluate("document.getElementById('m1').data[0].y")) == 777.0
    assert "201 points. This window holds 201 of 3,000" in near.inner_text("#m1-caption")
    assert "Applied and planned rate differ by up to 6.98 %" in near.inner_text("#rate-off")
