"""What an answer and its runs say and show of themselves."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

import lrlab
from lrlab.api import notebook
from lrlab.api.results import Run as ShownRun
from lrlab.core import answer as core
from lrlab.core import wire
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Question
from lrlab.core.run import Run


def train(run):
    weight = 1.0
    run.log(at=0, val_loss=1.0)
    for _ in run.units():
        weight *= 1 - run.lr
        run.report(val_loss=weight**2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def answer(folder):
    return lrlab.sweep(train, lr=(1e-3, 10.0), budget=8, workers=0, store=folder, study="own")


def plain(run):
    """The plain value of a run that can show itself."""
    return Run(**{name: getattr(run, name) for name in Run.__dataclass_fields__})


def test_the_repr_of_an_answer_is_one_useful_line(answer):
    assert repr(answer) == f"<Answer own: {answer}>"
    assert "\n" not in repr(answer)
    assert len(repr(answer)) < 200
    assert repr(replace(answer, study="")).startswith("<Answer: Use LR ")


def test_the_repr_of_a_run_is_one_useful_line(answer):
    winner = answer.winner
    text = f"seed 0: finished, 8 of 8 epochs, val_loss {winner.score(answer.question.metric):.4g}"
    assert text in str(winner)
    assert repr(winner) == f"<Run {winner}>"


def test_runs_of_an_answer_are_runs(answer):
    for run in answer.runs:
        assert isinstance(run, lrlab.Run)
        value = plain(run)
        assert type(value) is not type(run)
        assert run == value
        assert value == run
        assert run == pickle.loads(pickle.dumps(run))
        assert run != replace(value, units=run.units + 1)
        assert run != "a run"
        assert repr(replace(run, seed=7)) != repr(run)
        assert replace(run, seed=7) == replace(value, seed=7)


def test_equal_runs_hash_alike():
    run = lrlab.Run(lr=1e-3)
    question = Question(lr=LRRange(1e-4, 1.0), budget=2, metric=Metric("val_loss"))
    assert {run, ShownRun.of(run, question)} == {run}
    with pytest.raises(AttributeError):
        ShownRun.of(run, question).units = 3


def test_an_answer_survives_a_pickle_with_its_displays(answer):
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer
    assert repr(again.winner) == repr(answer.winner)


def test_an_answer_is_written_as_its_plain_value_is(answer):
    text = wire.dumps(core.Answer, answer)
    assert "_question" not in text
    assert wire.loads(core.Answer, text).runs == tuple(map(plain, answer.runs))


@pytest.mark.plot
def test_a_run_shows_itself(answer):
    pytest.importorskip("matplotlib")
    html = answer.winner._repr_html_()
    assert str(answer.winner) in html.replace('<span style="white-space:nowrap">', "").replace("</span>", "")
    assert "data:image/png" in html


# show().

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@pytest.fixture
def browser(monkeypatch, tmp_path):
    """A browser that only notes; no screen is known, and nobody says no."""
    opened = []
    for name in (*SCREENS, "CI", "LRLAB_NO_BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    return opened


@pytest.mark.plot
@pytest.mark.parametrize("screen", SCREENS)
def test_a_script_opens_the_report_in_a_browser(answer, browser, monkeypatch, capsys, screen):
    pytest.importorskip("plotly")
    monkeypatch.setenv(screen, ":0")
    assert answer.show() is None
    out = capsys.readouterr().out
    assert out.startswith("Opened ")
    file = Path(out.removeprefix("Opened ").strip())
    assert browser == [file.as_uri()]
    assert file.name == "own.html"
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    "no", [{}, {"DISPLAY": ":0", "CI": "true"}, {"DISPLAY": ":0", "LRLAB_NO_BROWSER": "1"}]
)
def test_without_a_screen_the_path_is_printed(browser, monkeypatch, capsys, tmp_path, no):
    for name, value in no.items():
        monkeypatch.setenv(name, value)
    notebook.show_page("<p>page</p>", name="first", height=600)
    out = capsys.readouterr().out
    assert browser == []
    assert out.startswith("The report is ")
    assert Path(out.removeprefix("The report is ").strip()).read_text() == "<p>page</p>"


def test_a_browser_that_does_not_open_is_no_error(browser, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    notebook.show_page("<p>page</p>", name="first", height=600)
    assert capsys.readouterr().out.startswith("The report is ")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_have_a_screen(browser, monkeypatch, platform):
    assert not notebook.may_open_browser()
    monkeypatch.setattr("sys.platform", platform)
    assert notebook.may_open_browser()


@pytest.mark.parametrize("height", [0, 99, -5, 600.5, float("nan"), float("inf"), "600", None, True, 10**12])
def test_a_height_that_is_none_is_refused(answer, browser, height):
    with pytest.raises(SpecError, match=r"height: must be .*, got "):
        answer.show(height=height)
    assert browser == []


def test_an_answer_without_its_study_has_no_report(answer, browser):
    with pytest.raises(SpecError, match=r"this answer has no study\. Use the answer that sweep returned"):
        replace(answer, _study=None).show()
