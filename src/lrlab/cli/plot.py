"""``lrlab plot``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrlab.cli.options import Json, Store, StudyName, check_word
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.core.errors import SpecError

if TYPE_CHECKING:
    from lrlab.core.answer import Answer
    from lrlab.core.study import Study


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
    chart_name: Annotated[
        str,
        typer.Option(
            "--chart", help="Which: u-curve, curves (over training), or timeline (where the cost went)."
        ),
    ] = "u-curve",
    store: Store = None,
    json: Json = False,
) -> None:
    """Draw the score over the learning rate, the learning curves, or where the cost went."""
    from lrlab.api.engines import open_lab
    from lrlab.api.results import Answer
    from lrlab.api.whole_file import write_file
    from lrlab.report import pictures
    from lrlab.report.charts import u_curve
    from lrlab.report.text import terminal_plot

    check_word("plot", "--chart", chart_name, ("u-curve", "curves", "timeline"))
    if chart_name != "u-curve" and (file is None or file.suffix.lower() not in (".png", ".svg")):
        raise SpecError(
            f"plot: --chart {chart_name} is drawn into a picture, got {'no file' if file is None else file.name}.",
            hint=f"Such as: lrlab plot {name} --chart {chart_name} -o {chart_name}.svg",
        )
    output = Output(json=json)
    lab = open_lab(store)
    study = lab.study(name)
    answer = Answer.of(lab.answer(study), study)
    chart: Any = u_curve(answer)
    if chart_name != "u-curve" and file is not None:
        chart, figure = _drawn(chart_name, answer, study)
        write_file(
            file, pictures.png(figure) if file.suffix.lower() == ".png" else pictures.svg(figure).encode()
        )
        output.result(str(file))
    elif file is None:
        output.result(terminal_plot(chart, width=width(), unicode=speaks_unicode(sys.stdout)))
    else:
        answer.plot(file)
        output.result(str(file))
    path = str(file) if file is not None else None
    output.document("plot", {"study": name, "path": path, "chart": asdict(chart)})


def _drawn(name: str, answer: "Answer", study: "Study") -> tuple[Any, Any]:
    """A chart and its picture."""
    from lrlab.report.curves import learning_curves
    from lrlab.report.pictures import curves_picture
    from lrlab.report.timeline import timeline
    from lrlab.report.timeline_picture import timeline_picture

    if name == "curves":
        lines = learning_curves(answer)
        return lines, curves_picture(lines)
    slices = timeline(study)
    return slices, timeline_picture(slices)
