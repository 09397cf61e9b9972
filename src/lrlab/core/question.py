"""What a study asks, and what a searcher may answer."""

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from lrlab.core.errors import SpecError
from lrlab.core.lr_range import LRRange, positive_rate
from lrlab.core.metric import Metric
from lrlab.core.run import DEFAULT_ARM, RunKey

Resumes = Literal["exact", "live", "restart"]

# Far above any training; what is larger is a slip, and no seed of NumPy or integer of a database.
_LARGEST = 10**9
_ARM_NAME = re.compile(r"\w[\w .,+%=-]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One of a few alternatives that a study compares, each with a rate of its own.

    Args:
        name: How the answer names it.
        optimizer: Name of the optimizer, a hint to the searcher; "" if unknown.
        schedule: Name of the schedule, a hint to the searcher; "" if unknown.
        lr: Rates to search with it, where they are not the question's.
        rate: The only rate that it is trained at, where its optimizer needs none; None where there is one to search.

    Raises:
        SpecError: If the name is no word or two: it names a folder too; or the rate is none, or stands beside a range.
    """

    name: str = DEFAULT_ARM
    optimizer: str = ""
    schedule: str = ""
    lr: LRRange | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None:
            positive_rate(self.rate, "arm: rate")
            if self.lr is not None:
                raise SpecError(
                    f"arm: {self.name} has the one rate {self.rate:g}, so there is no range to search, got {self.lr}."
                )
        if not isinstance(self.name, str) or not _ARM_NAME.fullmatch(self.name):
            raise SpecError(
                f"arm: a name has 1 to 60 letters, digits, blanks and _ . , + % - signs, got {self.name!r:.80}.",
                hint='Such as "adamw" or "sgd, cosine".',
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about the learning rate of one training target.

    Args:
        lr: Range to search, absolute rates; where arms have ranges of their own, it holds them all.
        budget: Length of a full run, in units; at least 1.
        unit: What a unit is: ``"epoch"`` or ``"step"``.
        metric: What is compared.
        reduce: ``"best"``: a run's score is the best value so far; ``"last"``: its last value.
        tolerance: Regret up to which a rate counts as safe, a share of the whole improvement.
        max_cost: Price limit in full runs, the winner's own included; None: the searcher's default.
        seed: First seed.
        seeds: How many seeds the final comparison may use; at least 1.
        arms: The alternatives; at least one.
        resumes: What the task can do with a frozen run.
        current_lr: The user's own rate, always one of the runs; None if not given.
        guide: Columns that tell rates apart while the metric does not, such as ``train/*loss`` while a detector's mAP is
            still 0: their sum, smaller is better; "" for none. For metrics between 0 and 1.
        settles: Units before which rates cannot be compared: a warm-up from or to something else than the rate.
        known: Runs that the study had when it was last extended; a searcher builds on their rates.

    Raises:
        SpecError: If a value breaks its rule.
    """

    lr: LRRange
    budget: int
    metric: Metric
    unit: str = "epoch"
    reduce: Literal["best", "last"] = "best"
    tolerance: float = 0.02
    max_cost: float | None = None
    seed: int = 0
    seeds: int = 1
    arms: tuple[Arm, ...] = field(default=(Arm(),))
    resumes: Resumes = "live"
    current_lr: float | None = None
    guide: str = ""
    settles: int = 0
    known: tuple[RunKey, ...] = ()

    def __post_init__(self) -> None:
        whole_number("budget", self.budget, 1, hint="It is the length of a full training, in units.")
        whole_number("seeds", self.seeds, 1)
        whole_number("seed", self.seed, 0)
        whole_number("settles", self.settles, 0)
        if self.unit not in ("epoch", "step"):
            raise SpecError(f'unit: must be "epoch" or "step", got {self.unit!r}.')
        if self.reduce not in ("best", "last"):
            raise SpecError(f'reduce: must be "best" or "last", got {self.reduce!r}.')
        if self.resumes not in ("exact", "live", "restart"):
            raise SpecError(f'resumes: must be "exact", "live" or "restart", got {self.resumes!r}.')
        if not is_real(self.tolerance) or not 0 < self.tolerance < 1:
            raise SpecError(f"tolerance: must lie between 0 and 1, such as 0.02, got {self.tolerance!r}.")
        if self.max_cost is not None and not (is_real(self.max_cost) and self.max_cost >= 1):
            raise SpecError(
                f"max_cost: must be at least 1 full run, the winner's own, got {self.max_cost!r}."
            )
        if self.current_lr is not None:
            positive_rate(self.current_lr, "current_lr")
        if not self.arms or len({arm.name for arm in self.arms}) != len(self.arms):
            raise SpecError("arms: at least one is needed, each with a name of its own.")
        if not self.searched:
            names = ", ".join(arm.optimizer or arm.name for arm in self.arms)
            raise SpecError(
                f"arms: {names} {'needs' if len(self.arms) == 1 else 'need'} no learning rate, so there is nothing to search.",
                hint="Compare with an optimizer that has one, such as --optimizer adamw besides.",
            )

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the arms that have a rate to search; at least one."""
        return tuple(arm.name for arm in self.arms if arm.rate is None)

    @property
    def fixed(self) -> tuple[RunKey, ...]:
        """The runs of the arms that have one rate only, with the first seed."""
        return tuple(RunKey(arm.name, arm.rate, self.seed) for arm in self.arms if arm.rate is not None)

    def span(self, arm: str) -> LRRange:
        """The rates to search with an arm.

        Raises:
            SpecError: If the arm has one rate only; see ``searched``.
        """
        known = next((known for known in self.arms if known.name == arm), None)
        if known is not None and known.rate is not None:
            raise SpecError(f"arms: {arm} has the one rate {known.rate:g}, and none to search.")
        return self.lr if known is None or known.lr is None else known.lr


def is_real(value: object) -> bool:
    """Whether ``value`` is a finite number, and no text, truth value or anything else."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def whole_number(name: str, value: object, least: int, *, hint: str = "") -> int:
    """``value`` as an int of at least ``least`` and at most a thousand million.

    Raises:
        SpecError: If it is anything else; the sentence names the argument, the rule and the value.
    """
    if not isinstance(value, int | float) or not is_real(value) or int(value) != value:
        raise SpecError(f"{name}: must be a whole number, got {value!r}.", hint=hint)
    if value < least:
        raise SpecError(f"{name}: must be at least {least}, got {value!r}.", hint=hint)
    if value > _LARGEST:
        raise SpecError(f"{name}: must be at most {_LARGEST}, got {value!r:.40}.", hint=hint)
    return int(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A searcher's wish: train this run until ``until`` units are done.

    Args:
        arm: Which alternative.
        lr: Learning rate, absolute.
        seed: Seed of the run.
        until: Units, counted from the start of the run; 1 up to the budget.
        why: One sentence for a person.
    """

    lr: float
    until: int
    seed: int = 0
    arm: str = DEFAULT_ARM
    why: str = ""

    @property
    def key(self) -> RunKey:
        """The run that it advances."""
        return RunKey(self.arm, self.lr, self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A searcher's word that it asks for nothing more.

    Args:
        why: One sentence for a person.
        unsettled: What the price did not allow to settle, a sentence each.
    """

    why: str
    unsettled: tuple[str, ...] = ()
