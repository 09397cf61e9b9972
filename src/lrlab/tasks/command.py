"""A training that is a shell command: any language, nothing in it changes."""

import hashlib
import os
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Resumes, is_real, whole_number
from lrlab.readers.choose import OUTPUT, check_source, open_reader, place_of
from lrlab.readers.names import Names
from lrlab.readers.output import default_pattern
from lrlab.readers.protocol import Reader
from lrlab.schedules import spec
from lrlab.schedules.plan import RatePlan
from lrlab.tasks.command_session import CommandSession
from lrlab.tasks.placeholders import check_words, fill, names_in
from lrlab.tasks.run_folder import RunFolder, run_name

_HASHED_BYTES = 2**24


def command(
    words: Sequence[str],
    *,
    budget: int,
    metric: str | Metric = "val_loss",
    read: str | None = None,
    unit: str = "epoch",
    freeze: bool = True,
    timeout_s: float | None = None,
    epochs_from: int | None = None,
    columns: Mapping[str, str] | None = None,
    in_dir: bool = False,
    folder: str | Path | None = None,
    runs_folder: str | Path | None = None,
    name: str | None = None,
    optimizer: str = "",
    schedule: str = "",
    weights: str = "",
    guide: str = "",
    settles: int = 0,
    lr: "str | tuple[float, float] | None" = None,
    highest_lr: float | None = None,
    plan: str = "",
    plan_column: str = "lr",
) -> "CommandTask":
    """Make a task of a shell command.

    It is started once a run, with the full budget, so that its own schedule has its full length. At the end of the
    wanted unit it is frozen by signal, with everything that it has started, and thawed when the run goes on.

    Args:
        words: The program and its arguments, with ``{lr}`` and, as the program needs them, ``{budget}``, ``{seed}`` and
            ``{dir}`` (a folder of the run's own); ``{lr:.8f}`` takes a format of Python, ``{{`` is a brace.
        budget: Units in a full run, at least 1.
        metric: What is compared: a column of the log, ``NAME:min`` or ``NAME:max``.
        read: Where the numbers are: a file seen from ``{dir}`` (CSV, TSV, JSON lines, ``trainer_state.json``, a folder of
            TensorBoard; ``*`` matches), or ``stdout:REGEX``. By default what the program prints as ``METRIC=NUMBER`` or
            ``METRIC: NUMBER``.
        unit: ``"epoch"`` or ``"step"``: what a row with the metric ends.
        freeze: False for what a signal cannot freeze (ssh, srun, docker, NCCL): a run then starts again.
        timeout_s: End a run that takes longer than this for a unit, in seconds.
        epochs_from: 0 or 1: where the log's epochs begin; by default what its first row tells.
        columns: lrlab's name to the log's own, such as ``{"lr": "step size"}``, where it is not known.
        in_dir: Start the command in its run's folder, for programs that write into the working folder.
        folder: Working folder of the command; the present one by default.
        runs_folder: Where the runs have their folders; by default beside the study, or a temporary one.
        name: How studies and reports name it; by default the script's name.
        optimizer: Name of the optimizer, a hint to the searcher.
        schedule: Name of its schedule, a hint to the searcher: ``"cosine"``, ``"linear"``, ...
        weights: What the program leaves of a finished run, seen from ``{dir}``, such as ``weights/best.pt``; the answer
            names the winner's as its checkpoint.
        guide: Columns that tell rates apart while the metric does not, such as ``train/*loss`` while a detector's mAP is
            still 0: their sum, smaller is better. For metrics between 0 and 1.
        settles: Units before which rates cannot be compared, such as a long warm-up.
        lr: Range to search where a sweep is given none; ``1e-5:1`` by default.
        highest_lr: The largest rate that the program accepts, where it has a bound.
        plan: What its rate is in each unit, as a schedule over the units such as ``"linear to 0.01"``; a log that tells
            other rates after ``settles`` units is a warning. "" where it is not known.
        plan_column: The log's column with the rate that ``plan`` is about.

    Raises:
        SpecError: If an argument breaks its rule.

    Example:
        >>> task = command(["python", "train.py", "--lr", "{lr}", "--epochs", "{budget}"], budget=20)
        >>> task.name, task.resumes
        ('train', 'live')
    """
    if os.name != "posix":
        raise SpecError("command: commands run on Linux and macOS; on Windows use WSL.")
    used = check_words(words)
    if unit not in ("epoch", "step"):
        raise SpecError(f'command: unit must be "epoch" or "step", got {unit!r}.')
    if timeout_s is not None and not (is_real(timeout_s) and timeout_s > 0):
        raise SpecError(f"timeout: must be above 0 seconds, got {timeout_s!r}.")
    if highest_lr is not None and not (is_real(highest_lr) and highest_lr > 0):
        raise SpecError(f"highest_lr: must be above 0, got {highest_lr!r}.")
    if Path(weights).is_absolute() or ".." in Path(weights).parts:
        raise SpecError(
            f"weights: expected a file in the run's own folder {{dir}}, got {weights!r}.",
            hint="Such as weights/best.pt, seen from {dir}.",
        )
    if epochs_from not in (None, 0, 1):
        raise SpecError(f"epochs_from: must be 0 or 1, got {epochs_from!r}.")
    if plan and spec.feedback(plan) is not None:
        raise SpecError(f"command: the plan {plan!r} looks at a metric, so it is not known before.")
    parsed = Metric.parse(metric)
    source = read if read is not None else OUTPUT + default_pattern(parsed.name)
    check_source(source, metric=parsed.name)
    Names(columns or {})
    if not source.startswith(OUTPUT):
        _check_own(source, writes_there=in_dir or "dir" in used)
    return CommandTask(
        words=tuple(words),
        budget=whole_number("budget", budget, 1, hint="It is the length of a full training, in units."),
        metric=parsed,
        unit=unit,
        name=name or _name_of(words),
        read=read or "",
        freezes=bool(freeze),
        timeout_s=timeout_s,
        epochs_from=epochs_from,
        columns=dict(columns or {}),
        in_dir=bool(in_dir),
        folder=str(Path(folder or ".").absolute()),
        runs_folder=str(Path(runs_folder).absolute()) if runs_folder is not None else "",
        optimizer=optimizer,
        schedule=schedule,
        weights=weights,
        guide=guide,
        settles=whole_number("settles", settles, 0),
        highest_lr=highest_lr,
        plan=plan,
        plan_column=plan_column,
        default_lr_range=LRRange.parse(lr) if lr is not None else LRRange(1e-5, 1.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTask:
    """A shell command as a task; make it with ``lrlab.command``."""

    words: tuple[str, ...]
    budget: int
    metric: Metric
    unit: str
    name: str
    read: str
    freezes: bool
    timeout_s: float | None
    epochs_from: int | None
    columns: Mapping[str, str] = field(hash=False)
    in_dir: bool
    folder: str
    runs_folder: str
    optimizer: str
    schedule: str
    weights: str
    guide: str
    settles: int
    highest_lr: float | None
    plan: str
    plan_column: str
    default_lr_range: LRRange

    @property
    def resumes(self) -> Resumes:
        """``live``: frozen, it lives in its processes alone; ``restart`` where it cannot be frozen."""
        return "live" if self.freezes else "restart"

    @property
    def planned(self) -> RatePlan | None:
        """The rates that its log should tell, by unit; None where they are not known."""
        if not self.plan:
            return None
        return RatePlan(
            schedule=spec.resolve(self.plan, total_steps=self.budget),
            length=self.budget,
            counts="unit",
            column=self.plan_column,
            since=self.settles,
            rises=self.settles > 0,
        )

    @property
    def fingerprint(self) -> str:
        """Hash of the words, what is read, and the content of the files that the words name."""
        settings = (
            self.words,
            self.budget,
            self.unit,
            str(self.metric),
            self.read,
            sorted(self.columns.items()),
        )
        sha = hashlib.sha256(
            repr((settings, self.epochs_from, self.in_dir)).encode("utf-8", "backslashreplace")
        )
        for word in self.words:
            path = Path(self.folder, word)
            try:
                if path.is_file():
                    with path.open("rb") as file:
                        sha.update(b"file:" + file.read(_HASHED_BYTES))
            except (OSError, ValueError):
                continue
        return sha.hexdigest()[:16]

    def start(self, lr: float, *, seed: int) -> CommandSession:
        """A new run; the command is started when it is first advanced."""
        return CommandSession(self, lr=lr, seed=seed)

    # What a session asks.

    def run_folder(self, lr: float, seed: int) -> RunFolder:
        """The folder of a run; a temporary one where the task has no place for runs."""
        place = Path(self.runs_folder or tempfile.mkdtemp(prefix="lrlab-runs-"))
        return RunFolder(place / run_name(lr, seed))

    def filled(self, lr: float, seed: int, folder: RunFolder) -> list[str]:
        """The words of a run."""
        values = self._values(lr, seed, folder)
        return [fill(word, values) for word in self.words]

    def _values(self, lr: float, seed: int, folder: RunFolder) -> dict[str, object]:
        return {"lr": lr, "budget": self.budget, "seed": seed, "dir": str(folder.path)}

    def reader(self, lr: float, seed: int, folder: RunFolder) -> Reader:
        """A reader of a run's log."""
        source = self.read or OUTPUT + default_pattern(self.metric.name)
        if not source.startswith(OUTPUT):
            source = fill(source, self._values(lr, seed, folder))
        return open_reader(
            source, metric=self.metric.name, columns=self.columns, folder=folder.path, output=folder.output
        )


def _check_own(source: str, *, writes_there: bool) -> None:
    """Refuse a log that is the same file for every run.

    Args:
        source: What is read, a file.
        writes_there: Whether the command is told its run's folder, or started in it.

    Raises:
        SpecError: If it is, or a placeholder in it is unknown.
    """
    place = place_of(source)
    shared = "dir" not in names_in(place) and Path(place).is_absolute()
    if shared or not writes_there:
        why = f"{place} is outside of it" if shared else "{dir} stands nowhere in the command"
        raise SpecError(
            f"command: every run must write a {Path(place).name} of its own, into its folder {{dir}}, and {why}.",
            hint="Give the folder to the command, such as --out {dir}, or start it there: in_dir=True (--in-dir).",
        )


def _name_of(words: Sequence[str]) -> str:
    """The name of the first script among the words, else of the program."""
    scripts = [Path(word) for word in words if re.fullmatch(r"[^{}\s=]+\.\w{1,4}", word)]
    return scripts[0].stem if scripts else Path(words[0]).stem or "command"


_SETTINGS = (
    "words", "budget", "metric", "read", "unit", "freeze", "timeout_s", "epochs_from", "columns", "in_dir", "folder",
    "name", "optimizer", "schedule", "weights", "guide", "settles", "lr",
    "highest_lr", "plan", "plan_column",
)  # fmt: skip


def as_target(task: CommandTask) -> dict[str, Any]:
    """What makes the task again, in a form that JSON can hold; see ``from_target``."""
    own = {
        "words": list(task.words),
        "metric": str(task.metric),
        "read": task.read or None,
        "freeze": task.freezes,
        "columns": dict(task.columns),
        "lr": f"{task.default_lr_range.low!r}:{task.default_lr_range.high!r}",
    }
    rest = {name: getattr(task, name) for name in _SETTINGS if name not in own}
    return {"kind": "command", "ref": shlex.join(task.words), **own, **rest}


def from_target(target: Mapping[str, Any]) -> CommandTask:
    """The task that ``as_target`` told.

    Raises:
        SpecError: If something is missing or breaks its rule.
    """
    known = {name: target[name] for name in _SETTINGS if name in target}
    if not {"words", "budget"} <= set(known):
        raise SpecError(
            "command: the stored command has no words or no budget.", hint="Start the study anew."
        )
    return command(known.pop("words"), **known)
