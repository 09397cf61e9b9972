"""Made-up trainings with a known shape, for searchers: a whole study takes milliseconds."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lrlab.core.outcome import Outcome, State
from lrlab.core.question import Advance, Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.searchers.protocol import Searcher

MOST_ROUNDS = 10_000
_ALL_RECORDED = (
    1_000  # up to this budget every unit has a record; above, only the ends of slices and some between
)

# What becomes of a run that is trained until some unit.
Train = Callable[[Run, int], Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    r"""A training whose metric is a closed form of rate and time.

    .. math:: y = q + (1 - q)\,n\,\frac{\eta}{\eta_{max}}\,m(t), \quad q = (1 + 20\,p\,\eta \int_0^t m)^{-a}

    ``q`` is what is left to learn, a function of rate times units; the rest the noise floor of the rate in use. So early
    rankings favour high rates, as real ones do; under a decaying schedule, where ``m`` falls from 1 to 0, even more.

    Args:
        name: How a test names it.
        speed: ``p``; how fast a rate of 1 learns; time runs from 0 to 1.
        power: ``a``.
        floor_noise: ``n``; what the highest rate that trains leaves.
        highest: Rates above diverge; infinite: none does.
        patience: Units that a run just above ``highest`` lasts; twice the rate lasts half as long, but at least one.
        decays: Whether the rate falls to 0 along a line; else it is constant.
        jitter: Standard deviation of noise in each value, different for each rate, seed and unit.
        between_seeds: Standard deviation of an offset of each rate and seed.
        flat: Whether no rate makes a difference: the metric is ``1 - 0.5 t``.
        fails: Whether every run fails at once.
        ends_after: Share of the budget after which a training ends by itself; 1: never.
    """

    name: str
    speed: float = 300.0
    power: float = 0.5
    floor_noise: float = 0.3
    highest: float = 1.0
    patience: int = 1
    decays: bool = False
    jitter: float = 0.0
    between_seeds: float = 0.0
    flat: bool = False
    fails: bool = False
    ends_after: float = 1.0

    def value(self, lr: float, unit: float, *, seed: int, budget: int) -> float:
        """The metric (small is good) after ``unit`` units; NaN where the run has diverged."""
        if lr > self.highest and unit >= max(self.patience * self.highest / lr, 1):
            return math.nan
        time = unit / budget
        area = time - time**2 / 2 if self.decays else time
        shape = (1 + self.speed * lr * area * 20) ** -self.power
        left = self.floor_noise * min(lr / min(self.highest, 1e3), 1.0) * ((1 - time) if self.decays else 1.0)
        if self.flat:
            shape, left = 1 - 0.5 * time, 0.0
        if unit == 0:
            return 1.0
        luck = _gauss(f"{lr!r} {seed} {unit}", self.jitter) + _gauss(f"{lr!r} {seed}", self.between_seeds)
        return float(shape + left * (1 - shape) + luck)

    def regret(self, lr: float, *, budget: int, rates: Sequence[float]) -> float:
        """Share of the improvement that ``lr`` loses against the best of ``rates``, without any noise."""
        calm = replace(self, jitter=0.0, between_seeds=0.0)
        ends = [calm.value(rate, budget, seed=0, budget=budget) for rate in (lr, *rates)]
        best = min(end for end in ends if math.isfinite(end))
        return 1.0 if math.isnan(ends[0]) else (ends[0] - best) / (1 - best)

    def trainer(self, question: Question) -> Train:
        """Trains runs of a study on this landscape."""

        def train(run: Run, until: int) -> Run:
            if self.fails:
                return replace(run, outcome=Outcome.FAILED, detail="RuntimeError: made to fail", target=until)
            return self._train(run, until, question)

        return train

    def _train(self, run: Run, until: int, question: Question) -> Run:
        sign = 1.0 if question.metric.direction == "min" else -1.0
        end = min(until, max(math.ceil(self.ends_after * question.budget), 1))
        every = 1 if question.budget <= _ALL_RECORDED else question.budget // 256
        units = [] if run.records else [0]
        units += sorted({*range(run.units + 1, end + 1, every), *((end,) if end > run.units else ())})
        records, done, outcome = list(run.records), run.units, run.outcome
        for unit in units:
            value = self.value(run.lr, unit, seed=run.seed, budget=question.budget)
            records.append(Record(float(unit), {question.metric.name: sign * value}))
            if math.isnan(value):
                outcome = Outcome.DIVERGED
                break
            done = unit
        if outcome is None and (end < until or done == question.budget):
            outcome = Outcome.FINISHED
        return replace(
            run, units=done, records=tuple(records), outcome=outcome, target=until, state=State.FROZEN
        )


LANDSCAPES = (
    Landscape(name="bowl"),
    Landscape(name="noisy bowl", jitter=0.02, between_seeds=0.01),
    Landscape(name="decaying schedule", decays=True),
    Landscape(name="cliff", highest=0.02, floor_noise=0.0),
    Landscape(name="late cliff", highest=0.02, floor_noise=0.0, patience=4),
    Landscape(name="low", speed=1e6, highest=1e-3, floor_noise=2.0),
    Landscape(name="best at the lowest", speed=1e9, highest=1e-6, floor_noise=1.0),
    Landscape(name="best at the highest", speed=0.1, highest=math.inf),
    Landscape(name="flat", flat=True, highest=math.inf),
    Landscape(name="pure noise", speed=0.0, floor_noise=0.0, jitter=0.1, highest=math.inf),
    Landscape(name="all diverge", highest=1e-12),
    Landscape(name="all fail", fails=True),
    Landscape(name="ends early", ends_after=0.5),
)


def _gauss(name: str, deviation: float) -> float:
    """The same draw for the same name; nothing is drawn for a deviation of 0."""
    return random.Random(name).gauss(0, deviation) if deviation else 0.0  # noqa: S311


def carry_out(
    question: Question, searcher: Searcher, train: Train, *, order: random.Random | None = None
) -> tuple[tuple[Run, ...], Done]:
    """Carry a whole study out.

    Args:
        question: What is asked.
        searcher: Who decides.
        train: What becomes of a run.
        order: Completes a random part of what is outstanding each time, in random order; None: all of it.

    Raises:
        AssertionError: If the searcher asks for nothing new and does not end.
    """
    runs: dict[RunKey, Run] = {}
    for _ in range(MOST_ROUNDS):
        asked = searcher(question, tuple(runs.values()))
        if isinstance(asked, Done):
            return tuple(runs.values()), asked
        assert asked, "the searcher asks for nothing and does not end"
        chosen = list(asked)
        if order is not None:
            chosen = order.sample(chosen, order.randint(1, len(chosen)))
        for advance in chosen:
            runs[advance.key] = train(runs.get(advance.key, new_run(advance)), advance.until)
    raise AssertionError(f"the searcher has not ended after {MOST_ROUNDS} rounds")


def new_run(advance: Advance) -> Run:
    """The run of an advance, before anything was trained."""
    return Run(lr=advance.lr, seed=advance.seed, arm=advance.arm)
