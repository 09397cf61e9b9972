"""What a trial of other rates from a run's own state says of its rate."""

from dataclasses import dataclass

from lrlab.core.verdict import RateVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEnd:
    """How a branch ended.

    Args:
        factor: Its rate over the run's.
        loss: Mean loss over the batches that all branches were judged on; infinite where it lost its way.
    """

    factor: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What branches from one state say.

    Args:
        branches: Of ascending factors.
        start: Mean loss of the run itself, before the branches, on the same batches.
        winner: Factor of the branch with the lowest loss.
        margin: How much lower its loss is than the next one's, as a share of that.
        certainty: Share of resamples of the batches in which it is lower than each other branch's.
        before: What the diagnosis said of the run's log; ``unknown`` where it was not asked.
        rate: What both say together.
        step: Optimizer steps that the run had done.
        steps: Optimizer steps of each branch.
        batches: Batches that the branches were judged on.
        cost: Price of everything in full trainings; a batch that is only judged counts as a third of a step.
    """

    branches: tuple[BranchEnd, ...]
    start: float
    winner: float
    margin: float
    certainty: float
    before: RateVerdict
    rate: RateVerdict
    step: int
    steps: int
    batches: int
    cost: float

    @property
    def overturned(self) -> bool:
        """Whether another word stands now than the log alone had given."""
        return self.before.verdict not in ("unknown", self.rate.verdict)
