"""Notebooks: the tutorial runs, and what it shows can be read."""

import base64
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.e2e.kernels import SLOW, named

nbformat = pytest.importorskip("nbformat")

pytestmark = [pytest.mark.slow, pytest.mark.plot]
ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "notebook.ipynb"


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
