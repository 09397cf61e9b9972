"""The report in a real browser: from disk, without a network."""

import os
import shutil

import pytest
import samples

pytestmark = [pytest.mark.browser, pytest.mark.plot]
sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("plotly")

from lrlab.report import notebook  # noqa: E402
from lrlab.report.html import report_html  # noqa: E402

CHROMIUM = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("chromium is not installed (LRLAB_CHROMIUM names it)", allow_module_level=True)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Opens a sample's report; the page, and the lists of requests and of complaints."""
    contexts = []

    def opened(name: str, **how: object):
        answer = samples.EVERY[name]()
        file = tmp_path / f"{name}.html"
        file.write_text(report_html(samples.study(answer), answer), encoding="utf-8")
        context = browser.new_context(offline=True, **({"viewport": {"width": 1280, "height": 800}} | how))
        contexts.append(context)
        page = context.new_page()
        requests, complaints = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        if how.get("java_script_enabled", True):
            page.wait_for_selector('#u-curve[data-state="ready"]')
            page.wait_for_selector('#learning-curves[data-state="ready"]')
        return page, requests, complaints

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", sorted(samples.EVERY))
def test_it_opens_from_disk_without_a_request_or_a_complaint(show, name):
    page, requests, complaints = show(name)
    assert requests == [page.url]
    assert complaints == []
    assert page.evaluate("window.__x") is None


def test_every_run_and_every_curve_is_drawn(show):
    page, _, _ = show("race")
    drawn = page.evaluate(
        """() => document.getElementById("u-curve")._fullData
             .filter((trace) => ["finished", "partial", "diverged"].includes(trace.meta))
             .reduce((sum, trace) => sum + trace.x.length, 0)"""
    )
    assert drawn == 13
    assert page.get_attribute("#u-curve", "data-points") == "13"
    assert page.locator("#u-curve .scatterlayer .points path.point").count() >= 13
    assert page.locator("#learning-curves .scatterlayer .lines path").count() >= 13
    ticks = page.locator("#u-curve .xtick text").all_text_contents()
    assert ticks[0] == "1e-5"
    assert "0" not in ticks


def test_the_theme_follows_the_system_also_while_it_is_open(show):
    page, _, complaints = show("race", color_scheme="light")
    background = "() => getComputedStyle(document.body).backgroundColor"
    line = """() => document.querySelector("#learning-curves .lines path").style.stroke"""
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    light = page.evaluate(line)
    revision = page.get_attribute("#learning-curves", "data-revision")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "(old) => document.getElementById('learning-curves').dataset.revision !== old", arg=revision
    )
    assert page.evaluate(background) == "rgb(20, 23, 26)"
    assert page.evaluate(line) != light
    assert page.evaluate("""() => document.querySelector("#u-curve .main-svg").style.background""") in (
        "rgb(20, 23, 26)",
        "rgb(20, 23, 26) none repeat scroll 0% 0%",
    )
    assert complaints == []


@pytest.mark.parametrize("name", ["race", "hostile", "two_arms"])
def test_the_page_never_scrolls_sideways(show, name):
    page, _, _ = show(name, viewport={"width": 390, "height": 800})
    for width in (390, 360, 1000, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_steps_through_the_rates(show):
    page, _, _ = show("race")
    page.focus("#u-curve")
    page.keyboard.press("Home")
    assert page.text_content("#reading").startswith("Learning rate 1e-5;")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    assert page.text_content("#reading") == "Learning rate 2.15e-3; mean val_loss 0.3061, 1 seed."
    page.wait_for_selector(f'#learning-curves[data-focus-lr="{samples.RATES[7]}"]')
    faint = page.evaluate(
        """() => document.getElementById("learning-curves")._fullData
             .filter((trace) => trace.meta === "curve" && trace.opacity < 1).length"""
    )
    assert faint == 12
    page.keyboard.press("Enter")
    assert page.locator("#runs tbody tr:visible").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#runs tbody tr:visible").count() == 13
    assert page.text_content("#reading") == ""


def test_it_prints_on_a4(show):
    page, _, complaints = show("race", color_scheme="dark")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert 2 <= pdf.count(b"/Type /Page\n") <= 6
    assert complaints == []


def test_without_script_it_still_answers(show):
    page, _, _ = show("race", java_script_enabled=False)
    assert "Use LR 2.15e-3" in page.text_content('[role="status"]')
    assert "The charts need JavaScript" in page.text_content("noscript")
    assert page.locator("#runs tbody tr").count() == 13


def test_foreign_text_in_a_notebooks_cells_stays_text(browser):
    answer = samples.hostile()
    live = notebook.live_html(
        samples.HOSTILE, share=0.5, said=samples.HOSTILE, drawn=notebook.live_pictures(answer)
    )
    cells = [notebook.answer_html(answer), notebook.run_html(answer.runs[5], answer.question), live]
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content("".join(cells))
    assert page.evaluate("window.__x") is None
    assert page.locator("img").count() == page.locator('img[src^="data:image/png"]').count() == 4
    assert page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
