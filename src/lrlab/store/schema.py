"""Tables of a study's database file.

Values are JSON text (``lrlab.core.wire``), so that a new field with a default needs no migration; what a list
of studies or a query by hand wants to see has a column of its own. ``PRAGMA user_version`` is the schema's
version.
"""

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()

study = Table(
    "study",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("searcher", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("created", Float, nullable=False),  # seconds since 1970, UTC
    Column("state", Text, nullable=False),
    Column("question", Text, nullable=False),  # JSON of a Question
    Column("target", Text, nullable=False),  # JSON object
    Column("environment", Text, nullable=False),  # JSON object of strings
    Column("answer", Text),  # JSON of an Answer without its runs, or NULL
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),  # 1, 2, ... in the order in which they were first asked for
    Column("key", Text, nullable=False, unique=True),  # JSON of a RunKey
    Column("paid_units", Integer, nullable=False),
    Column("value", Text, nullable=False),  # JSON of a Run without its records
)

records = Table(
    "records",
    metadata,
    Column("run", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),  # 0, 1, ... without a gap
    Column("value", Text, nullable=False),  # JSON of a Record
    sqlite_with_rowid=False,
)

advances = Table(
    "advances",
    metadata,
    Column("id", Integer, primary_key=True),  # 1, 2, ...
    Column("value", Text, nullable=False),  # JSON of an Advance
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),  # 1, 2, ...
    Column("value", Text, nullable=False),  # JSON of an Event
)

replies = Table(
    "replies",
    metadata,
    Column("id", Text, primary_key=True),  # of a Command
    Column("value", Text, nullable=False),  # JSON of a Reply
)
