"""``lrlab import``."""

from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli import options
from lrlab.cli.output import Output
from lrlab.readers.names import parse_columns


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="What lrlab export has written as .json; or a table of trainings: .csv, .tsv, .jsonl or .parquet.",
            show_default=False,
        ),
    ],
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name it; by default as it was, or as the table.", show_default=False
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="What is compared in a table; by default val_loss.", show_default=False),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Length of a full training in a table, in units; by default the longest one's.",
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="epoch|step",
            help="What a table counts, where it has columns of both.",
            show_default=False,
        ),
    ] = None,
    epochs_from: Annotated[
        int | None,
        typer.Option(
            metavar="0|1", help="Where a table's epochs begin; by default 0 if one is 0.", show_default=False
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN",
            help="What a table calls lr, seed, epoch, step or a metric, where lrlab does not know it; repeatable.",
            show_default=False,
        ),
    ] = None,
    reduce: Annotated[
        str | None,
        typer.Option(
            metavar="best|last",
            help="A run's score: its best value, or its last; best by default.",
            show_default=False,
        ),
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Take in an exported study, or get the answer of a grid that you have trained already.

    A table has a column lr and the metric; with a column epoch or step a row is a point of a curve, without one it is
    a whole run with its final score. Runs at the same rate are told apart by a column seed.
    """
    from lrlab.api.engines import open_lab
    from lrlab.api.import_study import import_study
    from lrlab.api.results import Answer
    from lrlab.cli import answers

    output = Output(json=json, quiet=quiet)
    made = import_study(
        file,
        study=study,
        store=store,
        metric=metric,
        budget=budget,
        unit=unit,
        epochs_from=epochs_from,
        columns=parse_columns(column) if column else None,
        reduce=reduce,
    )
    output.note(f"Study {made.name} holds {len(made.runs)} runs now.")
    answers.show(output, Answer.of(open_lab(store).answer(made), made))
    output.note(f"Every curve: {answers.command('report', made.name, store)} -o report.html")
