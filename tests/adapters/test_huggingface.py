"""Trainers as tasks: what they tell, how they are frozen, and the traps that transformers sets."""

import gc
import math
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState, GradientState, PartialState  # noqa: E402
from transformers import (  # noqa: E402
    Adafactor,
    BertForSequenceClassification,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import lrlab  # noqa: E402
from lrlab.adapters import huggingface_watcher  # noqa: E402
from lrlab.adapters.huggingface import HuggingFaceTask, huggingface  # noqa: E402
from lrlab.core.errors import LrlabError, NoStateError, SpecError, TaskError, UnusableTaskError  # noqa: E402
from lrlab.core.metric import Metric  # noqa: E402
from lrlab.core.outcome import Outcome  # noqa: E402
from lrlab.core.record import Record  # noqa: E402
from lrlab.core.run import Run  # noqa: E402
from lrlab.studies.planned_rate import deviates  # noqa: E402
from lrlab.tasks import checkpoint  # noqa: E402
from tests.adapters.tiny_transformers import (  # noqa: E402
    WORDS,
    Rows,
    _quick_collection,  # noqa: F401 - a fixture
    classifier,
    trainer,
)

pytestmark = pytest.mark.torch
LR = 1e-2


def with_arguments(**arguments: Any) -> HuggingFaceTask:
    return huggingface(lambda run: trainer(run, arguments=arguments), name="tiny")


def with_parts(**parts: Any) -> HuggingFaceTask:
    return huggingface(lambda run: trainer(run, **parts), name="tiny")


def run_of(task: HuggingFaceTask, *, lr: float = LR, seed: int = 0) -> list[Record]:
    """A whole run."""
    session = task.start(lr, seed=seed)
    records = [*session.advance(0), *session.advance(task.budget)]
    session.close()
    return records


def keys(records: list[Record]) -> list[tuple[object, ...]]:
    return [record.key() for record in records]


def stored_at_every_unit(task: HuggingFaceTask, folder: Path) -> list[Record]:
    """A run that is stored, closed and begun anew from its checkpoint at the end of each unit."""
    session = task.start(LR, seed=0)
    records = list(session.advance(0))
    for unit in range(1, task.budget + 1):
        records.extend(session.advance(unit))
        checkpoint.save(folder / "state", session.state(), about={})
        session.close()
        session = task.start(LR, seed=0)
        session.restore(checkpoint.load(folder / "state", about={}))
    session.close()
    return records


def ends(records: list[Record]) -> list[float]:
    return [record.at for record in records if record.ends_unit]


# --- what a run tells -------------------------------------------------------------------------------------


def test_every_record_has_the_trainers_names_and_lrlabs():
    records = run_of(with_arguments())
    untrained, *_ = records
    assert (untrained.at, untrained.step) == (0, 0)
    assert untrained.metrics["val_loss"] == untrained.metrics["eval_loss"]
    assert untrained.metrics["val_acc"] == untrained.metrics["eval_accuracy"]
    inside = [record for record in records if record.at and not record.ends_unit]
    assert [record.at for record in inside] == [0.5, 1.5, 2.5, 3.5]
    assert all(set(record.metrics) == {"loss", "grad_norm", "lr"} for record in inside)
    assert ends(records) == [1, 2, 3, 4]
    whole = {"loss", "grad_norm", "lr", "eval_loss", "val_loss", "eval_accuracy", "val_acc"}
    assert all(set(record.metrics) == whole for record in records if record.ends_unit)
    assert records[-1].step == 16


def test_it_is_the_training_that_transformers_does_alone(tmp_path):
    """Neither the callback, nor the untrained evaluation, nor the thread changes a bit."""
    alone = SimpleNamespace(lr=LR, seed=5, folder=str(tmp_path))
    torch.manual_seed(5)
    arguments = {"eval_strategy": "epoch", "save_strategy": "no", "disable_tqdm": True}
    theirs = trainer(alone, arguments=arguments)
    theirs.train()
    told = [log["eval_loss"] for log in theirs.state.log_history if "eval_loss" in log]
    ours = [record.metrics["eval_loss"] for record in run_of(with_arguments(), seed=5) if record.ends_unit]
    assert ours == told


def test_the_rate_is_the_one_that_was_applied():
    """The linear schedule's multiplier at each step, not the one that the scheduler has moved on to."""
    records = run_of(with_arguments(logging_steps=1))
    told = [record.metrics["lr"] for record in records if record.at]
    assert told == pytest.approx([LR * (1 - step / 16) for step in range(16)], rel=1e-12)


def test_an_evaluation_before_training_can_be_left_out():
    task = huggingface(trainer, untrained=False)
    bare = run_of(task)
    assert bare[0].at > 0
    assert keys(bare) == keys(run_of(with_arguments())[1:])


@pytest.mark.parametrize(
    "metric", ["eval_loss", "val_loss", "accuracy", "eval_accuracy", "val_acc", "eval_loss:max"]
)
def test_names_of_the_metric(metric):
    task = huggingface(trainer, metric=metric)
    records = run_of(task)
    assert task.metric == Metric.parse(metric)
    assert all(task.metric.name in record.metrics for record in records if record.at == int(record.at))


def test_steps_are_the_unit_where_evaluations_are_made_by_steps():
    task = with_arguments(eval_strategy="steps", eval_steps=5)
    records = run_of(task)
    assert (task.unit, task.budget) == ("step", 16)
    assert ends(records) == [5, 10, 15, 16]
    assert [record.at for record in records if not record.ends_unit] == [0, 1.5, 3.5, 5.5, 7.5, 11.5, 13.5]
    session = task.start(LR, seed=0)
    assert ends(list(session.advance(6))) == [5, 10]
    session.close()


@pytest.mark.parametrize(
    ("arguments", "unit", "budget", "last_step"),
    [
        ({"num_train_epochs": 2}, "epoch", 2, 8),
        ({"num_train_epochs": 1.5}, "epoch", 2, 6),
        ({"max_steps": 6}, "epoch", 2, 6),
        ({"max_steps": 6, "eval_strategy": "steps", "eval_steps": 0.5}, "step", 6, 6),
        ({"num_train_epochs": 2, "gradient_accumulation_steps": 3}, "epoch", 2, 4),
        ({"num_train_epochs": 3, "eval_delay": 2}, "epoch", 3, 12),
        ({"num_train_epochs": 2, "eval_on_start": True}, "epoch", 2, 8),
        ({"num_train_epochs": 2, "logging_strategy": "no"}, "epoch", 2, 8),
        (
            {"num_train_epochs": 2, "dataloader_drop_last": True, "per_device_train_batch_size": 9},
            "epoch",
            2,
            6,
        ),
    ],
)
def test_the_length_is_the_trainers_own(arguments, unit, budget, last_step):
    task = with_arguments(**arguments)
    assert (task.unit, task.budget) == (unit, budget)
    records = run_of(task)
    assert records[-1].step == last_step
    assert records[-1].at == budget
    assert len(ends(records)) == (budget if unit == "epoch" else 2)
    assert all("loss" in record.metrics for record in records if record.ends_unit)


def test_several_evaluation_sets_make_one_unit():
    sets = {"near": Rows(WORDS[32:44]), "far": Rows(WORDS[44:])}
    task = huggingface(lambda run: trainer(run, eval_dataset=sets), metric="eval_far_loss")
    records = run_of(task)
    assert ends(records) == [1, 2, 3, 4]
    assert all({"eval_near_loss", "eval_far_loss"} <= set(r.metrics) for r in records if r.at == int(r.at))


def test_a_dataset_of_hugging_face_is_data():
    datasets = pytest.importorskip("datasets")

    def rows(words: Any) -> Any:
        labels = [int(row[0] < 15) for row in words]
        return datasets.Dataset.from_dict(
            {"input_ids": words.tolist(), "labels": labels, "text": ["unused"] * len(words)}
        )

    task = with_parts(train_dataset=rows(WORDS[:32]), eval_dataset=rows(WORDS[32:]))
    assert keys(run_of(task)) == keys(run_of(with_arguments()))


def test_hints_are_read_from_the_trainer():
    task = with_arguments(lr_scheduler_type="cosine")
    assert (task.optimizer, task.schedule, task.resumes) == ("adamw", "cosine", "exact")
    assert (str(task.default_lr_range), task.warnings, task.name) == ("1e-06:0.1", (), "tiny")
    assert with_arguments(lr_scheduler_type="constant_with_warmup").schedule == "constant"
    assert str(with_arguments(optim="sgd").default_lr_range) == "1e-05:10"


def test_a_look_leaves_the_callers_process_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    shared = [dict(kind._shared_state) for kind in (PartialState, AcceleratorState, GradientState)]
    assert with_arguments().budget == 4
    assert torch.equal(torch.get_rng_state(), before)
    assert [dict(kind._shared_state) for kind in (PartialState, AcceleratorState, GradientState)] == shared


# --- frozen, stored, given back ---------------------------------------------------------------------------


def own_optimizer(run: Any) -> Trainer:
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=run.lr, momentum=0.9)
    return trainer(run, model=model, optimizers=(optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 5)))


