"""``lrlab.diagnose``: is this run's learning rate right, why, and what should it be?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.api import logged
from lrlab.api.logged import Floats, Logged
from lrlab.core import verdict as core
from lrlab.core.answer import Answer
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.lr_range import positive_rate
from lrlab.core.question import whole_number
from lrlab.core.run import Run
from lrlab.core.verdict import Unchecked
from lrlab.diagnosis.checkup import Log, check_up
from lrlab.diagnosis.features import family
from lrlab.diagnosis.protocol import Epochs
from lrlab.diagnosis.signals import Track, thinned
from lrlab.schedules.spec import ScheduleLike, resolve

if TYPE_CHECKING:
    from typing import Self

    from lrlab.api.logged import Frame
    from lrlab.store.protocol import Store

_USUAL_LENGTH = 1000  # steps, where a log counts epochs and nothing tells how many steps those have


@dataclass(frozen=True, kw_only=True)
class Checkup(core.Checkup):
    """What a run's log tells; see ``lrlab.core.verdict.Checkup`` for its fields.

    Args:
        curve: Steps and training losses, thinned, for a picture.
    """

    curve: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, checkup: core.Checkup, curve: tuple[tuple[float, float], ...]) -> "Self":
        """``checkup`` that can show itself."""
        return cls(**{f.name: getattr(checkup, f.name) for f in fields(core.Checkup)}, curve=curve)

    def __repr__(self) -> str:
        return f"<Checkup: {self.rate.verdict}, {len(self.verdicts)} verdicts>"

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"

    def summary(self, *, width: int = 100, unicode: bool = True) -> str:
        """The sentence, every verdict with evidence and advice, and the curve, as text for a terminal."""
        from lrlab.report.checkup_text import checkup_text

        return checkup_text(self, self.curve, width=width, unicode=unicode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is told beside the log; see ``diagnose`` for the arguments.

    Raises:
        SpecError: If one breaks its rule.
    """

    optimizer: str | None = None
    total_steps: int | None = None
    lr: float | None = None
    schedule: ScheduleLike | None = None
    warmup: float = 0
    steps_per_epoch: int | None = None

    def __post_init__(self) -> None:
        family(self.optimizer or "")
        if self.total_steps is not None:
            object.__setattr__(self, "total_steps", whole_number("total_steps", self.total_steps, 1))
        if self.steps_per_epoch is not None:
            object.__setattr__(
                self, "steps_per_epoch", whole_number("steps_per_epoch", self.steps_per_epoch, 1)
            )
        if self.lr is not None:
            object.__setattr__(self, "lr", positive_rate(self.lr, "lr"))

    def checkup(
        self, found: Logged, name: str, own_lr: float | None = None, *, running: bool = False
    ) -> Checkup:
        """The checkup of what was logged.

        Args:
            found: The log.
            name: What it is, as a person names it.
            own_lr: The run's rate, where the source knows it.
            running: Whether more will come.

        Raises:
            SpecError: If it has no loss, or does not fit to what was told.
        """
        if not any(column in found.columns for column in ("loss", "val_loss")):
            raise SpecError(
                f"diagnose: {name} has neither a column loss nor val_loss.",
                why=f"Its columns: {', '.join(found.named[:20]) or 'none'}.",
                hint="Name it: columns={'loss': 'NAME'}, on the command line --column loss=NAME.",
            )
        placed, seen, total, notes, epochs = _in_steps(found, self._length(found), self.steps_per_epoch, name)
        if epochs is not None and self.schedule is not None:
            raise SpecError(
                f"schedule: {name} counts epochs, and how many steps those have is needed to know what was planned.",
                hint="Give the number of optimizer steps of an epoch, and of the whole training.",
            )
        planned = _planned(self.schedule, self.warmup, total)
        log = Log(
            columns=placed,
            seen=seen,
            total=total,
            optimizer=(self.optimizer or "").strip().lower(),
            planned=None if planned is None or self.lr is None else planned * self.lr,
            running=running,
            source=name,
            notes=notes,
            epochs=epochs,
        )
        if planned is not None and self.lr is None:
            log = replace(log, planned=planned, relative=True)
        if "lr" not in placed and (self.lr or own_lr) is not None:
            log = replace(log, columns={**placed, "lr": _constant(self.lr or own_lr, planned, seen)})
            if planned is not None:
                log = replace(log, planned=None)  # there is nothing applied to compare it with
        return Checkup.of(check_up(log), _curve(placed, epochs))

    def _length(self, found: Logged) -> int | None:
        """Steps of the whole training: what was told, else what the log says of itself, where that can be."""
        if self.total_steps is not None or found.total is None:
            return self.total_steps
        furthest = max(steps[-1] for steps, _ in found.columns.values())
        return found.total if found.counts == "step" and furthest <= found.total else None


