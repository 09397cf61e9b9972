"""``lrlab sweep``."""

from typing import Annotated

import typer

from lrlab.cli import data_options, options
from lrlab.cli.arms import with_alternatives
from lrlab.cli.foreign import foreign_words
from lrlab.cli.output import STUDY, Output
from lrlab.cli.sweep_target import sweep_target, typed
from lrlab.readers.names import parse_columns


def sweep(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="python: a function train(run). recipe: an lrlab.torch.Recipe, or a function that makes one. "
            "yolo: Ultralytics. table: rows of a file. text: texts with a label. images: a folder of class folders. "
            "Any other word: a target in lrlab.toml.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="Where it is: MODULE:NAME or FILE.py:NAME, seen from this folder; a file or folder of data; "
            "for yolo the task, such as detect.",
            show_default=False,
        ),
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA argument=value ...]",
            help="For yolo: the YAML file or folder of the data, and any argument of its own.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget",
            "--epochs",
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
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The optimizer of data, a recipe and yolo; of a function or a command a hint, such as adamw. Repeatable: "
            "each is then an arm with a rate of its own.",
            show_default=False,
        ),
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help='The schedule of data and of a recipe, such as cosine or "warmup 5% then wsd"; linear or cosine for yolo; a '
            "hint of the others. Repeatable, as --optimizer.",
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
        str, typer.Option(metavar="NAME", help="race, grid:N, halving, halving:N or optuna:tpe.")
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
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="What a command leaves of a finished run, seen from {dir}, such as best.pt; the answer names the winner's.",
            show_default=False,
        ),
    ] = None,
    guide: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Of a command: column, or pattern such as train/*loss, that tells rates apart while the metric does not.",
            show_default=False,
        ),
    ] = None,
    imgsz: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Size of images, for yolo.", show_default=False)
    ] = None,
    model: data_options.Model = None,
    batch_size: data_options.BatchSize = None,
    split_seed: data_options.SplitSeed = None,
    target_column: data_options.Target = None,
    purpose: data_options.Purpose = None,
    leave_out: data_options.LeaveOut = None,
    text: data_options.Text = None,
    label: data_options.Label = None,
    threshold: data_options.Threshold = None,
    encoding: data_options.Encoding = None,
    image_size: data_options.ImageSize = None,
    augment: data_options.Augment = None,
    store: options.Store = None,
    workers: options.Workers = None,
    memory: options.Memory = None,
    threads: options.Threads = 1,
    devices: options.Devices = None,
    form: options.StudyFormat = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the learning rate that is best when trained to the end, and train it.

    Examples: lrlab sweep python train.py:train --budget 20 --metric val_loss, or
    lrlab sweep recipe mymodule:recipe --lr 1e-5:1e-1, or any program, with {lr}, {budget}, {seed} and {dir} in its words:
    lrlab sweep --budget 20 --read log.csv -- python train.py --lr {lr} --epochs {budget} --out {dir}
    """
    output = Output.of("sweep", form, known=STUDY, json=json, quiet=quiet)
    settings: dict[str, object | None] = {
        "budget": budget,
        "metric": metric,
        "unit": unit,
        "optimizer": optimizer or None,
        "schedule": schedule or None,
        "read": read,
        "columns": parse_columns(column) if column else None,
        "epochs_from": epochs_from,
        "timeout_s": timeout,
        "freeze": False if no_freeze else None,
        "in_dir": in_dir or None,
        "weights": weights,
        "guide": guide,
        "imgsz": imgsz,
        "model": model,
        "batch_size": batch_size or None,
        "split_seed": split_seed,
        "target": target_column,
        "task": purpose,
        "leave_out": leave_out or None,
        "text": text,
        "label": label,
        "threshold": threshold,
        "encoding": encoding,
        "image_size": image_size,
        "augment": augment,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    words = foreign_words(context)
    known, own = with_alternatives(
        lambda chosen: sweep_target(kind, target, more or (), words=words, given=chosen), given
    )
    search = typed(
        context,
        own,
        lr=lr,
        seed=seed,
        seeds=seeds,
        searcher=searcher,
        max_cost=max_cost,
        max_time=max_time,
        tolerance=tolerance,
        current_lr=current_lr,
        reduce=reduce,
    )

    from lrlab.api import sweep as api
    from lrlab.cli.answers import give
    from lrlab.cli.watching import build_task, carry_out

    task = build_task(known)
    one = next(iter(task.values())) if isinstance(task, dict) else task
    if about := getattr(one, "description", ""):
        output.note(str(about))
    answer = carry_out(
        api.sweep,
        task,
        output=output,
        workers=workers,
        study=study,
        store=store,
        memory_gib=memory,
        threads=threads,
        devices=options.device_names(devices),
        target=None if known["kind"] == "command" else known,
        **search,
    )
    give(output, answer, store=store)
