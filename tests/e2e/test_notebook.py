"""Notebooks: the tutorial runs, what cells show, the live view, and an interrupted kernel. Each has a real kernel."""

import base64
import gc
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from itertools import count, pairwise
from pathlib import Path

import psutil
import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
manager = pytest.importorskip("jupyter_client.manager")

pytestmark = [pytest.mark.slow, pytest.mark.plot]

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "notebook.ipynb"
SLOW = 120  # seconds that a cell may take
COUNT = count()
TRAIN = """
import threading
import numpy as np
import lrlab

def train(run):
    # A valley with a steep and a flat direction; a unit takes as long on every machine.
    weights, slopes, nobody = np.ones(2), np.array([50.0, 1.0]), threading.Event()
    run.log(at=0, val_loss=float(slopes @ weights**2))
    for _ in run.units():
        nobody.wait(UNIT_S)
        weights = weights - run.lr * slopes * weights
        run.report(val_loss=float(slopes @ weights**2))

def digest(answer):
    from lrlab.api.results import digest
    return digest(answer)
"""


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A world in which the only kernel is the Python that runs this test, and nothing is the user's own."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "lrlab-tests"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.joinpath("kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "tests", "language": "python"})
    )
    places = {
        "JUPYTER_PATH": folder,
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "run",
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": folder / "ipython",
        "LRLAB_STORE": folder / "studies",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, str(value))
        yield folder


def named(folder: Path) -> dict[str, str]:
    """Settings of a kernel that is spoken to through files of its own, not through ports."""
    return {"kernel_name": "lrlab-tests", "transport": "ipc", "ip": str(folder / f"ipc-{next(COUNT)}")}


class Kernel:
    """A kernel, and what its cells show."""

    def __init__(self, folder: Path) -> None:
        self.manager = manager.KernelManager(**named(folder))
        self.manager.start_kernel(cwd=folder)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.process = psutil.Process(self.manager.provisioner.pid)

    def begin(self, code: str) -> "Cell":
        return Cell(self, self.client.execute(code, store_history=False))

    def run(self, code: str) -> "Cell":
        cell = self.begin(code)
        cell.finish()
        return cell

    def value(self, code: str) -> object:
        """What an expression is, as the kernel prints it."""
        cell = self.run(f"print(repr({code}))")
        assert not cell.error, cell.error
        return eval(cell.text("stdout"))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        gc.collect()  # what was left open is to be heard of here, not in another test


class Cell:
    """One execution: outputs as a front end keeps them, an updated one in its first place."""

    def __init__(self, kernel: Kernel, request: str) -> None:
        self.kernel = kernel
        self.request = request
        self.outputs: list[dict] = []
        self.places: dict[str, int] = {}
        self.history: list[tuple[float, str]] = []  # when an output was shown or written anew, as text
        self.streams: list[tuple[str, str]] = []
        self.error: list[str] = []
        self.over = False

    def take(self, timeout_s: float = SLOW) -> None:
        message = self.kernel.client.get_iopub_msg(timeout=timeout_s)
        if message["parent_header"].get("msg_id") != self.request:
            return
        kind, content = message["header"]["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data", "execute_result"):
            name = content.get("transient", {}).get("display_id", "")
            if kind == "update_display_data":
                self.outputs[self.places[name]] = content["data"]
            else:
                self.places[name] = len(self.outputs)
                self.outputs.append(content["data"])
            self.history.append((time.monotonic(), content["data"]["text/plain"]))
        elif kind == "stream":
            self.streams.append((content["name"], content["text"]))
        elif kind == "error":
            self.error = [content["ename"], *content["traceback"]]
        elif kind == "status" and content["execution_state"] == "idle":
            self.over = True

    def finish(self) -> None:
        while not self.over:
            self.take()

    def text(self, name: str) -> str:
        return "".join(text for stream, text in self.streams if stream == name)


@pytest.fixture
def kernel(jupyter):
    kernel = Kernel(jupyter)
    yield kernel
    kernel.close()


class Page(HTMLParser):
    """Tags and ids; refuses what is not closed in order."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.tags, self.ids, self.open = [], [], []
        for text in texts:
            self.feed(text)
            assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in ("img", "br", "meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


# The tutorial.


EXECUTE = """
import sys
import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

