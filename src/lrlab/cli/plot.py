"""``lrlab plot``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli.options import Json, Store, StudyName
from lrlab.cli.output import Output, speaks_unicode, width


def plot(
    name: StudyName,
    file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write a picture (.png, .svg) or an interactive page (.html); by default to the terminal.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Draw the score over the learning rate."""
    from lrlab.api.engines import open_lab
    from lrlab.api.results import Answer
    from lrlab.report.charts import u_curve
    from lrlab.report.text import terminal_plot

    output = Output(json=json)
    lab = open_lab(store)
    study = lab.study(name)
    answer = Answer.of(lab.answer(study), study)
    chart = u_curve(answer)
    if file is None:
        output.result(terminal_plot(chart, width=width(), unicode=speaks_unicode(sys.stdout)))
    else:
        answer.plot(file)
        output.result(str(file))
    path = str(file) if file is not None else None
    output.document("plot", {"study": name, "path": path, "chart": asdict(chart)})
