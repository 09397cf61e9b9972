"""A disk that is full, a folder that cannot be written, files that are none of ours."""

import errno
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrlab.core.command import Command
from lrlab.core.errors import ConflictError, NotFoundError, StoreError
from lrlab.core.outcome import StudyState
from lrlab.store.engine import raw_connection
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_values import EXAMPLE_RUN, example_points, example_study, same_records

KEY = EXAMPLE_RUN.key


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "studies")


@pytest.fixture
def closed(store: SqliteStore) -> SqliteStore:
    """A store with study ``x``, which has one run of 500 records."""
    ledger = store.create(example_study())
    ledger.write_run(EXAMPLE_RUN)
    ledger.append(KEY, 0, example_points(500))
    ledger.close()
    return store


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process can grow beyond ``size`` bytes: the system's own "disk full"."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def edit(store: SqliteStore, statement: str, name: str = "x") -> None:
    """Change the file behind lrlab's back."""
    raw = sqlite3.connect(store.folder / f"{name}.sqlite")
    raw.execute(statement)
    raw.commit()
    raw.close()


class TestFullDisk:
    def test_what_is_acknowledged_is_safe_and_flush_goes_on_later(self, store: SqliteStore) -> None:
        ledger = store.create(example_study())
        ledger.write_run(EXAMPLE_RUN)
        ledger.append(KEY, 0, example_points(10))
        ledger.flush()
        raw = raw_connection(ledger._connection)
        raw.execute("PRAGMA max_page_count=12")
        ledger.append(KEY, 10, example_points(5_000, start=10))
        ledger.note("kind", "text")
        for write in (ledger.flush, ledger.tick, ledger.flush):
            with pytest.raises(
                StoreError, match=r"x\.sqlite: cannot be written, the disk is full.*Free some space"
            ):
                write()
        assert ledger.acknowledged[KEY] == 10
        seen = store.load("x")
        assert (len(seen.runs[0].records), seen.events) == (10, ())
        ledger.append(KEY, 5_010, example_points(1, start=5_010))
        raw.execute("PRAGMA max_page_count=1000000")
        ledger.flush()
        assert ledger.acknowledged[KEY] == 5_011
        ledger.close()
        seen = store.load("x")
        assert same_records(seen.runs[0].records, example_points(5_011))
        assert len(seen.events) == 1

    def test_the_same_where_the_system_refuses(self, store: SqliteStore) -> None:
        ledger = store.create(example_study())
        ledger.write_run(EXAMPLE_RUN)
        ledger.append(KEY, 0, example_points(10))
        ledger.flush()
        ledger.append(KEY, 10, example_points(10_000, start=10))
        with largest_file(100_000):
            for _ in range(3):
                with pytest.raises(StoreError, match=r"x\.sqlite: .*what was acknowledged is safe"):
                    ledger.flush()
            assert len(store.load("x").runs[0].records) == 10
        ledger.flush()
        ledger.close()
        assert same_records(store.load("x").runs[0].records, example_points(10_010))

    def test_conclude_keeps_what_it_was_told(self, store: SqliteStore) -> None:
        ledger = store.create(example_study())
        raw = raw_connection(ledger._connection)
        raw.execute("PRAGMA max_page_count=1")
        ledger.note("kind", "x" * 60_000)
        with pytest.raises(StoreError, match="the disk is full"):
            ledger.conclude(StudyState.FINISHED, None)
        raw.execute("PRAGMA max_page_count=1000000")
        ledger.flush()
        assert store.load("x").state is StudyState.FINISHED
        ledger.close()

    def test_close_says_so_and_gives_the_lock_back(self, store: SqliteStore) -> None:
        ledger = store.create(example_study())
        raw_connection(ledger._connection).execute("PRAGMA max_page_count=1")
        ledger.note("kind", "x" * 60_000)
        with pytest.raises(StoreError, match="the disk is full"):
            ledger.close()
        ledger.close()
        ledger = store.open("x")
        assert ledger.study.events == ()
        ledger.close()

    def test_nothing_is_left_where_a_study_cannot_begin(self, store: SqliteStore) -> None:
        with largest_file(4_096), pytest.raises(StoreError, match=r"x\.sqlite: "):
            store.create(example_study())
        assert store.names() == ()
        store.create(example_study()).close()


