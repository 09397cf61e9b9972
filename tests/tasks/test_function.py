"""Functions that train: freezing, closing, failing, and every way to hold them wrong."""

import threading

import pytest

from lrlab.core.errors import NoStateError, RunClosed, SpecError, TaskError
from lrlab.tasks.function import task
from lrlab.tasks.training_run import TrainingRun


def test_close_raises_run_closed_out_of_report_and_runs_finally() -> None:
    seen: list[object] = []

    def train(run: TrainingRun) -> None:
        try:
            for _ in run.units():
                run.report(val_loss=1.0)
        except Exception as error:  # a script's own net must not catch it
            seen.append(error)
        except RunClosed:
            seen.append("closed")
            raise
        finally:
            seen.append("finally")

    session = task(train, budget=5).start(0.1, seed=0)
    list(session.advance(2))
    session.close()
    assert seen == ["closed", "finally"]


def test_no_thread_is_left_behind() -> None:
    def train(run: TrainingRun) -> None:
        for _ in run.units():
            run.report(val_loss=1.0)

    before = threading.active_count()
    for _ in range(5):
        session = task(train, budget=3).start(0.1, seed=0)
        list(session.advance(1))
        session.close()
    finished = task(train, budget=3).start(0.1, seed=0)
    list(finished.advance(3))
    assert threading.active_count() == before


def test_code_after_the_last_report_runs() -> None:
    done: list[int] = []

    def train(run: TrainingRun) -> None:
        for _ in run.units():
            run.report(val_loss=1.0)
        done.append(run.budget)

    list(task(train, budget=2).start(0.1, seed=0).advance(2))
    assert done == [2]


def test_a_plain_loop_may_report_more_than_the_budget() -> None:
    def train(run: TrainingRun) -> None:
        while True:
            run.report(val_loss=1.0)

    records = list(task(train, budget=3).start(0.1, seed=0).advance(3))
    assert [record.at for record in records] == [1, 2, 3]


def test_the_exception_comes_out_of_advance_with_the_records_before_it() -> None:
    def train(run: TrainingRun) -> None:
        run.report(val_loss=1.0)
        raise ZeroDivisionError("lr")

    session = task(train, budget=3).start(0.1, seed=0)
    records = []
    with pytest.raises(ZeroDivisionError, match="lr"):
        for record in session.advance(3):
            records.append(record)
    assert [record.at for record in records] == [1]


def test_the_applied_rate_of_a_tracked_optimizer_is_recorded() -> None:
    class Optimizer:
        param_groups = ({"lr": 0.02}, {"lr": 0.005})

        def state_dict(self) -> dict[str, object]:
            return {}

        def load_state_dict(self, state: object) -> None: ...

    def train(run: TrainingRun) -> None:
        run.track(optimizer=Optimizer())
        for _ in run.units():
            run.report(val_loss=1.0)

    (record,) = task(train, budget=1).start(0.1, seed=0).advance(1)
    assert record.metrics["lr"] == 0.02


def never_reports(run: TrainingRun) -> None: ...


def skips_a_report(run: TrainingRun) -> None:
    for unit in run.units():
        if unit != 1:
            run.report(val_loss=1.0)


def reports_twice(run: TrainingRun) -> None:
    for _ in run.units():
        run.report(val_loss=1.0)
        run.report(val_loss=1.0)


def reports_nothing(run: TrainingRun) -> None:
    run.report()


def reports_text(run: TrainingRun) -> None:
    run.report(val_loss="low")  # type: ignore[arg-type]


def reports_a_vector(run: TrainingRun) -> None:
    run.report(val_loss=[1.0, 2.0])  # type: ignore[arg-type]


def logs_nothing(run: TrainingRun) -> None:
    run.log(step=3)


def tracks_a_number(run: TrainingRun) -> None:
    run.track(model=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("train", "error", "says"),
    [
        (never_reports, TaskError, "returned without calling run.report"),
        (skips_a_report, TaskError, "unit 1 ended after 0 calls of run.report"),
        (reports_twice, TaskError, "unit 0 ended after 2 calls of run.report"),
        (reports_nothing, SpecError, "at least the study's metric"),
        (reports_text, SpecError, "val_loss must be a number, got 'low'"),
        (reports_a_vector, SpecError, "val_loss must be one number, got list"),
        (logs_nothing, SpecError, "give at least one number"),
        (tracks_a_number, SpecError, r"model \(int\) has no state_dict"),
    ],
)
def test_wrong_use_is_told(train: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        list(task(train, budget=4).start(0.1, seed=0).advance(4))  # type: ignore[arg-type]


async def asynchronous(run: TrainingRun) -> None: ...


def generator(run: TrainingRun):  # type: ignore[no-untyped-def]
    yield run


@pytest.mark.parametrize(
    ("train", "options", "says"),
    [
        (3, {}, "expected a function"),
        (lambda: None, {}, "must take one argument"),
        (lambda run, extra: None, {}, "must take one argument"),
        (asynchronous, {}, "not async"),
        (generator, {}, "without yield"),
        (never_reports, {"budget": 0}, "budget: must be at least 1, got 0"),
        (never_reports, {"budget": 1.5}, "budget: must be a whole number"),
        (never_reports, {"budget": True}, "budget: must be a whole number"),
        (never_reports, {"unit": "hour"}, 'unit must be "epoch" or "step"'),
        (never_reports, {"metric": "mystery"}, "cannot tell from the name"),
        (never_reports, {"lr": (1.0, 0.1)}, "Did you mean 1e-1:1"),
    ],
)
def test_a_wrong_task_is_refused(train: object, options: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        task(train, **{"budget": 3, **options})  # type: ignore[arg-type]


def test_a_function_without_track_has_no_state() -> None:
    session = task(never_reports, budget=3).start(0.1, seed=0)
    with pytest.raises(NoStateError, match="track"):
        session.state()


def test_the_fingerprint_follows_the_code() -> None:
    same = task(reports_twice, budget=3).fingerprint
    assert same == task(reports_twice, budget=3).fingerprint
    assert same != task(skips_a_report, budget=3).fingerprint
    assert same != task(reports_twice, budget=4).fingerprint
