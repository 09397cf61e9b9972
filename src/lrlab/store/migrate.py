"""Brings the file of an older lrlab to today's schema."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

from lrlab.store import version
from lrlab.store.database import explained, schema_version
from lrlab.store.engine import raw_connection

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(path: Path, connection: sqlalchemy.Connection) -> None:
    """Run the migrations that the file at ``path`` lacks, all in one transaction.

    ``user_version`` alone says which schema a file has: migration ``0001`` makes version 1, and so on.
    Alembic's own table is set from it first.

    Raises:
        StoreError: If it fails; the file is as it was.
    """
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with explained(path), connection.begin():
        number = schema_version(raw_connection(connection))
        command.stamp(config, f"{number:04}" if number else "base")
        command.upgrade(config, "head")
        connection.exec_driver_sql(f"PRAGMA user_version={version.SCHEMA_VERSION}")