def diagnose(
    source: "str | Path | Mapping[Any, object] | Frame | Iterable[object] | Run | Answer",
    *,
    optimizer: str | None = None,
    total_steps: int | None = None,
    lr: float | None = None,
    schedule: ScheduleLike | None = None,
    warmup: float = 0,
    steps_per_epoch: int | None = None,
    columns: Mapping[str, str] | None = None,
    seed: int | None = None,
    store: "str | Path | Store | None" = None,
) -> Checkup:
    """Tell whether a run's learning rate is right, and what else is wrong with the run.

    Args:
        source: A file or folder that a reader knows (CSV, TSV, JSON lines, TensorBoard, ``trainer_state.json``, Parquet);
            the name of a study; columns as a mapping or a data frame; records, or rows as mappings; a run; an answer,
            whose winner is meant. Columns: ``step`` or ``epoch``, ``loss``, and where they are there ``val_loss val_acc
            lr grad_norm update_ratio``.
        optimizer: Its name, such as ``adamw``; what is a healthy step depends on it.
        total_steps: Optimizer steps of the whole training; by default what was seen is the whole.
        lr: The peak rate, where it is not logged; of a study: the run's.
        schedule: The planned schedule, such as ``"cosine"``: the applied rates are compared with it.
        warmup: The planned warm-up: a share of the training, or steps.
        steps_per_epoch: Optimizer steps in an epoch, where the log counts epochs.
        columns: lrlab's names to the log's own.
        seed: Of a study: the run's.
        store: Where the study is.

    Returns:
        The checkup: ``rate``, ``verdicts`` with the gravest first, and ``unchecked``.

    Raises:
        NotFoundError: If there is no such file, study or run.
        SpecError: If an argument breaks its rule, or the log is malformed; the sentence names the place.

    Example:
        >>> steps = list(range(60))
        >>> checkup = diagnose({"step": steps, "loss": [2.0] * 40 + [float("nan")] * 20}, optimizer="sgd")
        >>> checkup.rate.verdict, checkup.rate.factor, checkup.verdicts[0].symptom
        ('too_high', 0.01, 'diverged')
    """
    settings = Settings(
        optimizer=optimizer,
        total_steps=total_steps,
        lr=lr,
        schedule=schedule,
        warmup=warmup,
        steps_per_epoch=steps_per_epoch,
    )
    found, name, own_lr = _read(source, columns or {}, lr=settings.lr, seed=seed, store=store)
    return settings.checkup(found, name, own_lr)


def _read(
    source: Any, columns: Mapping[str, str], *, lr: float | None, seed: int | None, store: Any
) -> tuple[Logged, str, float | None]:
    """What was logged, how a person names it, and the run's rate where the source knows it."""
    if isinstance(source, Answer):
        winner = source.winner
        if winner is None:
            raise SpecError(
                "diagnose: the answer has no winner.", hint="Give one of its runs: answer.runs[0]."
            )
        source = winner
    if isinstance(source, Run):
        return logged.of_things(source.records, columns), f"the run at {source.key}", source.lr
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if str(source).strip() and path.exists():
            return logged.of_path(path, columns), str(source), None
        run = run_of_study(str(source), lr=lr, seed=seed, store=store)
        return logged.of_things(run.records, columns), f"{source}, {run.key}", run.lr
    if isinstance(source, Mapping) or (hasattr(source, "columns") and hasattr(source, "__getitem__")):
        return logged.of_columns(source, columns), "the columns", None
    if not isinstance(source, Iterable) or isinstance(source, bytes):
        raise SpecError(
            f"diagnose: expected a path, columns, rows, records or a run, got {type(source).__name__}.",
            hint='Such as "run.csv" or {"step": [...], "loss": [...]}.',
        )
    return logged.of_things(source, columns), "the rows", None


