"""A schedule as a scheduler of PyTorch: in closed form, for several groups, resumable at any step."""

import copy
import json
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import lrlab  # noqa: E402
from lrlab.core.errors import SpecError  # noqa: E402
from lrlab.schedules.linear import linear  # noqa: E402
from lrlab.schedules.protocol import Schedule  # noqa: E402
from lrlab.schedules.text import parse  # noqa: E402
from lrlab.tasks.torch_scheduler import ScheduleLR, torch_scheduler  # noqa: E402

pytestmark = pytest.mark.torch
TEXT = "warmup 5% then cosine to 0.01"
PEAKS = (0.3, 0.03, 1e-4)


def bound(text: str = TEXT, steps: int = 200) -> Schedule:
    made = parse(text).bind(total_steps=steps)
    assert isinstance(made, Schedule)
    return made


def sgd(*peaks: float) -> "torch.optim.Optimizer":
    groups = [{"params": [torch.zeros(1, dtype=torch.float64, requires_grad=True)], "lr": lr} for lr in peaks]
    return torch.optim.SGD(groups, lr=1.0, momentum=0.9)


def rates(optimizer: "torch.optim.Optimizer") -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


@pytest.mark.parametrize(
    "text", [TEXT, "wsd decay 20%", "one-cycle", "step every 30 by 0.5", "noam warmup 20"]
)
def test_every_step_of_every_group(text: str) -> None:
    schedule, optimizer = bound(text), sgd(*PEAKS)
    scheduler = ScheduleLR(optimizer, schedule)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    for step in range(300):
        wanted = [peak * schedule(step) for peak in PEAKS]
        assert rates(optimizer) == wanted == scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("stop", [0, 1, 9, 10, 77, 199, 250])
@pytest.mark.parametrize("order", ["optimizer first", "scheduler first", "scheduler only"])
def test_resumed_at_any_step_as_if_never_stopped(stop: int, order: str) -> None:
    schedule, optimizer = bound(), sgd(*PEAKS)
    scheduler = ScheduleLR(optimizer, schedule)
    for _ in range(stop):
        optimizer.step()
        scheduler.step()
    stored = json.loads(json.dumps(scheduler.state_dict()))  # numbers, lists and texts only
    weights = copy.deepcopy(optimizer.state_dict())
    later = sgd(*PEAKS)
    if order == "optimizer first":  # PyTorch's own constructors then overwrite the rate with the peak
        later.load_state_dict(weights)
    again = ScheduleLR(later, schedule)
    if order == "scheduler first":
        again.load_state_dict(stored)
        later.load_state_dict(weights)
    else:
        again.load_state_dict(stored)
    for step in range(stop, stop + 30):
        assert rates(later) == [peak * schedule(step) for peak in PEAKS]
        later.step()
        again.step()


def test_it_begins_at_a_later_step() -> None:
    optimizer = sgd(0.3)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    ScheduleLR(optimizer, linear(10), last_epoch=3)
    assert rates(optimizer) == [0.3 * linear(10)(4)]


def test_a_rate_that_is_a_tensor_is_changed_in_place() -> None:
    lr = torch.tensor(0.3, dtype=torch.float64)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = ScheduleLR(optimizer, linear(10))
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr
    assert float(lr) == pytest.approx(0.27)


def test_states_of_something_else_are_refused() -> None:
    scheduler = ScheduleLR(sgd(0.3), bound())
    with pytest.raises(SpecError, match=r"state is of another schedule, 'linear over 10st'.*last_epoch"):
        scheduler.load_state_dict(ScheduleLR(sgd(0.3), linear(10)).state_dict())
    with pytest.raises(SpecError, match="state is of 2 parameter groups, and the optimizer has 1"):
        scheduler.load_state_dict(ScheduleLR(sgd(0.3, 0.1), bound()).state_dict())
    with pytest.raises(SpecError, match="state has no last_epoch"):
        scheduler.load_state_dict({"best": 1.0})
    with pytest.raises(SpecError, match="expected a schedule, got 'cosine'"):
        ScheduleLR(sgd(0.3), "cosine")  # type: ignore[arg-type]


