"""What became of commands."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table of replies."""
    op.create_table(
        "replies",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