source, done, ip, seconds = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
kernel = AsyncKernelManager(kernel_name="lrlab-tests", transport="ipc", ip=ip)
NotebookClient(notebook, km=kernel, timeout=int(seconds)).execute()
nbformat.write(notebook, done)
"""


@pytest.fixture(scope="module")
def executed(jupyter):
    """The tutorial, executed as ``jupyter execute`` does."""
    done = jupyter / "executed.ipynb"
    # In a process of its own, with the sockets and the event loop that it leaves open.
    subprocess.run(
        [sys.executable, "-c", EXECUTE, TUTORIAL, done, named(jupyter)["ip"], str(SLOW)],
        cwd=jupyter,
        check=True,
        timeout=2 * SLOW,
    )
    return nbformat.read(done, as_version=4)


def outputs_of(notebook, source: str) -> list[dict]:
    """The outputs of the one code cell that is ``source``, or that begins with it."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith(source)]
    (cell,) = [cell for cell in cells if cell.source == source] or cells
    return cell.outputs


def test_the_tutorial_is_kept_without_outputs():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert cell.metadata == {}
    assert TUTORIAL.stat().st_size < 20_000


def test_the_links_of_the_tutorial_lead_somewhere():
    text = "".join(cell.source for cell in nbformat.read(TUTORIAL, as_version=4).cells)
    links = re.findall(r"\]\(([^)#\s]+)\)", text)
    assert links
    assert [link for link in links if not (TUTORIAL.parent / link).exists()] == []


def test_every_result_of_the_tutorial_has_text_and_html(executed):
    cells = {"answer": "<Answer notebook: Use LR ", "answer.winner": "<Run LR ", "second": ""}
    pages = []
    for source, begin in cells.items():
        (output,) = [o for o in outputs_of(executed, source) if o.output_type == "execute_result"]
        assert output.data["text/plain"].startswith(begin)
        assert "\n" not in output.data["text/plain"]
        html = output.data["text/html"]
        assert len(html.encode()) <= 60_000
        assert "<img" in html
        pages.append(html)
    page = Page(*pages, *pages)
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    (listed,) = outputs_of(executed, "sorted(answer.runs")
    lines = listed.data["text/plain"].splitlines()
    assert len(lines) >= 10
    assert all(re.match(r"[\[ ]<Run LR [\d.e-]+, seed 0: \w+, \d+ of 20 epochs", line) for line in lines)
    (figure,) = outputs_of(executed, "answer.plot()")
    assert base64.b64decode(figure.data["image/png"]).startswith(b"\x89PNG")


def test_a_sweep_of_the_tutorial_leaves_one_output_without_a_picture(executed):
    (output,) = outputs_of(executed, "answer = lrlab.sweep")
    assert output.output_type == "display_data"
    assert output.data["text/plain"].startswith("Use LR ")
    assert "<img" not in output.data["text/html"]
    assert "script" not in Page(output.data["text/html"]).tags


