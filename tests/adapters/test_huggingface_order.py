"""When the Trainer tells what, and which of the rates it tells was applied: pinned against the installed transformers."""

import math
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import Trainer, TrainerCallback  # noqa: E402

import lrlab  # noqa: E402
from lrlab.readers.choose import open_reader  # noqa: E402
from tests.adapters.test_huggingface_watch import made  # noqa: E402
from tests.adapters.tiny_transformers import _quick_collection, trainer  # noqa: E402, F401 - a fixture

pytestmark = pytest.mark.torch
EVENTS = (
    "on_train_begin", "on_epoch_begin", "on_step_begin", "on_substep_end", "on_pre_optimizer_step", "on_optimizer_step",
    "on_step_end", "on_log", "on_evaluate", "on_save", "on_epoch_end", "on_train_end",
)  # fmt: skip


class Told(TrainerCallback):  # type: ignore[misc]
    """Writes down every event, with the rate of the optimizer and what comes along."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, dict[str, Any]]] = []

    def events(self) -> list[str]:
        return [event for event, _, _ in self.seen]

    def of(self, event: str) -> list[float]:
        return [rate for seen, rate, _ in self.seen if seen == event]


def _told(event: str) -> Any:
    def tell(self: Told, args: Any, state: Any, control: Any, optimizer: Any = None, **more: Any) -> None:
        rate = math.nan if optimizer is None else optimizer.param_groups[0]["lr"]
        self.seen.append((event, rate, more))

    return tell


for _event in EVENTS:
    setattr(Told, _event, _told(_event))


class Sets(TrainerCallback):  # type: ignore[misc]
    """A callback of somebody's own that sets a rate at one event."""

    def __init__(self, event: str, rate: float) -> None:
        self.rate = rate
        setattr(self, event, self.set)

    def set(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.rate


class Applied:
    """The rates that an optimizer's own hook sees as it steps: the truth."""

    def __init__(self, own: Trainer) -> None:
        self.rates: list[float] = []
        own.create_optimizer()
        own.optimizer.register_step_pre_hook(
            lambda optimizer, *_: self.rates.append(optimizer.param_groups[0]["lr"])
        )


def test_the_order_of_events(tmp_path: Path) -> None:
    told = Told()
    one = made(
        tmp_path, callbacks=[told],
        arguments={"gradient_accumulation_steps": 2, "num_train_epochs": 1, "logging_steps": 1, "eval_strategy": "epoch",
                   "save_strategy": "epoch"},
    )  # fmt: skip
    one.train()
    step = [
        "on_step_begin", "on_substep_end", "on_pre_optimizer_step", "on_optimizer_step", "on_step_end", "on_log"
    ]  # fmt: skip
    assert told.events() == [
        "on_train_begin", "on_epoch_begin", *step, *step, "on_epoch_end", "on_log", "on_evaluate", "on_save", "on_log",
        "on_train_end",
    ]  # fmt: skip
    logged = [more["logs"] for event, _, more in told.seen if event == "on_log"]
    assert [sorted(set(log) & {"loss", "eval_loss", "train_loss"}) for log in logged] == [
        ["loss"], ["loss"], ["eval_loss"], ["train_loss"]
    ]  # fmt: skip


def test_the_scheduler_moves_between_the_optimizers_step_and_the_end_of_the_step(tmp_path: Path) -> None:
    told = Told()
    one = made(tmp_path, callbacks=[told], lr=1e-2)  # 16 steps, falling in a line
    applied = Applied(one)
    one.train()
    planned = [1e-2 * (1 - step / 16) for step in range(17)]
    assert applied.rates == pytest.approx(planned[:16])
    assert told.of("on_pre_optimizer_step") == told.of("on_optimizer_step") == applied.rates
    assert told.of("on_step_end") == pytest.approx(planned[1:])  # the next one's


def test_gradients_are_clipped_before_a_callback_can_see_them(tmp_path: Path) -> None:
    lengths = []

    class Measures(TrainerCallback):  # type: ignore[misc]
        def on_pre_optimizer_step(self, *_: Any, model: Any = None, **__: Any) -> None:
            gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
            lengths.append(float(torch.stack([gradient.norm() for gradient in gradients]).norm()))

    one = made(tmp_path, callbacks=[Measures()], arguments={"max_grad_norm": 1e-3})
    watcher = lrlab.watch(one, quiet=True, telemetry=1)
    one.train()
    assert max(lengths) == pytest.approx(1e-3, rel=1e-3)
    seen = watcher._run._tracks["grad_norm"].blocks()[:, 1]
    assert seen.max() == pytest.approx(1e-3, rel=1e-3)  # a watcher sees the clipped ones


@pytest.mark.parametrize("strategy", ["steps", "epoch"])
def test_the_logged_rate_is_the_applied_one(strategy: str, tmp_path: Path) -> None:
    """The last step's, although the scheduler has moved by then; transformers 4 logged the one that comes next."""
    told = Told()
    arguments = {"logging_strategy": strategy, "logging_steps": 1, "save_strategy": "epoch"}
    one = made(tmp_path, callbacks=[told], arguments=arguments)
    applied = Applied(one)
    one.train()
    logs = [more["logs"] for event, _, more in told.seen if event == "on_log"]
    logged = [log["learning_rate"] for log in logs if "loss" in log]
    ends = applied.rates if strategy == "steps" else applied.rates[3::4]
    assert logged == pytest.approx(ends)
    assert told.of("on_log")[0] == pytest.approx(1e-2 * (1 - (1 if strategy == "steps" else 4) / 16))
    task = lrlab.huggingface(lambda run: trainer(run, arguments=arguments))
    session = task.start(1e-2, seed=0)
    rates = [record.metrics["lr"] for record in session.advance(4) if "loss" in record.metrics]
    session.close()
    assert rates == pytest.approx(ends)
    [last] = sorted(tmp_path.glob("checkpoint-16/trainer_state.json"))
    rows = open_reader(str(last)).read(final=True).rows
    assert [row.metrics["lr"] for row in rows if "lr" in row.metrics] == pytest.approx(logged)


@pytest.mark.parametrize(
    ("event", "counts"),
    [("on_step_begin", True), ("on_pre_optimizer_step", True), ("on_optimizer_step", False), ("on_step_end", True)],
)  # fmt: skip
@pytest.mark.parametrize("after", [False, True])
def test_a_rate_that_another_callback_sets(event: str, counts: bool, after: bool, tmp_path: Path) -> None:
    """Set before the step it counts, until the scheduler moves; set after it, it is overwritten."""
    constant = {"lr_scheduler_type": "constant", "logging_steps": 1}
    one = made(tmp_path, arguments=constant)
    if not after:
        one.add_callback(Sets(event, 0.125))
    watcher = lrlab.watch(one, quiet=True)
    if after:
        one.add_callback(Sets(event, 0.125))
    applied = Applied(one)
    one.train()
    assert applied.rates[-1] == (0.125 if counts else 1e-2)
    assert watcher.rates[0] == applied.rates[-1]
    assert watcher._run._tracks["lr"].blocks()[:, 1].tolist() == applied.rates
    task = lrlab.huggingface(lambda run: trainer(run, arguments=constant, callbacks=[Sets(event, 0.125)]))
    session = task.start(1e-2, seed=0)
    told = [record.metrics["lr"] for record in session.advance(4) if "loss" in record.metrics]
    session.close()
    assert told == applied.rates


def test_a_lack_of_memory_begins_anew_and_no_step_is_counted_twice(tmp_path: Path) -> None:
    failed = []

    class Full(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 2 and not failed:
                failed.append(True)
                raise RuntimeError("CUDA out of memory.")

    one = made(tmp_path, arguments={"auto_find_batch_size": True}, callbacks=[Full()])
    watcher = lrlab.watch(one, quiet=True)
    one.train()
    assert failed
    assert watcher.steps == one.state.global_step == one.state.max_steps > 16
    assert watcher._run._tracks["lr"].count == watcher.steps
    assert not one.optimizer.optimizer._optimizer_step_post_hooks


@pytest.mark.parametrize("where", ["_begin", "_step", "_logged", "_evaluated", "look"])
def test_an_error_in_any_callback_is_told_once(where: str, tmp_path: Path) -> None:
    alone = made(tmp_path, arguments={"eval_strategy": "epoch"})
    alone.train()
    one = made(tmp_path, arguments={"eval_strategy": "epoch"})
    watcher = lrlab.watch(one, quiet=True)
    [callback] = [c for c in one.callback_handler.callbacks if type(c).__name__ == "WatchCallback"]
    setattr(watcher if where == "look" else callback, where, None)
    with pytest.warns(RuntimeWarning, match="watching has ended by an error") as said:
        one.train()
    assert len([warning for warning in said if "lrlab" in str(warning.message)]) == 1
    weights = zip(alone.model.parameters(), one.model.parameters(), strict=True)
    assert all(torch.equal(before, after) for before, after in weights)
    assert not one.optimizer.optimizer._optimizer_step_post_hooks


def test_only_the_first_of_several_processes_watches(tmp_path: Path) -> None:
    one = made(tmp_path)
    watcher = lrlab.watch(one, quiet=True)
    one.is_world_process_zero = lambda: False  # what the Trainer tells its callbacks by
    one.train()
    assert (one.state.is_world_process_zero, watcher.steps) == (False, 0)
    assert not one.optimizer.optimizer._optimizer_step_post_hooks
