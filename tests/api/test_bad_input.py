"""Wrong input is refused at the mouth: a sentence that names the culprit and says what to do, and nothing is lost."""

import asyncio
import math
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from lrlab.api.sweep import resume, sweep
from lrlab.cli.main import run
from lrlab.core.errors import ConflictError, LrlabError, NotFoundError, SpecError, StoreError, TaskError
from lrlab.store.sql import SqliteStore
from lrlab.tasks.function import task

NAN, INF = math.nan, math.inf


def train(run):
    weight = 1.0
    for _ in run.units():
        weight -= run.lr * weight
        run.report(val_loss=weight**2)


def no_arguments():
    return None


def two_arguments(run, loader):
    return None


def generator(run):
    yield run.lr


async def asynchronous(run):
    await asyncio.sleep(0)


class Trainer:
    """A class is no function, however it is called."""

    def __init__(self, run):
        self.run = run


def ask(what=train, *, store, **settings):
    """A small sweep in this process."""
    return sweep(what, **({"lr": (1e-3, 1.0), "budget": 4, "workers": 0, "store": store} | settings))


# Settings, the name at fault, a part of the rule or of what to do.
SETTINGS = [
    ({"lr": "1e-1:1e-5"}, "lr range", "Did you mean 1e-05:0.1"),
    ({"lr": (1e-3, 1e-3)}, "lr range", "nothing to search"),
    ({"lr": (0, 1)}, "lr range", "above 0"),
    ({"lr": (-1e-3, 1)}, "lr range", "above 0"),
    ({"lr": (NAN, 1)}, "lr range", "finite"),
    ({"lr": (1e-3, INF)}, "lr range", "finite"),
    ({"lr": "slow:fast"}, "lr range", "a number such as 3e-4"),
    ({"lr": "1e-3"}, "lr range", "expected a pair"),
    ({"lr": ""}, "lr range", "expected a pair"),
    ({"lr": (1e-5, 1e-3, 1e-1)}, "lr range", "expected a pair"),
    ({"lr": 1e-3}, "lr range", "expected a pair"),
    ({"lr": (True, 1)}, "lr range", "a number above 0"),
    ({"budget": 0}, "budget", "at least 1"),
    ({"budget": -3}, "budget", "at least 1"),
    ({"budget": 1.5}, "budget", "whole number"),
    ({"budget": NAN}, "budget", "whole number"),
    ({"budget": INF}, "budget", "whole number"),
    ({"budget": "20"}, "budget", "whole number"),
    ({"budget": True}, "budget", "whole number"),
    ({"budget": 10**30}, "budget", "at most"),
    ({"budget": None}, "budget", "number of units"),
    ({"metric": ""}, "metric", "Write"),
    ({"metric": "quality"}, "metric", 'Write "quality:min" or "quality:max"'),
    ({"metric": "val_loss:up"}, "metric", "min"),
    ({"metric": ":min"}, "metric", "a word such as val_loss"),
    ({"metric": 3}, "metric", "a name such as val_loss"),
    ({"seed": -1}, "seed", "at least 0"),
    ({"seed": 1.5}, "seed", "whole number"),
    ({"seed": 2**80}, "seed", "at most"),
    ({"seeds": 0}, "seeds", "at least 1"),
    ({"seeds": "two"}, "seeds", "whole number"),
    ({"workers": -1}, "workers", "at least 0"),
    ({"workers": 1.5}, "workers", "whole number"),
    ({"searcher": "bayes"}, "searcher", "race"),
    ({"searcher": "grid"}, "searcher", "grid:"),
    ({"searcher": "grid:1"}, "grid", "at least"),
    ({"searcher": "grid:many"}, "searcher", "grid:"),
    ({"searcher": "halving:0"}, "halving", "at least"),
    ({"searcher": 3}, "searcher", "race"),
    ({"max_cost": 0.5}, "max_cost", "at least 1 full run"),
    ({"max_cost": NAN}, "max_cost", "at least 1 full run"),
    ({"max_cost": "cheap"}, "max_cost", "at least 1 full run"),
    ({"max_time": 0}, "max_time", "above 0"),
    ({"max_time": NAN}, "max_time", "above 0"),
    ({"max_time": "soon"}, "max_time", "above 0"),
    ({"tolerance": 0}, "tolerance", "between 0 and 1"),
    ({"tolerance": 1}, "tolerance", "between 0 and 1"),
    ({"tolerance": NAN}, "tolerance", "between 0 and 1"),
    ({"tolerance": "2 %"}, "tolerance", "between 0 and 1"),
    ({"current_lr": 0}, "current_lr", "above 0"),
    ({"current_lr": NAN}, "current_lr", "finite"),
    ({"current_lr": "mine"}, "current_lr", "number"),
    ({"reduce": "mean"}, "reduce", '"best" or "last"'),
    ({"memory_gib": 0}, "memory", "above 0"),
    ({"memory_gib": 0.1}, "memory", "384 MiB"),
    ({"memory_gib": NAN}, "memory", "above 0"),
    ({"threads": 0}, "threads", "at least 1"),
    ({"threads": "all"}, "threads", "whole number"),
    ({"devices": "0,1"}, "devices", "list"),
    ({"study": ""}, "study", "letters"),
    ({"study": "a/b"}, "study", "letters"),
    ({"study": "../x"}, "study", "letters"),
    ({"study": "-x"}, "study", "letter"),
    ({"study": "x" * 101}, "study", "1 to 100"),
    ({"study": "größe"}, "study", "letters"),
    ({"study": 7}, "study", "letters"),
    ({"what": None}, "sweep", "a function train(run)"),
    ({"what": "train.py:train"}, "sweep", "a function train(run)"),
    ({"what": Trainer}, "sweep", "a function train(run)"),
    ({"what": no_arguments}, "no_arguments", "Define def train(run)"),
    ({"what": two_arguments}, "two_arguments", "Define def train(run)"),
    ({"what": generator}, "generator", "without yield"),
    ({"what": asynchronous}, "asynchronous", "not async"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "culprit", "rule"),
    SETTINGS,
    ids=[f"{next(iter(s))}={next(iter(s.values()))!r:.20}" for s, _, _ in SETTINGS],
)
def test_a_wrong_argument(tmp_path, settings, culprit, rule):
    with pytest.raises(SpecError) as caught:
        ask(store=tmp_path / "studies", **settings)
    said = str(caught.value)
    assert culprit in said
    assert rule in said
    assert "\n" not in said
    assert not list(tmp_path.rglob("*")), "nothing was written"