def plateau(run: Any) -> Trainer:
    return trainer(
        run,
        arguments={
            "lr_scheduler_type": "reduce_lr_on_plateau",
            "lr_scheduler_kwargs": {"patience": 0, "threshold": 0.5},
            "metric_for_best_model": "eval_loss",
            "eval_strategy": "epoch",
        },
    )


def initialised(run: Any) -> Trainer:
    """``model_init`` builds the model again when training begins."""
    settings = {**trainer(run).args.to_dict(), "seed": 42}
    args = TrainingArguments(**{name: settings[name] for name in ("learning_rate", "num_train_epochs", "use_cpu", "seed")},
                             output_dir=run.folder, per_device_train_batch_size=16)  # fmt: skip
    return Trainer(
        model_init=classifier, args=args, train_dataset=Rows(WORDS[:32]), eval_dataset=Rows(WORDS[32:])
    )


def grouped(run: Any) -> Trainer:
    """The order is drawn from the global random state, so the epoch's beginning matters in its middle."""
    arguments = {"train_sampling_strategy": "group_by_length", "eval_strategy": "steps", "eval_steps": 3}
    return trainer(run, arguments={**arguments, "num_train_epochs": 2})


@pytest.mark.parametrize("make", [own_optimizer, plateau, initialised, grouped])
def test_a_stored_run_goes_on_to_the_bit(make, tmp_path):
    task = huggingface(make)
    assert task.resumes == "exact"
    assert keys(stored_at_every_unit(task, tmp_path)) == keys(run_of(task))


