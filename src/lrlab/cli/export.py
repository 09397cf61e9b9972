"""``lrlab export``."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated

import typer

from lrlab.cli import options
from lrlab.cli.output import Output
from lrlab.core.errors import SpecError
from lrlab.core.record import Record
from lrlab.core.run import Run


def export(
    name: options.StudyName,
    file: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where; its suffix tells the format. - is the output, as is a pipe; else by default STUDY.csv.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="csv|json|parquet",
            help="CSV and Parquet are tables for other programs; JSON keeps everything, for lrlab import.",
            show_default=False,
        ),
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            metavar="points|runs",
            help="Rows of a table: every point of every run, or a row a run; by default points.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    store: options.Store = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a study into a file for other programs, with every point and every digit."""
    from lrlab.api.engines import open_store
    from lrlab.api.export import export_study, need_pyarrow, write_study
    from lrlab.api.export import plan as planned

    output = Output(json=json, quiet=quiet)
    named = file if file not in (None, "-") else None
    plan = planned(named, form=form, what=what)
    streams = file == "-" or (file is None and plan.form != "parquet" and not sys.stdout.isatty())
    if streams and json:
        raise SpecError(
            "export: --json tells about a file that is written, and none is named.",
            hint="Name one with -o FILE. The study itself as JSON: --format json.",
        )
    if plan.form == "parquet":
        need_pyarrow()
    path = Path(named or f"{name}.{plan.form}")

    with open_store(store).snapshot(name) as snapshot:

        def records(run: Run) -> Iterable[Record]:
            return snapshot.records(run.key)

        if streams:
            with _pipe() as pipe:
                write_study(snapshot.study, pipe, plan=plan, records=records)
            return
        export_study(snapshot.study, path, plan=plan, records=records, force=force)
    output.result(str(path))
    output.document(
        "exported",
        {
            "study": name,
            "path": str(path),
            "format": plan.form,
            "what": plan.what,
            "bytes": path.stat().st_size,
        },
    )


@contextlib.contextmanager
def _pipe() -> Iterator[IO[bytes]]:
    """The output, for bytes; a reader that has seen enough and goes, such as ``head``, is no error."""
    sys.stdout.flush()
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in buffers goes nowhere
