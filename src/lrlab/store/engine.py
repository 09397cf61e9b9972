"""Connections of who writes a study's file: SQLAlchemy's, so that one schema serves every database."""

import os
import sqlite3
from pathlib import Path

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.pool import NullPool

from lrlab.store import database, schema, version
from lrlab.store.database import explained


def writer(path: Path) -> sqlalchemy.Connection:
    """A checked connection to the file at ``path``, which exists; for the process that asks only.

    Raises:
        ConflictError, StoreError: As ``database.connect``.
    """
    with explained(path):
        connection = _connect(path)
        try:
            database.check(path, raw_connection(connection))
        except BaseException:
            connection.close()
            raise
    return connection


def new_database(path: Path) -> sqlalchemy.Connection:
    """A connection to a new file at ``path`` that holds the empty tables; only its owner may read it.

    Errors are those of the database and the system: the caller knows which study they belong to.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    connection = _connect(path)
    try:
        with connection.begin():
            schema.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id={version.APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version={version.SCHEMA_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> sqlalchemy.Connection:
    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: database.opened(path, write=True), poolclass=NullPool
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine.connect()


def raw_connection(connection: sqlalchemy.Connection) -> sqlite3.Connection:
    """The driver's own connection, for what must happen outside a transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw
