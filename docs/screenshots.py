"""Pictures of the page, from small studies that are really trained. Usage: python -m docs.screenshots [FOLDER]

Every page in both themes and at two widths goes to FOLDER (by default build/screenshots), to be looked at; the few that
the documents show go to docs/pictures. Takes about three minutes.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from lrlab.api.demo import check
from lrlab.api.demo_page import EXAMPLES, fill
from lrlab.api.engines import open_lab
from lrlab.api.sweep import sweep
from lrlab.api.targets import build
from lrlab.studies.lab import Lab

PROGRAM = (sys.executable, "-c", "import sys; from lrlab.cli.main import main; main()")
DIGITS = "demo-digits"
KEPT = Path(__file__).parent / "pictures"
MOST_BYTES = 200_000
WIDTHS = {1280: 800, 390: 844}
TOML = """
[target.digits]
recipe = "lrlab.api.demo:digits"

[target.classes]
run = "lrlab.api.demo_page:classes"
budget = 24
metric = "val_loss"
lr = "1e-4:10"
"""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture.

    Args:
        name: Of its file.
        path: Of the page.
        act: What is done on the page first.
    """

    name: str
    path: str
    act: Callable[[Any], None] = lambda page: None


def _read_digits(lab: Lab) -> None:
    """Search the rate of the demo's small CNN, as ``lrlab demo digits`` does."""
    target = check("digits")[0].target
    recipe = build(target)
    sweep(
        recipe,
        workers=0,
        current_lr=getattr(recipe, "default_lr", None),
        study=DIGITS,
        store=lab.store,
        target=target,
    )


def _longest(lab: Lab, study: str) -> int:
    """The number of the run that was trained the longest."""
    runs = lab.study(study).runs
    return max(range(len(runs)), key=lambda index: runs[index].units) + 1


def _a_verdict(page: Any) -> None:
    button = page.locator("[data-verdict]").first
    if button.count():
        button.click()
        page.wait_for_timeout(300)
        page.evaluate("scrollTo(0, 0)")


def _a_rate(page: Any) -> None:
    page.focus("#u-curve")
    for _ in range(6):
        page.keyboard.press("ArrowRight")


def _a_target(page: Any) -> None:
    page.select_option("#target", "classes")
    page.fill("[name=lr]", "1e-4:10")
    page.fill("[name=seeds]", "3")
    page.fill("[name=current_lr]", "3e-2")


def _stop_asks(page: Any) -> None:
    if page.locator("#do-stop").count():  # on a slow machine the study may have ended
        page.click("#do-stop")


def shots(lab: Lab) -> list[Shot]:
    """Every picture of a filled store that stays as it is."""
    return [
        Shot(name="study", path=f"/studies/{DIGITS}"),
        Shot(name="study-seeds", path="/studies/demo-seeds?by=rate", act=_a_rate),
        Shot(name="study-edge", path="/studies/demo-edge"),
        Shot(name="study-diverged", path="/studies/demo-diverged"),
        Shot(name="run", path=f"/studies/{DIGITS}/runs/{_longest(lab, DIGITS)}"),
        Shot(name="run-diverged", path="/studies/demo-diverged/runs/1", act=_a_verdict),
        Shot(name="new", path="/new", act=_a_target),
        Shot(name="settings", path="/settings"),
        Shot(name="help", path="/help"),
        Shot(name="unknown", path="/studies/no-such-study"),
        Shot(name="filter", path="/?q=no-such-study"),
    ]


LIVE = [
    Shot(name="home", path="/"),
    Shot(name="study-running", path="/studies/demo-running"),
    Shot(name="study-stop", path="/studies/demo-running", act=_stop_asks),
]
# What the documents show: the picture, its theme and width, and the height that is kept of it.
SHOWN = {
    "page-home.png": ("home", "light", 1280, 620),
    "page-study.png": ("study", "light", 1280, 1000),
    "page-running.png": ("study-running", "dark", 1280, 1000),
    "page-run.png": ("run", "light", 1280, 1000),
    "page-phone.png": ("study", "dark", 390, 844),
}


@contextmanager
def served(folder: Path, store: str) -> Iterator[str]:
    """A real ``lrlab ui`` over a store; the link that opens it."""
    words = ["ui", "--no-browser", f"--store={store}", "--quiet"]
    process = subprocess.Popen([*PROGRAM, *words], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """The study that goes on while it is looked at."""
    example = next(example for example in EXAMPLES if example.watched)
    words = [f"--budget={2 * example.budget}" if "--budget=" in word else word for word in example.words]
    process = subprocess.Popen(
        [*PROGRAM, *words, "--store=studies"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


def ready(page: Any) -> None:
    """Until everything is drawn."""
    page.wait_for_load_state("load")
    drawn = "[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.state !== 'loading')"
    until = time.monotonic() + 15
    while not page.evaluate(drawn):
        if time.monotonic() > until:
            raise TimeoutError(f"{page.url} is not drawn after 15 s")
        page.wait_for_timeout(50)
    page.wait_for_timeout(250)  # fonts, pictures and what comes after the charts


def small(source: Path, target: Path, *, height: int) -> None:
    """Keep the upper part of a picture, in a palette of 255 colours.

    Raises:
        ValueError: If it is too large all the same.
    """
    with Image.open(source) as image:
        part = image.convert("RGB").crop((0, 0, image.width, min(height, image.height)))
        part.quantize(255, dither=Image.Dither.NONE).save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        raise ValueError(f"{target.name} has {target.stat().st_size} bytes, more than {MOST_BYTES}")


def entered(browser: Any, link: str) -> tuple[str, Any]:
    """The page's address, and what a browser keeps that has opened it by the link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("h1:has-text('Studies')")
    state = context.storage_state()
    context.close()
    return link.partition("#")[0].rstrip("/"), state


def take(browser: Any, address: str, state: Any, wanted: list[Shot], into: Path) -> None:
    """Every picture in both themes and at two widths."""
    for theme in ("light", "dark"):
        for width, height in WIDTHS.items():
            context = browser.new_context(
                storage_state=state, color_scheme=theme, viewport={"width": width, "height": height}
            )
            page = context.new_page()
            for shot in wanted:
                page.goto(address + shot.path)
                ready(page)
                shot.act(page)
                ready(page)
                page.screenshot(path=into / f"{shot.name}-{theme}-{width}.png", full_page=True)
            context.close()


def main() -> None:
    """Train, look, and keep the pictures."""
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # threads that wait for one another are slow on a busy machine
    into = Path(sys.argv[1] if len(sys.argv) > 1 else "build/screenshots").absolute()
    into.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        sys.exit("screenshots: chromium is not installed (LRLAB_CHROMIUM names it)")
    with tempfile.TemporaryDirectory(prefix="lrlab-") as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        (folder / "lrlab.toml").write_text(TOML, encoding="utf-8")
        lab = open_lab(folder / "studies")
        fill(lab, told=print)
        _read_digits(lab)
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        with served(folder, "studies") as link:
            opened = entered(browser, link)
            with running(folder):
                time.sleep(30)  # until there is something to see of the one that goes on
                take(browser, *opened, LIVE, into)
            take(browser, *opened, shots(lab), into)
        with served(folder, "nothing") as link:
            take(browser, *entered(browser, link), [Shot(name="empty", path="/")], into)
        browser.close()
    for name, (shot, theme, width, height) in SHOWN.items():
        small(into / f"{shot}-{theme}-{width}.png", KEPT / name, height=height)
    print(f"{len(list(into.glob('*.png')))} pictures in {into}, {len(SHOWN)} of them in {KEPT}")


if __name__ == "__main__":
    main()
