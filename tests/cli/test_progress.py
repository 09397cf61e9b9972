"""How a study goes, while it goes."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lrlab.api.progress_text import Lines, clock, price_line, status_line
from lrlab.cli.progress_view import picture, progress_view
from lrlab.core.answer import Answer
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.studies.price import Price
from lrlab.studies.progress import Progress

QUESTION = Question(lr=LRRange(1e-4, 1.0), budget=20, metric=Metric("val_loss"))
NONE = float("nan")


def answer(lr=NONE):
    return Answer(
        lr=lr, interval=(lr / 2, lr * 2), safe_range=(lr / 3, lr * 3), score=0.5, cost=0.4, confidence=0.6,
        question=QUESTION, final=False,
    )  # fmt: skip


def run(lr, units, *, seed=0, target=4, **settings):
    records = tuple(Record(k, {"val_loss": 1 / k}) for k in range(1, units + 1))
    return Run(lr=lr, seed=seed, target=target, units=units, records=records, **settings)


RUNS = (
    run(1e-4, 4, state=State.FROZEN),
    run(1e-3, 2, state=State.RUNNING),
    run(1e-3, 4, seed=1, state=State.FROZEN),
    run(1e-2, 1, outcome=Outcome.DIVERGED),
    run(1e-1, 0),
)
MOMENT = Progress(
    study="s-1", question=QUESTION, runs=RUNS, answer=answer(1e-3), cost=0.55,
    price=Price(cost=2.2, runs=9, frozen=6), elapsed_s=10.0, left_s=75.4,
)  # fmt: skip


def drawn(moment, *, width=100, height=24, unicode=True):
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(picture(moment, height=height, unicode=unicode))
    return console.export_text().splitlines()


def test_the_picture_has_a_line_for_each_rate():
    lines = drawn(MOMENT)
    assert lines[0].startswith(
        "s-1: 0.55 of about 2.2 full runs, about 1:15 left; 5 runs: 1 running, 1 queued"
    )
    assert "━" in lines[1]
    rates = [line.split() for line in lines[2:6]]
    assert [row[0] for row in rates] == ["1e-4", "1e-3", "1e-2", "1e-1"]
    assert rates[0][1:] == ["◇", "frozen", "4/20", "epochs", "val_loss", "0.25"]
    assert rates[1][1:] == ["▶◇", "running", "4/20", "epochs", "val_loss", "0.25"]
    assert rates[2][1:3] == ["✕", "diverged"]
    assert rates[3][1:] == ["○", "queued", "0/20", "epochs"]
    assert lines[6].startswith("So far: use LR 1e-3 (5e-4 to 2e-3).")


def test_without_unicode_the_words_stay():
    lines = drawn(MOMENT, unicode=False)
    assert "◇" not in "".join(lines)
    assert lines[2].split()[1] == "frozen"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_picture_fits(width):
    assert max(map(len, drawn(MOMENT, width=width))) <= width


def test_many_rates_give_way_to_those_under_way():
    ended = tuple(run(10 ** -(1.05 + k / 10), 4, outcome=Outcome.DROPPED) for k in range(30))
    lines = drawn(replace(MOMENT, runs=(*ended, *RUNS)), height=14)
    assert len(lines) <= 14
    assert any("▶◇ running" in line for line in lines)
    assert any(line.strip() == "and 26 more rates" for line in lines)


def test_before_anything_is_known():
    moment = replace(MOMENT, runs=(), answer=answer(), cost=0.0, left_s=None)
    assert status_line(moment) == "s-1: 0.00 of about 2.2 full runs; 0 runs"
    assert drawn(moment)[-1].startswith("No learning rate can be named yet.")


def test_the_price_is_told_in_words():
    assert price_line(MOMENT) == (
        "Study s-1: rates 1e-4:1, val_loss after 20 epochs. Expected cost: about 2.2 full runs "
        "(9 runs, at most 6 waiting at once). Ctrl-C saves."
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_lines_come_at_each_stage_and_each_half_minute():
    now = [0.0]
    stream = io.StringIO()
    lines = Lines(stream, clock=lambda: now[0])

    def said(moment):
        stream.truncate(0)
        stream.seek(0)
        lines(moment)
        return stream.getvalue().splitlines()

    first = replace(MOMENT, runs=(), answer=answer())
    assert said(first) == [price_line(first)]
    assert said(MOMENT) == [], "the first stage was announced by the price"
    now[0] = 29.0
    assert said(MOMENT) == []
    now[0] = 31.0
    assert len(said(MOMENT)) == 1
    assert said(MOMENT) == []
    further = replace(MOMENT, runs=(run(1e-3, 4, target=8), *RUNS))
    (line,) = said(further)
    assert line.startswith("s-1: 0.55 of about 2.2 full runs")
    assert "So far: use LR 1e-3" in line
    assert said(further) == []
    (line,) = said(replace(further, ended=True))
    assert "So far" not in line


def test_a_stream_that_is_no_terminal_gets_lines():
    with progress_view(io.StringIO()) as listener:
        assert isinstance(listener, Lines)


def test_foreign_names_cannot_drive_the_terminal():
    question = replace(QUESTION, metric=Metric("val\x1b[31m_loss"))
    lines = drawn(replace(MOMENT, question=question))
    assert "\x1b" not in "".join(lines)
    assert "\x1b" not in price_line(replace(MOMENT, question=question))
