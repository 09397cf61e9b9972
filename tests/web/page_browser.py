"""A real ``lrlab ui`` in a real browser, for the tests of the page."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

from page_samples import hostile, kept, spiky, with_answer  # noqa: E402

from lrlab.api.engines import open_lab  # noqa: E402
from lrlab.studies.lab import Lab  # noqa: E402

CHROMIUM = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("chromium is not installed (LRLAB_CHROMIUM names it)", allow_module_level=True)

PROGRAM = "import sys; from lrlab.cli.main import main; main()"
TRAINING = """
import time

def train(run):
    weight = 1.0
    for _ in run.units():
        time.sleep(0.04)
        weight -= run.lr * 2 * weight
        run.report(val_loss=0.05 + weight ** 2, lr=run.lr)

def quick(run):
    run.log(at=0, val_loss=1.0)
    for unit in run.units():
        run.report(val_loss=0.1 + (1 - run.lr) ** 2 / (unit + 1), lr=run.lr)
"""
TOML = '[target.bowl]\nrun = "bowl.py:quick"\nbudget = 8\nlr = "1e-2:1"\n'
NARROW, WIDE = {"width": 360, "height": 800}, {"width": 1440, "height": 900}


def free() -> int:
    """A port that nobody listens on, and that the system gives to nobody who asks for any."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


class Server:
    """A real ``lrlab ui`` over a folder."""

    def __init__(self, folder: Path, *, port: int | None = None, token: str = "") -> None:
        # A free port of its own: another program's page may be about to take the usual one.
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PROGRAM,
                "ui",
                "--no-browser",
                "--store",
                "studies",
                f"--port={port or free()}",
            ],
            cwd=folder,
            env=os.environ | ({"LRLAB_TOKEN": token} if token else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, self.process.communicate()
        self.link = said.split()[-1]
        self.address = self.link.partition("#")[0].rstrip("/")

    def end(self) -> tuple[float, int, str]:
        """End it with Ctrl-C: how long that took, its exit code, what it said."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return time.monotonic() - begun, self.process.returncode, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with studies of every kind."""
    found = tmp_path_factory.mktemp("page")
    (found / "bowl.py").write_text(TRAINING)
    (found / "lrlab.toml").write_text(TOML)
    lab = open_lab(found / "studies")
    for name, sample in {
        "race": "race",
        "diverged": "all_diverged",
        "edge": "edge",
        "seeds": "seeds",
    }.items():
        kept(lab, with_answer(name, sample))
    kept(lab, hostile())
    kept(lab, spiky(3_000))
    return found


@pytest.fixture(scope="module")
def lab(folder: Path) -> Lab:
    return open_lab(folder / "studies")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    found = Server(folder)
    yield found
    if found.process.poll() is None:
        found.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def opened(browser: Any, server: Server) -> Any:
    """What a browser keeps that has opened the link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.link)
    page.wait_for_selector("h1:has-text('Studies')")
    assert page.url == f"{server.address}/"
    state = context.storage_state()
    assert [(c["httpOnly"], c["sameSite"]) for c in state["cookies"]] == [(True, "Strict")]
    context.close()
    return state


Show = Callable[..., Any]


@pytest.fixture
def show(browser: Any, server: Server, opened: Any) -> Iterator[Show]:
    """Opens a page; at the end nothing may have been complained about, and nothing asked of another machine."""
    contexts, complaints = [], []

    def visit(path: str, **how: Any) -> Any:
        context = browser.new_context(storage_state=opened, **({"viewport": WIDE} | how))
        contexts.append(context)
        page = context.new_page()
        # A browser complains of every answer that is no success; a wish that is refused is one on purpose.
        refusals = ("status of 409", "status of 422")
        page.on(
            "console",
            lambda m: None if any(text in m.text for text in refusals) else complaints.append(m.text),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((server.address, "data:", "blob:"))
                else complaints.append(request.url)
            ),
        )
        page.goto(server.address + path)
        if path.startswith("/studies/"):
            ready(page)
        return page

    yield visit
    for context in contexts:
        close(context)
    assert complaints == [], complaints


def wait_for(page: Any, script: str, *, within_s: float = 60.0, arg: Any = None) -> None:
    """Until ``script`` is true; asked from outside, because the page's policy lets nothing be evaluated inside.

    A busy machine is slow in everything: how soon something has to come is measured where a test is about that.
    """
    until = time.monotonic() + within_s
    while not page.evaluate(script, arg):
        assert time.monotonic() < until, (script, arg)
        page.wait_for_timeout(50)


def until(true: Callable[[], Any], *, within_s: float = 60.0, every_s: float = 0.05) -> None:
    """Until something outside a page is true."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(every_s)


def alone(took: float) -> float:
    """A time as it would be if nobody else computed, by the share of a core that this process gets now."""
    begun, used = time.perf_counter(), time.process_time()
    while (computed := time.process_time() - used) < 0.1:
        pass
    return took * min(computed / (time.perf_counter() - begun), 1.0)


def ready(page: Any) -> None:
    """Until a page's own scripts have begun, and its first charts stand."""
    wait_for(page, "window.__lrlab?.ready === true")


def drawn(page: Any) -> None:
    """Until no chart says that it loads."""
    wait_for(
        page, "[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.state !== 'loading')"
    )


def close(context: Any) -> None:
    """Close what was opened; requests that a test held up are let go before."""
    for page in context.pages:
        page.unroute_all(behavior="ignoreErrors")
    context.close()


def point_at(page: Any, x: float, y: float, script: str, *, arg: Any = None) -> None:
    """Move the mouse to a place and on it, as a hand does that waits for something to be shown there."""
    end = time.monotonic() + 60
    for k in count():
        page.mouse.move(x + k % 2, y)
        page.wait_for_timeout(200)
        if page.evaluate(script, arg):
            return
        assert time.monotonic() < end, (script, arg)


def axis(page: Any, chart: str) -> list[float]:
    """The ends of a chart's x axis."""
    ends: list[float] = page.evaluate(
        "(id) => document.getElementById(id)._fullLayout.xaxis.range.map(Number)", chart
    )
    return ends


def drag(page: Any, chart: str) -> list[float]:
    """Zoom in with the mouse, into the middle of a chart; the ends of its x axis then."""
    before = axis(page, chart[1:])
    page.locator(chart).scroll_into_view_if_needed()
    box = page.locator(f"{chart} .nsewdrag").first.bounding_box()
    for k, share in enumerate((0.3, 0.5, 0.7)):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        if k == 0:
            page.mouse.down()
    page.mouse.up()
    # New data make an axis longer; only a window makes it this short.
    wait_for(
        page,
        """([id, most]) => { const [low, high] = document.getElementById(id)._fullLayout.xaxis.range;
           return high - low < most; }""",
        arg=[chart[1:], 0.6 * (before[1] - before[0])],
    )
    return axis(page, chart[1:])


PAGES = [
    "/",
    "/studies/race",
    "/studies/diverged",
    "/studies/hostile",
    "/studies/race/runs/8",
    "/new",
    "/settings",
    "/help",
]
