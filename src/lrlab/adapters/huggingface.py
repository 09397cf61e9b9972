"""Hugging Face transformers: a function that returns a Trainer becomes a task.

What a Trainer does with its rate, and what of it is set here so that runs can be compared:

- A run has the Trainer's whole length, and so its whole schedule, however early it is frozen: it waits inside a callback.
- It keeps gradient accumulation and devices in one place for the whole process (accelerate); runs take turns with it.
- ``logging_nan_inf_filter`` hides a NaN, and progress bars and checkpoints fill screens and disks: all of them are off.
- What lrlab stores of a run is read back without pickle; the Trainer's own checkpoints would hold pickles.

References:
    https://huggingface.co/docs/transformers/main_classes/trainer, and transformers 5.24 as installed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lrlab.core.answer import Caution
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange, positive_rate
from lrlab.core.metric import Metric
from lrlab.core.question import Resumes
from lrlab.schedules.plan import RatePlan
from lrlab.tasks.code_hash import code_hash
from lrlab.tasks.protocol import SessionState
from lrlab.tasks.source import check_signature, name_of

if TYPE_CHECKING:
    from lrlab.adapters.huggingface_session import TrainerRun, TrainerSession
    from lrlab.adapters.huggingface_trainer import TrainerFacts

_PACKAGES = ("torch", "transformers", "accelerate")
_LOOK_LR = 1e-4  # what the Trainer is made for that is only looked at


def huggingface(
    make: "Callable[[TrainerRun], object]",
    *,
    metric: "str | Metric" = "eval_loss",
    untrained: bool = True,
    name: str | None = None,
    lr: "str | tuple[float, float] | None" = None,
) -> "HuggingFaceTask":
    """A training by transformers' Trainer as a task.

    The unit is an epoch, evaluated at its end; with ``eval_strategy="steps"`` it is an optimizer step, evaluated every
    ``eval_steps``. The budget is the Trainer's own length (``num_train_epochs`` or ``max_steps``), which is read from one
    Trainer that is made when the task is first used.

    Args:
        make: ``make(run) -> Trainer``, called once per run: it builds everything anew, with ``learning_rate=run.lr``, and
            ``output_dir=run.folder``. Model, data order and dropout follow ``run.seed`` by themselves.
        metric: What is compared: a name of the Trainer's log such as ``eval_loss`` or ``eval_accuracy``, lrlab's name for it
            (``val_loss``, ``val_acc``), or a name that ``compute_metrics`` returns; ``NAME:min`` or ``NAME:max``.
        untrained: Whether to evaluate before training: it costs one evaluation, and tells what a rate's regret is
            measured from.
        name: How studies and reports name it; by default the function's name.
        lr: Range to search where a sweep is given none; by default the optimizer's.

    Records: each unit ends with the numbers of its evaluation, ``loss`` (the training loss since the last log), ``lr``
    (the rate that was applied, read from the optimizer) and ``grad_norm``; inside a unit stand the Trainer's logs.
    Everything keeps the Trainer's name, and has lrlab's beside it. Clock times are left out.

    A run writes no checkpoints (lrlab keeps its own, and the best unit's weights with it, so ``load_best_model_at_end`` has
    nothing to do), shows no progress bar, and starts no logger that ``report_to`` does not name. Stored
    runs go on exactly, except where something is out of sight: callbacks of one's own with attributes (make them
    ``ExportableState``), data without a length, persistent data workers, and, with steps as the unit, data that draws
    random numbers; then ``resumes`` is ``"live"``.

    Raises:
        SpecError: If an argument breaks its rule, or a package is missing. What is wrong with the Trainer itself is told when
            the task is first used.

    Example:
        ``answer = lrlab.sweep(lrlab.huggingface(make, metric="accuracy"), lr=(1e-6, 1e-2))``
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise SpecError(
                f"huggingface: it needs the package {package}, which is not installed.",
                hint="Install it: pip install 'lrlab[huggingface]'.",
            )
    _check_make(make)
    if not isinstance(untrained, bool):
        raise SpecError(f"huggingface: untrained must be True or False, got {untrained!r}.")
    if name is not None and not (isinstance(name, str) and name.strip()):
        raise SpecError(f"huggingface: name must be a word, got {name!r}.")
    return HuggingFaceTask(
        make=make,
        metric=Metric.parse(metric),
        untrained=untrained,
        name=name or name_of(make),
        given_lr_range=None if lr is None else LRRange.parse(lr),
        code=code_hash(make),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class HuggingFaceTask:
    """A function that returns a Trainer, as a task; make it with ``lrlab.huggingface``."""

    make: "Callable[[TrainerRun], object]"
    metric: Metric
    untrained: bool
    name: str
    given_lr_range: LRRange | None
    code: str  # hash of the function's code: taken where its source text can be seen, which a worker may not

    @cached_property
    def _facts(self) -> "TrainerFacts":
        facts: TrainerFacts = _session_module().facts_of(self.make, lr=_LOOK_LR)
        return facts

    @property
    def budget(self) -> int:
        """Units in a full run."""
        return self._facts.budget

    @property
    def unit(self) -> str:
        """``"epoch"``, or ``"step"`` where the Trainer evaluates by steps."""
        return self._facts.unit

    @property
    def resumes(self) -> Resumes:
        """``exact``, or ``live`` where not all of a run's state can be seen."""
        return self._facts.resumes

    @property
    def optimizer(self) -> str:
        """Name of the optimizer's class, in lower case."""
        return self._facts.optimizer

    @property
    def schedule(self) -> str:
        """The Trainer's ``lr_scheduler_type``; "" where it was given a scheduler."""
        return self._facts.schedule

    @property
    def planned(self) -> RatePlan | None:
        """The rates that ``lr_scheduler_type`` means, by optimizer step; None where lrlab does not have it."""
        return self._facts.planned

    @property
    def default_lr_range(self) -> LRRange:
        """Rates to search where a sweep is given none."""
        return self.given_lr_range or self._facts.lr_range

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """What every answer about it repeats."""
        return self._facts.warnings

    @property
    def fingerprint(self) -> str:
        """Hash of the function's code and what it was seen to do."""
        return code_hash(self.code, self.budget, self.unit, str(self.metric), self.untrained)

    def __getstate__(self) -> dict[str, object]:
        """Fields and facts, so that workers need not look again."""
        return {"_facts": self._facts, **vars(self)}

    def start(self, lr: float, *, seed: int) -> "TrainerSession":
        """A new run; its Trainer is made when it is first advanced."""
        module = _session_module()
        plan = module.TrainerPlan(
            make=self.make, facts=self._facts, metric=self.metric, untrained=self.untrained
        )
        session: TrainerSession = module.TrainerSession(plan, lr=positive_rate(lr), seed=seed)
        return session

    def load_model(self, state: SessionState, *, best: bool = False) -> Any:
        """The model that a session's ``state()`` holds, on the CPU and in evaluation mode.

        Args:
            state: What ``state()`` returned, or its stored copy.
            best: The weights at the end of the unit with the best metric so far rather than the newest.
        """
        return _session_module().trained_model(self.make, state, lr=_LOOK_LR, best=best)


def _session_module() -> Any:
    """What knows transformers, loaded only where something is trained: it takes seconds."""
    return import_module("lrlab.adapters.huggingface_session")


def _check_make(make: object) -> None:
    if not callable(make) or isinstance(make, type):
        what = (
            "a Trainer that is made already" if type(make).__name__.endswith("Trainer") else repr(make)[:80]
        )
        raise SpecError(
            f"huggingface: expected a function make(run) that returns a Trainer, got {what}.",
            hint="Every run needs a Trainer of its own: def make(run): ... return Trainer(...)",
        )
    check_signature(make, caller="huggingface", hint="Define def make(run): ... with learning_rate=run.lr.")
