"""The U-curve in a real browser: what is drawn equals what the API tells, and the answer's card says what it means."""
# ruff: noqa: F401, F811

import re
from dataclasses import replace
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import Server, Show, browser, folder, lab, opened, point_at, ready, server, show, wait_for  # noqa: E402
from page_samples import kept, samples, with_answer  # noqa: E402

from lrlab.studies.lab import Lab  # noqa: E402

U = "document.getElementById('u-curve')"
VALUES = "fetch('/api/v1/studies/{}/u-curve').then((answer) => answer.json()).then((told) => told.values)"


def trace(page: Any, mark: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        f"(mark) => {U}.data.filter((t) => t.meta === mark).map((t) => ({{x: t.x, y: t.y, text: t.hovertext, fill: t.marker?.color}}))",
        mark,
    )
    return found


def test_the_band_is_the_spread_of_the_seeds(show: Show) -> None:
    page = show("/studies/seeds")
    means = {mean["lr"]: mean for mean in page.evaluate(VALUES.format("seeds"))["means"]}
    (band,) = trace(page, "band")
    half = len(band["x"]) // 2
    low = dict(zip(band["x"][:half], band["y"][:half], strict=True))
    high = dict(zip(band["x"][half:], band["y"][half:], strict=True))
    assert len(low) == 12
    for lr in list(low)[::5]:
        assert (low[lr], high[lr]) == (means[lr]["low"], means[lr]["high"])
        assert means[lr]["low"] < means[lr]["high"]
    assert "Lowest to highest of 3 seeds" in page.inner_text("#legend")


def test_one_seed_has_no_band_and_says_so(show: Show) -> None:
    page = show("/studies/race")
    assert trace(page, "band") == []
    assert "1 seed: spread unknown" in page.inner_text("#legend")


def test_diverged_runs_stand_in_a_lane_of_their_own(show: Show) -> None:
    page = show("/studies/seeds")
    (lane,) = trace(page, "diverged")
    assert lane["x"] == [pytest.approx(0.1)] * 3
    assert all("diverged, epoch 2" in text for text in lane["text"])
    top = float(page.get_attribute("#u-curve", "data-y-max"))
    assert top < 4  # the diverged ones came to 4e6
    assert "Diverged, with the share of the rate's runs (3)" in page.inner_text("#legend")
    label = "#u-curve .y2 text, #u-curve .xy2 text"
    assert page.locator(label).all_text_contents() == ["3/3"]
    page.focus("#u-curve")
    page.keyboard.press("End")
    wait_for(
        page,
        "document.getElementById('reading').textContent.includes('; 3 of 3 diverged; seed 0 diverged at epoch 2')",
    )
    narrow = show("/studies/seeds", viewport={"width": 320, "height": 800})
    text, chart = (narrow.locator(each).bounding_box() for each in (label, "#u-curve"))
    assert text["x"] + text["width"] <= chart["x"] + chart["width"]
    every = show("/studies/diverged")
    assert "13 of 13 runs diverged" in every.inner_text("#u-caption")


def test_a_best_rate_at_the_edge_offers_a_wider_search(show: Show, lab: Lab) -> None:
    more = {"target": {"kind": "python", "ref": "bowl:quick"}, "created": 1.6e9}
    kept(lab, with_answer("on-the-edge", "edge", **more))
    page = show("/studies/on-the-edge")
    assert "EDGE_LOW" in page.inner_text("#warnings")
    sent: list[dict[str, Any]] = []

    def caught(route: Any) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(
            status=202,
            json={"id": "1", "kind": "extend", "fate": "done", "text": "Started."},
        )

    page.route("**/commands", caught)
    page.click("#extend-EDGE_LOW")
    assert page.input_value("#extend [name=lr]") == "1e-6:1e-1"
    page.click("#extend-go")
    wait_for(page, "document.getElementById('answered').textContent === 'Started.'")
    low, high = (float(end) for end in sent[0]["arguments"]["lr"].split(":"))
    assert (sent[0]["kind"], low, high) == ("extend", 1e-6, 1e-1)
    assert low < 1e-5  # the lowest rate that was asked for


