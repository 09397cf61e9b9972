"""Every state that is no answer says what it is, why, and what to do next."""

import re
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import samples
from page_samples import kept, with_answer

from lrlab.core.lr_range import LRRange
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.store import database
from lrlab.studies.lab import Lab
from lrlab.web.shelf import Shelf

Opened = Callable[..., Any]


def of_runs(*runs: Run, **more: Any) -> Study:
    answer = replace(samples.zero_runs(), runs=runs, study="it")
    return samples.study(answer, name="it", **({"created": time.time(), "searcher": "race"} | more))


def begun() -> Run:
    return samples.run(1e-3, 5, outcome=None, state=State.RUNNING)


# State, the study in it, whether a process holds it, what its page must say: what it is, and the next step.
STATES: list[tuple[str, Study, bool, tuple[str, ...]]] = [
    (
        "nothing has come",
        of_runs(state=StudyState.RUNNING),
        True,
        (
            "Waiting for the first point.",
            "It was started",
            "No run has begun.",
            "full runs · about 1.9 full runs left · last data",
        ),
    ),
    (
        "nothing has come for two minutes",
        of_runs(state=StudyState.RUNNING, created=time.time() - 120),
        True,
        ("Waiting for the first point.", "look at the terminal where it was started"),
    ),
    (
        "one rate",
        of_runs(begun(), state=StudyState.RUNNING),
        True,
        ("A curve needs at least three rates.", "They are on their way.", "So far"),
    ),
    ("paused", of_runs(begun(), state=StudyState.PAUSED), True, ("Paused.", "Resume goes on.", "do-resume")),
    (
        "its process is lost, and a command began it",
        of_runs(begun(), state=StudyState.RUNNING, target={"kind": "python", "ref": "a:b"}),
        False,
        ("◇ interrupted", "No process runs it any more.", "Everything is saved.", "do-resume"),
    ),
    (
        "its process is lost, and a program began it",
        of_runs(begun(), state=StudyState.RUNNING, target={}),
        False,
        ("No process runs it.", "run that program again", "lrlab.sweep(..., study=&#34;it&#34;)"),
    ),
    (
        "the training failed",
        of_runs(
            samples.run(1e-3, 1, outcome=Outcome.FAILED, detail="Traceback\nZeroDivisionError: division by zero"),
            state=StudyState.FAILED,
        ),
        False,
        ("The training failed.", "Mend the training", "ZeroDivisionError"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("study", "held", "says"), [s[1:] for s in STATES], ids=[s[0] for s in STATES])
def test_a_state_says_what_to_do(
    lab: Lab, opened: Opened, study: Study, held: bool, says: tuple[str, ...]
) -> None:
    ledger = lab.store.create(study)
    if study.state is StudyState.FAILED:
        ledger.conclude(study.state, None)
    ledger.flush()
    if not held:
        ledger.close()
    try:
        page = opened().get("/studies/it")
    finally:
        ledger.close()
    assert page.status_code == 200
    for words in says:
        assert words in page.text


def concluded(lab: Lab, runs: tuple[Run, ...], **more: Any) -> None:
    """Keep a study that can be extended, with the answer that lrlab itself draws from its runs."""
    study = of_runs(*runs, target={"kind": "python", "ref": "a:b"}, **more)
    kept(lab, replace(study, answer=replace(lab.conclude(study.question, study.runs), runs=(), study="it")))


def test_where_every_rate_diverged_it_says_where_to_look(lab: Lab, opened: Opened) -> None:
    concluded(lab, tuple(samples.diverged(lr) for lr in samples.RATES))
    page = opened().get("/studies/it").text
    assert "Every rate diverged." in page
    assert "Extend the search to lower rates: 1e-8:1e-1." in page
    assert 'data-lr="1e-8:1e-1">Extend to 1e-8:1e-1</button>' in page


def test_where_the_best_is_at_the_edge_a_button_widens_the_range(lab: Lab, opened: Opened) -> None:
    low = [lr for lr in samples.RATES if lr < 1e-3]
    runs = tuple(samples.run(lr, samples.BUDGET, outcome=Outcome.FINISHED) for lr in low)
    question = replace(samples.question(), lr=LRRange(low[0], low[-1]))
    answer = lab.conclude(question, runs)
    study = replace(of_runs(*runs, target={"kind": "python", "ref": "a:b"}), question=question)
    kept(lab, replace(study, answer=replace(answer, runs=(), study="it")))
    page = opened().get("/studies/it").text
    assert "is the highest that was tried; a better one may lie above." in page
    assert 'id="extend-EDGE_HIGH" data-dialog="extend"' in page


def test_a_metric_that_was_not_logged_is_named_with_what_it_leaves_unchecked(
    lab: Lab, opened: Opened
) -> None:
    run = samples.run(1e-3, 40, outcome=Outcome.FINISHED, records=samples.records(1e-3, 40))
    kept(
        lab, of_runs(replace(run, records=tuple(replace(r, metrics={"val_loss": 1.0}) for r in run.records)))
    )
    page = opened().get("/studies/it/runs/1").text
    assert "because loss was not logged" in page
    assert "Not checked:" in page
    assert "run.log(lr=...)" in page


def test_a_filter_that_matches_nothing_can_be_cleared(lab: Lab, opened: Opened) -> None:
    kept(lab, with_answer("it", "race"))
    page = opened().get("/", params={"q": "other", "state": "failed"}).text
    assert "No study matches “other” failed." in page
    assert '<a href="/">Clear the filter</a>' in page


def test_an_unknown_study_run_and_address_lead_home(lab: Lab, opened: Opened) -> None:
    kept(lab, with_answer("it", "race"))
    client = opened()
    for path, says in {
        "/studies/none": "It may have been deleted",
        "/studies/it/runs/99": "It has 13 runs.",
        "/nowhere": "The page Help lists the addresses.",
    }.items():
        page = client.get(path)
        assert page.status_code == 404
        assert says in page.text
        assert '<a class="button" href="/">All studies</a>' in page.text
    assert "/studies/NAME/runs/N" in client.get("/help").text


def _torn(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA user_version=99")


@pytest.mark.parametrize(
    ("harm", "status", "says"),
    [
        (_torn, 503, ("is not a study of lrlab", "Move the file out", "The other studies are not affected", "lrlab doctor")),
        (_newer, 409, ("written by a newer lrlab", "pip install -U lrlab")),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(
    lab: Lab, opened: Opened, harm: Callable[[Path], None], status: int, says: tuple[str, ...]
) -> None:
    kept(lab, with_answer("good", "race"))
    kept(lab, with_answer("it", "race"))
    folder: Path = lab.store.folder  # type: ignore[attr-defined]
    for side in folder.glob("it.sqlite-*"):
        side.unlink()
    harm(folder / "it.sqlite")
    client = opened()
    page = client.get("/studies/it")
    assert page.status_code == status
    assert str(folder / "it.sqlite") in page.text
    for words in says:
        assert words in page.text
    home = client.get("/")
    assert home.status_code == 200
    assert "! unreadable" in home.text
    assert client.get("/studies/good").status_code == 200


def test_a_file_that_another_program_locks_is_named_and_harms_no_other_study(
    lab: Lab, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    kept(lab, with_answer("good", "race"))
    kept(lab, with_answer("it", "race"))
    folder: Path = lab.store.folder  # type: ignore[attr-defined]
    client = opened()
    with closing(sqlite3.connect(folder / "it.sqlite", isolation_level=None)) as held:
        held.execute("BEGIN EXCLUSIVE")
        page = client.get("/studies/it")
        assert page.status_code == 503
        assert f"{folder / 'it.sqlite'}: another program has locked the file." in page.text
        assert "Close that program and try again." in page.text
        assert client.get("/studies/good").status_code == 200
    assert client.get("/studies/it").status_code == 200


def test_while_another_program_locks_a_file_the_other_studies_are_shown_at_once(
    lab: Lab, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 4.0)
    for name in ("good", "it", "locked-too"):
        kept(lab, with_answer(name, "race"))
    folder: Path = lab.store.folder  # type: ignore[attr-defined]
    client = opened()
    client.get("/studies/good")
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        for name in ("it", "locked-too"):
            held = stack.enter_context(
                closing(sqlite3.connect(folder / f"{name}.sqlite", isolation_level=None))
            )
            held.execute("BEGIN EXCLUSIVE")
        waiting = pool.submit(client.get, "/studies/it")  # somebody waits for it, and keeps nobody waiting
        time.sleep(0.1)
        begun = time.monotonic()
        home = client.get("/").text
        assert client.get("/studies/good").status_code == 200
        assert time.monotonic() - begun < 2
        assert not waiting.done()
        assert home.count("data-in-use") == home.count("! in use by another program") == 2
        assert "/studies/good" in home
        told = {item["name"]: item["state"] for item in client.get("/api/v1/studies").json()["items"]}
        assert told == {"good": "finished", "it": "unreadable", "locked-too": "unreadable"}
        stack.pop_all().close()
        assert waiting.result().status_code == 200
    assert "data-in-use" not in client.get("/").text


@pytest.mark.parametrize("path", ["/api/v1/studies/it", "/studies/it"])
def test_an_error_of_lrlab_itself_has_a_name_in_the_terminal(
    lab: Lab, opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def broken(self: Shelf, name: str) -> None:
        raise RuntimeError("why")

    monkeypatch.setattr(Shelf, "seen", broken)
    said = opened().get(path)
    (record,) = (record for record in caplog.records if record.name.startswith("lrlab"))
    (name,) = re.findall(f"request ([0-9a-f]{{8}}): GET {path}$", record.getMessage())
    assert f"of request {name}." in said.text
    if path.startswith("/api"):
        assert said.json()["request"] == name


def test_without_the_key_the_door_says_how_to_open_it(lab: Lab, opened: Opened) -> None:
    door = opened(token=None).get("/studies/it")
    assert door.status_code == 401
    assert "lrlab ui" in door.text
    assert "A link works once" in door.text