class TestFolder:
    def test_everything_is_for_its_owner_only(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            store = SqliteStore(tmp_path / "a" / "studies")
            ledger = store.create(example_study())
            ledger.write_run(EXAMPLE_RUN)
            ledger.flush()
            assert store.send("x", Command(kind="stop"))
            modes = {
                str(path.relative_to(store.folder)): oct(stat.S_IMODE(path.stat().st_mode))
                for path in (store.folder, *store.folder.rglob("*"))
            }
            (command,) = (name for name in modes if name.startswith("x.files/commands/"))
            assert modes == {
                ".": "0o700",
                "x.files": "0o700",
                "x.files/checkpoints": "0o700",
                "x.files/commands": "0o700",
                command: "0o600",
                "x.files/holder.json": "0o600",
                "x.lock": "0o600",
                "x.sqlite": "0o600",
                "x.sqlite-shm": "0o600",
                "x.sqlite-wal": "0o600",
            }
            ledger.close()
        finally:
            os.umask(before)

    def test_a_closed_study_is_one_plain_file(self, closed: SqliteStore, tmp_path: Path) -> None:
        closed.load("x")
        closed.summaries()
        files = sorted(path.name for path in closed.folder.iterdir() if path.is_file())
        assert files == ["x.lock", "x.sqlite"]
        (tmp_path / "moved").mkdir()
        shutil.copy(closed.folder / "x.sqlite", tmp_path / "moved")
        moved = SqliteStore(tmp_path / "moved")
        assert moved.load("x") == closed.load("x")
        (moved.folder / "x.sqlite").rename(moved.folder / "x-copy.sqlite")
        assert (moved.names(), moved.load("x-copy").name) == (("x-copy",), "x-copy")
        ledger = moved.open("x-copy")
        assert ledger.append(KEY, 0, example_points(501)) == 1
        ledger.close()

    def test_a_deleted_study_leaves_nothing(self, closed: SqliteStore) -> None:
        closed.delete("x")
        assert list(closed.folder.iterdir()) == []

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "studies").write_text("")
        store = SqliteStore(tmp_path / "studies")
        for refused in (
            lambda: store.create(example_study()),
            store.names,
            store.summaries,
            lambda: store.load("x"),
            lambda: store.open("x"),
        ):
            with pytest.raises(StoreError, match=r"studies: cannot be opened.*Check that the store's folder"):
                refused()

    def test_a_folder_that_cannot_be_written(self, closed: SqliteStore) -> None:
        """As another user where the tests run as root, whom no permission stops; reading still works."""
        script = (
            "import os, sys\n"
            "import filelock, psutil, lrlab.store.ledger\n"
            "from lrlab.core.errors import StoreError\n"
            "from lrlab.store.sql import SqliteStore\n"
            "from lrlab.testing.store_values import example_study\n"
            "SqliteStore(sys.argv[1]).load('x')  # what is imported late must be there before the rights go\n"
            "if os.geteuid() == 0:\n"
            "    os.chown(sys.argv[1] + '/x.sqlite', 65534, -1)\n"
            "    os.chdir(sys.argv[1])\n"
            "    os.setuid(65534)\n"
            "store = SqliteStore('.')\n"
            "for write in (lambda: store.create(example_study('y')), lambda: store.open('x'),\n"
            "              lambda: store.delete('x')):\n"
            "    try:\n"
            "        write()\n"
            "    except StoreError as error:\n"
            "        print('refused', error)\n"
            "print(len(store.load('x').runs[0].records), store.summaries()[0].problem)\n"
        )
        closed.folder.chmod(0o555)
        (closed.folder / "x.lock").chmod(0o444)
        ancestors = [path for path in closed.folder.parents if not path.stat().st_mode & stat.S_IXOTH]
        for path in ancestors:  # pytest's own folder is closed to other users
            path.chmod(0o711)
        try:
            done = subprocess.run(
                [sys.executable, "-c", script, str(closed.folder)],
                check=False,
                capture_output=True,
                text=True,
                cwd=closed.folder,
            )
        finally:
            for path in ancestors:
                path.chmod(0o700)
            closed.folder.chmod(0o700)
        assert done.returncode == 0, done.stderr
        *refused, read = done.stdout.splitlines()
        assert read == "500 "
        assert len(refused) == 3
        assert all("cannot be written, permission is missing" in line for line in refused)

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (errno.ENOSPC, "the disk is full"),
            (errno.EDQUOT, "the disk is full"),
            (errno.EROFS, "permission is missing"),
            (errno.EIO, "cannot be opened"),
        ],
    )
    def test_what_the_system_says_is_explained(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch, number: int, text: str
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        ledger = store.create(example_study())
        with monkeypatch.context() as patch:
            patch.setattr("lrlab.store.files.os.fsync", refuse)
            with pytest.raises(StoreError, match=text):
                store.send("x", Command(kind="stop"))
        assert ledger.commands() == ()
        ledger.close()


class TestStrangeFiles:
    def test_files_that_are_no_studies_are_named_in_the_list_and_left_alone(
        self, closed: SqliteStore
    ) -> None:
        edit(closed, "CREATE TABLE study (id)", "foreign")
        (closed.folder / "text.sqlite").write_text("no database " * 100)
        (closed.folder / "empty.sqlite").write_bytes(b"")
        (closed.folder / "folder.sqlite").mkdir()
        (closed.folder / "an odd name.sqlite").write_text("")
        (closed.folder / "notes.txt").write_text("")
        problems = {summary.name: summary.problem for summary in closed.summaries()}
        assert next(iter(problems)) == "x"
        assert problems.pop("x") == ""
        assert sorted(problems) == ["empty", "folder", "foreign", "text"]
        assert "folder.sqlite: " in problems.pop("folder")
        for name, problem in problems.items():
            assert f"{name}.sqlite: is not a study of lrlab" in problem
            before = (closed.folder / f"{name}.sqlite").read_bytes()
            for method in (closed.load, closed.open, closed.delete):
                with pytest.raises(StoreError, match="is not a study of lrlab"):
                    method(name)
            with pytest.raises(ConflictError, match="taken"):
                closed.create(example_study(name))
            assert (closed.folder / f"{name}.sqlite").read_bytes() == before

    def test_a_newer_schema_is_refused_with_the_way_out(self, closed: SqliteStore) -> None:
        edit(closed, "PRAGMA user_version=99")
        for method in (closed.load, closed.open):
            with pytest.raises(ConflictError, match=r"newer lrlab.*schema 99.*pip install -U lrlab"):
                method("x")
        assert "newer lrlab" in closed.summaries()[0].problem
        closed.delete("x")

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM study",
            "DELETE FROM records WHERE seq = 250",
            "DELETE FROM runs",
            "DROP TABLE events",
            "UPDATE study SET question = '{'",
            "UPDATE study SET state = 'odd'",
            "UPDATE study SET target = '[]'",
            "UPDATE study SET created = 'long ago'",
            'UPDATE runs SET value = \'{"lr": "x"}\'',
            'UPDATE records SET value = \'{"at": -1, "metrics": {}}\' WHERE seq = 3',
            'UPDATE records SET value = \'{"at":1,"metrics":{}},{"at":1,"metrics":{}}\' WHERE seq = 3',
            "UPDATE records SET value = CAST(x'ff' AS TEXT) WHERE seq = 3",
            "CREATE VIEW v AS SELECT 1",
            "CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END",
        ],
    )
    def test_content_that_makes_no_sense_is_damage(self, closed: SqliteStore, statement: str) -> None:
        edit(closed, statement)
        for method in (closed.load, closed.open):
            with pytest.raises(StoreError, match=r"x\.sqlite: the study's file is damaged"):
                method("x")
        closed.delete("x")
        assert closed.names() == ()

    def test_a_damaged_page_is_found_before_anything_is_written(self, closed: SqliteStore) -> None:
        path = closed.folder / "x.sqlite"
        content = bytearray(path.read_bytes())
        content[5 * 4096 : 6 * 4096] = b"\xa5" * 4096
        path.write_bytes(content)
        with pytest.raises(StoreError, match="damaged"):
            closed.open("x")
        assert path.read_bytes() == content
        closed.delete("x")

    def test_every_truncated_file_is_refused(self, closed: SqliteStore) -> None:
        path = closed.folder / "x.sqlite"
        content = path.read_bytes()
        for size in (1, 99, 4096, len(content) // 2, len(content) - 4096):
            path.write_bytes(content[:size])
            with pytest.raises(StoreError, match=r"damaged|is not a study|cannot be read"):
                closed.open("x")
        path.write_bytes(content)
        closed.open("x").close()

    def test_a_missing_database_is_a_missing_study(self, closed: SqliteStore) -> None:
        (closed.folder / "x.sqlite").unlink()
        with pytest.raises(NotFoundError, match="none of that name"):
            closed.open("x")
        ledger = closed.create(example_study(task="another"))
        assert ledger.study.task == "another"
        ledger.close()
