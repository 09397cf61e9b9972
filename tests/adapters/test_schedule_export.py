"""Exported schedules: the code is executed, stepped in the real framework, and compared at every step."""

import csv
import io
import json
import math
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from lrlab.adapters.schedule_export import TARGETS, export_schedule  # noqa: E402
from lrlab.adapters.schedule_huggingface import trainer_arguments  # noqa: E402
from lrlab.adapters.schedule_yolo import yolo_curve  # noqa: E402
from lrlab.api.schedule_views import EXAMPLES  # noqa: E402
from lrlab.core.errors import SpecError  # noqa: E402
from lrlab.schedules.protocol import Schedule  # noqa: E402
from lrlab.schedules.text import parse  # noqa: E402

pytestmark = pytest.mark.torch
LR, STEPS = 0.3, 120
TEXTS = tuple(example.text for example in EXAMPLES if example.name != "plateau")
CLOSE = 1e-12  # of the peak


def bound(text: str, steps: int = STEPS) -> Schedule:
    made = parse(text).bind(total_steps=steps)
    assert isinstance(made, Schedule)
    return made


def executed(text: str, target: str, **known: Any) -> dict[str, Any]:
    """The names of the exported file; it must not need lrlab."""
    code = export_schedule(parse(text), target, total_steps=STEPS, **known).text
    assert "import lrlab" not in code
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, f"{target}.py", "exec"), names)
    return names


def sgd(*peaks: float) -> "torch.optim.Optimizer":
    groups = [{"params": [torch.zeros(1, dtype=torch.float64, requires_grad=True)], "lr": lr} for lr in peaks]
    return torch.optim.SGD(groups, lr=peaks[0])


def stepped(optimizer: Any, scheduler: Any, count: int) -> list[list[float]]:
    told = []
    for _ in range(count):
        told.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return told


def same(text: str, told: list[list[float]], *peaks: float, close: float = CLOSE) -> None:
    schedule = bound(text)
    top = max(schedule(step) for step in range(len(told)))
    for step, rates in enumerate(told):
        for rate, peak in zip(rates, peaks, strict=True):
            assert rate == pytest.approx(peak * schedule(step), rel=0, abs=close * top * peak), (text, step)


@pytest.mark.parametrize("text", TEXTS)
def test_torch(text: str) -> None:
    optimizer = sgd(LR, LR / 10)
    scheduler = executed(text, "torch")["make_scheduler"](optimizer)
    same(text, stepped(optimizer, scheduler, 2 * STEPS), LR, LR / 10)


@pytest.mark.parametrize("text", ["warmup 5% then cosine to 0.01", "wsd decay 20%"])
def test_exported_code_resumes_at_any_step(text: str) -> None:
    """The closed form holds after a resume; PyTorch's chained forms are pinned below."""
    make = executed(text, "torch")["make_scheduler"]
    optimizer = sgd(LR)
    scheduler = make(optimizer)
    first = stepped(optimizer, scheduler, 50)
    stored, weights = scheduler.state_dict(), optimizer.state_dict()
    later = sgd(LR)
    again = make(later)
    again.load_state_dict(stored)
    later.load_state_dict(weights)
    same(text, first + stepped(later, again, 70), LR)


def test_pytorchs_own_warmup_keeps_a_wrong_rate_after_a_resume() -> None:
    """Chained: it multiplies the rate that is there, which its constructor has changed where the optimizer is loaded first."""
    rates = torch.optim.lr_scheduler
    optimizer = sgd(LR)
    scheduler = rates.LinearLR(optimizer, start_factor=0.1, total_iters=STEPS)
    stepped(optimizer, scheduler, 60)
    later = sgd(LR)
    later.load_state_dict(optimizer.state_dict())
    again = rates.LinearLR(later, start_factor=0.1, total_iters=STEPS)
    again.load_state_dict(scheduler.state_dict())
    told = [rate for (rate,) in stepped(later, again, 60)]
    wanted = [LR * bound("warmup 120 from 0.1 then constant", 200)(step) for step in range(60, 120)]
    assert told == pytest.approx([0.1 * rate for rate in wanted], rel=1e-9)  # a tenth of it, to the end


def test_exported_code_has_one_wrong_step_where_the_optimizer_is_loaded_first() -> None:
    """``LambdaLR`` writes the rate of step 0 when it is made; ``lrlab.schedule(...).torch`` has no such step."""
    optimizer = sgd(LR)
    make = executed("linear", "torch")["make_scheduler"]
    scheduler = make(optimizer)
    stepped(optimizer, scheduler, 60)
    later = sgd(LR)
    later.load_state_dict(optimizer.state_dict())
    again = make(later)
    again.load_state_dict(scheduler.state_dict())
    told = [rate for (rate,) in stepped(later, again, 3)]
    assert told == pytest.approx([LR, LR * 59 / 120, LR * 58 / 120])  # the first should be half of it


