"""Trainings that misbehave: the study fails or ends with a sentence, and what was done is kept."""

import math

import pytest

from lrlab.core.errors import TaskError
from lrlab.store.sql import SqliteStore
from tests.api.asking import ask


def never_reports(run):
    run.log(loss=1.0)


def reports_too_little(run):
    for unit in run.units():
        if unit == 0:
            run.report(val_loss=1.0)


def reports_twice(run):
    for _ in run.units():
        run.report(val_loss=1.0)
        run.report(val_loss=1.0)


def reports_nothing(run):
    for _ in run.units():
        run.report()


def reports_another_metric(run):
    for _ in run.units():
        run.report(val_acc=0.5)


def reports_text(run):
    run.report(val_loss="low")


def reports_none(run):
    run.report(val_loss=None)


def reports_complex(run):
    run.report(val_loss=1 + 2j)


def reports_a_vector(run):
    run.report(val_loss=[0.1, 0.2])


def reports_a_whole_number_too_large(run):
    run.report(val_loss=10**400)


def logs_out_of_order(run):
    run.log(at=0.8, loss=1.0)
    run.log(at=0.3, loss=1.0)
    run.report(val_loss=1.0)


def logs_before_the_beginning(run):
    run.log(at=-1, loss=1.0)


def tracks_what_has_no_state(run):
    run.track(model=3)


def fails_at_once(run):
    raise RuntimeError("the data are gone")


def exits(run):
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        (never_reports, "without calling run.report"),
        (reports_nothing, "give at least the study's metric"),
        (reports_another_metric, "No such metric: val_loss. The first unit reported val_acc."),
        (reports_text, "val_loss must be a number, got 'low'"),
        (reports_none, "val_loss must be a number, got None"),
        (reports_complex, "val_loss must be a number, got (1+2j)"),
        (reports_a_vector, "val_loss must be one number, got list"),
        (reports_a_whole_number_too_large, "val_loss is too large"),
        (logs_out_of_order, "out of order, 0.3 after 0.8"),
        (logs_before_the_beginning, "at must be finite and at least 0, got -1"),
        (tracks_what_has_no_state, "model (int) has no state_dict"),
        (fails_at_once, "RuntimeError: the data are gone"),
        (exits, "SystemExit: 3"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_training_at_fault(tmp_path, what, rule):
    with pytest.raises(TaskError) as caught:
        ask(what, store=tmp_path, study="kept")
    assert rule in str(caught.value)
    study = SqliteStore(tmp_path).load("kept")
    assert study.state == "failed"
    assert all(rule in run.detail for run in study.runs if run.outcome == "failed")
    assert any(run.outcome == "failed" for run in study.runs)


@pytest.mark.parametrize("what", [reports_too_little, reports_twice], ids=lambda what: what.__name__)
def test_a_training_that_miscounts(tmp_path, what):
    answer = ask(what, store=tmp_path)
    assert not answer.found
    assert answer.exit_code == 3
    assert "every run failed" in str(answer)
    assert all("exactly once for each index of run.units()" in run.detail for run in answer.runs)


def test_nan_from_the_first_record_is_an_answer(tmp_path):
    def explodes(run):
        for _ in run.units():
            run.report(val_loss=math.nan)

    answer = ask(explodes, store=tmp_path)
    assert not answer.found
    assert answer.exit_code == 4
    assert {run.status for run in answer.runs} == {"diverged"}
    assert "every run diverged" in str(answer)
