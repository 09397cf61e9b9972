"""The learning curves in a real browser: colours, axes, windows, smoothing, and what a point stands for."""
# ruff: noqa: F401, F811

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    Server,
    Show,
    alone,
    axis,
    browser,
    drag,
    folder,
    lab,
    opened,
    point_at,
    ready,
    server,
    show,
    wait_for,
)
from page_samples import kept, samples, spiky  # noqa: E402

from lrlab.core.record import Record  # noqa: E402
from lrlab.report.palette import contrast  # noqa: E402
from lrlab.studies.lab import Lab  # noqa: E402

L = "document.getElementById('learning-curves')"
LINES = f"{L}.data.filter((t) => t.meta === 'curve')"


def study_of(name: str, values: dict[str, list[float]], *, every: dict[str, int] | None = None) -> Any:
    """A study of one run with these metrics at every step; ``every`` makes one sparse."""
    count = max(len(own) for own in values.values())
    every = every or {}
    records = tuple(
        Record(
            at=k / 100,
            metrics={m: own[k] for m, own in values.items() if k % every.get(m, 1) == 0},
            step=k,
        )
        for k in range(count)
    )
    run = samples.run(samples.RATES[7], 20, outcome=samples.Outcome.FINISHED, records=records, seed=4)
    return samples.study(samples.answer((run,), study=name), name=name)


@pytest.fixture(scope="module")
def shapes(lab: Lab) -> None:
    """Studies whose curves are of one kind each."""
    wave = [2.0 + math.sin(k / 7) + 0.1 * math.cos(3.1 * k) for k in range(500)]
    kept(lab, study_of("wave", {"val_loss": wave}))
    kept(lab, study_of("sparse", {"val_loss": wave, "accuracy": wave}, every={"accuracy": 50}))
    kept(lab, study_of("signs", {"val_loss": [0.3 - k / 250 for k in range(200)]}))
    kept(lab, study_of("constant", {"val_loss": [0.1 + 0.2] * 300}))
    kept(lab, spiky_named("long", 40_000))
    many = samples.many_runs(200)
    kept(lab, samples.study(replace(many, study="crowded"), name="crowded", answer=replace(many, runs=())))


def spiky_named(name: str, points: int) -> Any:
    return replace(spiky(points), name=name)


def test_colours_follow_the_rate_and_are_seen_in_both_themes(show: Show) -> None:
    for theme in ("light", "dark"):
        page = show("/studies/race", color_scheme=theme)
        found = page.evaluate(
            f"{LINES}.map((t) => [t.customdata[0], t.line.color]).sort((a, b) => a[0] - b[0])"
        )
        background = page.evaluate(f"{L}.layout.paper_bgcolor")
        ramp = page.evaluate(f"{L}.data.find((t) => t.meta === 'colors').marker.colorscale")
        places = [place_on(ramp, color) for _, color in found]
        assert len(found) == 13
        assert all(a < b for a, b in pairwise(places))
        assert min(contrast(color, background) for _, color in found) >= 3.0


def place_on(ramp: list[tuple[float, str]], color: str) -> float:
    """Where on the colour bar a colour lies, 0 to 1."""
    own = channels(color)
    best = (math.inf, 0.0)
    for (low, first), (high, second) in pairwise(ramp):
        for k in range(21):
            share = k / 20
            mixed = [a + share * (b - a) for a, b in zip(channels(first), channels(second), strict=True)]
            away = math.dist(mixed, own)
            best = min(best, (away, low + share * (high - low)))
    assert best[0] < 6
    return best[1]


def channels(color: str) -> list[int]:
    return [int(color[k : k + 2], 16) for k in (1, 3, 5)]


def test_another_axis_keeps_the_window(show: Show) -> None:
    page = show("/studies/seeds")
    drag(page, "#learning-curves")
    wait_for(page, "location.search.includes('z=')")
    low, high = axis(page, "learning-curves")
    page.select_option("#v-x", "step")
    wait_for(page, "location.search.includes('x=step')")
    wait_for(page, f"{L}._fullLayout.xaxis.title.text === 'step'")
    ends = axis(page, "learning-curves")
    # A point an epoch, and an epoch is a hundred steps.
    assert ends == [100 * math.ceil(low), 100 * math.floor(high)]
    page.select_option("#v-x", "unit")
    wait_for(page, f"{L}._fullLayout.xaxis.title.text === 'epoch'")
    assert axis(page, "learning-curves") == [math.ceil(low), math.floor(high)]


