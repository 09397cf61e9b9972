"""Training and validation apart."""

import math
from dataclasses import replace

import pytest

from lrlab.core.answer import INCONCLUSIVE, Answer, TrainingBest
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.generalisation import training_columns

QUESTION = Question(lr=LRRange(1e-4, 1.0), budget=8, metric=Metric("val_loss"))
STEADY = [0.6, 0.5, 0.44, 0.4, 0.37, 0.35, 0.34, 0.33]
OVERFITS = [0.6, 0.55, 0.53, 0.53, 0.55, 0.6, 0.7, 0.8]
FAST = [0.5, 0.3, 0.2, 0.12, 0.08, 0.05, 0.03, 0.02]
SLOW = [0.6, 0.5, 0.44, 0.4, 0.36, 0.33, 0.31, 0.3]


def run(lr: float, validation: list[float], training: list[float] | None, **changes: object) -> Run:
    """A run with both losses at the end of each unit; before training the validation loss is 1."""
    records = [Record(0.0, {"val_loss": 1.0})]
    for at, value in enumerate(validation, start=1):
        told = {"val_loss": value} | ({"train_loss": training[at - 1]} if training else {})
        records.append(Record(float(at), told))
    ended = {"outcome": Outcome.FINISHED} if len(validation) == 8 else {}
    given = {"lr": lr, "records": tuple(records), "units": len(validation), **ended, **changes}
    return Run(**given)  # type: ignore[arg-type]


def answer_of(*runs: Run, question: Question = QUESTION) -> Answer:
    return conclude(question, runs, done=Done(why="enough."))


def text_of(answer: Answer, code: str) -> str:
    return next(caution.text for caution in answer.warnings if caution.code == code)


def test_a_higher_rate_that_trains_better_and_validates_worse_is_named() -> None:
    answer = answer_of(run(1e-3, STEADY, SLOW), run(1e-2, OVERFITS, FAST))
    assert answer.lr == 1e-3
    assert answer.training == TrainingBest(
        lr=1e-2, units=8, loss=0.02, beside=0.3, regret=pytest.approx(0.2 / 0.67)
    )
    text = text_of(answer, "TRAINS_HIGHER")
    assert text.startswith(
        "1e-2 fits the training data better than 1e-3 (training loss 0.02 against 0.3 after 8 of 8"
    )
    assert "val_loss is worse by 30 % of the improvement" in text
    assert INCONCLUSIVE.isdisjoint({"TRAINS_HIGHER", "TRAINS_LOWER", "BEST_EARLY"}), "they are advice"


def test_a_lower_rate_is_another_finding() -> None:
    answer = answer_of(run(1e-2, STEADY, SLOW), run(1e-3, OVERFITS, FAST))
    assert answer.training is not None
    assert answer.training.lr == 1e-3
    assert "TRAINS_LOWER" in answer.codes
    assert "TRAINS_HIGHER" not in answer.codes


def test_runs_are_compared_at_the_units_that_both_have() -> None:
    answer = answer_of(run(1e-3, STEADY, SLOW), run(1e-2, OVERFITS[:4], FAST[:4]))
    assert answer.training is not None
    assert (answer.training.units, answer.training.loss, answer.training.beside) == (4, 0.12, 0.4)
    assert answer.training.regret == pytest.approx((0.53 - 0.4) / 0.67)


@pytest.mark.parametrize(
    "other",
    [
        run(1e-2, OVERFITS, SLOW),  # it does not train better
        run(1e-2, STEADY, FAST),  # it validates as well
        run(1.5e-3, OVERFITS, FAST),  # it is the same rate, nearly
        run(1e-2, OVERFITS[:3], FAST[:3]),  # too short to tell
        run(1e-2, OVERFITS[:5], FAST[:5], outcome=Outcome.DIVERGED),
        run(1e-2, OVERFITS, [*FAST[:3], math.nan, *FAST[4:]], seed=1),  # of another seed
        run(1e-2, OVERFITS, None),
    ],
)
def test_nothing_is_said_without_evidence(other: Run) -> None:
    answer = answer_of(run(1e-3, STEADY, SLOW), other)
    assert answer.lr == 1e-3
    assert answer.training is None
    assert not answer.codes & {"TRAINS_HIGHER", "TRAINS_LOWER"}