def test_nothing_in_the_tutorial_warns_or_complains(executed):
    told = [
        output
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert told == []


# The live view.


def test_the_live_view_is_one_output_written_anew_at_most_once_a_second(kernel):
    kernel.run(TRAIN.replace("UNIT_S", "0.05"))
    cell = kernel.run("answer = lrlab.sweep(train, lr=(1e-4, 1.0), budget=80, workers=0, store='memory')")
    assert not cell.error, cell.error
    assert len(cell.outputs) == 1
    *times, _ = [at for at, _ in cell.history]  # the last word does not wait
    assert len(times) >= 4
    assert min(b - a for a, b in pairwise(times)) > 0.9
    texts = [text for _, text in cell.history]
    assert "Interrupting the kernel saves." in texts[0]
    assert any("So far: use LR" in text for text in texts)
    assert texts[-1].startswith("Use LR ")
    assert cell.text("stderr") == ""


def test_the_answer_does_not_depend_on_being_watched(kernel):
    kernel.run(TRAIN.replace("UNIT_S", "0.001"))
    ask = "digest(lrlab.sweep(train, lr=(1e-4, 1.0), budget=30, workers=0, store='memory', progress={}))"
    watched = kernel.run(f"print({ask.format(None)})")
    assert len(watched.outputs) == 1
    silent = kernel.run(f"print({ask.format(False)})")
    assert silent.outputs == []
    assert silent.text("stdout") == watched.text("stdout")


@pytest.mark.parametrize("broken", ["live_html", "live_pictures", "so_far"])
def test_an_error_inside_the_display_does_not_stop_the_sweep(kernel, broken):
    kernel.run(TRAIN.replace("UNIT_S", "0.05"))
    kernel.run(
        f"import lrlab.api.live as live\ndef fails(*_, **__): raise OSError('no screen')\nlive.{broken} = fails"
    )
    cell = kernel.run("print(lrlab.sweep(train, lr=(1e-4, 1.0), budget=60, workers=0, store='memory'))")
    assert not cell.error, cell.error
    assert cell.text("stdout").startswith("Use LR ")
    assert cell.text("stderr").count("the live view has failed and is left out") == 1
    assert len(cell.text("stderr").splitlines()) == 1


def test_a_training_that_fails_does_not_look_alive(kernel):
    kernel.run("import lrlab\ndef train(run):\n    raise OSError('no such data')")
    cell = kernel.run("lrlab.sweep(train, lr=(1e-4, 1.0), budget=9, workers=0, store='memory')")
    assert cell.error[0] == "TaskError"
    assert "no such data" in "".join(cell.error)
    (output,) = cell.outputs
    assert "ended by an error" in output["text/plain"]


def test_workers_end_with_the_sweep_and_run_what_stands_in_no_file(kernel):
    kernel.run(TRAIN.replace("UNIT_S", "0.001"))
    cell = kernel.run(
        "a = lrlab.sweep(lambda run: train(run), lr=(1e-4, 1.0), budget=9, workers=2, store='memory')"
    )
    assert not cell.error, cell.error
    assert kernel.process.children(recursive=True) == []
    kernel.run("b = lrlab.sweep(lambda run: train(run), lr=(1e-4, 1.0), budget=9, workers=0, store='memory')")
    assert kernel.value("digest(a) == digest(b)")


# Interrupting.


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_interrupted_kernel_saves_and_the_next_cell_goes_on(kernel, workers):
    kernel.run(TRAIN.replace("UNIT_S", "0.03"))
    ask = f"lrlab.sweep(train, lr=(1e-4, 1.0), budget=60, workers={workers}, study='stopped-{workers}')"
    cell = kernel.begin(f"answer = {ask}")
    started: set[psutil.Process] = set()
    while not any("So far: use LR" in text for _, text in cell.history):
        cell.take()
        started |= set(kernel.process.children(recursive=True))
        assert not cell.over, cell.error
    kernel.manager.interrupt_kernel()
    began = time.monotonic()
    cell.finish()
    assert time.monotonic() - began < 10
    # One line in place of a traceback, and the picture stays: no answer has come that would have it.
    assert cell.error == [
        "StudyInterrupted",
        f'Saved. Continue with: lrlab.sweep(..., study="stopped-{workers}")',
    ]
    (output,) = cell.outputs
    assert f"stopped-{workers}: interrupted and saved" in output["text/plain"]
    assert len(started) >= workers
    assert not [process for process in started if process.is_running()]
    assert kernel.process.children(recursive=True) == []

    saved = f"from lrlab.api.engines import open_lab\nstudy = open_lab().study('stopped-{workers}')"
    assert not kernel.run(saved).error
    assert kernel.value("study.state.value") == "interrupted"
    done = kernel.value("study.cost")
    assert done > 0

    again = kernel.run(f"answer = {ask}")
    assert not again.error, again.error
    kernel.run(
        "whole = lrlab.sweep(train, lr=(1e-4, 1.0), budget=60, workers=0, store='memory', progress=False)"
    )
    assert kernel.value("digest(answer) == digest(whole)")
    assert kernel.process.children(recursive=True) == []


def test_a_second_interrupt_ends_at_once_and_leaves_nothing(kernel, tmp_path):
    begun = tmp_path / "begun"
    kernel.run(
        f"import lrlab, threading\ndef train(run):\n    open({str(begun)!r}, 'w')\n    threading.Event().wait(60)"
    )
    cell = kernel.begin("lrlab.sweep(train, lr=(1e-4, 1.0), budget=9, workers=1, store='memory')")
    while not begun.exists():
        cell.take()
        assert not cell.over, cell.error
    started = kernel.process.children(recursive=True)
    kernel.manager.interrupt_kernel()
    with pytest.raises(queue.Empty):  # it waits for the unit under way, and shows nothing meanwhile
        while not cell.over:
            cell.take(timeout_s=1)
    kernel.manager.interrupt_kernel()
    began = time.monotonic()
    cell.finish()
    assert time.monotonic() - began < 5
    assert cell.error[0] == "KeyboardInterrupt"
    psutil.wait_procs(started, timeout=5)
    assert not [process for process in started if process.is_running()]


def test_workers_end_with_the_kernel(kernel):
    kernel.run("import lrlab, threading\ndef train(run):\n    threading.Event().wait(60)")
    cell = kernel.begin("lrlab.sweep(train, lr=(1e-4, 1.0), budget=9, workers=2, store='memory')")
    while not cell.history or len(kernel.process.children()) < 2:
        cell.take()
        assert not cell.over, cell.error
    started = kernel.process.children(recursive=True)
    kernel.process.kill()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


# In a browser.

CHROMIUM = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
# What a front end gives its outputs: colours of the page and of the text (JupyterLab's own).
THEMES = {
    "light": ("rgb(255, 255, 255)", "rgb(33, 33, 33)"),
    "dark": ("rgb(17, 17, 17)", "rgb(224, 224, 224)"),
}
SHELL = (
    "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Notebook</title><style>body {{ margin: 12px; "
    "background: {0}; color: {1}; font: 13px sans-serif }} td, th {{ padding: 6px }}</style></head>"
    "<body><main>{2}</main></body></html>"
)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("chromium is not installed (LRLAB_CHROMIUM names it)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens HTML inside a page as a front end would; the page, requests and complaints."""
    contexts = []

    def show(html: str, *, theme: str = "light", width: int = 1000):
        file = tmp_path / f"{theme}.html"
        file.write_text(SHELL.format(*THEMES[theme], html), encoding="utf-8")
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 800}, color_scheme=theme
        )
        contexts.append(context)
        page = context.new_page()
        requests, complaints = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        return page, requests, complaints

    yield show
    for context in contexts:
        context.close()