@pytest.mark.parametrize("target", ["torch", "lightning"])
@pytest.mark.parametrize(
    "text", ["plateau by 0.5 patience 1 to 0.2", "plateau max absolute threshold 0.1 cooldown 2"]
)
def test_plateau(text: str, target: str) -> None:
    names, optimizer = executed(text, target), sgd(LR, LR / 10)
    scheduler = names["make_scheduler"](optimizer)
    if target == "lightning":
        assert names["lr_scheduler_config"](sgd(LR))["monitor"] == "val_loss"
    rule: Any = parse(text).bind()
    state = rule.start()
    for step in range(60):
        metric = math.sin(step / 5)
        optimizer.step()
        scheduler.step(metric)
        state = rule.next(state, metric)
        told = [group["lr"] for group in optimizer.param_groups]
        assert told == pytest.approx([peak * rule.multiplier(state) for peak in (LR, LR / 10)], rel=1e-12)
    assert rule.multiplier(state) < 1


def test_lightning_says_when_it_is_stepped() -> None:
    optimizer = sgd(LR)
    config = executed("warmup 5% then cosine", "lightning", lr=LR)["lr_scheduler_config"](optimizer)
    assert (config["interval"], config["frequency"]) == ("step", 1)
    same("warmup 5% then cosine", stepped(optimizer, config["scheduler"], STEPS), LR)


# --- Hugging Face -------------------------------------------------------------------------------------------

ARGUMENTS = {
    "constant": "constant",
    "warmup 10 then constant": "constant_with_warmup",
    "linear": "linear",
    "warmup 10 then linear": "linear",
    "warmup 10 then linear to 0.1": "polynomial",
    "polynomial power 2 to 0.01": "polynomial",
    "warmup 10 then polynomial power 0.9": "polynomial",
    "cosine": "cosine",
    "warmup 10 then cosine": "cosine",
    "warmup 10 then cosine to 0.05": "cosine_with_min_lr",
    "inverse-sqrt warmup 10": "inverse_sqrt",
    "inverse-sqrt warmup 10 timescale 30": "inverse_sqrt",
    "restarts every 30": "cosine_with_restarts",
    "warmup 20 then restarts every 25": "cosine_with_restarts",
    "wsd warmup 10 decay 20": "warmup_stable_decay",
    "wsd decay 20 linear to 0.1": "warmup_stable_decay",
    "wsd warmup 10 decay 30 cosine": "warmup_stable_decay",
}


@pytest.mark.parametrize("text", ARGUMENTS)
def test_trainer_arguments_through_transformers_own_schedules(text: str, tmp_path: Any) -> None:
    optimization = pytest.importorskip("transformers.optimization")
    pytest.importorskip("accelerate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = executed(text, "huggingface", lr=LR)["training_arguments"](str(tmp_path), use_cpu=True)
    assert (arguments.lr_scheduler_type, arguments.learning_rate) == (ARGUMENTS[text], LR)
    optimizer = sgd(arguments.learning_rate)
    scheduler = optimization.get_scheduler(
        arguments.lr_scheduler_type,
        optimizer=optimizer,
        num_warmup_steps=arguments.get_warmup_steps(STEPS),
        num_training_steps=STEPS,
        scheduler_specific_kwargs=arguments.lr_scheduler_kwargs,
    )
    same(text, stepped(optimizer, scheduler, STEPS), LR)


def test_the_trainer_itself_applies_them(tmp_path: Any) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x: Any, labels: Any = None) -> Any:
            return {"loss": ((self.weight * x - labels) ** 2).mean()}

    applied: list[float] = []

    class Listen(transformers.TrainerCallback):  # type: ignore[misc]
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            applied.append(others["optimizer"].param_groups[0]["lr"])

    text = "warmup 10 then cosine to 0.05"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = executed(text, "huggingface", lr=LR)["training_arguments"](
            str(tmp_path), use_cpu=True, save_strategy="no", logging_strategy="no", disable_tqdm=True,
            per_device_train_batch_size=2, report_to="none",
        )  # fmt: skip
        data = [{"x": torch.ones(1), "labels": torch.ones(1)} for _ in range(8)]
        transformers.Trainer(Line(), arguments, train_dataset=data, callbacks=[Listen()]).train()
    assert len(applied) == STEPS
    same(text, [[rate] for rate in applied], LR)


