"""Only what is new goes over the wire: a browser's lines and what has come make the lines that are drawn anew."""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from page_samples import samples
from starlette.testclient import TestClient

from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.report.curves import LearningCurves, learning_curves
from lrlab.report.view import View
from lrlab.studies.lab import Lab
from lrlab.web.changes import Drawn, curves_change

USUAL = View()


@cache
def curves(points: int, *, view: View = USUAL, runs: int = 3, **more: object) -> LearningCurves:
    random = np.random.default_rng(0)
    values = 0.3 + np.exp(-np.arange(20_000) / 3_000) + random.normal(0, 0.02, (runs, 20_000))
    made = [
        Run(
            lr=lr,
            target=20,
            state=State.RUNNING,
            records=tuple(
                Record(at=(k + 1) / 1_000, step=k + 1, metrics={"val_loss": float(own[k])})
                for k in range(points)
            ),
            **more,  # type: ignore[arg-type]
        )
        for lr, own in zip(samples.RATES, values, strict=False)
    ]
    return learning_curves(samples.answer(tuple(made)), view)


@pytest.mark.parametrize("view", [USUAL, View(x="step"), View(smooth=0.5)], ids=["usual", "step", "smooth"])
def test_what_stays_and_what_follows_make_the_new_lines(view: View) -> None:
    sent, whole, places = (
        0,
        0,
        [5, 100, 101, 1_499, 1_500, 1_501, 1_600, 1_700, 2_900, 3_100, 6_000, 6_100, 14_000],
    )
    had = [(c.x, c.y) for c in curves(places[0], view=view).curves]
    for before, now in pairwise(places):
        new = curves(now, view=view)
        change = curves_change(curves(before, view=view), new)
        assert change is not None
        for item in change:
            x, y = had[item["line"]]
            assert item["of"] == len(x)
            had[item["line"]] = (x[: item["had"]] + tuple(item["x"]), y[: item["had"]] + tuple(item["y"]))
            sent += len(item["x"])
        assert had == [(c.x, c.y) for c in new.curves]
        whole += sum(len(c.x) for c in new.curves)
    assert sent < 0.6 * whole  # no point of the past, but where columns get wider


def test_between_two_widths_only_the_end_is_sent() -> None:
    change = curves_change(curves(6_000), curves(6_100))
    assert change is not None
    assert sum(len(item["x"]) for item in change) < 3 * 100


@pytest.mark.parametrize(
    "other",
    [
        curves(300, runs=4),
        curves(300, outcome=Outcome.DIVERGED),
        curves(300, view=View(x="step")),
        curves(300, view=View(scale="log")),
    ],
    ids=["a line more", "a cross", "another axis", "another scale"],
)
def test_what_looks_otherwise_is_drawn_anew(other: LearningCurves) -> None:
    assert curves_change(curves(300, view=View(scale="linear")), other) is None


def test_the_winner_alone_changes_no_line() -> None:
    old, new = curves(300), curves(300)
    new = replace(
        new, curves=tuple(replace(c, winner=k == 2, status="finished") for k, c in enumerate(new.curves))
    )
    assert curves_change(old, new) == []


def test_two_charts_under_one_cursor_are_told_apart_by_nobody() -> None:
    drawn, one, other = Drawn(), curves(10), curves(10, outcome=Outcome.DIVERGED)
    drawn.keep(USUAL, "10", one)
    drawn.keep(USUAL, "10", one)
    assert drawn.find(USUAL, "10") is one
    assert drawn.find(View(smooth=1), "10") is None
    drawn.keep(USUAL, "10", other)
    assert drawn.find(USUAL, "10") is None
    for k in range(20):
        drawn.keep(USUAL, str(k), one)
    assert drawn.find(USUAL, "0") is None
    assert drawn.find(USUAL, "19") is one


def test_long_lines_come_by_what_is_new_over_the_api(lab: Lab, opened: object) -> None:
    run = Run(lr=1e-3, target=20, state=State.RUNNING)
    study = samples.study(
        samples.answer((run,), study="long"), name="long", state=StudyState.RUNNING, answer=None
    )
    ledger = lab.store.create(study)

    def grow(first: int, end: int) -> None:
        records = [
            Record(at=(k + 1) / 1_000, step=k, metrics={"val_loss": 1 + math.sin(k)})
            for k in range(first, end)
        ]
        ledger.append(run.key, first, records)
        ledger.flush()

    grow(0, 5_000)
    client: TestClient = opened()  # type: ignore[operator]
    address = "/api/v1/studies/long/curves"
    first = client.get(address).json()
    (line,) = [t for t in first["figure"]["spec"]["data"] if t["meta"] == "curve"]
    x, cursor = line["x"], first["cursor"]
    assert len(x) < 2_000
    for begin, end in ((5_000, 5_100), (5_100, 5_200), (5_200, 6_700)):  # at last many at once
        grow(begin, end)
        told = client.get(address, params={"after": cursor}).json()
        assert told["mode"] == "append"
        assert len(told["widths"]) == 1
        (item,) = told["items"]
        assert item["of"] == len(x)
        assert len(item["x"]) <= end - begin + 10
        x, cursor = x[: item["had"]] + item["x"], told["cursor"]
    whole = client.get(address).json()["figure"]["spec"]["data"]
    assert [t["x"] for t in whole if t["meta"] == "curve"] == [x]
    assert client.get(address, params={"after": "1"}).json()["mode"] == "replace"
    ledger.close()
