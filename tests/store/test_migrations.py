"""From every older schema to today's."""

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from lrlab.core.errors import StoreError
from lrlab.store import migrate, schema, version
from lrlab.store.database import connect, schema_version
from lrlab.store.engine import _connect, new_database, raw_connection
from lrlab.store.sql import SqliteStore
from lrlab.store.version import SCHEMA_VERSION
from lrlab.testing.store_values import EXAMPLE_RUN, example_points, example_study

NEXT = """
from alembic import op
revision = "{next:04}"
down_revision = "{last:04}"
def upgrade():
    op.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
    op.execute("UPDATE study SET task = 'migrated'")
    {statement}
"""


def tables(connection: sqlalchemy.Connection) -> dict[str, str]:
    """Table and index names with what made them, Alembic's own table left out."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'alembic%'"
    ).all()
    own = {name: re.sub(r"\s+", " ", sql or "") for name, sql in rows}
    return {name: sql for name, sql in own.items() if not name.startswith("sqlite_autoindex_alembic")}


def test_migrations_from_nothing_make_the_schema(tmp_path: Path) -> None:
    (tmp_path / "old.sqlite").touch()
    with _connect(tmp_path / "old.sqlite") as old:
        migrate.migrate(tmp_path / "old.sqlite", old)
        assert compare_metadata(MigrationContext.configure(old), schema.metadata) == []
        old.rollback()
        assert schema_version(raw_connection(old)) == SCHEMA_VERSION
        with new_database(tmp_path / "new.sqlite") as new:
            assert tables(old) == tables(new)
    connect(tmp_path / "old.sqlite", write=False).close()


def test_there_is_a_migration_for_every_version() -> None:
    files = sorted(path.name[:4] for path in (migrate.SCRIPTS / "versions").glob("*.py"))
    assert files == [f"{version:04}" for version in range(1, SCHEMA_VERSION + 1)]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    store = SqliteStore(tmp_path / "studies")
    ledger = store.create(example_study())
    ledger.write_run(EXAMPLE_RUN)
    ledger.append(EXAMPLE_RUN.key, 0, example_points(3))
    ledger.close()
    return store


NOW = SCHEMA_VERSION


def in_the_future(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, statement: str) -> None:
    """As an lrlab with the next schema, whose migration ends with ``statement``."""
    shutil.copytree(migrate.SCRIPTS, tmp_path / "100 % migrations")
    (tmp_path / "100 % migrations" / "versions" / "9999_next.py").write_text(
        NEXT.format(next=NOW + 1, last=NOW, statement=statement)
    )
    monkeypatch.setattr(migrate, "SCRIPTS", tmp_path / "100 % migrations")
    monkeypatch.setattr(version, "SCHEMA_VERSION", NOW + 1)


def header(store: SqliteStore) -> tuple[int, str, int]:
    """Schema version, task and number of tables of notes, as they stand in the file."""
    raw = sqlite3.connect(store.folder / "x.sqlite")
    (version,) = raw.execute("PRAGMA user_version").fetchone()
    (task,) = raw.execute("SELECT task FROM study").fetchone()
    (notes,) = raw.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'").fetchone()
    raw.close()
    return version, task, notes


def test_opening_migrates_and_goes_on(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_the_future(monkeypatch, tmp_path, "pass")
    assert header(store) == (NOW, "mlp on digits", 0)
    ledger = store.open("x")
    assert ledger.study.task == "migrated"
    assert ledger.append(EXAMPLE_RUN.key, 0, example_points(4)) == 1
    ledger.close()
    assert header(store) == (NOW + 1, "migrated", 1)
    assert len(store.load("x").runs[0].records) == 4
    store.open("x").close()


def test_a_migration_that_fails_changes_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_the_future(monkeypatch, tmp_path, 'op.execute("INSERT INTO missing VALUES (1)")')
    with pytest.raises(StoreError, match="no such table: missing"):
        store.open("x")
    assert header(store) == (NOW, "mlp on digits", 0)
    monkeypatch.undo()
    store.open("x").close()


def test_alembic_stays_away_where_nothing_is_to_migrate(store: SqliteStore) -> None:
    script = (
        "import sys\n"
        "import lrlab\n"
        "assert 'sqlalchemy' not in sys.modules\n"
        "from lrlab.store.sql import SqliteStore\n"
        "store = SqliteStore(sys.argv[1])\n"
        "store.summaries(), store.load('x')\n"
        "store.open('x').close()\n"
        "assert 'sqlalchemy' in sys.modules and 'alembic' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(store.folder)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