@pytest.mark.parametrize(
    ("store", "rule"), [("postgresql://host/db", "Name a folder"), (3, "a folder or a store")], ids=str
)
def test_a_wrong_store(store, rule):
    with pytest.raises(SpecError, match="store: ") as caught:
        ask(store=store)
    assert rule in str(caught.value)


def test_a_task_that_cannot_be_sent(tmp_path):
    lock = threading.Lock()

    def locked(run):
        with lock:
            run.report(val_loss=1.0)

    with pytest.raises(
        SpecError, match=r"task: cannot be sent to a worker process .* inside the function, or train in"
    ):
        ask(locked, store=tmp_path / "studies", workers=1)
    assert not list(tmp_path.rglob("*"))


def test_a_task_keeps_its_own_budget(tmp_path):
    class Fixed:
        name, budget, unit, metric, resumes = "fixed", 3, "epoch", "val_loss", "live"
        start = None

    with pytest.raises(
        SpecError, match=r"the budget of fixed cannot be changed here\. Make the task with it"
    ):
        ask(Fixed(), store=tmp_path, budget=5)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"unit": "minute"}, '"epoch" or "step"'),
        ({"budget": 0}, "at least 1"),
        ({"lr": "3:2"}, "below the high end"),
    ],
    ids=str,
)
def test_a_wrong_task(settings, rule):
    with pytest.raises(SpecError) as caught:
        task(train, **({"budget": 3} | settings))
    assert rule in str(caught.value)


