"""Training and validation apart: the rate that fits the training data best, and where the winner was at its best.

Runs carry a training loss beside the metric. A rate that trains better than the winner and validates worse overfits, or,
below the winner, lacks what a high rate does for generalisation. Both are told only where runs show it at equal units: what a
short run might become is not guessed, for early on the training loss favours high rates everywhere.
"""

import fnmatch
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lrlab.core.answer import Answer, Caution, TrainingBest
from lrlab.core.lr_range import format_lr
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.readers.names import plain
from lrlab.searchers.evidence import Evidence
from lrlab.searchers.regret import Picture

# How frameworks call the training loss, the first that a run has; ``plain`` has made the names alike.
_TRAINING = (
    "train_loss", "training_loss", "loss_train", "trainloss", "train_loss_epoch", "train_epoch_loss", "tr_loss",
)  # fmt: skip
_PARTS = re.compile(r"train_(?!loss)\w+_loss")  # train/box_loss, train/cls_loss: one loss in parts
# A plain "loss" is the training's where the metric says that it is not.
_HELD_OUT = re.compile(r"(^|_)(val|valid|validation|eval|dev|test)(_|$)|^val")

# ``python -m benchmarks.generalisation`` counts how often a claim is true that rests on these.
_EARLIEST = 1 / 8  # of the budget, before which nothing is compared,
_FEWEST = 4  # and units: the mean loss of a unit lags behind its end
_APART = 0.24  # decades: one step of the usual grid
_LEAD = 0.01  # of what the training loss has fallen: by how much the other rate must train better
_LEAST_GAP = (
    0.005  # of the improvement: by how much it must validate worse, or by the noise where that is more
)
_WELL_BEFORE = 0.75  # of the budget
_LAST_PART = 4  # the last quarter is what has become of a run


def training_columns(names: Iterable[str], question: Question) -> tuple[str, ...]:
    """The columns whose sum is the training loss, sorted; none where no name tells it.

    Args:
        names: Of what the runs have recorded.
        question: Its guide, where there is one, is the training loss; its metric never is.
    """
    metric = question.metric.name
    others = sorted({name for name in names if name != metric})
    if question.guide:
        return tuple(fnmatch.filter(others, question.guide))
    by_plain = {plain(name): name for name in reversed(others)}
    for name in _TRAINING:
        if plain(metric) != name and name in by_plain:
            return (by_plain[name],)
    parts = tuple(name for name in others if _PARTS.fullmatch(plain(name)))
    if parts:
        return parts
    return ("loss",) if "loss" in others and _HELD_OUT.search(plain(metric)) else ()


def training_best(question: Question, runs: Sequence[Run], picture: Picture) -> TrainingBest | None:
    """The rate that fits the training data best, where that is another one than validation's and matters.

    Each rate is compared with the winner at the units that both have, from an eighth of the budget on, by the mean training
    loss of a unit and the question's own reduction. It must be a quarter of a decade from the winner, lead by 1 % of what
    the training loss has fallen, and validate worse by more than the noise.

    Args:
        question: What was asked.
        runs: Every run.
        picture: What they say about the metric.

    Returns:
        The rate with the greatest lead; None where it is none of these, or no run tells a training loss.
    """
    winner = picture.winner
    if winner is None or winner.arm not in question.searched or not math.isfinite(picture.improvement):
        return None
    same = {run.key: run for run in runs if (run.arm, run.seed) == (winner.arm, winner.seed)}
    columns = training_columns(
        {name for run in same.values() for record in run.records for name in record.metrics}, question
    )
    if not columns:
        return None
    metric = Evidence(question, same.values())
    training = Evidence(
        replace(question, metric=Metric("training loss"), guide=""),
        [replace(run, records=tuple(_by_unit(run, columns))) for run in same.values()],
    )
    start = training.stand_in([key for key in same if key.lr <= winner.lr])
    end = training.score_at(winner, question.budget)
    if start is None or not 0 < start - end < math.inf:
        return None
    alive = {point.lr for point in picture.points if math.isfinite(point.regret)} - {winner.lr}
    least = max(_EARLIEST * question.budget, min(_FEWEST, question.budget))
    found = []
    for key in same:
        units = min(same[key].units, same[winner].units)
        if key.lr not in alive or units < least:
            continue
        loss, own = training.score_at(key, units), training.score_at(winner, units)
        lost = (metric.score_at(key, units) - metric.score_at(winner, units)) / picture.improvement
        if math.isfinite(loss) and math.isfinite(own) and math.isfinite(lost):
            lead = (own - loss) / (start - end)
            found.append((lead, TrainingBest(lr=key.lr, units=units, loss=loss, beside=own, regret=lost)))
    lead, best = max(found, key=lambda one: (one[0], -one[1].lr), default=(-math.inf, None))
    if best is None or lead <= _LEAD or abs(math.log10(best.lr / winner.lr)) < _APART:
        return None
    return best if best.regret > max(_LEAST_GAP, picture.noise) else None