def test_an_optimizer_and_a_scheduler_of_ones_own():
    task = huggingface(own_optimizer)
    records = run_of(task)
    assert (task.optimizer, task.schedule, task.warnings) == ("sgd", "", ())
    assert records[-1].metrics["lr"] == pytest.approx(LR * 1e-3)


def test_a_plateau_scheduler_has_seen_the_evaluation_before_the_run_is_frozen():
    rates = [record.metrics["lr"] for record in run_of(huggingface(plateau)) if record.ends_unit]
    assert rates[0] == pytest.approx(LR)
    assert rates[-1] < LR


def test_every_seed_is_another_training_whatever_the_arguments_say():
    task = with_arguments(seed=42)
    assert keys(run_of(task, seed=1)) != keys(run_of(task, seed=2))
    assert keys(run_of(task, seed=1)) == keys(run_of(with_arguments(), seed=1))


def test_inside_a_unit_a_run_is_handed_over_and_goes_on(tmp_path, monkeypatch):
    """A long unit shows its logs; whoever leaves there finds the run whole at the unit's end."""
    monkeypatch.setattr(huggingface_watcher, "_HAND_OVER_S", 0.0)
    task = with_arguments(logging_steps=1)
    whole = keys(run_of(task))
    for stop in range(1, 7):
        session = task.start(LR, seed=0)
        records = list(session.advance(0))
        for record in session.advance(task.budget):
            records.append(record)
            if len(records) == stop:
                break
        torch.rand(3)  # the caller's own
        checkpoint.save(tmp_path / "state", session.state(), about={})
        session.close()
        session = task.start(LR, seed=0)
        session.restore(checkpoint.load(tmp_path / "state", about={}))
        records.extend(session.advance(task.budget))
        session.close()
        assert keys(records) == whole


