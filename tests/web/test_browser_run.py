"""The page of a run in a real browser: verdicts and their flags, one cursor, the applied rate, a long log."""
# ruff: noqa: F401, F811

import math
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import Show, axis, browser, drag, opened, ready, server, show, wait_for  # noqa: E402
from page_samples import kept, troubled  # noqa: E402

from lrlab.api.engines import open_lab, runs_folder  # noqa: E402
from lrlab.tasks.run_folder import COMMAND, OUTPUT, run_name  # noqa: E402

RUN = "/studies/verdicts/runs/1"
LINES = 100_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the study ``verdicts``; its first run has a long log."""
    found = tmp_path_factory.mktemp("run")
    lab = open_lab(found / "studies")
    study = troubled()
    kept(lab, study)
    place = runs_folder(lab.store, "verdicts")
    assert place is not None
    place /= run_name(study.runs[0].lr, study.runs[0].seed)
    place.mkdir(parents=True)
    (place / COMMAND).write_text("train\n")
    with (place / OUTPUT).open("w") as log:
        log.writelines(f"\x1b[32mstep {k}\x1b[0m loss {math.exp(-k):.4f}\n" for k in range(LINES))
    return found


@pytest.fixture(scope="module")
def log(folder: Path) -> Path:
    """The first run's log."""
    (found,) = folder.rglob(OUTPUT)
    return found


def verdicts(page: Any, run: int = 1) -> list[dict[str, Any]]:
    """What the API tells of a run, verdicts that all is well left out."""
    told = page.evaluate(
        "(run) => fetch(`/api/v1/studies/verdicts/runs/${run}/verdicts`).then((answer) => answer.json())", run
    )
    return [v for v in told["verdicts"] if v["severity"] != "ok"]


