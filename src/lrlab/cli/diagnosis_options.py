"""What ``lrlab diagnose`` and ``lrlab watch`` both ask about a log."""

from typing import Annotated

import typer

Optimizer = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Such as adamw; the verdict is surer with it.", show_default=False),
]
Rate = Annotated[
    str | None,
    typer.Option(
        metavar="RATE",
        help="The peak rate, where the log does not tell it; of a study: the run's.",
        show_default=False,
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Of a study: the run's.", show_default=False)]
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="The planned schedule, such as cosine: applied rates are compared with it.",
        show_default=False,
    ),
]
Warmup = Annotated[float, typer.Option(metavar="SHARE|N", help="The planned warm-up.", show_default=False)]
StepsPerEpoch = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Optimizer steps in an epoch, where a log counts epochs.", show_default=False
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=COLUMN",
        help="What the log calls loss, val_loss, lr, grad_norm, update_ratio, step or epoch; repeatable.",
        show_default=False,
    ),
]