def kept_html(notebook) -> str:
    """Everything that the executed tutorial shows as HTML, but the report."""
    pages = [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    return "\n".join(page for page in pages if "<iframe" not in page)


@pytest.mark.browser
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1200, 360])
def test_the_tutorials_outputs_are_readable(executed, opened, theme, width):
    page, requests, complaints = opened(kept_html(executed), theme=theme, width=width)
    assert [url for url in requests if not url.startswith("data:")] == [page.url]
    assert complaints == []
    # Every picture is there, described, and no wider than the page.
    pictures = page.evaluate(
        "() => [...document.images].map((i) => [i.complete && i.naturalWidth, i.alt, i.getBoundingClientRect().right])"
    )
    assert len(pictures) == 3
    assert all(wide > 300 and alt and right <= width for wide, alt, right in pictures)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # All text has the colours of the page around it, so it is as readable as the rest.
    colors = page.evaluate(
        """() => [...new Set([...document.querySelectorAll("main *")]
             .flatMap((e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]))]"""
    )
    assert set(colors) == {THEMES[theme][1], "rgba(0, 0, 0, 0)"}
    # A picture brings its own ground.
    corner = page.evaluate(
        """() => { const c = document.createElement("canvas"); const x = c.getContext("2d");
             x.drawImage(document.images[0], 0, 0); return [...x.getImageData(2, 2, 1, 1).data] }"""
    )
    assert min(corner) >= 250


@pytest.mark.browser
def test_the_report_in_a_notebook_is_shut_in(executed, opened):
    outputs = outputs_of(executed, "answer.show()")
    shown = next(output.data["text/html"] for output in outputs if "data" in output)
    told = "".join(output.text for output in outputs if output.output_type == "stream")
    assert re.search(r"The report adds [2-6]\.\d MB to this notebook", told)
    page, requests, complaints = opened(shown)
    frame = page.query_selector("iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    assert frame.get_attribute("src") is None
    inside = frame.content_frame()
    inside.wait_for_selector('#u-curve[data-state="ready"]')
    inside.wait_for_selector('#learning-curves[data-state="ready"]')
    assert inside.locator("#u-curve .scatterlayer .points path.point").count() >= 10
    with pytest.raises(Exception, match=r"(?i)cross-origin|blocked a frame"):
        inside.evaluate("parent.document.title")
    assert complaints == []
    assert [url for url in requests if url.startswith("http")] == []
    assert requests[0] == page.url