def flags(page: Any) -> dict[str, list[str]]:
    """Metric to the numbers of the flags in its chart."""
    found: dict[str, list[str]] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('.framed')].map((each) => [each.querySelector('.panel').dataset.metric,
           [...each.querySelectorAll('.flag')].filter((flag) => !flag.hidden).map((flag) => flag.textContent)]))"""
    )
    return found


def test_verdicts_appear_once_in_order_with_icon_word_and_evidence(show: Show) -> None:
    page = show(RUN)
    told = verdicts(page)
    assert [v["severity"] for v in told] == ["warn", "note"]
    assert (
        told[0]["evidence"][0]["steps"][0] > told[1]["evidence"][0]["steps"][0]
    )  # the graver one, not the first
    shown = page.locator("#verdicts li[data-number]")
    assert shown.count() == len(told)
    for k, verdict in enumerate(told):
        one = shown.nth(k)
        text = one.inner_text()
        assert one.get_attribute("data-number") == str(verdict["number"]) == str(k + 1)
        assert text.startswith(f"{verdict['icon']} {verdict['severity']} {verdict['text']}")
        rows = one.locator(".evidence tbody tr")
        assert rows.count() == len(verdict["evidence"]) > 0
        for n, evidence in enumerate(verdict["evidence"]):
            values = rows.nth(n).locator("data").evaluate_all("all => all.map((each) => Number(each.value))")
            assert values == [v for v in (evidence["value"], evidence["threshold"]) if v is not None]
            first, last = evidence["steps"]
            words = rows.nth(n).inner_text()
            assert evidence["name"] in words
            assert f"{evidence['source']}, steps {first} to {last}" in words


def test_a_verdict_and_its_flag_lead_to_one_another(show: Show) -> None:
    page = show(RUN)
    told = verdicts(page)[0]
    assert flags(page) == {"val_loss": ["1"], "lr": ["2"], "grad_norm": [], "loss": ["2"]}
    page.locator(f"#verdict-{told['symptom']} p").first.click()
    assert f"verdict={told['symptom']}" in page.url
    low, high = told["span"]
    more = (high - low) / 4
    for chart in ("m1", "m2", "m3", "m4"):
        wait_for(page, "([id, low]) => Number(document.getElementById(id).dataset.xMin) === low",
                 arg=[chart, low - more])  # fmt: skip
        assert float(page.get_attribute(f"#{chart}", "data-x-max")) == high + more
    assert flags(page)["val_loss"] == ["1"]
    place = page.evaluate(
        """() => { const flag = document.querySelector('.flag[aria-pressed=true]').getBoundingClientRect();
           const chart = document.getElementById('m1'); const { xaxis } = chart._fullLayout;
           return xaxis.p2d(flag.left - chart.getBoundingClientRect().left - xaxis._offset); }"""
    )
    assert place == pytest.approx(low, abs=0.05)
    shapes = page.evaluate("document.getElementById('m1').layout.shapes.map((s) => [s.type, s.x0, s.x1])")
    assert ["rect", low, high] in shapes

    # From the flag of the other one back, by the keyboard too; a link shows the same.
    page.click("[data-chart=m1][data-do=reset]")
    wait_for(page, "Number(document.getElementById('m1').dataset.xMin) === 0")
    page.locator(".flag[data-symptom=wasted_tail]").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "verdict-wasted_tail"
    assert "verdict=wasted_tail" in page.url
    wait_for(page, "document.querySelectorAll('.flag[aria-pressed=true]').length === 2")
    page.reload()
    ready(page)
    assert page.get_attribute("#verdict-wasted_tail", "class") == "v-note chosen"
    page.go_back()
    wait_for(page, "document.querySelector('#verdict-overfitting').classList.contains('chosen')")


def test_a_verdict_that_is_none_is_said(show: Show) -> None:
    page = show(f"{RUN}?verdict=nothing")
    said = page.inner_text("#notices")
    assert "verdict=nothing is none of the verdicts of this run: overfitting, wasted_tail" in said


def test_a_run_without_problems_says_what_was_looked_for(show: Show) -> None:
    page = show("/studies/verdicts/runs/2")
    told = page.evaluate("fetch('/api/v1/studies/verdicts/runs/2/verdicts').then((answer) => answer.json())")
    said = page.inner_text("#no-problems")
    assert said.startswith("✓ No problems found.")
    assert len(told["checked"]) >= 6
    for name in told["checked"]:
        assert name in said
    assert told["unchecked"]
    for gap in told["unchecked"]:
        entry = page.inner_text(f"#unchecked li[data-symptom={gap['symptom']}]")
        for name in gap["missing"]:
            assert name in entry
    assert page.locator("#verdicts li[data-number]").count() == page.locator(".flag").count() == 0


def test_a_verdict_of_one_place_has_a_stretch_too(show: Show) -> None:
    page = show("/studies/verdicts/runs/3")
    (told,) = [v for v in verdicts(page, 3) if v["symptom"] == "diverged"]
    assert told["span"][0] < told["span"][1]
    page.click("#show-diverged")
    wait_for(page, "Number(document.getElementById('m1').dataset.xMax) > 0")
    assert flags(page)["val_loss"] == ["1"]


def test_all_charts_share_the_cursor(show: Show) -> None:
    page = show(RUN)
    page.locator("#m1").scroll_into_view_if_needed()
    box = page.locator("#m1 .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
    places = "[...document.querySelectorAll('.panel')].map((each) => each.dataset.cursor)"
    wait_for(page, f"{places}.every((each) => each !== undefined && each !== '')")
    (place,) = set(page.evaluate(places))
    assert float(place) == pytest.approx(5.0, abs=0.1)
    lines = page.evaluate(
        """[...document.querySelectorAll('.framed')].map((each) => { const { xaxis } = each.querySelector('.panel')._fullLayout;
           return xaxis.p2d(parseFloat(each.querySelector('.cursor').style.left) - xaxis._offset); })"""
    )
    assert lines == pytest.approx([float(place)] * 4, abs=0.05)
    assert page.locator(".at-cursor").all_inner_texts()[1].startswith("epoch ")
    page.mouse.move(2, 2)
    wait_for(page, f"{places}.every((each) => each === '')")
    page.focus("#m4")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    wait_for(page, f"new Set({places}).size === 1 && {places}[0] !== ''")


def test_the_axis_of_the_rate_writes_rates_as_the_page_does(show: Show) -> None:
    page = show(RUN)
    ticks = "[...document.querySelectorAll('#m2 .ytick text')].map((tick) => tick.textContent)"
    assert page.get_attribute("#m2", "data-metric") == "lr"
    linear = page.evaluate(ticks)
    page.focus("#m2")
    page.keyboard.press("l")
    wait_for(page, "document.getElementById('m2').dataset.yScale === 'log'")
    logarithmic = page.evaluate(ticks)
    for told, zero in ((linear, "0"), (logarithmic, "1e-5")):
        assert zero in told
        assert all(re.fullmatch(r"0|[1-9](\.\d{1,2})?(e-[1-9])?", tick) for tick in told), told


def test_where_the_applied_rate_lies_off_the_plan_is_shaded_and_listed(show: Show) -> None:
    page = show(RUN)
    told = page.evaluate("fetch('/api/v1/studies/verdicts/runs/1/verdicts').then((answer) => answer.json())")
    off = told["planned"]["off"]
    assert off == [[3.0, 4.99], [8.0, 20.0]]
    shaded = page.evaluate(
        "document.getElementById('m2').layout.shapes.filter((s) => s.type === 'rect').map((s) => [s.x0, s.x1])"
    )
    assert shaded == off
    listed = page.locator("#rate-off li").all_inner_texts()
    assert listed[0].startswith("epoch 3 to 4.99: applied 2.257e-3, planned 2.15e-3, 5 % off")
    assert len(listed) == 2
    kinds = page.evaluate("document.getElementById('m2').data.map((trace) => trace.meta)")
    assert kinds == ["curve", "planned"]
    other = show("/studies/verdicts/runs/2")
    assert other.locator("#rate-off").count() == 0


def lines_shown(page: Any) -> list[str]:
    """The lines of the log that stand in what is seen of it."""
    found: list[str] = page.evaluate(
        """() => { const view = document.getElementById('log-view').getBoundingClientRect();
           return [...document.querySelectorAll('#log-lines .line')].filter((each) => { const box = each.getBoundingClientRect();
             return box.top >= view.top - 1 && box.bottom <= view.bottom + 1; }).map((each) => each.textContent.trim()); }"""
    )
    return found


def test_a_long_log_is_scrolled_searched_and_followed(show: Show, log: Path) -> None:
    page = show(RUN)
    nodes = "document.querySelectorAll('*').length"
    assert lines_shown(page)[-1] == f"step {LINES - 1} loss 0.0000"
    assert page.evaluate(nodes) <= 3_000
    colors = page.evaluate("getComputedStyle(document.querySelector('#log-lines .green')).color")
    assert colors != page.evaluate("getComputedStyle(document.getElementById('log-lines')).color")

    # Scrolling up lets go, and shows what stands there, wherever that is.
    page.locator("#log-view").hover()
    before = page.evaluate("document.getElementById('log-view').scrollTop")
    page.mouse.wheel(0, -300)
    wait_for(page, "document.getElementById('log-follow').getAttribute('aria-pressed') === 'false'")
    wait_for(
        page, "(end) => document.getElementById('log-view').scrollTop <= end", arg=before - 299
    )  # at rest
    for share in (0.5, 0.1, 0):
        page.evaluate("(share) => { const view = document.getElementById('log-view'); view.scrollTop = share * view.scrollHeight; }", share)  # fmt: skip
        wait_for(page, """(first) => { const lines = [...document.querySelectorAll('#log-lines .line')].map((each) => Number(each.textContent.split(' ')[1]));
                 return lines[0] <= first && lines.at(-1) >= first + 20; }""", arg=int(share * LINES))  # fmt: skip
        assert abs(int(lines_shown(page)[0].split()[1]) - share * LINES) <= 2
        assert page.evaluate(nodes) <= 3_000

    page.fill("#log-text", "STEP 77777 ")
    page.press("#log-text", "Enter")
    wait_for(page, "document.getElementById('log-said').textContent === 'Line 77,778.'")
    assert any(line.startswith("step 77777 ") for line in lines_shown(page))
    assert page.locator("#log-lines .found").inner_text().startswith("step 77777 ")

    # The switch goes back to the end.
    page.click("#log-follow")
    wait_for(page, "(last) => document.getElementById('log-lines').lastChild.textContent.startsWith(last)",
             arg=f"step {LINES - 1} ")  # fmt: skip
    assert page.get_attribute("#log-follow", "aria-pressed") == "true"
    wait_for(page, "(() => { const view = document.getElementById('log-view'); return view.scrollTop + view.clientHeight >= view.scrollHeight - 1; })()")  # fmt: skip
    assert lines_shown(page)[-1].startswith(f"step {LINES - 1} ")


def test_a_window_stays_while_it_is_looked_at_closely(show: Show) -> None:
    page = show(RUN)
    zoomed = drag(page, "#m4")
    wait_for(page, "(end) => document.getElementById('m1')._fullLayout.xaxis.range[1] === end", arg=zoomed[1])
    wait_for(page, "document.getElementById('m4-caption').textContent.includes('This window holds')")
    wanted = page.evaluate("location.pathname + location.search")
    other = show(wanted)
    assert axis(other, "m1") == pytest.approx(zoomed)
