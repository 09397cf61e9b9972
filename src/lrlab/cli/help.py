"""``lrlab`` alone, and ``lrlab help``."""

from typing import Annotated

import typer

from lrlab.cli.options import Json
from lrlab.cli.output import Output
from lrlab.core.errors import NotFoundError

GUIDE = """\
lrlab finds the learning rate of a neural network's training: a tuned model for the price of two trainings.

  lrlab demo                                     see it work, on images and on medical data
  lrlab sweep python train.py:train --budget 20  search for a function train(run)
  lrlab sweep --budget 20 -- ./train --lr {lr}   search for any program that prints val_loss=0.5
  lrlab studies                                  what was asked so far, and the answers
  lrlab resume STUDY                             go on where an interrupted study stood
  lrlab report STUDY -o report.html              one file with every curve, to keep and to share
  lrlab doctor                                   is everything here in order?
  lrlab help COMMAND                             all about one command

In Python:  print(lrlab.sweep(train, budget=20, metric="val_loss"))"""

# Exit code, name, meaning.
EXIT_CODES = (
    (0, "ok", "The command gave what it was asked for."),
    (1, "error", "An internal error, or a store that cannot be read or written."),
    (2, "usage", "A wrong argument; nothing was started."),
    (3, "task_failed", "The training itself failed."),
    (4, "all_diverged", "No answer: the training diverged at every rate."),
    (5, "inconclusive", "An answer with a warning: the best rate is at the edge, or noise hides the effect."),
    (6, "verdict", "A verdict at least as grave as --fail-on; the checkup is on stdout."),
    (7, "not_found", "There is no such study, run, module or file."),
    (8, "conflict", "Somebody else holds the study, its name is taken, or its file is newer."),
    (10, "worker_lost", "Worker processes ended again and again, or a study's process does not answer."),
    (130, "interrupted", "Ctrl-C; everything is saved, and lrlab resume goes on."),
    (143, "terminated", "SIGTERM; everything is saved, and lrlab resume goes on."),
)


def show_help(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="[COMMAND|exit-codes|events]", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """All about one command, exit codes, or the events of --format jsonl (with --json their JSON schema)."""
    output = Output(json=json)
    if topic is None:
        output.result(GUIDE)
        output.document("help", {"text": GUIDE})
    elif topic == "exit-codes":
        output.result("\n".join(f"{code:>4}  {name:<13} {meaning}" for code, name, meaning in EXIT_CODES))
        rows = [{"code": code, "name": name, "meaning": meaning} for code, name, meaning in EXIT_CODES]
        output.document("exit-codes", {"exit_codes": rows})
    elif topic == "events":
        from lrlab.cli.events import EVENTS, json_schema

        output.result("\n".join(f"{name:<9} {meaning}" for name, meaning in EVENTS))
        output.document("events", {"json_schema": json_schema()} if json else {})
    else:
        _show_command(context, topic, output)


def _show_command(context: typer.Context, name: str, output: Output) -> None:
    root = context.find_root()
    commands = getattr(root.command, "commands", {})
    if name not in commands:
        raise NotFoundError(
            f'help: there is no command "{name}".',
            hint=f"There are: {', '.join(commands)}, exit-codes, events.",
        )
    command = commands[name]
    with type(root)(command, info_name=name, parent=root) as inner:
        text = command.get_help(inner)
    output.result(text)
    output.document("help", {"text": text})