def test_runs_trained_in_part_are_hollow_named_and_left_out_on_demand(show: Show) -> None:
    page = show("/studies/race")
    (hollow,) = trace(page, "partial")
    background = page.evaluate(f"{U}.layout.paper_bgcolor")
    assert hollow["fill"] == background
    assert [re.search(r"(dropped|frozen), epoch (\d+)", text)[2] for text in hollow["text"]] == [
        "1", "1", "1", "1", "3", "9", "9", "3",
    ]  # fmt: skip
    page.click("#v-hollow")
    wait_for(page, f"{U}.data.every((t) => t.meta !== 'partial')")
    assert page.evaluate(f"{U}.data.some((t) => t.meta.startsWith('level'))") is False


def test_no_tick_is_a_zero_at_any_zoom(show: Show) -> None:
    page = show("/studies/seeds")
    for window in ("", "?uz=-4,-3", "?uz=-2.7,-2.6"):
        page.goto(page.url.partition("?")[0] + window)
        ready(page)
        ticks = page.locator("#u-curve .xtick text").all_text_contents()
        assert all(re.fullmatch(r"\d(\.\d+)?e-?\d+|1|10+", tick) for tick in ticks)


def test_a_rate_is_looked_at_in_both_charts(show: Show) -> None:
    page = show("/studies/seeds")
    page.focus("#u-curve")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    lines = "document.getElementById('learning-curves')"
    wait_for(page, f"{lines}.dataset.dimmed === '36'")  # of 39 lines, those of the other rates
    focused = float(page.get_attribute("#learning-curves", "data-focus-lr"))
    bright = page.evaluate(
        f"[...{lines}.querySelectorAll('.scatterlayer > .trace')].filter((g) => g.style.opacity === '' && g.__data__[0].trace.meta === 'curve')"
        ".map((g) => g.__data__[0].trace.customdata[0])"
    )
    assert bright == [focused] * 3
    page.keyboard.press("Escape")
    wait_for(page, f"{lines}.dataset.dimmed === '0'")
    # The other way round: the mouse over a line shows its rate in the U-curve.
    at = page.evaluate(
        f"""() => {{
          const chart = {lines}, {{ xaxis, yaxis }} = chart._fullLayout, box = chart.getBoundingClientRect();
          const line = chart.data.filter((t) => t.meta === 'curve')[0], k = line.x.length - 1;
          return {{ lr: line.customdata[0], x: box.x + xaxis._offset + xaxis.l2p(line.x[k]) - 1, y: box.y + yaxis._offset + yaxis.l2p(line.y[k]) }};
        }}"""
    )
    point_at(
        page,
        at["x"],
        at["y"],
        "(lr) => document.getElementById('u-curve').dataset.focusLr === String(lr)",
        arg=at["lr"],
    )
    page.mouse.move(5, 5)
    wait_for(page, "document.getElementById('u-curve').dataset.focusLr === ''")


def test_an_own_rate_is_drawn_and_weighed(show: Show) -> None:
    page = show("/studies/seeds")
    line = f"{U}.layout.shapes.filter((s) => s.type === 'line').map((s) => s.x0)"
    drawn_at = f"(wanted) => JSON.stringify({line}) === JSON.stringify(wanted)"
    assert page.evaluate(line) == []
    page.fill("#v-my", "1e-2")
    page.press("#v-my", "Enter")
    wait_for(page, "document.getElementById('yours').textContent !== ''")
    wait_for(page, drawn_at, arg=[0.01])
    told = page.inner_text("#answer")
    assert "Your 1e-2 is 4.7× the rate to use, above the safe range 6e-4 to 8e-3" in told
    assert "It was tested and came to val_loss 0.3848, the mean of 3 seeds, after 20 of 20 epochs." in told
    assert "my=0.01" in page.url
    page.reload()
    ready(page)
    assert page.evaluate(line) == [0.01]
    assert page.input_value("#v-my") == "1e-2"
    page.fill("#v-my", "none")
    page.press("#v-my", "Enter")
    assert page.get_attribute("#v-my", "aria-invalid") is not None
    page.fill("#v-my", "")
    page.press("#v-my", "Enter")
    wait_for(page, "document.getElementById('yours').textContent === ''")
    wait_for(page, drawn_at, arg=[])