def test_a_log_axis_counts_what_it_cannot_show(show: Show, shapes: None) -> None:
    page = show("/studies/signs?ys=log")
    drawn = page.evaluate(f"{LINES}[0].y")
    assert min(drawn) > 0
    assert len(drawn) == 75
    assert "125 values that this axis cannot show" in page.inner_text("#lines-caption")


def test_a_window_on_many_points_is_asked_for_anew(show: Show, shapes: None) -> None:
    page = show("/studies/long")
    whole = int(page.get_attribute("#learning-curves", "data-points"))
    assert whole <= 1_500
    asked: list[str] = []  # what is new only, with `after`, may be asked for at any time
    page.on(
        "request",
        lambda request: (
            asked.append(request.url) if "/curves?" in request.url and "after=" not in request.url else None
        ),
    )
    low, high = drag(page, "#learning-curves")
    wait_for(page, "document.getElementById('lines-caption').textContent.includes('of this window')")
    inside = f"{LINES}[0].x.filter((x) => x >= {low} && x <= {high}).length"
    wait_for(page, f"{inside} > {whole * (high - low) / 40 * 1.5}")
    assert len(asked) == 1
    assert f"from={low}" in asked[0]
    assert axis(page, "learning-curves") == [low, high]
    page.reload()
    ready(page)
    assert page.evaluate(inside) > whole * (high - low) / 40 * 1.5
    page.focus("#learning-curves")
    page.keyboard.press("0")
    wait_for(page, f"{L}.dataset.points === '{whole}'")
    page.goto(
        page.url.partition("?")[0] + "?z=13.3,13.4"
    )  # a hundred points: every one, and one on each side
    ready(page)
    wait_for(page, f"{L}.dataset.points === '103'")
    assert max(page.evaluate(f"{LINES}[0].y")) == 777.0


