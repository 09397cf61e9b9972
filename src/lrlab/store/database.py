"""Connections to a study's database file, and what its errors mean.

Nothing here needs SQLAlchemy, so that lists and runs of studies are shown without the third of a second that importing it
takes; ``store/engine.py`` is for who writes.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lrlab.core.errors import ConflictError, StoreError
from lrlab.store import version

PATIENCE_S = 10.0  # how long a connection waits for a file that another one has locked
_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # an acknowledged record survives a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",  # a file may come from anybody
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",
)


def connect(path: Path, *, write: bool = False, patience_s: float | None = None) -> sqlite3.Connection:
    """A checked connection to the file at ``path``, which exists; for the process that asks only.

    A reader works beside a writer and sees what is committed. At most one process may write at any time: its
    lock sees to that, and the SQLite of many systems needs it (WAL-reset bug, fixed in 3.51.3).

    Args:
        path: Of the file.
        write: Whether it is to be written.
        patience_s: How long it waits while another program has locked the file; None: ``PATIENCE_S``.

    Raises:
        ConflictError: If a newer lrlab wrote the file.
        StoreError: If it cannot be opened or is no study.
    """
    with explained(path):
        connection = opened(path, write=write, patience_s=patience_s)
        try:
            check(path, connection)
        except BaseException:
            connection.close()
            raise
    return connection


def opened(path: Path, *, write: bool, patience_s: float | None = None) -> sqlite3.Connection:
    """A connection to the file at ``path``, whatever it is; errors are those of the database."""
    address = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"
    # The isolation level None keeps the driver from beginning transactions by itself.
    raw = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    waits = f"PRAGMA busy_timeout={round(1000 * (PATIENCE_S if patience_s is None else patience_s))}"
    for pragma in (waits, *_PRAGMAS, f"PRAGMA query_only={'OFF' if write else 'ON'}"):
        raw.execute(pragma)
    return raw


def check(path: Path, raw: sqlite3.Connection) -> None:
    """Refuse what is no study, or one of a newer lrlab; raises as ``connect``."""
    _check_application(path, raw)
    _check_schema(path, raw)


@contextmanager
def one_moment(raw: sqlite3.Connection) -> Iterator[None]:
    """Everything that is read inside is as one moment saw it; inside of another one it is that one's."""
    if raw.in_transaction:
        yield
        return
    raw.execute("BEGIN")
    try:
        yield
    finally:
        raw.rollback()  # nothing was written; where the database gave up by itself there is nothing to end


def use_wal(path: Path, raw: sqlite3.Connection) -> None:
    """Let readers and the writer work side by side.

    Raises:
        StoreError: If the file system cannot do that.
    """
    with explained(path):
        (mode,) = raw.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            f"{path}: the file system cannot share memory between processes, which the database needs.",
            hint="Keep studies on a local disk.",
        )


def leave_wal(raw: sqlite3.Connection) -> None:
    """Make the study one plain file again, unless somebody reads it at this moment."""
    raw.execute("PRAGMA busy_timeout=0")
    try:
        raw.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        return  # every committed group is safe in the WAL, too, and the next close tries again


def check_pages(path: Path, raw: sqlite3.Connection) -> None:
    """Look at the structure of the whole file.

    Raises:
        StoreError: If it is damaged.
    """
    with explained(path):
        (finding,) = raw.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise damaged(path, finding)


def damaged(path: Path, detail: object) -> StoreError:
    """The error for a file whose content makes no sense."""
    return StoreError(
        f"{path}: the study's file is damaged.",
        why=f"({detail})",
        hint="Nothing was changed. Restore it from a backup, or delete the study.",
    )


def check_ours(path: Path) -> None:
    """Refuse a file that lrlab did not make; a damaged study passes.

    Raises:
        StoreError: If it is none of ours.
    """
    with explained(path), closing(opened(path, write=False)) as raw:
        _check_application(path, raw)


def needs_rollback(error: StoreError) -> bool:
    """Whether a reader was refused because a killed writer left a change half done, which a writer undoes."""
    return _code(error) == sqlite3.SQLITE_READONLY_ROLLBACK


def in_use(error: BaseException) -> bool:
    """Whether another program has locked the file: later it can be read."""
    return _code(error) & 0xFF in _IN_USE


def _code(error: BaseException) -> int:
    """What the driver's own error says, behind one of lrlab; 0 where there is none."""
    cause = getattr(error.__cause__, "orig", error.__cause__)
    return int(getattr(cause, "sqlite_errorcode", 0))


def _check_application(path: Path, raw: sqlite3.Connection) -> None:
    if raw.execute("PRAGMA application_id").fetchone() != (version.APPLICATION_ID,):
        raise _foreign(path)


def schema_version(raw: sqlite3.Connection) -> int:
    """The version of the file's schema."""
    (number,) = raw.execute("PRAGMA user_version").fetchone()
    return int(number)


def _check_schema(path: Path, raw: sqlite3.Connection) -> None:
    # Views and triggers of a crafted file would run when it is read or written.
    (strange,) = raw.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')"
    ).fetchone()
    if strange:
        raise damaged(path, "it holds views or triggers, which no study has")
    number = schema_version(raw)
    if number > version.SCHEMA_VERSION:
        raise ConflictError(
            f"{path}: the study was written by a newer lrlab.",
            why=f"(It has schema {number}, this lrlab knows {version.SCHEMA_VERSION}.)",
            hint="Upgrade with pip install -U lrlab, or use another study.",
        )


def _foreign(path: Path, why: str = "") -> StoreError:
    return StoreError(
        f"{path}: is not a study of lrlab.", why=why, hint="Move the file out of the folder of studies."
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of the database and of the system into a StoreError that says what to do."""
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", error)  # SQLAlchemy wraps the driver's own error
        if not isinstance(cause, sqlite3.Error | OSError):
            raise
        raise _meaning(path, cause) from error


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def _meaning(path: Path, error: BaseException) -> StoreError:
    why = f"({type(error).__name__}: {error})"
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is the kind
    number = error.errno if isinstance(error, OSError) else None
    if code == sqlite3.SQLITE_FULL or number in _FULL:
        return StoreError(
            f"{path}: cannot be written, the disk is full.",
            why=why,
            hint="Free some space; what was acknowledged is safe, and writing goes on from there.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH) or number in _DENIED:
        return StoreError(
            f"{path}: cannot be written, permission is missing.",
            why=why,
            hint="Give yourself the right to write there, or choose another folder for the store.",
        )
    if code == sqlite3.SQLITE_CANTOPEN or number is not None:
        return StoreError(
            f"{path}: cannot be opened.",
            why=why,
            hint="Check that the store's folder is a folder you can use.",
        )
    if code in _IN_USE:
        return StoreError(
            f"{path}: another program has locked the file.", why=why, hint="Close that program and try again."
        )
    if code == sqlite3.SQLITE_NOTADB:
        return _foreign(path, why)
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"{path}: the disk refused to read or write.",
            why=why,
            hint="Check its free space and its health; what was acknowledged is safe, and writing can go on.",
        )
    return damaged(path, why.strip("()"))
