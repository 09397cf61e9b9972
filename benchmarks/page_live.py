"""A page that is watched while its study runs: what a browser asks for, and what that weighs.

Twelve runs record 100 points a second each; nothing is trained. Usage: python -m benchmarks.page --live [SECONDS]
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lrlab.api.engines import open_lab
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import State, StudyState
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study

RUNS, RATE = 12, 100
STUDY = "live"
_EVERY_S = 0.2
_PROGRAM = "import sys; from lrlab.cli.main import main; main()"
SERIES = ("/series", "/curves")
Shown = Mapping[int, tuple[str, ...]]


def write_live(store: Path, *, seconds: float, rate: int = RATE, runs: int = RUNS) -> None:
    """Record ``rate`` points a second of each of ``runs`` runs for a while, as a study's process does."""
    rates = LRRange(1e-4, 1e-1).points(runs)
    budget = max(int(seconds), 1)
    question = Question(lr=LRRange(1e-4, 1e-1), budget=budget, metric=Metric("val_loss"))
    lab = open_lab(store)
    made = tuple(Run(lr=lr, target=budget, state=State.RUNNING) for lr in rates)
    ledger = lab.store.create(
        Study(name=STUDY, question=question, task="made up", runs=made, created=time.time())
    )
    random = np.random.default_rng(0)
    done, begun = 0, time.monotonic()
    while done < rate * budget:
        time.sleep(_EVERY_S)
        due = min(int((time.monotonic() - begun) * rate), rate * budget)
        for run in made:
            noise = random.normal(0, 0.02, due - done)
            slope = np.exp(-np.arange(done, due) / (rate * budget) * 3 * (1 + run.lr * 10))
            records = [
                Record(at=(k + 1) / rate, step=k + 1, metrics={"val_loss": float(value), "lr": run.lr})
                for k, value in enumerate(0.3 + slope + noise, start=done)
            ]
            ledger.append(run.key, done, records)
        ledger.commands()  # also the sign of life
        ledger.flush()
        done = due
    ledger.conclude(StudyState.STOPPED, None)
    ledger.close()


@dataclass
class Traffic:
    """What a browser has received, by kind of request.

    Args:
        requests: How many.
        received: Bytes of bodies and heads, as they came over the wire.
        asked: When each was sent, seconds; only of series.
    """

    requests: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    received: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    asked: list[float] = field(default_factory=list)
    _kinds: dict[str, str] = field(default_factory=dict)

    def attach(self, page: Any) -> None:
        """Listen to a page of Playwright, by the protocol of Chromium's own tools."""
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _sent(self, event: Mapping[str, Any]) -> None:
        path = "/" + event["request"]["url"].partition("://")[2].partition("/")[2].partition("?")[0]
        kind = next((each for each in SERIES if path.endswith(each)), "")
        if kind:
            self.asked.append(float(event["timestamp"]))  # as the browser counts
        self._kinds[event["requestId"]] = kind or path.rpartition("/")[2] or "/"
        self.requests[self._kinds[event["requestId"]]] += 1

    def _finished(self, event: Mapping[str, Any]) -> None:
        self.received[self._kinds.get(event["requestId"], "?")] += int(event["encodedDataLength"])

    @property
    def total(self) -> int:
        """Every byte."""
        return sum(self.received.values())

    @property
    def most_in_a_second(self) -> int:
        """The most requests for series inside any second."""
        return max((sum(1 for other in self.asked if 0 <= other - own < 1) for own in self.asked), default=0)


def size_of_new(store: Path, *, since: Mapping[int, int], shown: Shown) -> int:
    """Bytes of the points that have come, as JSON writes a place and a value with all their digits.

    Args:
        store: Folder of studies.
        since: Number of a run to how many records it had.
        shown: As ``watched``.
    """
    study = open_lab(store).study(STUDY)
    size = 0
    for number, first in since.items():
        for record in study.runs[number - 1].records[first:]:
            size += sum(
                len(json.dumps([record.at, record.metrics[name]], separators=(",", ":")))
                for name in shown[number]
            )
    return size


@contextmanager
def served(store: Path) -> Iterator[str]:
    """A real ``lrlab ui``; the link that opens it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "ui", "--no-browser", "--store", str(store)],
        cwd=store.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


@contextmanager
def written(store: Path, seconds: float) -> Iterator[None]:
    """A process that records while the block runs."""
    program = (
        "import sys; from pathlib import Path; from benchmarks.page_live import write_live; "
        "write_live(Path(sys.argv[1]), seconds=float(sys.argv[2]))"
    )
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen([sys.executable, "-c", program, str(store), str(seconds)], cwd=root)
    try:
        until = time.monotonic() + 30
        while STUDY not in open_lab(store).store.names():
            if time.monotonic() > until:
                raise TimeoutError("nothing is recorded")
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def watched(
    browser: Any, state: Any, address: str, store: Path, seconds: float, shown: Shown
) -> tuple[Traffic, int]:
    """A tab that looks at a page for a while.

    Args:
        browser: A browser of Playwright.
        state: What it keeps that has opened the link.
        address: The page.
        store: Folder of studies.
        seconds: How long.
        shown: Number of a run to the metrics of it that the page shows.

    Returns:
        What it received in that time, what the first load needed left out, and the bytes of the points that came.
    """
    page = browser.new_context(storage_state=state).new_page()
    page.goto(address)
    until = time.monotonic() + 60
    while not page.evaluate("window.__lrlab?.ready === true"):
        if time.monotonic() > until:
            raise TimeoutError(address)
        page.wait_for_timeout(100)
    page.wait_for_timeout(1_000)
    before = {n: len(open_lab(store).study(STUDY).runs[n - 1].records) for n in shown}
    traffic = Traffic()
    traffic.attach(page)
    page.wait_for_timeout(1_000 * seconds)
    new = size_of_new(store, since=before, shown=shown)
    page.context.close()
    return traffic, new


def live(seconds: float) -> None:
    """Print what a tab on a study and a tab on one of its runs ask for and receive."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
    for path, shown in (
        (f"/studies/{STUDY}", dict.fromkeys(range(1, RUNS + 1), ("val_loss",))),
        (f"/studies/{STUDY}/runs/1", {1: ("val_loss", "lr")}),
    ):
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            store = Path(folder) / "studies"
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            with served(store) as link, written(store, seconds + 60):
                context = browser.new_context()
                page = context.new_page()
                page.goto(link)
                page.wait_for_selector("#main h1:not(:has-text('Open the page'))", timeout=60_000)
                state = context.storage_state()
                context.close()
                traffic, new = watched(
                    browser, state, link.partition("#")[0].rstrip("/") + path, store, seconds, shown
                )
            browser.close()
        print(f"{path}, {seconds:g} s, {RUNS} runs with {RATE} points a second each")
        print(
            f"  requests for series: {len(traffic.asked) / seconds:.2f} a second, "
            f"at most {traffic.most_in_a_second} inside one"
        )
        print(
            f"  received: {traffic.total / 1e3:,.0f} kB, {traffic.total / new:.2f} times the new points "
            f"({new / 1e3:,.0f} kB)"
        )
        for kind, count in sorted(traffic.received.items(), key=lambda pair: -pair[1]):
            print(f"    {kind:<16} {traffic.requests[kind]:4} requests, {count / 1e3:9,.0f} kB")
