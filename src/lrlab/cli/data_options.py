"""Options of ``lrlab sweep`` for data without code, and the target that they name."""

from collections.abc import Mapping
from typing import Annotated

import typer

from lrlab.core.errors import SpecError

KINDS = ("table", "text", "images")
_EVERYWHERE = ("budget", "metric", "optimizer", "schedule", "model", "batch_size", "split_seed")
_OWN = {
    "table": ("target", "task", "leave_out", "encoding"),
    "text": ("text", "label", "threshold", "encoding"),
    "images": ("image_size", "augment"),
}
_OPTIONS = {
    "model": "--model",
    "batch_size": "--batch-size",
    "split_seed": "--split-seed",
    "target": "--target",
    "task": "--task",
    "leave_out": "--leave-out",
    "text": "--text",
    "label": "--label",
    "threshold": "--threshold",
    "encoding": "--encoding",
    "image_size": "--image-size",
    "augment": "--augment",
}

Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Model for data. Tables: mlp, linear. Text: bag, gru, transformer. Images: cnn, resnet.",
        show_default=False,
    ),
]
BatchSize = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        help="Samples in a batch, of data (by default 32), a recipe and yolo. Repeatable, as --optimizer.",
        show_default=False,
    ),
]
SplitSeed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Seed that divides data into training, validation and test; by default 0.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="Column of a table to predict.", show_default=False),
]
Purpose = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="classification|regression",
        help="What a table's target is; by default classes where it is text or few whole numbers.",
        show_default=False,
    ),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="A column of a table not to use; repeatable.", show_default=False),
]

Text = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="Column of texts; its number where there is no header.", show_default=False
    ),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of the classes or ratings of texts.", show_default=False),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="Make two classes of a text's rating: below it, and at least it.",
        show_default=False,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Encoding of a table or of texts; by default UTF-8, else what fits.",
        show_default=False,
    ),
]
ImageSize = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Pixels a side that images are scaled to, 8 to 224; by default their own, at most 32.",
        show_default=False,
    ),
]
Augment = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="How training images are varied: none, shift (the default), flip, shift+flip.",
        show_default=False,
    ),
]


def data_target(kind: str, path: str | None, given: Mapping[str, object]) -> dict[str, object]:
    """A target of data, with its settings.

    Args:
        kind: One of ``KINDS``.
        path: Where the data is.
        given: Options that were typed, by the argument's name.

    Raises:
        SpecError: If there is no path, or an option is for something else.
    """
    from lrlab.api.data import as_target

    if path is None:
        raise SpecError(f"sweep: where is the data? Name a file or folder: lrlab sweep {kind} PATH.")
    for name in given:
        if name not in _EVERYWHERE + _OWN[kind]:
            option = _OPTIONS.get(name, "--" + name.removesuffix("_s").replace("_", "-"))
            raise SpecError(f"sweep: {option} is not for {kind}.", hint="Leave it out.")
    return as_target(kind, path, given)


def refuse_data_options(kind: str, given: Mapping[str, object]) -> None:
    """Refuse options that only data has.

    Args:
        kind: What is trained, in a word.
        given: Options that were typed, by the argument's name.

    Raises:
        SpecError: If there is one.
    """
    for name, option in _OPTIONS.items():
        if name in given and not (kind == "recipe" and name == "batch_size"):
            raise SpecError(
                f"sweep: {option} is for data ({', '.join(KINDS)}), and this is a {kind}.",
                hint="Leave it out.",
            )
