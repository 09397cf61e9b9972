"""``lrlab diagnose``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lrlab.cli import diagnosis_options, options
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import positive_rate
from lrlab.readers.names import parse_columns

FAILED = 6


def diagnose(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|DIR|STUDY",
            help="A log (.csv, .tsv, .jsonl, .parquet, trainer_state.json), a folder with one or with TensorBoard's "
            "files, or a study.",
            show_default=False,
        ),
    ],
    optimizer: diagnosis_options.Optimizer = None,
    total_steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Optimizer steps of the whole training; by default what was logged is the whole.",
            show_default=False,
        ),
    ] = None,
    lr: diagnosis_options.Rate = None,
    seed: diagnosis_options.Seed = None,
    schedule: diagnosis_options.Schedule = None,
    warmup: diagnosis_options.Warmup = 0.0,
    steps_per_epoch: diagnosis_options.StepsPerEpoch = None,
    column: diagnosis_options.Column = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="warn|error",
            help="End with exit code 6 at a verdict as grave as this.",
            show_default=False,
        ),
    ] = None,
    prove: Annotated[
        bool,
        typer.Option(
            "--prove",
            help="Of a study: train copies of the run for a moment at 0.3, 1 and 3 times its rate, and judge by them too; "
            "costs about 5 % of a full training.",
        ),
    ] = False,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Is this run's learning rate right, why, and what should it be?"""
    from lrlab.api.diagnose import diagnose

    output = Output(json=json)
    options.check_word("diagnose", "--fail-on", fail_on, ("warn", "error"))
    checkup = diagnose(
        source,
        optimizer=optimizer,
        total_steps=total_steps,
        lr=None if lr is None else positive_rate(lr, "diagnose: --lr"),
        schedule=schedule,
        warmup=int(warmup) if warmup >= 1 and warmup == int(warmup) else warmup,
        steps_per_epoch=steps_per_epoch,
        columns=parse_columns(column) if column else None,
        seed=seed,
        store=store,
    )
    told = document(checkup)
    if prove:
        proof = _proved(source, checkup, lr=lr, seed=seed, store=store)
        told["proof"] = {**asdict(proof), "overturned": proof.overturned}
    output.result(checkup.summary(width=width(), unicode=speaks_unicode(sys.stdout)))
    if prove:
        output.result(f"\n{proof.summary(width=width())}")
    output.document("checkup", told)
    if fail_on is not None and checkup.fails(fail_on):
        raise typer.Exit(FAILED)


def _proved(source: str, checkup: Any, *, lr: str | None, seed: int | None, store: Any) -> Any:
    """The proof of a study's run."""
    from lrlab.api.prove import prove

    if source.strip() and Path(source).expanduser().exists():
        raise SpecError(
            f"diagnose: --prove needs a study whose run can be trained on, got the log {source}.",
            hint="Name a study (lrlab studies lists them), or leave --prove out.",
        )
    rate = None if lr is None else positive_rate(lr, "diagnose: --lr")
    return prove(source, checkup=checkup, lr=rate, seed=seed, store=store)


def document(checkup: Any) -> dict[str, object]:
    """A checkup as a document."""
    return {
        "source": checkup.source,
        "optimizer": checkup.optimizer,
        "steps": checkup.steps,
        "total_steps": checkup.total_steps,
        "unit": checkup.unit,
        "lr": checkup.lr,
        "columns": checkup.columns,
        "severity": checkup.severity,
        "rate": asdict(checkup.rate),
        "verdicts": [asdict(verdict) for verdict in checkup.verdicts],
        "unchecked": [asdict(gap) for gap in checkup.unchecked],
    }
