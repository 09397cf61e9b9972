"""A study that runs, in a real browser: states, the ladder, commands from elsewhere, a process that does not answer."""
# ruff: noqa: F401, F811

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api")

from page_browser import PROGRAM, Server, Show, browser, folder, lab, opened, server, show, wait_for  # noqa: E402

from lrlab.studies.lab import Lab  # noqa: E402

# On a quiet machine it is 2 s at most; here server, browser, study and training share the cores with other tests.
LATE_S = 5.0

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
    until = time.monotonic() + 60
    while name not in lab.store.names() or lab.store.heard(name) is None:
        assert time.monotonic() < until, process.poll()
        time.sleep(0.05)
    return process


def test_every_runs_state_is_the_apis_at_once(show: Show, lab: Lab, start: Start) -> None:
    sweep(start, lab, "states", "--searcher=halving:9", "--budget=180")
    page = show("/studies/states")
    words = "[...document.querySelectorAll('#runs tbody tr')].map((row) => [Number(row.dataset.run), row.querySelector('[data-label=State] > span').textContent.trim().split(' ').at(-1)])"
    api = "fetch('/api/v1/studies/states/runs?limit=500').then((a) => a.json()).then((told) => told.items.map((item) => [item.run, item.state]))"
    seen: set[str] = set()
    since: dict[int, tuple[str, float]] = {}  # what the API says of each run, and when that was first seen
    until = time.monotonic() + 180
    while "finished" not in seen or "dropped" not in seen:
        assert time.monotonic() < until, seen
        told = dict(page.evaluate(api))
        now = time.monotonic()
        since = {
            run: kept if (kept := since.get(run)) and kept[0] == state else (state, now)
            for run, state in told.items()
        }
        shown = dict(page.evaluate(words))
        late = {
            run: (shown.get(run), state)
            for run, (state, begun) in since.items()
            if shown.get(run) != state and now - begun > LATE_S
        }
        assert late == {}
        seen |= {state for run, state in told.items() if shown.get(run) == state}
        page.wait_for_timeout(50)
    assert {"running", "dropped", "finished"} <= seen
    page.wait_for_selector("#state:has-text('finished')", timeout=60_000)
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
    page.reload()
    begun = time.monotonic()
    wait_for(page, "(old) => document.getElementById('share')?.value === Number(old)", arg=share)
    assert time.monotonic() - begun < 1
    stands = sum(len(run.records) for run in lab.study("shell").runs)
    wait_for(page, "window.__lrlab?.ready === true")
    page.click("#do-resume")
    page.wait_for_selector("#state:has-text('running')", timeout=60_000)
    until = time.monotonic() + 60
    while sum(len(run.records) for run in lab.study("shell").runs) <= stands:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert start("stop", "shell", "--store=studies").wait(timeout=60) == 0
    page.wait_for_selector("#state:has-text('stopped')", timeout=20_000)
    assert page.inner_text("#answer .sentence").startswith("Use LR ")
    assert process.wait(timeout=60) in (0, 5)  # the sweep in the shell had gone on, and says its answer


def test_a_process_that_does_not_answer_is_given_up(show: Show, lab: Lab, start: Start) -> None:
    process = sweep(start, lab, "silent", "--searcher=grid:5")
    page = show("/studies/silent")
    page.wait_for_selector("#do-pause")
    until = time.monotonic() + 30
    while not any(run.records for run in lab.study("silent").runs):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    page.click("#do-pause")
    page.wait_for_selector("#do-pause:has-text('Pausing…')")
    assert not page.is_visible("#do-lost")
    page.wait_for_selector("#answered:has-text('has not answered for 10 s')", timeout=15_000)
    page.click("#do-lost")
    assert "Every result that was saved stays" in page.inner_text("#lost")
    page.keyboard.press("Escape")
    assert lab.store.heard("silent") is not None
    page.click("#do-lost")
    page.click("#lost button[value=go]")
    page.wait_for_selector("#state:has-text('interrupted')", timeout=15_000)
    process.wait(timeout=10)
    page.wait_for_selector("#do-resume")
    assert any(run.records for run in lab.study("silent").runs)
