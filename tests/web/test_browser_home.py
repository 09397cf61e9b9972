"""The list of studies in a real browser: what a row tells, by itself and in time."""
# ruff: noqa: F401, F811

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    PROGRAM,
    Server,
    Show,
    alone,
    browser,
    folder,
    lab,
    opened,
    server,
    show,
    until,
    wait_for,
)
from page_samples import kept, samples  # noqa: E402

from lrlab.studies.lab import Lab  # noqa: E402

ROW = "document.querySelector('tr[data-study={}]')"


def test_a_row_tells_rate_range_state_runs_and_the_age_of_its_data(show: Show) -> None:
    page = show("/")
    row = page.locator("tr[data-study=seeds]")
    wait_for(page, f"/\\d+ (s|min) ago/.test({ROW.format('seeds')}.innerText)")
    told = row.inner_text()
    for text in ("finished", "2.15e-3", "6e-4 to 8e-3", "39", "0.3121"):
        assert text in told
    age = int(re.search(r"(\d+) s ago", told)[1]) if " s ago" in told else 60
    later = age + 2
    wait_for(
        page, f"Number(/(\\d+) (s|min) ago/.exec({ROW.format('seeds')}.innerText)[1]) >= {min(later, 2)}"
    )


def test_a_study_that_another_program_locks_says_so_and_comes_back_by_itself(
    show: Show, folder: Path, lab: Lab
) -> None:
    row = "tr[data-study=race]"
    with closing(sqlite3.connect(folder / "studies" / "race.sqlite", isolation_level=None)) as held:
        held.execute("BEGIN EXCLUSIVE")
        page = show("/")
        assert "! in use by another program" in page.inner_text(row)
        assert "finished" in page.inner_text("tr[data-study=seeds]")
    page.wait_for_selector(f"{row}:has-text('finished')", timeout=60_000)


def test_a_running_row_moves_by_itself_and_its_times_are_sober(show: Show, folder: Path, lab: Lab) -> None:
    words = ["sweep", "python", "bowl.py:train", "--budget=40", "--lr=1e-3:0.9", "--searcher=grid:9",
             "--study=moving", "--store=studies", "--workers=0"]  # fmt: skip
    page = show("/")
    page.wait_for_selector("#live[data-state=live]")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page.wait_for_selector("tr[data-study=moving] .progress", timeout=120_000)
        progress = "document.querySelector('tr[data-study=moving] .progress')?.innerText ?? 'ended'"
        seen: list[str] = []
        took: list[float] = []
        while len(seen) < 4 and "ended" not in seen:
            old = page.evaluate(progress)
            points = len_of(lab, "moving")
            until(lambda points=points: len_of(lab, "moving") != points or process.poll() is not None)
            begun = time.monotonic()
            wait_for(page, f"(old) => ({progress}) !== old", arg=old)
            took.append(alone(time.monotonic() - begun))
            seen.append(page.evaluate(progress))
        assert min(took) <= 2.5, took
        told = " ".join(seen)
        assert "NaN" not in told
        assert "-" not in told
        assert re.search(r"\d+ %\. About [\d.]+ full runs left", told)
        page.wait_for_selector("tr[data-study=moving] .pill:has-text('finished')", timeout=120_000)
    finally:
        process.kill()
        process.wait()


def len_of(lab: Lab, name: str) -> int:
    return sum(len(run.records) for run in lab.study(name).runs)


@pytest.fixture(scope="module")
def crowd(folder: Path, lab: Lab) -> Iterator[list[str]]:
    """A hundred studies with a thousand runs, their best scores all different."""
    names = []
    few = samples.many_runs(10)
    for k in range(100):
        name = f"many-{k:02}"
        score = 0.2 + (k * 37 % 100) / 100
        kept(
            lab, samples.study(replace(few, study=name), name=name, answer=replace(few, runs=(), score=score))
        )
        names.append(name)
    yield names
    for name in names:
        lab.delete(name)


def test_a_thousand_runs_are_listed_in_time_and_sorted_as_the_api_sorts(show: Show, crowd: list[str]) -> None:
    page = show("/")  # once, so that what is read once has been read
    took = []
    for _ in range(4):  # the best one: what else a machine does makes all of them longer
        page.reload()
        took.append(alone(page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")))
    assert page.evaluate("document.querySelectorAll('*').length") <= 5_000
    assert min(took) <= 1_500, took
    page.goto(page.url.rstrip("/") + "/?sort=score&dir=asc&q=many")
    shown = page.locator("tr[data-study]").evaluate_all("rows => rows.map(row => row.dataset.study)")
    told = page.evaluate(
        "fetch('/api/v1/studies?sort=score&dir=asc&q=many&limit=500').then((answer) => answer.json())"
    )
    assert shown == [item["name"] for item in told["items"]]
    assert len(shown) == 100
    scores = [item["score"] for item in told["items"]]
    assert scores == sorted(scores)
    assert page.get_attribute("th:has-text('Best score')", "aria-sort") == "ascending"


def test_what_is_searched_stands_in_the_address_and_survives_a_reload(show: Show) -> None:
    page = show("/")
    page.fill("#q", "see")
    wait_for(page, "document.querySelectorAll('tr[data-study]').length === 1")
    assert page.url.endswith("/?q=see")
    page.reload()
    assert page.locator("tr[data-study]").count() == 1
    assert page.input_value("#q") == "see"