@pytest.mark.parametrize(
    "text",
    ["one-cycle", "rex", "warmup 10 cosine then linear", "warmup 10 from 0.1 then linear", "linear over 90",
     "restarts every 50", "restarts every 30 to 0.1", "wsd warmup 10 decay 20 linear to 0.1",
     "wsd decay 20 square", "constant for 50% then linear"],
)  # fmt: skip
def test_where_arguments_do_not_suffice_it_is_a_pair(text: str) -> None:
    assert trainer_arguments(bound(text), total_steps=STEPS, lr=LR) is None
    exported = export_schedule(parse(text), "huggingface", total_steps=STEPS)
    assert any("No lr_scheduler_type" in note for note in exported.notes)
    optimizer = sgd(LR)
    same(text, stepped(optimizer, executed(text, "huggingface")["make_scheduler"](optimizer), STEPS), LR)


def test_without_the_rate_a_floor_cannot_be_an_argument() -> None:
    assert trainer_arguments(bound("linear to 0.1"), total_steps=STEPS, lr=None) is None
    assert trainer_arguments(bound("cosine"), total_steps=None, lr=None) is None


def test_polynomial_of_transformers_ends_by_the_optimizers_default() -> None:
    """Groups with another rate end at another share: it divides by ``optimizer.defaults["lr"]``, as the Trainer sets it."""
    optimization = pytest.importorskip("transformers.optimization")
    optimizer = sgd(LR, LR / 10)
    theirs = optimization.get_polynomial_decay_schedule_with_warmup(optimizer, 0, STEPS, lr_end=0.1 * LR)
    same("linear to 0.1", stepped(optimizer, theirs, STEPS), LR, LR / 10)
    optimizer.defaults["lr"] = 1.0
    theirs = optimization.get_polynomial_decay_schedule_with_warmup(optimizer, 0, STEPS, lr_end=0.1 * LR)
    assert theirs.lr_lambdas[0](STEPS) == pytest.approx(0.1 * LR)


def test_restarts_of_transformers_miss_a_start() -> None:
    """It counts cycles in floating point: where a start comes out a hair too low, a step at the peak has the rate 0."""
    optimization = pytest.importorskip("transformers.optimization")
    found = next(
        (every, cycles)
        for every in range(3, 60)
        for cycles in range(2, 60)
        if any((cycles * (k * every / (every * cycles))) % 1.0 > 0.9 for k in range(cycles))
    )
    every, cycles = found
    steps = every * cycles
    text = f"restarts every {every}"
    assert trainer_arguments(bound(text, steps), total_steps=steps, lr=LR) is None
    optimizer = sgd(LR)
    theirs = optimization.get_cosine_with_hard_restarts_schedule_with_warmup(optimizer, 0, steps, cycles)
    told = [rates[0] for rates in stepped(optimizer, theirs, steps)]
    apart = [abs(rate - LR * bound(text, steps)(step)) for step, rate in enumerate(told)]
    assert max(apart) == pytest.approx(LR, rel=1e-6)
    assert apart.index(max(apart)) % every == 0


def test_wsd_of_transformers_begins_at_its_floor() -> None:
    """So a warm-up from 0 to a schedule with a floor is no argument, and becomes a pair."""
    optimization = pytest.importorskip("transformers.optimization")
    optimizer = sgd(LR)
    theirs = optimization.get_wsd_schedule(optimizer, 10, 20, STEPS, decay_type="linear", min_lr_ratio=0.1)
    told = stepped(optimizer, theirs, 3)
    assert told[0][0] == pytest.approx(0.1 * LR)
    assert bound("wsd warmup 10 decay 20 linear to 0.1")(0) == 0.0


def test_cosine_with_warmup_rate_of_transformers_is_one_step_ahead() -> None:
    optimization = pytest.importorskip("transformers.optimization")
    optimizer = sgd(LR)
    theirs = optimization.get_cosine_with_min_lr_schedule_with_warmup_lr_rate(
        optimizer, 10, STEPS, min_lr_rate=0.0
    )
    told = [rates[0] for rates in stepped(optimizer, theirs, STEPS)]
    ours = bound("warmup 10 then cosine")
    assert told[:-1] == pytest.approx([LR * ours(step + 1) for step in range(STEPS - 1)], abs=CLOSE * LR)


def test_plateau_in_the_trainers_arguments(tmp_path: Any) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = executed("plateau by 0.5 patience 1 to 0.2", "huggingface", lr=LR)
        arguments = names["training_arguments"](str(tmp_path), use_cpu=True)
    optimizer = sgd(LR)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments.lr_scheduler_kwargs)
    for _ in range(30):
        optimizer.step()
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.2 * LR)


