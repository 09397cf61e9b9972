"""kill -9 at many instants: what was acknowledged is there, a group is there or not, and the study goes on."""

import json
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lrlab.core.errors import NotFoundError
from lrlab.core.outcome import StudyState
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import example_study

SCRIPT = Path(__file__).with_name("crash_writer.py")
WRITER = runpy.run_path(str(SCRIPT))
GROUPS, POINTS = WRITER["GROUPS"], WRITER["POINTS"]

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9"),
]


def killed_writers(folder: Path, mode: str) -> list[dict[str, Any]]:
    """What each child had acknowledged when it was killed; the last one came through."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), mode],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def whole_groups(store: SqliteStore) -> int:
    """How many groups the study holds; every one of them whole."""
    study = store.load("x")
    assert study.state is StudyState.INTERRUPTED
    groups = len(study.events)
    assert [event.text for event in study.events] == [str(k + 1) for k in range(groups)]
    assert len(study.advances) == groups
    assert [run.target for run in study.runs] == [groups] * (2 if groups else 0)
    for run in study.runs:
        assert [record.step for record in run.records] == list(range(groups * POINTS))
    return groups


def goes_on(store: SqliteStore) -> None:
    """The next holder sends everything again, and nothing is doubled or different."""
    ledger = store.open("x")
    events = len(ledger.study.events)
    WRITER["write_groups"](ledger, lambda _: None)
    ledger.close()
    study = store.load("x")
    assert [len(run.records) for run in study.runs] == [max(events, GROUPS) * POINTS] * 2
    assert [event.kind for event in study.events] == ["group"] * (events + GROUPS)


def test_killed_before_any_statement_of_a_commit(tmp_path: Path) -> None:
    writers = killed_writers(tmp_path, "statement")
    assert [writer["status"] for writer in writers] == [-signal.SIGKILL] * (len(writers) - 1) + [0]
    assert {writer["acknowledged"] for writer in writers} == set(range(GROUPS + 1))
    assert len(writers) > GROUPS * (2 + 2 + 2 * POINTS + 2)  # begin, commit, runs, records, advance, event
    for writer in writers:
        store = SqliteStore(writer["folder"])
        assert whole_groups(store) == writer["acknowledged"]
    for writer in writers[::10]:
        goes_on(SqliteStore(writer["folder"]))


def test_killed_at_any_moment(tmp_path: Path) -> None:
    for writer in killed_writers(tmp_path, "moment"):
        assert writer["status"] == -signal.SIGKILL
        store = SqliteStore(writer["folder"])
        assert whole_groups(store) - writer["acknowledged"] in (
            0,
            1,
        )  # committed, but killed before it said so
        goes_on(store)


@pytest.mark.parametrize("action", ["create", "close", "open", "delete"])
def test_killed_before_any_line_that_touches_files(tmp_path: Path, action: str) -> None:
    writers = killed_writers(tmp_path, action)
    assert [writer["status"] for writer in writers] == [-signal.SIGKILL] * (len(writers) - 1) + [0]
    assert len(writers) > 20
    exists = []
    for writer in writers:
        store = SqliteStore(writer["folder"])
        exists.append("x" in store.names())
        if exists[-1]:
            assert whole_groups(store) == (0 if action == "create" else GROUPS)
            goes_on(store)
        else:
            with pytest.raises(NotFoundError, match="none of that name"):
                store.load("x")
            store.create(example_study()).close()
            goes_on(store)
    if action == "create":
        assert exists == sorted(exists)
        assert exists[0] is False
    elif action == "delete":
        assert exists == sorted(exists, reverse=True)
        assert exists[-1] is False
    else:
        assert all(exists)


def test_a_half_done_change_is_undone_by_the_next_reader(tmp_path: Path) -> None:
    """The instant in which the file changes its journal mode, as a rollback journal that a killed writer left."""
    store = SqliteStore(tmp_path)
    store.create(example_study()).close()
    script = (
        "import os, signal, sqlite3, sys\n"
        "raw = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "raw.execute('PRAGMA cache_size=1')\n"
        "raw.execute('BEGIN IMMEDIATE')\n"
        "raw.execute(\"UPDATE study SET task = 'half'\")\n"
        "raw.executemany('INSERT INTO events VALUES (?, ?)', [(i, 'x' * 4000) for i in range(1, 100)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x.sqlite")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "x.sqlite-journal").stat().st_size > 0
    (summary,) = store.summaries()
    assert (summary.problem, summary.task) == ("", "mlp on digits")
    assert store.load("x").events == ()
    store.open("x").close()