def test_smoothing_is_the_average_of_all_points(show: Show, shapes: None) -> None:
    for name, half_life in (("wave", 0.2), ("long", 0.5)):
        page = show(f"/studies/{name}?sm={half_life}")
        text = page.evaluate(f"fetch('/api/v1/studies/{name}/export.csv').then((answer) => answer.text())")
        whole = [
            (float(row["at"]), float(row["val_loss"]))
            for row in csv.DictReader(io.StringIO(text))
            if math.isfinite(float(row["val_loss"]))
        ]
        x, y = page.evaluate(f"[{LINES}[0].x, {LINES}[0].y]")
        wanted = dict(averages(whole, half_life))
        for k in range(5):
            place = x[k * (len(x) - 1) // 4]
            assert y[x.index(place)] == pytest.approx(wanted[place], rel=1e-6)


def averages(points: list[tuple[float, float]], half_life: float) -> Iterator[tuple[float, float]]:
    """The debiased moving average, one point after the other."""
    total = weight = 0.0
    before = points[0][0]
    for at, value in points:
        kept = 0.5 ** ((at - before) / half_life)
        total, weight, before = total * kept + value, weight * kept + 1, at
        yield at, total / weight


def test_a_constant_stays_one_and_few_points_stay_few(show: Show, shapes: None) -> None:
    page = show("/studies/constant?sm=1.5")
    assert set(page.evaluate(f"{LINES}[0].y")) == {0.1 + 0.2}
    page = show("/studies/sparse?metric=accuracy")
    assert page.evaluate(f"{LINES}[0].x") == [k / 2 for k in range(10)]


def test_a_point_is_told_with_every_digit_and_its_line_outlined(show: Show, shapes: None) -> None:
    page = show("/studies/wave")
    page.focus("#learning-curves")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    value = 2.0 + math.sin(1) + 0.1 * math.cos(3.1 * 7)
    wait_for(page, "document.getElementById('lines-reading').textContent.includes('step 7,')")
    told = page.inner_text("#lines-reading")
    assert told.startswith("Learning rate 2.15e-3, seed 4 finished; epoch 0.07, step 7, about ")
    assert f"val_loss {value!r}." in told
    assert page.get_attribute("#learning-curves", "data-outlined") == "1"
    assert page.locator("#learning-curves .halo").count() == 1
    page.goto(page.url + "?sm=0.2")
    ready(page)
    page.focus("#learning-curves")
    page.keyboard.press("ArrowDown")
    wait_for(page, "document.getElementById('lines-reading').textContent.includes('step 499')")
    told = page.inner_text("#lines-reading")
    raw, drawn = re.search(r"val_loss (\S+), drawn (\S+)\.$", told).groups()
    assert float(raw) == 2.0 + math.sin(499 / 7) + 0.1 * math.cos(3.1 * 499)
    assert float(drawn) == page.evaluate(f"{LINES}[0].y.at(-1)")
    page.keyboard.press("Escape")
    wait_for(page, f"{L}.dataset.outlined === ''")


def test_the_mouse_reads_a_line_and_a_click_keeps_the_words(show: Show) -> None:
    page = show("/studies/race")
    page.locator("#learning-curves").scroll_into_view_if_needed()
    at = page.evaluate(
        f"""() => {{
          const {{ xaxis, yaxis }} = {L}._fullLayout, box = {L}.getBoundingClientRect(), line = {LINES}[7];
          return {{ x: box.x + xaxis._offset + xaxis.l2p(line.x[10]), y: box.y + yaxis._offset + yaxis.l2p(line.y[10]) }};
        }}"""
    )
    top = page.evaluate("scrollY")
    point_at(
        page,
        at["x"],
        at["y"],
        """document.getElementById('lines-reading').textContent.includes('epoch 10, step 1000')
           && document.querySelectorAll('#learning-curves .hovertext').length === 1""",
    )
    page.mouse.click(at["x"], at["y"])
    wait_for(page, "document.getElementById('lines-reading').dataset.pinned === 'yes'")
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert "epoch 10, step 1000" in page.inner_text("#lines-reading")
    assert page.evaluate("scrollY") == top
    page.focus("#learning-curves")
    page.keyboard.press("Escape")
    wait_for(page, "document.getElementById('lines-reading').textContent === ''")


def test_rates_are_hidden_and_a_link_hides_them_too(show: Show) -> None:
    page = show("/studies/seeds?by=rate")
    assert page.get_attribute("#learning-curves", "data-series") == "13"
    ranges = f"{L}.data.filter((t) => t.meta === 'range').length"
    assert page.evaluate(ranges) > 0
    page.click("#rates-shown")
    page.click("#rates-list button[data-lr='0.001']")
    wait_for(page, f"{L}.dataset.series === '12'")
    assert page.inner_text("#rates-shown") == "Rates: 12 of 13 drawn"
    page.click("#v-band")
    wait_for(page, f"{L}.data.every((t) => t.meta !== 'range')")
    other = show(page.evaluate("location.pathname + location.search"))
    assert other.get_attribute("#learning-curves", "data-series") == "12"
    assert other.evaluate(ranges) == 0
    assert other.get_attribute("#v-band", "aria-pressed") == "false"
    page.go_back()
    wait_for(page, f"{L}.data.some((t) => t.meta === 'range')")
    page.click("#rates-list button:has-text('Show all')")
    wait_for(page, f"{L}.dataset.series === '13'")
    assert "hide" not in page.url


def test_of_many_lines_some_are_drawn_and_all_on_demand(show: Show, shapes: None) -> None:
    page = show("/studies/crowded")
    assert int(page.get_attribute("#learning-curves", "data-series")) == 64
    assert "136 more hidden" in page.inner_text("#lines-caption")
    took = page.evaluate(
        f"""async () => {{
          const press = async (wanted) => {{
            const begun = performance.now();
            document.getElementById("v-all").click();
            while ({L}.dataset.series !== wanted) await new Promise((done) => setTimeout(done, 10));
            return performance.now() - begun;
          }};
          const took = [];
          for (const _ of Array(3)) {{
            took.push(await press("200"));
            await press("64");
          }}
          await press("200");
          return took;
        }}"""
    )
    assert alone(min(took)) < 2_000, took
    page.reload()
    ready(page)
    assert page.get_attribute("#learning-curves", "data-series") == "200"


def test_a_reload_keeps_what_was_chosen(show: Show) -> None:
    page = show("/studies/seeds")
    page.focus("#u-curve")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    drag(page, "#u-curve")
    wait_for(page, "location.search.includes('uz=')")
    ends = axis(page, "u-curve")
    rows = page.locator("#runs tbody tr:visible").count()
    assert rows == 3
    page.reload()
    ready(page)
    assert axis(page, "u-curve") == ends
    assert page.locator("#runs tbody tr:visible").count() == rows
