"""``lrlab report``."""

from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli.options import Json, Quiet, Store, StudyName
from lrlab.cli.output import Output


def report(
    name: StudyName,
    file: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.html", help="Where; by default STUDY.html.", show_default=False
        ),
    ] = None,
    store: Store = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a study as one HTML file that opens without a network."""
    from lrlab.api.engines import open_lab
    from lrlab.api.results import Answer

    output = Output(json=json, quiet=quiet)
    lab = open_lab(store)
    study = lab.study(name)
    path = Answer.of(lab.answer(study), study).report(file or f"{name}.html")
    output.result(str(path))
    output.document("report", {"study": name, "path": str(path), "bytes": path.stat().st_size})