# --- trainings that misbehave -------------------------------------------------------------------------------


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
            run.report(val_loss=NAN)

    answer = ask(explodes, store=tmp_path)
    assert not answer.found
    assert answer.exit_code == 4
    assert {run.status for run in answer.runs} == {"diverged"}
    assert "every run diverged" in str(answer)


# --- studies and stores -------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path):
    """A store with the finished study kept."""
    ask(store=tmp_path, study="kept")
    return tmp_path


def untouched(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*.sqlite")}


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"budget": 5}, "budget was 4, now 5"),
        ({"lr": (1e-4, 1.0)}, "lr was 0.001:1, now 0.0001:1"),
        ({"seed": 3}, "seed was 0, now 3"),
        ({"metric": "val_loss:max"}, "metric was val_loss:min, now val_loss:max"),
        ({"searcher": "grid:5"}, "searcher was race, now grid:5"),
        ({"what": reports_twice}, "the training code or its settings have changed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_study_is_not_continued_with_another_question(kept, settings, difference):
    before = untouched(kept)
    with pytest.raises(ConflictError) as caught:
        ask(store=kept, study="kept", **settings)
    assert difference in str(caught.value)
    assert "another name" in str(caught.value)
    assert untouched(kept) == before


def test_a_study_that_is_running(kept):
    ledger = SqliteStore(kept).open("kept")
    try:
        with pytest.raises(ConflictError, match=f"is being run by process {os.getpid()}"):
            ask(store=kept, study="kept")
    finally:
        ledger.close()
    assert ask(store=kept, study="kept").found


def test_a_study_that_only_its_program_can_continue(kept):
    with pytest.raises(SpecError, match=r'Run that program again with lrlab.sweep\(..., study="NAME"\)'):
        resume("kept", store=kept)


def test_a_study_that_is_not_there(kept):
    with pytest.raises(NotFoundError, match=r"keps.*Did you mean 'kept'\?"):
        resume("keps", store=kept)


def test_a_newer_file(kept):
    with sqlite3.connect(kept / "kept.sqlite") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    before = untouched(kept)
    with pytest.raises(ConflictError, match="newer"):
        ask(store=kept, study="kept")
    assert untouched(kept) == before


@pytest.mark.parametrize(
    "content", [b"", b"these are my notes\n", b"SQLite format 3\x00" + b"\xff" * 4096], ids=len
)
def test_a_foreign_file(tmp_path, content):
    (tmp_path / "notes.sqlite").write_bytes(content)
    with pytest.raises(StoreError, match=r"notes\.sqlite"):
        ask(store=tmp_path, study="notes")
    assert (tmp_path / "notes.sqlite").read_bytes() == content


def test_a_foreign_database(tmp_path):
    with sqlite3.connect(tmp_path / "photos.sqlite") as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    before = untouched(tmp_path)
    with pytest.raises(StoreError, match=r"photos\.sqlite"):
        ask(store=tmp_path, study="photos")
    assert untouched(tmp_path) == before


def test_a_store_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match=r"file.*directory"):
        ask(store=tmp_path / "file" / "studies")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_read_only_folder(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):  # the superuser may write everywhere but here
        folder = Path("/proc/studies")
    with pytest.raises(StoreError, match=str(folder)):
        ask(store=folder)


# --- the command line ---------------------------------------------------------------------------------------

