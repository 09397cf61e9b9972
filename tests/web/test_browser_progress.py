"""A study that runs, in a real browser: states, the ladder, commands from elsewhere, a process that does not answer."""
# ruff: noqa: F401, F811

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import (  # noqa: E402
    PROGRAM,
    Server,
    Show,
    browser,
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

# A page that news reaches is put in anew at least so often, at best; without news it asks every 5 s.
OFTEN_MS = 4_000

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(folder: Path, lab: Lab) -> Iterator[Start]:
    """Starts ``lrlab`` with words, in a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def run(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )  # fmt: skip
        begun.append(process)
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def sweep(start: Start, lab: Lab, name: str, *more: str) -> "subprocess.Popen[str]":
    process = start(
        "sweep", "python", "bowl.py:train", "--budget=60", "--lr=1e-4:0.9", f"--study={name}", "--store=studies", "--workers=0", *more
    )  # fmt: skip
    until(lambda: name in lab.store.names() and lab.store.heard(name) is not None, within_s=120)
    return process


def test_every_runs_state_is_the_apis_after_the_next_refresh(show: Show, lab: Lab, start: Start) -> None:
    sweep(start, lab, "states", "--searcher=halving:9", "--budget=180")
    page = show("/studies/states")
    words = "[...document.querySelectorAll('#runs tbody tr')].map((row) => [Number(row.dataset.run), row.querySelector('[data-label=State] > span').textContent.trim().split(' ').at(-1)])"
    api = "fetch('/api/v1/studies/states/runs?limit=500').then((a) => a.json()).then((told) => told.items.map((item) => [item.run, item.state]))"
    page.evaluate(
        "() => { window.parts = []; document.addEventListener('lrlab:parts', () => { parts.push(performance.now()); }); }"
    )
    seen: set[str] = set()
    # Run to what is shown, what is true, and since which refresh.
    wrong: dict[int, tuple[str | None, str, int]] = {}
    end = time.monotonic() + 180
    while "finished" not in seen or "dropped" not in seen:
        assert time.monotonic() < end, seen
        done, rows = page.evaluate(f"[parts.length, {words}]")
        shown, told = dict(rows), dict(page.evaluate(api))
        before, wrong = wrong, {}
        for run, state in told.items():
            if (word := shown.get(run)) != state:
                had = before.get(run)
                wrong[run] = had if had and had[:2] == (word, state) else (word, state, done)
        # A refresh that is under way may have been answered before; the one after it has not.
        late = {run: each for run, each in wrong.items() if done >= each[2] + 2}
        assert late == {}
        seen |= {state for run, state in told.items() if shown.get(run) == state}
        page.wait_for_timeout(50)
    times = page.evaluate("parts")
    assert min(later - earlier for earlier, later in pairwise(times)) <= OFTEN_MS, times
    assert {"running", "dropped", "finished"} <= seen
    page.wait_for_selector("#state:has-text('finished')", timeout=120_000)
    wait_for(page, "document.querySelector('#answer .sentence').textContent.trim().startsWith('Use ')")

    # The ladder: a column for each budget; a cell says how the run stood there, and by what it was judged.
    budgets = page.evaluate(
        "[...document.querySelectorAll('#ladder thead th')].slice(1).map((th) => th.textContent.trim())"
    )
    levels = sorted({advance.until for advance in lab.study("states").advances})
    assert [int(text.split()[-1]) for text in budgets] == levels
    told = page.locator("#ladder td.s-dropped").first.get_attribute("title")
    run = next(run for run in lab.study("states").runs if run.status == "dropped")
    assert told.startswith(f"{lab.study('states').question.unit} {run.units} of ")
    assert "dropped, val_loss " in told
    assert run.detail
    assert told.endswith(run.detail[-20:])


def test_so_far_is_said_while_it_runs_and_the_shell_controls_it(
    show: Show, lab: Lab, start: Start, folder: Path
) -> None:
    process = sweep(start, lab, "shell", "--searcher=grid:3", "--budget=1500")
    page = show("/studies/shell")
    page.wait_for_selector("#live[data-state=live]")
    page.wait_for_selector("#answer .sentence:has-text('So far')", timeout=60_000)
    waiting = start("pause", "shell", "--store=studies")
    page.wait_for_selector("#state:has-text('paused')", timeout=60_000)  # without a reload
    assert waiting.wait(timeout=60) == 0
    share = page.get_attribute("#share", "value")
    # As it was at once: no script needs to fill it in.
    assert f'<progress id="share" max="1" value="{share}"' in page.reload().text()
    stands = sum(len(run.records) for run in lab.study("shell").runs)
    ready(page)
    page.click("#do-resume")
    page.wait_for_selector("#state:has-text('running')", timeout=60_000)
    until(lambda: sum(len(run.records) for run in lab.study("shell").runs) > stands)
    assert start("stop", "shell", "--store=studies").wait(timeout=60) == 0
    page.wait_for_selector("#state:has-text('stopped')", timeout=60_000)
    wait_for(page, "document.querySelector('#answer .sentence').innerText.startsWith('Use LR ')")
    assert process.wait(timeout=60) in (0, 5)  # the sweep in the shell had gone on, and says its answer


def test_a_process_that_does_not_answer_is_given_up(show: Show, lab: Lab, start: Start) -> None:
    process = sweep(start, lab, "silent", "--searcher=grid:5", "--budget=600")
    page = show("/studies/silent")
    page.wait_for_selector("#do-pause")
    until(lambda: any(run.records for run in lab.study("silent").runs))
    process.send_signal(signal.SIGSTOP)
    page.click("#do-pause")
    page.wait_for_selector("#do-pause:has-text('Pausing…')")
    assert not page.is_visible("#do-lost")
    wait_for(page, "/has not answered for 1\\d s/.test(document.getElementById('answered').textContent)")
    page.click("#do-lost")
    assert "Every result that was saved stays" in page.inner_text("#lost")
    page.keyboard.press("Escape")
    assert lab.store.heard("silent") is not None
    page.click("#do-lost")
    page.click("#lost button[value=go]")
    page.wait_for_selector("#state:has-text('interrupted')", timeout=60_000)
    process.wait(timeout=60)
    page.wait_for_selector("#do-resume")
    assert any(run.records for run in lab.study("silent").runs)
