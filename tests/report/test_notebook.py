import sys
from html.parser import HTMLParser

import pytest
import samples

from lrlab.report.notebook import answer_html

pytestmark = pytest.mark.plot
pytest.importorskip("matplotlib")

every = pytest.mark.parametrize("name", sorted(samples.EVERY))


class Tags(HTMLParser):
    """Tags and attributes of a page; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@every
def test_a_notebook_gets_a_picture_and_no_script(name):
    text = answer_html(samples.EVERY[name]())
    page = Tags(text)
    assert len(text.encode()) <= 60_000
    assert set(page.tags) <= {"div", "p", "strong", "img", "table", "tbody", "tr", "th", "td"}
    assert {key for key, _ in page.attributes} <= {"class", "style", "src", "alt", "scope"}
    sources = [value for key, value in page.attributes if key == "src"]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,")
    # The notebook's theme sets the colour of text.
    assert "color:" not in text


def test_the_sentence_and_the_facts_are_there():
    text = answer_html(samples.answer())
    assert "<strong>Use LR 2.15e-3 (1.6e-3 to 3.9e-3). Safe from 6e-4 to 8e-3." in text
    for fact in ("medium (0.72)", "4.3 full runs", "13 runs, 13 rates"):
        assert fact in text


def test_without_matplotlib_the_cell_says_so_and_still_answers(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    text = answer_html(samples.answer())
    assert "Use LR 2.15e-3" in text
    assert "lrlab[plot]" in text
    assert "<img" not in text
