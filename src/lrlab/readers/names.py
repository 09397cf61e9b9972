"""Names of columns: what different frameworks call the same thing."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from lrlab.core.errors import SpecError
from lrlab.readers.protocol import Row

# lrlab's name, and how others spell it once ``plain`` has made them alike; the first that a row has counts.
_ALIASES = {
    "epoch": ("epoch", "epochs", "epoch_num", "ep"),
    "step": ("step", "global_step", "trainer_global_step", "train_global_step", "steps", "iteration", "iterations",
             "iter", "iters", "num_updates", "update"),
    "loss": ("loss", "train_loss", "training_loss", "loss_train", "trainloss", "train_loss_epoch", "train_loss_step",
             "loss_epoch", "loss_step", "train_epoch_loss", "tr_loss"),
    "val_loss": ("val_loss", "valid_loss", "validation_loss", "eval_loss", "dev_loss", "loss_val", "loss_valid",
                 "loss_validation", "valloss", "val_loss_epoch", "validation_epoch_loss", "valid_loss_epoch"),
    "val_acc": ("val_acc", "val_accuracy", "valid_acc", "valid_accuracy", "validation_acc", "validation_accuracy",
                "eval_acc", "eval_accuracy", "dev_acc", "acc_val", "val_acc_epoch", "val_accuracy_epoch",
                "validation_epoch_accuracy", "val_categorical_accuracy", "val_sparse_categorical_accuracy",
                "val_binary_accuracy", "accuracy_val", "metrics_accuracy_top1"),
    "lr": ("lr", "learning_rate", "learningrate", "train_lr", "train_learning_rate", "current_lr", "lr_pg1", "lr_pg0",
           "lr0", "x_lr1", "x_lr0"),
    "grad_norm": ("grad_norm", "gradient_norm", "train_grad_norm", "gnorm", "grad_2_0_norm_total"),
    "update_ratio": ("update_ratio",),
    "layer_grad_min": ("layer_grad_min",),
    "layer_grad_min_at": ("layer_grad_min_at",),
}  # fmt: skip
_POSITIONS = ("epoch", "step")
_MOST_SETS = 256
# YOLO logs the parts of its loss alone; what it trains on is their sum. Its first group of weights may be the biases, with
# a warm-up of their own, or one that MuSGD gives three times the rate; the second is neither in any version.
_YOLO = re.compile(r"lr/pg\d+|x/lr\d+")
_PARTS = {"loss": re.compile(r"train/\w+_loss"), "val_loss": re.compile(r"val/\w+_loss")}
_OF_RUN, _LOWEST = " - ", "__MIN"  # of a Weights & Biases panel
_CLOCKS = re.compile(
    r"(.*_)?(time|runtime|walltime|elapsed|timestamp|date|datetime|seconds|secs|duration|eta|per_second|it_s|fps)"
    r"|.*_(per_second|per_sec|sec|s_per_it|ms)"
)


def plain(name: str) -> str:
    """``name`` in lower case with every run of other signs than letters and digits as one ``_``."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def is_clock(name: str) -> bool:
    """Whether a column tells a time or a speed, which no two runs share."""
    return _CLOCKS.fullmatch(plain(name)) is not None