# --- Ultralytics --------------------------------------------------------------------------------------------


def yolo(text: str, **known: Any) -> Any:
    return export_schedule(parse(text), "yolo", **({"total_steps": 120, "steps_per_epoch": 12} | known))


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("constant", "lrf=1.0 cos_lr=False warmup_epochs=0", "values at every batch"),
        ("warmup 24 then constant", "lrf=1.0 cos_lr=False warmup_epochs=2 warmup_bias_lr=0.0", "at every batch"),
        ("linear to 0.01", "lrf=0.01 cos_lr=False warmup_epochs=0", "same at each epoch's first batch"),
        ("cosine to 0.01", "lrf=0.01 cos_lr=True warmup_epochs=0", "same at each epoch's first batch"),
        ("warmup 6 then cosine", "lrf=0.0 cos_lr=True warmup_epochs=0.5", "lays the warm-up over the decay"),
    ],
)  # fmt: skip
def test_yolo_arguments(text: str, words: str, told: str) -> None:
    exported = yolo(text, lr=0.01)
    assert exported.text.startswith(f"epochs=10 lr0=0.01 {words}")
    assert any(told in note for note in exported.notes)
    assert "optimizer=SGD" in exported.notes[0]


def test_how_far_yolo_is_off_is_what_is_told() -> None:
    ours, theirs = bound("linear to 0.1"), yolo_curve(epochs=10, steps_per_epoch=12, lrf=0.1, cos_lr=False)
    apart = max(abs(ours(step) - theirs[step]) for step in range(STEPS))
    assert any(f"{apart:.2%}" in note for note in yolo("linear to 0.1").notes)
    assert apart == pytest.approx(0.9 * 11 / 120)


@pytest.mark.parametrize(
    ("text", "known", "told"),
    [
        ("wsd decay 20%", {}, "no arguments of Ultralytics have the curve wsd"),
        ("warmup 5% cosine then linear", {}, "no arguments of Ultralytics"),
        ("linear over 50st", {}, "no arguments of Ultralytics"),
        ("linear", {"steps_per_epoch": None}, "counts epochs.*--steps-per-epoch"),
        ("linear", {"steps_per_epoch": 7}, "trains whole epochs, got 120 steps of 7"),
        ("linear", {"lr": 1.5}, r"lr0 in \[0, 1\] only, got 1.5"),
        ("warmup 115 then constant", {}, "shortens a warm-up to leave one epoch"),
    ],
)
def test_what_yolo_cannot_have_is_told(text: str, known: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        yolo(text, **known)


# --- values -------------------------------------------------------------------------------------------------


def test_csv_and_json() -> None:
    text = "warmup 5% then cosine to 0.01"
    rows = list(
        csv.DictReader(io.StringIO(export_schedule(parse(text), "csv", lr=LR, total_steps=STEPS).text))
    )
    assert [float(row["lr"]) for row in rows] == pytest.approx(
        [LR * bound(text)(step) for step in range(STEPS)]
    )
    assert list(rows[0]) == ["step", "multiplier", "lr"]
    document = json.loads(export_schedule(parse(text), "json", total_steps=STEPS).text)
    assert (document["text"], document["total_steps"]) == (text, STEPS)
    assert str(type(parse(text)).from_json(document["schedule"])) == text
    assert json.loads(export_schedule(parse("plateau"), "json").text)["text"] == "plateau"


@pytest.mark.parametrize(
    ("text", "target", "known", "told"),
    [
        (
            "cosine",
            "pytorch",
            {"total_steps": 9},
            f"there is no 'pytorch'; there are {', '.join(TARGETS)}.*torch",
        ),
        ("cosine", "torch", {}, "cosine: fills what is left"),
        ("constant", "csv", {}, "number of steps is not known"),
        ("constant", "csv", {"total_steps": 10**8}, "at most 5000000 rows, got 100000000"),
        ("constant", "torch", {"lr": -1.0}, "-1.0"),
        ("plateau", "timm", {}, "timm cannot have it.*torch's"),
        ("plateau", "yolo", {}, "yolo cannot have it"),
        ("plateau", "csv", {}, "csv cannot have it"),
        ("plateau", "keras", {}, "threshold is relative.*plateau threshold 0.0001 absolute"),
        ("plateau max", "optax", {}, "a value that should fall"),
        ("plateau to 0.1", "huggingface", {}, "floor of 0.1 is an absolute rate.*--lr"),
    ],
)
def test_what_cannot_be_exported(text: str, target: str, known: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        export_schedule(parse(text), target, **known)
