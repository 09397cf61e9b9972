"""The live view of a notebook, and who is told how a sweep goes."""

import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

import lrlab
from lrlab.api import live, notebook
from lrlab.api.live import LiveView, watching
from lrlab.api.progress_text import Lines
from lrlab.core.answer import Answer, Caution
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import State
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.studies.price import Price
from lrlab.studies.progress import Progress

QUESTION = Question(lr=LRRange(1e-4, 1.0), budget=20, metric=Metric("val_loss"))
RUN = Run(lr=1e-3, units=1, target=4, records=(Record(1, {"val_loss": 0.5}),), state=State.RUNNING)
ANSWER = Answer(
    lr=1e-3, interval=(5e-4, 2e-3), safe_range=(3e-4, 3e-3), score=0.5, cost=0.4, confidence=0.6, runs=(RUN,),
    question=QUESTION, final=False,
)  # fmt: skip
MOMENT = Progress(
    study="s-1", question=QUESTION, runs=(RUN,), answer=ANSWER, cost=0.55,
    price=Price(cost=2.2, runs=9, frozen=6), elapsed_s=70.0, left_s=75.4,
)  # fmt: skip
END = replace(MOMENT, ended=True, answer=replace(ANSWER, final=True))


class Screen:
    """What was shown; ``cost_s`` passes on the clock with every picture."""

    def __init__(self, monkeypatch, *, cost_s=0.0):
        self.now = 100.0
        self.shown = []
        self.drawn = []

        def pictures(answer):
            self.drawn.append(self.now)
            self.now += cost_s
            return notebook_pictures

        notebook_pictures = live.Safe("<img alt='drawn'>")
        monkeypatch.setattr(live, "live_pictures", pictures)

    def clock(self):
        return self.now

    def show(self, html, text):
        self.shown.append((self.now, html, text))

    def play(self, view, seconds, *, every=0.1, moment=MOMENT):
        until = self.now + seconds
        while self.now < until:
            view(moment)
            self.now += every


def test_it_is_written_at_most_once_a_second(monkeypatch):
    screen = Screen(monkeypatch)
    with LiveView(screen, clock=screen.clock) as view:
        screen.play(view, 10.0)
    times = [at for at, _, _ in screen.shown[:-1]]
    gaps = [b - a for a, b in pairwise(times)]
    assert 9 <= len(times) <= 11
    assert min(gaps) >= 1.0


def test_drawing_takes_a_small_share_of_the_time(monkeypatch):
    cheap = Screen(monkeypatch)
    cheap.play(LiveView(cheap, clock=cheap.clock), 60.0)
    assert 20 <= len(cheap.drawn) <= 30  # every two seconds or so
    dear = Screen(monkeypatch, cost_s=0.6)
    view = LiveView(dear, clock=dear.clock)
    dear.play(view, 100.0)
    assert 4 <= len(dear.drawn) <= 6
    assert view.spent_s <= 0.04 * 100
    # Between two drawings the same pictures stay.
    assert all("alt='drawn'" in html for at, html, _ in dear.shown if at > dear.drawn[0] + 0.6)


def test_it_tells_the_price_first_then_how_far_it_is(monkeypatch):
    screen = Screen(monkeypatch)
    screen.play(LiveView(screen, clock=screen.clock), 2.0)
    first, second = screen.shown[0][2], screen.shown[1][2]
    assert "Expected cost: about 2.2 full runs" in first
    assert "Interrupting the kernel saves." in first
    assert "Ctrl-C" not in first
    assert " 25 % s-1: 0.55 of about 2.2 full runs, about 1:15 left" in second
    assert "So far: use LR 1e-3" in second


def test_nothing_is_drawn_of_a_study_without_a_record(monkeypatch):
    screen = Screen(monkeypatch)
    empty = replace(MOMENT, runs=(replace(RUN, records=()),))
    screen.play(LiveView(screen, clock=screen.clock), 10.0, moment=empty)
    assert screen.drawn == []


@pytest.mark.parametrize("share", [0.0, 1.0, 3.0])
def test_the_bar_is_full_at_the_end_only(monkeypatch, share):
    screen = Screen(monkeypatch)
    LiveView(screen, clock=screen.clock)(replace(MOMENT, cost=2.2 * share))
    assert "100 %" not in screen.shown[0][2]