def test_the_training_loss_of_a_unit_is_the_mean_of_its_records() -> None:
    def in_steps(one: Run, losses: list[float]) -> Run:
        inside = [Record(at + part, {"loss": value + 0.2 * (0.75 - part)}) for at, value in enumerate(losses)
                  for part in (0.25, 0.5, 0.75)]  # fmt: skip
        return replace(one, records=tuple(sorted((*one.records, *inside), key=lambda record: record.at)))

    answer = answer_of(in_steps(run(1e-3, STEADY, None), SLOW), in_steps(run(1e-2, OVERFITS, None), FAST))
    assert answer.training is not None
    assert answer.training.loss == pytest.approx(0.02 + 0.05)
    assert answer.training.beside == pytest.approx(0.3 + 0.05)


def test_the_last_value_counts_where_the_question_says_so() -> None:
    wild = [*FAST[:7], 0.5]
    best = answer_of(run(1e-3, STEADY, SLOW), run(1e-2, OVERFITS, wild))
    last = answer_of(
        run(1e-3, STEADY, SLOW), run(1e-2, OVERFITS, wild), question=replace(QUESTION, reduce="last")
    )
    assert best.training is not None
    assert last.training is None


@pytest.mark.parametrize(
    ("names", "metric", "guide", "columns"),
    [
        (["loss", "val_loss"], "val_loss", "", ("loss",)),
        (["loss", "val_acc"], "val_acc", "", ("loss",)),
        (["loss", "eval_loss"], "eval_loss", "", ("loss",)),
        (["loss", "acc"], "acc", "", ()),  # whose loss is it?
        (["loss", "train_loss", "lr"], "val_loss", "", ("train_loss",)),
        (["train/loss", "val/loss"], "val/loss", "", ("train/loss",)),
        (["train_loss_step", "train_loss_epoch", "val_loss"], "val_loss", "", ("train_loss_epoch",)),
        (["train/box_loss", "train/cls_loss", "val/box_loss"], "mAP50:max", "", ("train/box_loss", "train/cls_loss")),
        (["train/box_loss", "mAP50"], "mAP50", "train/*loss", ("train/box_loss",)),
        (["train_loss"], "train_loss", "", ()),
        (["train_loss_step", "lr"], "val_acc", "", ()),
    ],
)  # fmt: skip
def test_which_columns_are_the_training_loss(
    names: list[str], metric: str, guide: str, columns: tuple[str, ...]
) -> None:
    question = replace(QUESTION, metric=Metric(metric.partition(":")[0], "max"), guide=guide)
    assert training_columns(names, question) == columns


def test_an_early_best_is_told_with_its_unit() -> None:
    answer = answer_of(run(1e-3, [0.6, 0.4, 0.35, 0.38, 0.5, 0.6, 0.7, 0.8], None))
    assert answer.best_at == 3
    text = text_of(answer, "BEST_EARLY")
    assert text.startswith(
        "1e-3 had its best val_loss at epoch 3 of 8, and lost 54 % of the improvement after it."
    )
    assert "Stop there, keep that checkpoint, or sweep with a smaller budget." in text


def test_no_more_than_all_of_the_improvement_is_lost() -> None:
    answer = answer_of(run(1e-3, [0.6, 0.4, 0.35, 0.9, 1.5, 2.0, 2.5, 3.0], None))
    assert "lost all of the improvement" in text_of(answer, "BEST_EARLY")


@pytest.mark.parametrize(
    "values",
    [
        STEADY,  # the best is the last
        [0.6, 0.4, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35],  # it stays where it is
        [0.6, 0.4, 0.35, 0.36, 0.35, 0.36, 0.35, 0.351],  # or nearly
        [0.6, 0.5, 0.45, 0.4, 0.38, 0.36, 0.35, 0.5],  # the best is late
        [0.6, 0.4, 0.35, 0.38, 0.5, 0.6, 0.7],  # it has not ended
    ],
)
def test_no_early_best_where_there_is_none(values: list[float]) -> None:
    answer = answer_of(run(1e-3, values, None))
    assert "BEST_EARLY" not in answer.codes
    assert answer.best_at is not None


def test_a_metric_that_rises_is_read_the_other_way_round() -> None:
    risen = replace(
        run(1e-3, [0.6, 0.4, 0.35, 0.38, 0.5, 0.6, 0.7, 0.8], None), records=tuple(
            Record(float(at), {"acc": value}) for at, value in enumerate([0.1, 0.5, 0.7, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
        ),
    )  # fmt: skip
    answer = answer_of(risen, question=replace(QUESTION, metric=Metric("acc", "max")))
    assert answer.best_at == 3
    assert "lost 57 % of the improvement" in text_of(answer, "BEST_EARLY")


def test_without_a_rate_there_is_no_moment() -> None:
    answer = answer_of()
    assert answer.best_at is None
    assert answer.training is None
