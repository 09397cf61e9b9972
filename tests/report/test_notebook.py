import re
import sys
from html.parser import HTMLParser

import pytest
import samples

from lrlab.core.outcome import Outcome
from lrlab.report.notebook import (
    answer_html,
    framed,
    live_html,
    live_pictures,
    progress_bar,
    run_html,
    run_line,
)

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


def check_cell(text: str, *, pictures: int) -> None:
    """What holds for everything that a notebook gets."""
    page = Tags(text)
    assert len(text.encode()) <= 60_000
    allowed = {"div", "p", "strong", "span", "code", "img", "table", "tbody", "tr", "th", "td"}
    assert set(page.tags) <= allowed  # no script
    # No ids, so that two cells may show the same.
    assert {key for key, _ in page.attributes} <= {"class", "style", "src", "alt", "scope"}
    sources = [value for key, value in page.attributes if key == "src"]
    assert len(sources) == pictures
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    # The notebook's theme sets the colour of text.
    assert "color:" not in text


@every
def test_an_answer_is_a_sentence_a_picture_and_a_table(name):
    check_cell(answer_html(samples.EVERY[name]()), pictures=1)


@every
def test_a_run_is_a_line_a_picture_and_a_table(name):
    answer = samples.EVERY[name]()
    for run in (*answer.runs[:1], *answer.runs[-1:]):
        check_cell(run_html(run, answer.question), pictures=1)


@every
def test_a_live_view_is_a_bar_a_line_and_two_pictures(name):
    answer = samples.EVERY[name]()
    check_cell(live_html("status", share=0.5, said=samples.HOSTILE, drawn=live_pictures(answer)), pictures=2)


def test_a_run_in_one_line():
    answer = samples.answer()
    assert (
        run_line(answer.runs[6], answer.question)
        == "LR 1e-3, seed 0: finished, 20 of 20 epochs, val_loss 0.3182"
    )
    # What diverged has no score.
    assert run_line(answer.runs[12], answer.question) == "LR 1e-1, seed 0: diverged, 2 of 20 epochs"
    two = samples.two_arms()
    assert run_line(two.runs[-1], two.question).startswith("LR 1e-1, seed 0, sgd: ")


def test_the_facts_of_a_run_are_there_and_no_folder():
    answer = samples.answer()
    text = run_html(answer.runs[12], answer.question)
    for fact in (
        "Before training",
        "2.31",
        "2 epochs in 6 s",
        "val_loss is NaN at epoch 2",
        "among the best",
    ):
        assert fact in text
    assert "Score" not in text
    failed = samples.run(
        1e-3, 1, outcome=Outcome.FAILED, detail="Traceback\n  ...\nError: /home/bob/secret/x.pt"
    )
    text = run_html(failed, answer.question)
    assert "Error: x.pt" in text
    assert "bob" not in text
    assert "Traceback" not in text
    again = samples.run(1e-3, 4, outcome=None, repeated_units=2, lost_units=1)
    assert "3 epochs" in run_html(again, answer.question)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "░" * 24 + "   0 %"), (0.5, "█" * 12 + "░" * 12 + "  50 %"), (0.999, "█" * 23 + "░" + "  99 %"),
     (1.7, "█" * 24 + " 100 %"), (-1.0, "░" * 24 + "   0 %")],
)  # fmt: skip
def test_the_bar(share, text):
    assert progress_bar(share) == text


def test_without_a_share_there_is_no_bar():
    text = live_html("done", share=None, said="", drawn="")
    check_cell(text, pictures=0)
    assert "<code>" not in text
    assert "done" in text


def test_a_frame_holds_the_very_page_and_gives_it_no_origin():
    page = "<!DOCTYPE html><p title='a'>&amp; \u2028 \x01</p><script>1 < 2 && \"x\"</script>"
    (frame,) = [
        dict(found) for tag, found in Starts(framed(page, height=420, title='a "b"')).found if tag == "iframe"
    ]
    assert frame["srcdoc"] == page
    assert frame["sandbox"] == "allow-scripts"
    assert frame["title"] == 'a "b"'
    assert "height:420px" in frame["style"]
    assert set(frame) == {"srcdoc", "sandbox", "title", "style"}  # and no src


class Starts(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, attrs))


def test_the_sentence_and_the_facts_are_there():
    text = answer_html(samples.answer())
    assert "Use LR 2.15e-3 (1.6e-3 to 3.9e-3). Safe from 6e-4 to 8e-3." in re.sub("</?span[^>]*>", "", text)
    for fact in ("medium (0.72)", "4.3 full runs", "13 runs, 13 rates"):
        assert fact in text


def test_without_matplotlib_the_cell_says_so_and_still_answers(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    text = answer_html(samples.answer())
    check_cell(text, pictures=0)
    assert "Use LR" in text
    assert "lrlab[plot]" in text
    check_cell(run_html(samples.answer().runs[0], samples.answer().question), pictures=0)