def test_by_text() -> None:
    optimizer = sgd(0.3)
    scheduler = lrlab.schedule("linear").torch(optimizer, total_steps=10)
    assert isinstance(scheduler, lrlab.torch.ScheduleLR)
    with pytest.raises(SpecError, match="linear: fills what is left"):
        lrlab.schedule("linear").torch(optimizer)


def test_plateau_is_pytorchs_own() -> None:
    optimizer = sgd(0.3, 0.03)
    rule = parse("plateau by 0.5 patience 1 to 0.2").bind()
    scheduler = torch_scheduler(optimizer, rule)
    assert isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
    state = rule.start()  # type: ignore[union-attr]
    for _ in range(12):
        optimizer.step()
        scheduler.step(1.0)
        state = rule.next(state, 1.0)  # type: ignore[union-attr]
        multiplier = rule.multiplier(state)  # type: ignore[union-attr]
        assert rates(optimizer) == pytest.approx([0.3 * multiplier, 0.03 * multiplier])
    assert multiplier == 0.2


def test_it_is_as_quick_as_lambdalr() -> None:
    """Paired, in turn, the quickest of many rounds each: the same closed form through PyTorch's own way."""
    schedule = bound(steps=100_000)
    first, second = sgd(*PEAKS), sgd(*PEAKS)
    ours = ScheduleLR(first, schedule)
    theirs = torch.optim.lr_scheduler.LambdaLR(second, schedule)
    first.step()
    second.step()
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(60):
        for name, scheduler in (("ours", ours), ("theirs", theirs)):
            started = time.perf_counter()
            for _ in range(200):
                scheduler.step()
            seconds[name].append(time.perf_counter() - started)
    assert np.min(seconds["ours"]) <= 1.05 * np.min(seconds["theirs"])


@pytest.mark.parametrize("adam", [False, True])
@pytest.mark.parametrize("stop", [0, 31, 199])
def test_momentum_of_one_cycle_is_pytorchs_own_and_resumes(adam: bool, stop: int) -> None:
    def optimizer() -> "torch.optim.Optimizer":
        weight = [torch.zeros(1, dtype=torch.float64, requires_grad=True)]
        return torch.optim.AdamW(weight, lr=0.3) if adam else torch.optim.SGD(weight, lr=0.3, momentum=0.9)

    def momentum(made: "torch.optim.Optimizer") -> float:
        (group,) = made.param_groups
        return float(group["betas"][0] if adam else group["momentum"])

    ours, theirs = optimizer(), optimizer()
    cycle = lrlab.schedule("one-cycle from 0.04 to 4e-6")
    scheduler = cycle.torch(ours, total_steps=200, momentum=(0.85, 0.95))
    own = torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=0.3, total_steps=200)
    for step in range(199):
        assert momentum(ours) == pytest.approx(momentum(theirs), rel=1e-12)
        assert rates(ours) == pytest.approx(rates(theirs), abs=1e-12)
        if step == stop:
            stored = scheduler.state_dict()
            ours = optimizer()
            scheduler = cycle.torch(ours, total_steps=200, momentum=(0.85, 0.95))
            scheduler.load_state_dict(stored)
            assert momentum(ours) == pytest.approx(momentum(theirs), rel=1e-12)
        ours.step()
        scheduler.step()
        theirs.step()
        own.step()


@pytest.mark.parametrize(
    ("text", "momentum", "told"),
    [
        ("cosine", (0.85, 0.95), "goes with a one-cycle schedule"),
        ("plateau", (0.85, 0.95), "goes with a one-cycle schedule"),
        ("one-cycle", (0.95, 0.85), "momentum: low must lie in"),
        ("one-cycle", (0.85, 1.5), "momentum: high must lie in"),
        ("one-cycle", 0.9, "the lowest and the highest, got 0.9"),
    ],
)
def test_momentum_that_cannot_be(text: str, momentum: object, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        lrlab.schedule(text).torch(sgd(0.1), total_steps=100, momentum=momentum)  # type: ignore[arg-type]


def test_momentum_for_an_optimizer_without_one() -> None:
    optimizer = torch.optim.Adagrad([torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(SpecError, match="needs an optimizer with momentum or betas, got Adagrad"):
        lrlab.schedule("one-cycle").torch(optimizer, total_steps=100, momentum=(0.85, 0.95))
