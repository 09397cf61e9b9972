"""Brings the file of an older lrlab to today's schema."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

from lrlab.store import schema
from lrlab.store.database import explained, schema_version

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
        version = schema_version(connection)
        command.stamp(config, f"{version:04}" if version else "base")
        command.upgrade(config, "head")
        connection.exec_driver_sql(f"PRAGMA user_version={schema.SCHEMA_VERSION}")
