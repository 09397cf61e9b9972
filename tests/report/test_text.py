import re

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.answer import sentence
from lrlab.core.errors import SpecError
from lrlab.report.canvas import Canvas, cells, fitted, wrapped
from lrlab.report.charts import u_curve
from lrlab.report.tables import runs_table
from lrlab.report.text import answer_text, runs_text, terminal_plot

every = pytest.mark.parametrize("name", sorted(samples.EVERY))


@every
@pytest.mark.parametrize("width", [30, 40, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_too_long_and_nothing_controls_the_terminal(name, width, unicode):
    text = answer_text(samples.EVERY[name](), width=width, unicode=unicode)
    for line in text.split("\n"):
        assert cells(line) <= width, line
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", line)
    if not unicode:
        assert text.isascii()


@every
def test_the_sentence_comes_first(name):
    answer = samples.EVERY[name]()
    if name != "hostile":
        first = answer_text(answer, width=200, unicode=True).split("\n")[0]
        assert first == sentence(answer)


def test_the_plot_shows_every_rate_and_the_lane():
    plot = terminal_plot(u_curve(samples.answer()), width=110, unicode=False).split("\n")
    lane = next(line for line in plot if line.startswith("diverged"))
    assert lane.count("x") == 2
    field = [line.split("|", 1)[1] for line in plot if "|" in line and not line.startswith("diverged")]
    assert sum(line.count("o") for line in field) == 8
    assert sum(line.count("*") + line.count("@") for line in field) == 3
    assert any("1e-5" in line and "1e-1" in line for line in plot)
    safe = next(line for line in plot if "safe range 6e-4 to 8e-3" in line)
    assert safe.count("=") == round(100 * 1.125 / 4.32) + 1
    assert any("90 % interval 1.6e-3 to 3.9e-3" in line for line in plot)


def test_the_mark_of_the_best_rate_stands_over_its_rate():
    chart = u_curve(samples.grid())
    plot = terminal_plot(chart, width=80, unicode=True).split("\n")
    column = next(line.index("◉") for line in plot if "┤" in line and "◉" in line)
    bar = next(line for line in plot if "━" in line)
    assert bar.index("━") <= column <= bar.rindex("━")


def test_the_table_leaves_out_columns_that_do_not_fit():
    rows = runs_table(samples.answer())
    wide = runs_text(rows, width=120).split("\n")
    assert wide[0].split() == ["rate", "seed", "state", "units", "score", "seconds", "why"]
    assert len(wide) == 14
    assert "2.15e-3 <" in wide[8]
    assert runs_text(rows, width=30).split("\n")[0].split() == ["rate", "state", "score"]
    assert "arm" in runs_text(runs_table(samples.two_arms()), width=120).split("\n")[0]


def test_of_many_runs_the_best_are_listed():
    answer = samples.many_runs(200)
    text = answer_text(answer, width=100, unicode=True)
    assert "174 more runs not shown." in text
    best = min(answer.runs, key=lambda run: run.score(answer.question.metric))
    assert f"{best.score(answer.question.metric):.4g}" in text


@pytest.mark.parametrize("width", [0, 29])
def test_a_terminal_that_is_too_narrow_is_refused(width):
    for call in (
        lambda: answer_text(samples.answer(), width=width, unicode=True),
        lambda: terminal_plot(u_curve(samples.answer()), width=width, unicode=True),
        lambda: runs_text((), width=width),
    ):
        with pytest.raises(SpecError, match=f"at least 30 columns, got {width}"):
            call()


def test_wide_characters_take_two_columns():
    assert cells("損失") == 4
    assert cells("e\u0301") == 1
    assert fitted("損失損失", 5) == "損失…"
    assert wrapped("損失 損失", 6) == ["損失", "損失"]


@given(st.text(alphabet="ab 損é", max_size=80), st.integers(4, 20))
def test_wrapping_keeps_every_character_and_the_width(text, width):
    lines = wrapped(text, width, indent=" ")
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_line_joins_its_ends():
    canvas = Canvas(10, 4, unicode=False)
    canvas.line([(0.0, 0.0), (1.0, 1.0)])
    rows = canvas.rows()
    assert rows[0][-1] == "."
    assert rows[-1][0] == "."
    assert sum(row.count(".") for row in rows) == 10


def test_a_line_that_leaves_the_picture_by_far_is_cut_off():
    canvas = Canvas(10, 4, unicode=True)
    canvas.line([(0.0, 0.5), (0.5, 1e30), (1.0, -1e300)])
    assert [row.strip("\u2800") != "" for row in canvas.rows()] == [True, True, True, True]
