"""Studies and stores that are not what they should be are refused, and stay as they were."""

import os
import sqlite3
from pathlib import Path

import pytest

from lrlab.api.sweep import resume
from lrlab.core.errors import ConflictError, NotFoundError, SpecError, StoreError
from lrlab.store.sql import SqliteStore
from tests.api.asking import ask


def another(run):
    for _ in run.units():
        run.report(val_loss=1.0)


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
        ({"lr": (1e-4, 1.0)}, "lr was 1e-3:1, now 1e-4:1"),
        ({"seed": 3}, "seed was 0, now 3"),
        ({"metric": "val_loss:max"}, "metric was val_loss:min, now val_loss:max"),
        ({"searcher": "grid:5"}, "searcher was race, now grid:5"),
        ({"what": another}, "the training code or its settings have changed"),
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