def _by_unit(run: Run, columns: Sequence[str]) -> Iterator[Record]:
    """The mean training loss of each unit, as a record at its end; infinite where a value of it is not finite."""
    units: dict[int, list[float]] = {}
    for record in run.records:
        if record.at > 0 and all(name in record.metrics for name in columns):
            units.setdefault(math.ceil(record.at), []).append(
                math.fsum(record.metrics[name] for name in columns)
                if all(math.isfinite(record.metrics[name]) for name in columns)
                else math.inf
            )
    for unit, values in sorted(units.items()):
        yield Record(float(unit), {"training loss": sum(values) / len(values)})


def best_moment(question: Question, runs: Iterable[Run], winner: RunKey | None) -> float | None:
    """At how many units the winner's metric was best, the first time; None where it has no finite value."""
    run = next((run for run in runs if run.key == winner), None)
    if run is None:
        return None
    told = [(at, value) for at, value in run.values(question.metric) if at > 0 and math.isfinite(value)]
    return min(told, key=lambda one: (question.metric.loss(one[1]), one[0]))[0] if told else None


def generalises(answer: Answer, picture: Picture) -> tuple[Caution, ...]:
    """What the reader must know about training and validation, of an answer that has all the rest."""
    return tuple(
        Caution(code=code, text=text)
        for code, text in (*_trains_better(answer), *_best_early(answer, picture))
    )


def _trains_better(answer: Answer) -> Iterator[tuple[str, str]]:
    best, question = answer.training, answer.question
    if best is None:
        return
    shown = (
        f"{format_lr(best.lr)} fits the training data better than {format_lr(answer.lr)} (training loss {best.loss:.4g} "
        f"against {best.beside:.4g} after {best.units} of {question.budget} {question.unit}s), but its "
        f"{question.metric.name} is worse by {_percent(best.regret)} of the improvement"
    )
    if best.lr > answer.lr:
        yield (
            "TRAINS_HIGHER",
            f"{shown}: higher rates seem to overfit here. With more regularisation or data a higher one may be best; then sweep "
            "again.",
        )
    else:
        yield (
            "TRAINS_LOWER",
            f"{shown}: here a high rate seems to be what generalises. With more regularisation a lower one may be best; then sweep "
            "again.",
        )


def _best_early(answer: Answer, picture: Picture) -> Iterator[tuple[str, str]]:
    """Where the winner was at its best well before the end, and its last quarter is worse by more than noise."""
    winner, question = answer.winner, answer.question
    if winner is None or answer.best_at is None or winner.outcome is not Outcome.FINISHED:
        return
    metric = question.metric
    told = [
        (at, metric.loss(value)) for at, value in winner.values(metric) if at > 0 and math.isfinite(value)
    ]
    late = [value for at, value in told if at > winner.units - winner.units / _LAST_PART]
    if not late or answer.best_at > _WELL_BEFORE * winner.units or not picture.improvement > 0:
        return
    rise = (min(late) - min(value for _, value in told)) / picture.improvement
    if rise > max(_LEAST_GAP, picture.noise):
        place = f"{answer.best_at:g}" if answer.best_at == int(answer.best_at) else f"{answer.best_at:.1f}"
        share = "all" if rise >= 1 else _percent(rise)
        yield (
            "BEST_EARLY",
            f"{format_lr(answer.lr)} had its best {metric.name} at {question.unit} {place} of {question.budget}, and lost "
            f"{share} of the improvement after it. Stop there, keep that checkpoint, or sweep with a smaller "
            "budget.",
        )


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share < 0.1 else 0}f} %"
