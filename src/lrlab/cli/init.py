"""``lrlab init``."""

from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli.options import Json, Quiet
from lrlab.cli.output import Output
from lrlab.core.errors import ConflictError


def init(
    force: Annotated[bool, typer.Option("--force", help="Replace the lrlab.toml that is here.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a commented lrlab.toml with one target into this folder."""
    from lrlab.api.first_project import first_project
    from lrlab.api.project import FILE
    from lrlab.api.whole_file import write_file

    output = Output(json=json, quiet=quiet)
    path = Path.cwd() / FILE
    if (path.exists() or path.is_symlink()) and not force:
        raise ConflictError(
            f"init: there is a {FILE} here already.",
            hint="Add a [target.NAME] to it, or replace it with --force.",
        )
    first = first_project(path.parent)
    write_file(path, first.text.encode())
    output.result(FILE)
    if first.seen:
        output.note(f"Seen here: {first.seen}")
    output.note(f"Next: {first.to_do}")
    output.note(f"Then: lrlab targets, and lrlab sweep {first.target}")
    output.document(
        "init", {"path": str(path), "target": first.target, "seen": first.seen, "to_do": first.to_do}
    )
