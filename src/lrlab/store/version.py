"""What a study's file says of itself; apart from the tables, so that a reader needs no SQLAlchemy."""

APPLICATION_ID = 0x6C726C62  # "lrlb": how a study's file is told from any other SQLite file
SCHEMA_VERSION = 2
