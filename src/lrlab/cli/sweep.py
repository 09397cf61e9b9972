"""``lrlab sweep``."""

from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli import options
from lrlab.cli.output import Output
from lrlab.core.errors import SpecError

_KINDS = ("python", "recipe")


def sweep(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="python: a function train(run). recipe: an lrlab.torch.Recipe, or a function that makes one.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Where it is: MODULE:NAME or FILE.py:NAME, seen from this folder.",
            show_default=False,
        ),
    ],
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Length of a full training, in units; a function needs it, a recipe has its own.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What is compared, such as val_loss; NAME:min or NAME:max where the name does not tell.",
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="epoch|step", help="What one run.report of a function ends.", show_default=False
        ),
    ] = None,
    lr: Annotated[
        str | None,
        typer.Option(
            metavar="LOW:HIGH",
            help="Rates to search, such as 1e-5:1e-1; by default the target's own range.",
            show_default=False,
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The optimizer of a function, a hint such as adamw.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="First seed.")] = 0,
    seeds: Annotated[int, typer.Option(metavar="N", help="Seeds of the final comparison.")] = 1,
    current_lr: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Your own rate: always one of the runs, and the answer says what it would lose.",
            show_default=False,
        ),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            metavar="RUNS", help="Price limit in full runs, the winner's included.", show_default=False
        ),
    ] = None,
    max_time: options.MaxTime = None,
    tolerance: Annotated[
        float, typer.Option(metavar="SHARE", help="Regret up to which a rate counts as safe.")
    ] = 0.02,
    reduce: Annotated[
        str, typer.Option(metavar="best|last", help="A run's score: its best value so far, or its last.")
    ] = "best",
    searcher: Annotated[
        str, typer.Option(metavar="NAME", help="race, grid:N, halving or halving:N.")
    ] = "race",
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name it; a study of that name is continued.", show_default=False),
    ] = None,
    store: options.Store = None,
    workers: options.Workers = None,
    memory: options.Memory = None,
    threads: options.Threads = 1,
    devices: options.Devices = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the learning rate that is best when trained to the end, and train it.

    Examples: lrlab sweep python train.py:train --budget 20 --metric val_loss, or
    lrlab sweep recipe mymodule:recipe --lr 1e-5:1e-1
    """
    if kind not in _KINDS:
        swapped = f" Did you mean: lrlab sweep python {kind}?" if ":" in kind else ""
        raise SpecError(
            f'sweep: KIND must be "python" or "recipe", got {kind!r}.{swapped}',
            hint="python: a function train(run); recipe: an lrlab.torch.Recipe.",
        )
    from lrlab.api import sweep as api
    from lrlab.cli.answers import give
    from lrlab.cli.watching import build_task, carry_out

    output = Output(json=json, quiet=quiet)
    settings = {"budget": budget, "metric": metric, "unit": unit, "optimizer": optimizer}
    named = {"kind": kind, "ref": target, "folder": str(Path.cwd())}
    known = named | {name: value for name, value in settings.items() if value is not None}
    answer = carry_out(
        api.sweep,
        build_task(known),
        output=output,
        lr=lr,
        seed=seed,
        seeds=seeds,
        workers=workers,
        searcher=searcher,
        max_cost=max_cost,
        max_time=max_time,
        tolerance=tolerance,
        current_lr=current_lr,
        study=study,
        store=store,
        reduce=reduce,
        memory_gib=memory,
        threads=threads,
        devices=options.device_names(devices),
        target=known,
    )
    give(output, answer, store=store)