def test_runs_that_take_turns_inside_an_accumulated_step_do_not_meet():
    """accelerate keeps gradient accumulation once for the whole process."""
    task = with_arguments(
        eval_strategy="steps", eval_steps=1, gradient_accumulation_steps=3, num_train_epochs=2
    )
    sessions = [task.start(lr, seed=0) for lr in (LR, LR / 10)]
    records: list[list[Record]] = [list(session.advance(0)) for session in sessions]
    for unit in range(1, task.budget + 1):
        for session, told in zip(sessions, records, strict=True):
            told.extend(session.advance(unit))
    for session in sessions:
        session.close()
    assert keys(records[0]) == keys(run_of(task))
    assert keys(records[1]) == keys(run_of(task, lr=LR / 10))


def test_a_trainer_of_the_callers_own_is_not_disturbed(tmp_path):
    class Meanwhile(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            list(frozen.advance(min(state.global_step // 4 + 1, 4)))

    def train(*callbacks: TrainerCallback) -> list[float]:
        own = trainer(
            SimpleNamespace(lr=LR, seed=1, folder=str(tmp_path)),
            arguments={"eval_strategy": "epoch", "save_strategy": "no", "gradient_accumulation_steps": 2},
            callbacks=list(callbacks),
        )
        own.train()
        return [log["eval_loss"] for log in own.state.log_history if "eval_loss" in log]

    torch.manual_seed(1)
    alone = train()
    frozen = with_arguments().start(LR, seed=0)
    torch.manual_seed(1)
    assert train(Meanwhile()) == alone
    frozen.close()


def test_closing_a_frozen_run_frees_its_model_and_its_folder(tmp_path):
    models: list[weakref.ref[Any]] = []
    folders: list[str] = []

    def make(run: Any) -> Trainer:
        made = trainer(run)
        models.append(weakref.ref(made.model))
        folders.append(run.folder)
        return made

    task = huggingface(make)
    assert task.budget == 4
    session = task.start(LR, seed=0)
    list(session.advance(2))
    session.state()
    assert models[-1]() is not None
    assert Path(folders[-1]).is_dir()
    session.close()
    gc.collect()
    assert [model() for model in models] == [None, None]
    assert not any(Path(folder).exists() for folder in folders)


def test_a_run_that_is_closed_says_so():
    session = with_arguments().start(LR, seed=0)
    list(session.advance(1))
    with pytest.raises(SpecError, match="restore: the run has begun already"):
        session.restore({})
    session.close()
    with pytest.raises(SpecError, match="advance: the run is closed"):
        session.advance(2)
    with pytest.raises(NoStateError, match="The run is closed"):
        session.state()


class Counts(TrainerCallback):
    """A callback with a memory that nobody can see."""

    def __init__(self) -> None:
        self.steps = 0


def test_what_cannot_be_stored_is_live():
    def masked(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        batch["input_ids"] = torch.where(torch.rand(batch["input_ids"].shape) < 0.2, 1, batch["input_ids"])
        return batch

    assert with_parts(callbacks=[Counts()]).resumes == "live"
    assert with_parts(callbacks=[EarlyStoppingCallback(2)]).resumes == "exact"
    assert with_parts(data_collator=masked).resumes == "exact"  # at an epoch's end nothing is loaded ahead
    steps = {"eval_strategy": "steps", "eval_steps": 2}
    assert with_parts(data_collator=masked, arguments=steps).resumes == "live"
    assert with_arguments(dataloader_num_workers=1, dataloader_persistent_workers=True).resumes == "live"


def test_data_without_a_length_is_live_and_counted_in_steps():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return (Rows(WORDS)[index] for index in range(32))

    task = with_parts(
        train_dataset=Stream(), arguments={"eval_strategy": "steps", "eval_steps": 4, "max_steps": 6}
    )
    assert (task.unit, task.budget, task.resumes) == ("step", 6, "live")
    assert ends(run_of(task)) == [4, 6]


# --- traps ------------------------------------------------------------------------------------------------


def test_nan_is_told_although_transformers_filters_it():
    def broken(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        return torch.nn.functional.cross_entropy(outputs.logits, labels) * math.nan

    assert TrainingArguments(use_cpu=True).logging_nan_inf_filter  # the trap is there
    records = run_of(with_parts(compute_loss_func=broken))
    assert math.isnan(next(record.metrics["loss"] for record in records if record.at))


def test_a_nan_stays_data_where_the_metric_cannot_be_computed():
    def broken(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        return torch.nn.functional.cross_entropy(outputs.logits, labels) * (math.nan if hot[0] else 1)

    def scored(told: Any) -> dict[str, float]:
        if not bool((told.predictions == told.predictions).all()):
            raise ValueError("Input contains NaN.")
        return {"accuracy": 0.5}

    hot = [False]

    def make(run: Any) -> Trainer:
        hot[0] = run.lr > 1e-2
        return trainer(run, compute_loss_func=broken, compute_metrics=scored)

    answer = lrlab.sweep(
        huggingface(make), lr=(1e-4, 1.0), searcher="grid:4", workers=0, store="memory", max_cost=4
    )
    outcomes = {run.lr: run.outcome for run in answer.runs}
    assert [outcomes[lr] for lr in sorted(outcomes)][-2:] == [Outcome.DIVERGED, Outcome.DIVERGED]
    assert Outcome.FAILED not in outcomes.values()
    assert answer.lr < 1e-2


def test_nothing_is_written_or_shown(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for place in ("own", None):
        task = with_arguments(save_strategy="steps", save_steps=1, **({"output_dir": place} if place else {}))
        capfd.readouterr()
        session = task.start(LR, seed=0)
        list(session.advance(4))
        assert list(Path(session._folder).iterdir()) == []
        session.close()
        assert capfd.readouterr() == ("", "")
    assert [path for path in tmp_path.rglob("*") if path.name != "own"] == []


def test_no_tracker_is_asked_unless_it_is_named():
    seen: list[list[str]] = []

    class Looks(TrainerCallback):
        def on_train_begin(self, args, state, control, **_):
            seen.append([type(callback).__name__ for callback in made[-1].callback_handler.callbacks])

    made: list[Trainer] = []

    def make(run: Any) -> Trainer:
        made.append(trainer(run, callbacks=[Looks()]))
        return made[-1]

    run_of(huggingface(make))
    assert seen == [["DefaultFlowCallback", "Looks", "Watcher"]]


def stops_early(run: Any) -> Trainer:
    arguments = {
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "num_train_epochs": 8,
    }
    return trainer(run, arguments=arguments, callbacks=[EarlyStoppingCallback(2, 1.0)])


def test_early_stopping_ends_a_run_and_its_patience_is_stored(tmp_path):
    task = huggingface(stops_early)
    assert (task.budget, task.resumes) == (8, "exact")
    records = run_of(task)
    assert 1 < ends(records)[-1] < 8
    session = task.start(LR, seed=0)
    told = [*session.advance(0), *session.advance(2)]
    checkpoint.save(tmp_path / "state", session.state(), about={})
    session.close()
    session = task.start(LR, seed=0)
    session.restore(checkpoint.load(tmp_path / "state", about={}))
    told.extend(session.advance(8))
    assert keys(told) == keys(records)
    session.close()


def test_weights_from_a_folder_pass_through(tmp_path):
    torch.manual_seed(9)
    classifier().save_pretrained(tmp_path / "pretrained")

    def make(run: Any) -> Trainer:
        return trainer(
            run,
            model=BertForSequenceClassification.from_pretrained(
                tmp_path / "pretrained", local_files_only=True
            ),
        )

    task = huggingface(make)
    firsts = [run_of(task, seed=seed)[0] for seed in (0, 1)]
    assert keys(firsts[:1]) == keys(firsts[1:])
    assert keys(firsts[:1]) != keys(run_of(with_arguments())[:1])


def test_a_callback_of_ours_costs_little():
    """Under 1 % of a step of 20 ms."""
    watcher = huggingface_watcher.Watcher(
        by_epoch=True,
        metric=Metric("eval_loss"),
        units=0,
        emit=lambda record: None,
        freeze=lambda *, whole: None,
        check=lambda: None,
    )
    model = classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    state = SimpleNamespace(global_step=1, max_steps=100, epoch=0.5)
    control = SimpleNamespace(should_log=False, should_evaluate=False)
    events: tuple[Callable[..., object], ...] = (
        watcher.on_step_begin, watcher.on_pre_optimizer_step, watcher.on_optimizer_step, watcher.on_step_end,
    )  # fmt: skip
    known = dict.fromkeys(
        ("model", "processing_class", "lr_scheduler", "train_dataloader", "eval_dataloader")
    )
    best = math.inf
    for _ in range(200):
        began = time.perf_counter()
        for event in events:
            event(None, state, control, optimizer=optimizer, **known)
        best = min(best, time.perf_counter() - began)
    assert best < 0.01 * 0.020


# --- whole studies ----------------------------------------------------------------------------------------


def test_a_study_is_the_same_with_any_number_of_workers():
    task = with_arguments()
    answers = [
        lrlab.sweep(task, lr=(1e-4, 1e-1), searcher="grid:3", workers=workers, store="memory")
        for workers in (0, 1, 2)
    ]
    first, *others = answers
    assert [str(run.outcome) for run in first.runs].count(str(Outcome.FINISHED)) == 3
    for other in others:
        assert (other.lr, other.score, other.interval, other.cost) == (
            first.lr, first.score, first.interval, first.cost,
        )  # fmt: skip
        curves = [{run.lr: keys(list(run.records)) for run in answer.runs} for answer in (first, other)]
        assert curves[0] == curves[1]


def test_the_winner_can_be_had(tmp_path):
    task = huggingface(trainer, metric="eval_loss")
    answer = lrlab.sweep(task, lr=(1e-3, 3e-2), workers=0, store=tmp_path, max_cost=4)
    assert 1e-3 <= answer.lr <= 3e-2
    model = answer.load_model(task)
    rows = Rows(WORDS[32:])
    batch = {name: torch.stack([rows[index][name] for index in range(len(rows))]) for name in rows[0]}
    with torch.no_grad():
        loss = float(model(**batch).loss)
    assert loss == pytest.approx(answer.score, rel=1e-5)


def test_a_rate_that_is_ignored_ends_the_study():
    task = with_arguments(learning_rate=1e-3)
    with pytest.raises(TaskError, match="ignores the learning rate"):
        lrlab.sweep(task, lr=(1e-5, 1e-1), workers=0, store="memory")


def test_a_rate_that_is_changed_is_told():
    task = huggingface(lambda run: trainer(run, arguments={"learning_rate": 3 * run.lr}))
    (caution,) = task.warnings
    assert caution.code == "RATE_CHANGED"
    assert "Asked for the rate 1e-4, the Trainer's optimizer has 3e-4, 3 times as much" in caution.text
    answer = lrlab.sweep(task, lr=(1e-3, 1e-1), searcher="grid:2", workers=0, store="memory")
    assert caution in answer.warnings


# --- wrong uses -------------------------------------------------------------------------------------------


def two(run: Any, other: Any) -> None: ...
async def later(run: Any) -> None: ...
def yields(run: Any) -> Any:
    yield run


MADE = SimpleNamespace
WRONG: list[tuple[Callable[[], object], type[LrlabError], str]] = [
    (lambda: huggingface("train"), SpecError, "expected a function make.run. that returns a Trainer, got 'train'"),
    (lambda: huggingface(type("MyTrainer", (), {})()), SpecError, "got a Trainer that is made already"),
    (lambda: huggingface(Trainer), SpecError, "expected a function make.run. that returns a Trainer, got <class"),
    (lambda: huggingface(two), SpecError, "two must take one argument, the run"),
    (lambda: huggingface(lambda: None), SpecError, "must take one argument, the run .too many positional"),
    (lambda: huggingface(later), SpecError, "later must be a plain function, not async"),
    (lambda: huggingface(yields), SpecError, "yields must be a plain function, not async and without yield"),
    (lambda: huggingface(trainer, metric="nonsense"), SpecError, 'cannot tell from the name .nonsense'),
    (lambda: huggingface(trainer, metric=3), SpecError, "metric: expected a name such as val_loss, got 3"),
    (lambda: huggingface(trainer, untrained="no"), SpecError, "untrained must be True or False, got 'no'"),
    (lambda: huggingface(trainer, name=""), SpecError, "name must be a word, got ''"),
    (lambda: huggingface(trainer, lr="1:0"), SpecError, "lr"),
    (lambda: with_arguments().start(0.0, seed=0), SpecError, "lr"),
    (lambda: huggingface(lambda run: None).budget, SpecError, "must return a transformers.Trainer, got NoneType"),
    (lambda: huggingface(lambda run: trainer(run).args).budget, SpecError, "must return a transformers.Trainer, got Tr"),
    (lambda: huggingface(lambda run: 1 / 0).budget, UnusableTaskError, "failed at lr=1e-4: ZeroDivisionError"),
    (lambda: with_arguments(no_such=1).budget, UnusableTaskError, "no_such"),
    (lambda: with_arguments(push_to_hub=True).budget, LrlabError, "push_to_hub"),
    (lambda: with_arguments(auto_find_batch_size=True).budget, SpecError, "a Trainer with auto_find_batch_size"),
    (lambda: with_parts(train_dataset=None).budget, SpecError, "the Trainer has no train_dataset, so there is nothing to"),
    (lambda: with_parts(eval_dataset=None).budget, SpecError, "the Trainer has no eval_dataset, so there is nothing to"),
    (lambda: huggingface(chooses).budget, SpecError, "the optimizer Adafactor chooses its rate by itself, so there is none"),
    (lambda: with_arguments(num_train_epochs=0).budget, SpecError, "trains 0 epochs; at least one is needed"),
    (lambda: lrlab.sweep(with_arguments(), budget=9), SpecError, "the budget of tiny cannot be changed here"),
    (lambda: run_of(huggingface(fails_later)), UnusableTaskError, "failed at lr=1e-2: ValueError: too high"),
    (
        lambda: lrlab.sweep(with_arguments(), metric="eval_f1", lr=(1e-3, 1e-2), workers=0, store="memory"),
        TaskError,
        "(?s)No such metric: eval_f1.*eval_accuracy, eval_loss",
    ),
]  # fmt: skip


def chooses(run: Any) -> Trainer:
    model = classifier()
    return trainer(run, model=model, optimizers=(Adafactor(model.parameters(), lr=None), None))


def fails_later(run: Any) -> Trainer:
    if run.lr > 1e-3:
        raise ValueError("too high")
    return trainer(run)


@pytest.mark.parametrize(("use", "error", "says"), WRONG, ids=[says[:40] for *_, says in WRONG])
def test_a_wrong_use_is_refused(use, error, says, monkeypatch):
    monkeypatch.setattr(
        "transformers.trainer.Trainer.init_hf_repo", lambda self: None
    )  # it would ask the hub
    with pytest.raises(error, match=says):
        use()


def test_epochs_of_data_without_a_length_are_refused():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(())

    task = with_parts(train_dataset=Stream(), arguments={"max_steps": 4})
    with pytest.raises(
        SpecError, match=r"does not tell its length, so epochs cannot be counted.*eval_strategy"
    ):
        assert task.budget


def test_a_missing_package_is_named(monkeypatch):
    from lrlab.adapters import huggingface as module

    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "accelerate" else object())
    with pytest.raises(
        SpecError, match=r"needs the package accelerate, which is not installed.*lrlab\[huggingface\]"
    ):
        huggingface(trainer)


def test_the_public_name():
    assert lrlab.huggingface is huggingface


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"lr_scheduler_type": "cosine", "warmup_steps": 3},
        {"lr_scheduler_type": "constant"},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0.3},
        {"lr_scheduler_type": "inverse_sqrt", "warmup_steps": 4},
        {"max_steps": 9, "gradient_accumulation_steps": 2},
        {"eval_strategy": "steps", "eval_steps": 3, "lr_scheduler_type": "cosine"},
    ],
)
def test_a_sound_trainer_applies_its_plan(arguments: dict[str, Any]) -> None:
    task = with_arguments(**arguments)
    plan = task.planned
    assert plan is not None
    run = Run(lr=LR, records=tuple(run_of(task)), units=task.budget, outcome=Outcome.FINISHED)
    assert sum("lr" in record.metrics for record in run.records) >= 3
    assert deviates(run, plan) is None
    assert deviates(Run(lr=LR * 1.01, records=run.records, units=run.units), plan) is not None


class Halves(TrainerCallback):  # type: ignore[misc]
    """Halves the rate in the middle of a training, as a callback of somebody else's would."""

    def on_step_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        if state.global_step >= 8:
            for group in optimizer.param_groups:
                group["lr"] *= 0.5


def test_a_callback_that_changes_the_rate_is_found() -> None:
    task = with_parts(callbacks=[Halves()])
    run = Run(lr=LR, records=tuple(run_of(task)), units=task.budget, outcome=Outcome.FINISHED)
    found = deviates(run, task.planned)  # type: ignore[arg-type]
    assert found is not None
    assert found.step == 9  # the first log after it


class Own(Trainer):  # type: ignore[misc]
    def create_scheduler(self, *args: Any, **others: Any) -> Any:
        return super().create_scheduler(*args, **others)


@pytest.mark.parametrize(
    "make",
    [
        lambda run: trainer(run, arguments={"lr_scheduler_type": "polynomial"}),
        lambda run: trainer(
            run, arguments={"lr_scheduler_kwargs": {"num_cycles": 2}, "lr_scheduler_type": "cosine"}
        ),
        lambda run: trainer(run, arguments={"learning_rate": 2 * run.lr}),
        lambda run: Own(
            model=classifier(),
            args=TrainingArguments(output_dir=run.folder, learning_rate=run.lr, use_cpu=True),
            train_dataset=Rows(WORDS[:8]),
            eval_dataset=Rows(WORDS[8:16]),
        ),
    ],
)
def test_a_schedule_that_is_not_known_has_no_plan(make: Callable[[Any], object]) -> None:
    assert huggingface(make, name="tiny").planned is None
