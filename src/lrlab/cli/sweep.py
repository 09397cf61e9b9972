"""``lrlab sweep``."""

from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli import data_options, options
from lrlab.cli.foreign import foreign_words
from lrlab.cli.output import Output
from lrlab.core.errors import SpecError
from lrlab.readers.names import parse_columns

_KINDS = ("python", "recipe")
_OF_COMMANDS = {
    "read": "--read",
    "columns": "--column",
    "epochs_from": "--epochs-from",
    "timeout_s": "--timeout",
    "freeze": "--no-freeze",
    "in_dir": "--in-dir",
}


def sweep(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="python: a function train(run). recipe: an lrlab.torch.Recipe, or a function that makes one. "
            "table: rows of a file.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="Where it is: MODULE:NAME or FILE.py:NAME, seen from this folder; a CSV or Parquet file.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Length of a full training, in units; a function and a command need it, a recipe has its own.",
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
            metavar="epoch|step",
            help="What one run.report of a function, or one report of a command, ends.",
            show_default=False,
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
            metavar="NAME",
            help="The optimizer of a function or a command, a hint such as adamw.",
            show_default=False,
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
    read: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|stdout:REGEX",
            help="Where a command tells its numbers: a CSV, TSV or JSON lines file, trainer_state.json or a folder of "
            "TensorBoard, seen from {dir}; or a pattern on its output. By default METRIC=NUMBER on its output.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN",
            help="What a command's log calls lr, epoch, step, ..., where lrlab does not know it; repeatable.",
            show_default=False,
        ),
    ] = None,
    epochs_from: Annotated[
        int | None,
        typer.Option(
            metavar="0|1",
            help="Where the epochs of a command's log begin; by default what its first row tells.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="End a run of a command that takes longer for a unit.", show_default=False
        ),
    ] = None,
    no_freeze: Annotated[
        bool,
        typer.Option(
            "--no-freeze",
            help="Start a command's run again instead of freezing it: for ssh, srun, docker and NCCL.",
        ),
    ] = False,
    in_dir: Annotated[
        bool,
        typer.Option("--in-dir", help="Start a command in {dir}, its run's own folder, instead of this one."),
    ] = False,
    model: data_options.Model = None,
    batch_size: data_options.BatchSize = None,
    split_seed: data_options.SplitSeed = None,
    target_column: data_options.Target = None,
    purpose: data_options.Purpose = None,
    leave_out: data_options.LeaveOut = None,
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
    lrlab sweep recipe mymodule:recipe --lr 1e-5:1e-1, or any program, with {lr}, {budget}, {seed} and {dir} in its words:
    lrlab sweep --budget 20 --read log.csv -- python train.py --lr {lr} --epochs {budget} --out {dir}
    """
    settings: dict[str, object | None] = {
        "budget": budget,
        "metric": metric,
        "unit": unit,
        "optimizer": optimizer,
        "read": read,
        "columns": parse_columns(column) if column else None,
        "epochs_from": epochs_from,
        "timeout_s": timeout,
        "freeze": False if no_freeze else None,
        "in_dir": in_dir or None,
        "model": model,
        "batch_size": batch_size,
        "split_seed": split_seed,
        "target": target_column,
        "task": purpose,
        "leave_out": leave_out or None,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    words = foreign_words(context)
    if words is not None:
        known = _command(kind, words, given)
    elif kind in data_options.KINDS:
        known = data_options.data_target(kind, target, given)
    else:
        known = _python(kind, target, given)

    from lrlab.api import sweep as api
    from lrlab.cli.answers import give
    from lrlab.cli.watching import build_task, carry_out

    output = Output(json=json, quiet=quiet)
    task = build_task(known)
    if about := getattr(task, "description", ""):
        output.note(str(about))
    answer = carry_out(
        api.sweep,
        task,
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
        target=known if words is None else None,
    )
    give(output, answer, store=store)


def _python(kind: str | None, target: str | None, given: dict[str, object]) -> dict[str, object]:
    """A target of Python, with its settings.

    Raises:
        SpecError: If none is named, or an option is given that only commands have.
    """
    hint = "python: a function train(run); recipe: an lrlab.torch.Recipe; any program: behind --."
    if kind is None:
        raise SpecError(
            "sweep: what is to be trained? Name KIND and TARGET, or a command behind --.", hint=hint
        )
    if kind not in _KINDS:
        swapped = f" Did you mean: lrlab sweep python {kind}?" if ":" in kind else ""
        raise SpecError(f'sweep: KIND must be "python" or "recipe", got {kind!r}.{swapped}', hint=hint)
    if target is None:
        raise SpecError(f"sweep: which {kind}? Name MODULE:NAME or FILE.py:NAME behind it.")
    for name, option in _OF_COMMANDS.items():
        if name in given:
            raise SpecError(
                f"sweep: {option} is for a command behind --, and this is a {kind}.", hint="Leave it out."
            )
    data_options.refuse_data_options(kind, given)
    return {"kind": kind, "ref": target, "folder": str(Path.cwd())} | given


def _command(kind: str | None, words: tuple[str, ...], given: dict[str, object]) -> dict[str, object]:
    """A command, with its settings.

    Raises:
        SpecError: If another target is named too, or the budget is missing.
    """
    if kind is not None:
        raise SpecError(f"sweep: train {kind!r}, or the command behind --? Name one of them.")
    if "budget" not in given:
        raise SpecError(
            "sweep: a command needs --budget, the number of units in a full training.",
            hint="Where its words take the number of epochs, write {budget}.",
        )
    data_options.refuse_data_options("command", given)
    return {"kind": "command", "words": list(words), "folder": str(Path.cwd())} | given