@dataclass(frozen=True, slots=True)
class Names:
    """How columns are called in lrlab.

    Args:
        columns: lrlab's name to the log's own, such as ``{"val_loss": "Dev NLL"}``; overrides what is known.

    Raises:
        SpecError: If a name is empty.
    """

    columns: Mapping[str, str]
    # What was found for columns that a row had: rows of a log have the same few sets of them again and again.
    _found: dict[tuple[str, ...], Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _runs: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if not name.strip() or not column.strip():
                raise SpecError(
                    f"columns: expected NAME=COLUMN, got {name!r}={column!r}.",
                    hint="Such as val_loss=dev_nll.",
                )

    def known(self, cells: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """lrlab's names, each with the column of a row that is called so there, or with those whose sum it is.

        Args:
            cells: The row's columns, by the log's own names, without those that are empty.
        """
        key = tuple(cells)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_SETS:
                self._found.clear()
            found = self._found[key] = self._known(key)
        return found

    def matters(self, column: str) -> bool:
        """Whether lrlab may have a name for a column, alone, as a part of a sum, or beside others of a panel."""
        if _OF_RUN in column or any(part.fullmatch(column) for part in _PARTS.values()):
            return True
        return bool(self._known((column,)))

    def row(self, cells: Mapping[str, float], *, place: str, where: str) -> Row:
        """A row of ``cells``, by the log's own names.

        Args:
            cells: Column to value.
            place: Where the row stands, such as ``line 12``.
            where: The same with the file, for a message.

        Raises:
            SpecError: If its epoch or step is none.
        """
        metrics: dict[str, float] = dict(cells)
        position = dict.fromkeys(_POSITIONS, "")
        for name, columns in self.known(cells).items():
            if name in position:
                position[name] = columns[0]
            else:
                metrics[name] = cells[columns[0]] if len(columns) == 1 else sum(cells[one] for one in columns)
        for column in position.values():
            metrics.pop(column, None)
        epoch = cells[position["epoch"]] if position["epoch"] else None
        step = cells[position["step"]] if position["step"] else None
        check_position(epoch, step, position, where)
        return Row(metrics=metrics, epoch=epoch, step=None if step is None else int(step), place=place)

    def _known(self, cells: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
        by_plain: dict[str, str] = {}
        for name in cells:
            by_plain.setdefault(plain(name), name)
        for name, whole in self._panel(cells).items():
            by_plain.setdefault(name, whole)
        there = set(cells)
        found: dict[str, tuple[str, ...]] = {
            name: (column,)
            for name in _ALIASES
            if (column := self._column(name, there, by_plain)) is not None
        }
        found |= {name: (column,) for name, column in self.columns.items() if column in there}
        if any(_YOLO.fullmatch(column) for column in cells):
            parts = {name: tuple(filter(part.fullmatch, cells)) for name, part in _PARTS.items()}
            found |= {
                name: columns for name, columns in parts.items() if len(columns) > 1 and name not in found
            }
        return found

    def _panel(self, cells: tuple[str, ...]) -> Mapping[str, str]:
        """Columns of a Weights & Biases panel by what ``plain`` makes of them without their run's name.

        Such a panel has ``fresh-sun-1 - train/loss`` and the same with ``__MIN`` and ``__MAX``.

        Raises:
            SpecError: If it has several runs, perhaps in turns, and ``columns`` name none of their columns.
        """
        if any(_OF_RUN in column for column in self.columns.values()):
            return {}
        columns = [name for name in cells if _OF_RUN in name and name + _LOWEST in cells]
        self._runs.update(name.partition(_OF_RUN)[0] for name in columns)
        if len(self._runs) > 1:
            raise SpecError(
                f"columns: this is a panel of several runs, {' and '.join(sorted(self._runs)[:3])}.",
                hint=f"Name the column of one: columns={{'loss': {columns[0]!r}}}, on the command line --column 'loss={columns[0]}'.",
            )
        return {plain(name.partition(_OF_RUN)[2]): name for name in columns}

    def _column(self, name: str, cells: Collection[str], by_plain: Mapping[str, str]) -> str | None:
        """Which column of a row is ``name``, if any."""
        if name in self.columns:
            return self.columns[name] if self.columns[name] in cells else None
        if name in cells:
            return name
        for alias in _ALIASES[name]:
            if alias in by_plain:
                return by_plain[alias]
        # Lightning names the column by the optimizer, Ultralytics by the group: lr-AdamW, lr-SGD/pg1, lr/pg0.
        return (
            next((raw for raw in by_plain.values() if re.match(r"lr[-/]", raw)), None)
            if name == "lr"
            else None
        )


def check_position(epoch: float | None, step: float | None, position: Mapping[str, str], where: str) -> None:
    """Refuse an epoch or a step that is none; ``position`` names their columns.

    Raises:
        SpecError: If one is none.
    """
    if epoch is not None and not 0 <= epoch < 1e9:
        raise SpecError(
            f"{where}, column {position['epoch']}: expected an epoch of at least 0, got {epoch:g}."
        )
    if step is not None and not (0 <= step < 2**53 and step == int(step)):
        raise SpecError(
            f"{where}, column {position['step']}: expected a step, a whole number of at least 0, got {step:g}."
        )


def parse_columns(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=COLUMN`` texts as a mapping.

    Raises:
        SpecError: If one has not that form.
    """
    columns: dict[str, str] = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not name.strip() or not column.strip():
            raise SpecError(f"columns: expected NAME=COLUMN, got {pair!r}.", hint="Such as val_loss=dev_nll.")
        columns[name.strip()] = column.strip()
    return columns
