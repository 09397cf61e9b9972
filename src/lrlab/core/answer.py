"""What comes back from a study."""

import math
from dataclasses import dataclass

from lrlab.core.lr_range import format_lr
from lrlab.core.question import Question
from lrlab.core.run import DEFAULT_ARM, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something that a reader of the answer must know.

    Args:
        code: Stable name, such as ``EDGE_HIGH``.
        text: One or two sentences: what, and what to do about it.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBest:
    """A rate that fits the training data better than the answer's and validates worse.

    Args:
        lr: The rate, absolute.
        units: Units after which both were compared.
        loss: Its training loss there, the mean over a unit, reduced as scores are.
        beside: That of the answer's rate.
        regret: What its metric loses there against the answer's rate, as a share of the improvement; above 0.
    """

    lr: float
    units: int
    loss: float
    beside: float
    regret: float


# Codes that make an answer inconclusive (exit code 5 of the command line).
INCONCLUSIVE = frozenset({"EDGE_LOW", "EDGE_HIGH", "NOISE"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The learning rate, and what it rests on.

    Args:
        lr: The rate to use; NaN where no rate can be named (everything diverged or failed).
        interval: Where the best rate lies, with 90 % probability; (low, high), absolute rates.
        safe_range: Rates whose regret is at most the question's tolerance; (low, high).
        score: The winner's score, in the metric's own unit.
        cost: Units trained over the budget, the winner's own full run included; units lost to crashes are not.
        confidence: 0 to 1; ``confidence_word`` puts it into a word.
        reasons: What raises or lowers the confidence, a sentence each.
        arm: The alternative that won.
        runs: Every run of the study.
        warnings: What the reader must know.
        question: What was asked.
        study: Name of the study in its store; "" if it was kept nowhere.
        checkpoint: Path of the winner's stored state, or None where the task can give none.
        untrained: The score before training, or the stand-in that was used; None if neither is known.
        lost_cost: Full runs trained again after crashes or evictions.
        current_regret: What the user's own rate would lose, as a share of the improvement; None if not asked.
        seconds: Training time of all runs together, in seconds.
        final: Whether the study has ended; False for an answer "so far".
        training: The rate that is best for the training loss, where it is another one; None also where no run tells a
            training loss.
        best_at: At how many units the winner's metric was best; None where it has no value.
    """

    lr: float
    interval: tuple[float, float]
    safe_range: tuple[float, float]
    score: float
    cost: float
    confidence: float
    question: Question
    reasons: tuple[str, ...] = ()
    arm: str = DEFAULT_ARM
    runs: tuple[Run, ...] = ()
    warnings: tuple[Caution, ...] = ()
    study: str = ""
    checkpoint: str | None = None
    untrained: float | None = None
    lost_cost: float = 0.0
    current_regret: float | None = None
    seconds: float = 0.0
    final: bool = True
    training: TrainingBest | None = None
    best_at: float | None = None

    @property
    def found(self) -> bool:
        """Whether a rate could be named."""
        return math.isfinite(self.lr)

    @property
    def so_far(self) -> bool:
        """Whether the search goes on, or can: it has not ended, and no person has stopped it."""
        return not self.final and "STOPPED" not in self.codes

    @property
    def confidence_word(self) -> str:
        """``low`` under 0.5, ``medium`` under 0.8, else ``high``."""
        return "low" if self.confidence < 0.5 else "medium" if self.confidence < 0.8 else "high"

    @property
    def codes(self) -> frozenset[str]:
        """The codes of its warnings."""
        return frozenset(caution.code for caution in self.warnings)

    @property
    def exit_code(self) -> int:
        """0 answered, 3 every run failed, 4 everything diverged, 5 inconclusive, or ended before there was a rate."""
        if not self.found:
            early = self.codes & {"STOPPED", "TIME_UP"}
            return 4 if "ALL_DIVERGED" in self.codes else 5 if early else 3
        return 5 if self.codes & INCONCLUSIVE else 0

    @property
    def winner(self) -> Run | None:
        """The run at the answer's rate that was trained furthest; None where no rate was found."""
        own = [run for run in self.runs if run.lr == self.lr and run.arm == self.arm]
        return max(own, key=lambda run: (run.units, -run.seed), default=None)


def sentence(answer: Answer) -> str:
    """The answer in one line, for a person.

    Example:
        Use LR 2.4e-3 (1.6e-3 to 3.9e-3). Safe from 6e-4 to 8e-3. Your 1e-2 would lose 3 %. Cost: 1.9 full runs.
    """
    if not answer.found:
        return _nothing_found(answer)
    if answer.arm not in answer.question.searched and answer.arm != DEFAULT_ARM:
        use = "So far: use" if answer.so_far else "Use"
        return f"{use} {answer.arm}, which needs no rate to be found: leave its LR at {format_lr(answer.lr)}. {_cost(answer)}"
    arm = "" if len(answer.question.arms) == 1 else f" with {answer.arm}"
    low, high = (format_lr(rate, digits=2) for rate in answer.interval)
    parts = [f"{'So far: use' if answer.so_far else 'Use'} LR {format_lr(answer.lr)}{arm} ({low} to {high})."]
    low, high = (format_lr(rate, digits=2) for rate in answer.safe_range)
    parts.append(f"Safe from {low} to {high}.")
    if answer.current_regret is not None and answer.question.current_lr is not None:
        parts.append(_about_current(answer.question.current_lr, answer.lr, answer.current_regret))
    parts.append(_cost(answer))
    return " ".join(parts)


def _nothing_found(answer: Answer) -> str:
    if "ALL_DIVERGED" in answer.codes:
        return f"No learning rate can be named: every run diverged. {_cost(answer)}"
    if "ALL_FAILED" in answer.codes:
        return f"No learning rate can be named: every run failed. {_cost(answer)}"
    return f"No learning rate can be named {'yet' if answer.so_far else 'from these runs'}. {_cost(answer)}"


def _about_current(current: float, best: float, regret: float) -> str:
    if current == best:
        return f"Your {format_lr(current)} is the best."
    if regret >= 1:
        return f"Your {format_lr(current)} would lose everything."
    if regret < 0.0005:
        return f"Your {format_lr(current)} is as good."
    return f"Your {format_lr(current)} would lose {100 * regret:.{1 if regret < 0.01 else 0}f} %."


def _cost(answer: Answer) -> str:
    cost = f"{answer.cost:.1f}".removesuffix(".0")
    return f"Cost: {cost} full run{'' if cost == '1' else 's'}."