def run_of_study(name: str, *, lr: float | None, seed: int | None, store: Any) -> Run:
    """A study's run at a rate and seed, or its winner."""
    from lrlab.api.engines import open_lab

    lab = open_lab(store)
    if name not in lab.store.names():
        raise NotFoundError(
            f"diagnose: there is no file, folder or study {name!r}.",
            hint="lrlab studies lists the studies.",
        )
    study = lab.study(name)
    if lr is None and seed is None:
        winner = lab.answer(study).winner
        if winner is None:
            raise NotFoundError(f"diagnose: study {name} has no winner yet.", hint="Name a run: --lr RATE.")
        return winner
    found = [
        run
        for run in study.runs
        if (lr is None or abs(run.lr / lr - 1) < 0.005) and (seed is None or run.seed == seed)
    ]
    if not found:
        rates = ", ".join(dict.fromkeys(f"{run.lr:g}" for run in sorted(study.runs, key=lambda run: run.lr)))
        raise NotFoundError(f"diagnose: study {name} has no such run.", hint=f"Its rates: {rates}.")
    return max(found, key=lambda run: (run.units, -run.seed))


def _in_steps(
    found: Logged, total: int | None, per_epoch: int | None, name: str
) -> tuple[dict[str, tuple[Floats, Floats]], int, int | None, tuple[Unchecked, ...], Epochs | None]:
    """Columns at optimizer steps, how many were seen, how many there will be, what could not be told, and how epochs were
    laid out in steps where nothing tells how long they are."""
    placed = dict(found.columns)
    ends = [steps[-1] for steps, _ in placed.values()]
    first = min(steps[0] for steps, _ in placed.values())
    whole = all(bool((steps == np.floor(steps)).all()) for steps, _ in placed.values())
    notes, laid_out = [], None
    seen = int(max(ends)) + (1 if first == 0 else 0)
    if found.counts == "epoch":
        from_zero = 1.0 if first == 0 and whole else 0.0
        epochs = max(ends) + from_zero
        scale = float(per_epoch or (total or _USUAL_LENGTH) / max(epochs, 1e-9))
        placed = {n: ((steps + from_zero) * scale, values) for n, (steps, values) in placed.items()}
        seen = max(round(epochs * scale), 1)
        if per_epoch is None:
            text = "The log counts epochs, and without steps_per_epoch it is taken for the whole training."
            notes.append(Unchecked(symptom="progress", missing=("steps_per_epoch",), text=text))
            total, laid_out = None, Epochs(steps=scale, behind=from_zero)
    if total is None:
        if not notes:
            text = "Without total_steps the log is taken for the whole training."
            notes.append(Unchecked(symptom="progress", missing=("total_steps",), text=text))
    elif seen > total + 1:
        raise SpecError(
            f"diagnose: {name} goes on to step {seen}, and total_steps is {total}.",
            hint="total_steps is the length of the whole training in optimizer steps.",
        )
    return placed, seen, total, tuple(notes), laid_out


def _planned(schedule: ScheduleLike | None, warmup: float, total: int | None) -> Floats | None:
    """The planned multiplier of each step."""
    if schedule is None:
        if warmup:
            raise SpecError(
                f"warmup: belongs to a schedule, got {warmup!r} alone.", hint="Give schedule too."
            )
        return None
    if total is None:
        raise SpecError(
            "schedule: total_steps is needed to know what was planned.",
            hint="Give the length of the training.",
        )
    planned = resolve(schedule, total_steps=total, warmup=warmup)
    return np.array([planned(step) for step in range(total)])


def _constant(lr: float | None, planned: Floats | None, seen: int) -> tuple[Floats, Floats]:
    """The rate that was told, at every step or as planned."""
    assert lr is not None
    if planned is not None:
        steps = np.arange(min(seen, len(planned)), dtype=float)
        return steps, planned[: len(steps)] * lr
    return np.array([0.0, float(max(seen - 1, 1))]), np.array([lr, lr])


def _curve(
    columns: Mapping[str, tuple[Floats, Floats]], epochs: Epochs | None
) -> tuple[tuple[float, float], ...]:
    """The training loss (else the validation loss), thinned."""
    track = Track(span=None)
    track.extend(*columns.get("loss", columns.get("val_loss", (np.empty(0), np.empty(0)))))
    points = thinned(track)
    return points if epochs is None else tuple((float(epochs.at(step)), value) for step, value in points)