MODULE = """
import math
lone = 3


def train(run):
    for _ in run.units():
        run.report(val_loss=1.0)


class Nested:
    train = train
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "needs.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "wrong.py").write_text("def train(run:\n")
    (tmp_path / "fails.py").write_text("raise KeyError('the config')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LRLAB_STORE", str(tmp_path / "studies"))
    return tmp_path


GOOD = ("sweep", "python", "mine.py:train", "--budget", "4", "--workers", "0")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sweep",), 2, "what is to be trained? Name KIND and TARGET"),
        (("sweep", "python"), 2, "which python? Name MODULE:NAME"),
        (("sweep", "mine.py:train", "--budget", "4"), 2, "Did you mean: lrlab sweep python mine.py:train?"),
        (("sweep", "mine.py:train", "x"), 2, "Did you mean: lrlab sweep python mine.py:train?"),
        (("sweep", "pyhton", "mine.py:train"), 2, 'KIND must be "python" or "recipe"'),
        (("sweep", "python", "mine.py"), 2, "expected MODULE:NAME or FILE.py:NAME"),
        (("sweep", "python", ":train"), 2, "expected MODULE:NAME or FILE.py:NAME"),
        (("sweep", "python", "mine.py:"), 2, "expected MODULE:NAME or FILE.py:NAME"),
        (("sweep", "python", "nowhere.py:train", "--budget", "4"), 7, "there is no file"),
        (("sweep", "python", "nowhere:train", "--budget", "4"), 7, "there is no module 'nowhere'"),
        (("sweep", "python", "mine.py:trian", "--budget", "4"), 7, "It has: Nested, lone, math, train"),
        (("sweep", "python", "mine.py:Nested.test", "--budget", "4"), 7, "has no 'Nested.test'"),
        (("sweep", "python", "needs.py:train", "--budget", "4"), 3, "No module named 'nowhere_to_be_found'"),
        (("sweep", "python", "wrong.py:train", "--budget", "4"), 3, "SyntaxError"),
        (("sweep", "python", "fails.py:train", "--budget", "4"), 3, "KeyError: 'the config'"),
        (("sweep", "python", "mine.py:lone", "--budget", "4"), 2, "expected a task or a function train(run), got 3"),
        (("sweep", "recipe", "mine.py:lone"), 2, "is no recipe but int"),
        (("sweep", "python", "mine.py:train"), 2, "budget"),
        ((*GOOD, "--unit", "minute"), 2, '"epoch" or "step"'),
        ((*GOOD, "--budget", "many"), 2, "'--budget'"),
        ((*GOOD, "--budget", "1.5"), 2, "'--budget'"),
        ((*GOOD, "--lr", "1"), 2, "expected a pair"),
        ((*GOOD, "--lr", "1:0.1"), 2, "Did you mean 0.1:1?"),
        ((*GOOD, "--tolerance", "2%"), 2, "'--tolerance'"),
        ((*GOOD, "--study", "a b"), 2, "study: a name has 1 to 100 letters"),
        ((*GOOD, "--wrokers", "0"), 2, "--workers"),
        ((*GOOD, "--current-lr", "-1"), 2, "current_lr: a learning rate must be finite and above 0"),
        ((*GOOD, "--memory", "0.01", "--workers", "1"), 2, "memory: a worker needs at least 384 MiB"),
        (("runs", "x" * 300), 7, "there is none of that name"),
        (("runs", "../../etc/passwd"), 7, "there is none of that name"),
        (("plot", "nothing", "-o", "x.png"), 7, "there is none of that name"),
        (("demo", "mnist"), 2, "digits"),
        (("nonsense",), 2, "No such command 'nonsense'"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_wrong_command_line(folder, capsys, words, code, said):
    got = run(words)
    out, err = capsys.readouterr()
    assert got == code, err
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert not list(folder.rglob("*.sqlite")), "nothing was written"


def test_there_are_enough_cases():
    assert len(SETTINGS) >= 60


def test_every_error_is_an_lrlab_error():
    """Whoever catches LrlabError catches all that lrlab raises on purpose, but an interrupt."""
    for kind in (SpecError, TaskError, NotFoundError, ConflictError, StoreError):
        assert issubclass(kind, LrlabError)