def test_at_the_end_the_sentence_stays_and_the_picture_is_the_answers(monkeypatch):
    screen = Screen(monkeypatch)
    with LiveView(screen, clock=screen.clock) as view:
        screen.play(view, 5.0)
        view(END)
    assert screen.drawn
    _, html, text = screen.shown[-1]
    assert "<img" not in html
    assert "<code>" not in html
    assert text == "Use LR 1e-3 (5e-4 to 2e-3). Safe from 3e-4 to 3e-3. Cost: 0.4 full runs. s-1: 1 run: 1 running; " \
        "0.55 full runs in 1:10."  # fmt: skip


@pytest.mark.parametrize("code", ["TIME_UP", "STOPPED"])
def test_an_answer_that_came_early_has_the_picture_too(monkeypatch, code):
    screen = Screen(monkeypatch)
    view = LiveView(screen, clock=screen.clock)
    screen.play(view, 5.0)
    view(replace(MOMENT, ended=True, answer=replace(ANSWER, warnings=(Caution(code=code, text="early"),))))
    assert "<img" not in screen.shown[-1][1]


def test_an_interrupt_leaves_the_picture_because_no_answer_comes(monkeypatch):
    screen = Screen(monkeypatch)
    view = LiveView(screen, clock=screen.clock)
    screen.play(view, 5.0)
    view(replace(MOMENT, ended=True))
    assert "<img" in screen.shown[-1][1]
    assert "s-1: interrupted and saved; 1 run" in screen.shown[-1][2]


def test_an_error_is_not_left_looking_alive(monkeypatch):
    screen = Screen(monkeypatch)
    view = LiveView(screen, clock=screen.clock)
    with pytest.raises(ValueError, match="training"), view:
        view(MOMENT)
        raise ValueError("the training's own")
    assert screen.shown[-1][2] == "s-1: ended by an error; what was trained is saved."


def test_what_never_began_shows_nothing(monkeypatch):
    screen = Screen(monkeypatch)
    with pytest.raises(ValueError, match="early"), LiveView(screen, clock=screen.clock):
        raise ValueError("early")
    assert screen.shown == []


@pytest.mark.parametrize("moment", [MOMENT, END])
def test_its_own_errors_are_told_once_and_reach_nobody(monkeypatch, capsys, moment):
    screen = Screen(monkeypatch)
    monkeypatch.setattr(screen, "show", lambda html, text: 1 / 0)
    with LiveView(screen, clock=screen.clock) as view:
        screen.play(view, 10.0, moment=moment)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "lrlab: the live view has failed and is left out; the sweep goes on. ZeroDivisionError: division by zero\n"
    )


def test_an_interrupt_while_it_draws_goes_through(monkeypatch):
    screen = Screen(monkeypatch)

    def interrupted(html, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(screen, "show", interrupted)
    with pytest.raises(KeyboardInterrupt):
        LiveView(screen, clock=screen.clock)(MOMENT)


# Who is told.


def listener(progress):
    with watching(progress) as told:
        return told


def test_a_script_is_quiet_unless_it_asks():
    assert listener(None) is None
    assert listener(False) is None
    assert isinstance(listener(True), Lines)
    assert listener(print) is print


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=None)])
def test_ipython_in_a_terminal_is_no_notebook(monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not notebook.in_notebook()
    assert listener(None) is None


def test_a_half_imported_ipython_is_none_either(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    assert not notebook.in_notebook()


def test_a_notebook_gets_the_live_view_unless_it_says_no(monkeypatch):
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert isinstance(listener(None), LiveView)
    assert isinstance(listener(True), LiveView)
    assert listener(False) is None
    assert listener(print) is print


@pytest.mark.parametrize("progress", [1, 0, "yes", "", 2.5, [print], {}, object()])
def test_anything_else_is_refused_before_something_is_started(tmp_path, progress):
    with pytest.raises(
        SpecError, match=r"progress: must be True, False or a function of one Progress, got .*Leave it out"
    ):
        lrlab.sweep(lambda run: None, lr=(1e-4, 1.0), budget=2, store=tmp_path, progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_a_listener_of_ones_own_that_fails_is_heard():
    def train(run):
        for _ in run.units():
            run.report(val_loss=run.lr)

    def broken(progress):
        raise RuntimeError("my own")

    with pytest.raises(RuntimeError, match="my own"):
        lrlab.sweep(train, lr=(1e-4, 1.0), budget=2, store="memory", workers=0, progress=broken)
