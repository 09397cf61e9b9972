"""PyTorch's own schedulers, step by step with a real optimizer; where they deviate, the deviation is pinned."""

import math
import warnings
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from lrlab.schedules.constant import constant  # noqa: E402
from lrlab.schedules.cosine import cosine  # noqa: E402
from lrlab.schedules.cyclic import cyclic  # noqa: E402
from lrlab.schedules.exponential import exponential  # noqa: E402
from lrlab.schedules.join import then, warmup  # noqa: E402
from lrlab.schedules.linear import linear  # noqa: E402
from lrlab.schedules.one_cycle import momentum, one_cycle  # noqa: E402
from lrlab.schedules.plateau import plateau  # noqa: E402
from lrlab.schedules.polynomial import polynomial  # noqa: E402
from lrlab.schedules.protocol import Schedule  # noqa: E402
from lrlab.schedules.restarts import restarts  # noqa: E402
from lrlab.schedules.step import multi_step, step  # noqa: E402
from lrlab.schedules.transform import scale  # noqa: E402

pytestmark = pytest.mark.torch
rates = torch.optim.lr_scheduler
LR = 0.3
CLOSE = 1e-12  # of the peak


def sgd(lr: float = LR) -> "torch.optim.SGD":
    return torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=lr, momentum=0.9)


def applied(make: Callable[..., object], count: int, *, lr: float = LR) -> list[float]:
    """The rate of each optimizer step."""
    optimizer = sgd(lr)
    scheduler = make(optimizer)
    told = []
    for _ in range(count):
        told.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()  # type: ignore[attr-defined]
    return told


def same(schedule: Schedule, theirs: list[float], *, lr: float = LR) -> None:
    assert [lr * schedule(t) for t in range(len(theirs))] == pytest.approx(theirs, rel=0, abs=CLOSE * lr)


PAIRS = {
    "StepLR": (step(7, by=0.5), lambda o: rates.StepLR(o, 7, gamma=0.5)),
    "MultiStepLR": (multi_step((3, 30, 30, 90)), lambda o: rates.MultiStepLR(o, [3, 30, 30, 90])),
    "ExponentialLR": (exponential(0.97), lambda o: rates.ExponentialLR(o, 0.97)),
    "PolynomialLR": (polynomial(90, power=1.7), lambda o: rates.PolynomialLR(o, 90, power=1.7)),
    "LinearLR": (
        linear(90, floor=0.2),
        lambda o: rates.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=90),
    ),
    "LinearLR, rising": (
        warmup(constant(), 40, start=0.1),
        lambda o: rates.LinearLR(o, start_factor=0.1, total_iters=40),
    ),
    "ConstantLR": (
        then(scale(constant(), 0.25), 9, constant()),
        lambda o: rates.ConstantLR(o, factor=0.25, total_iters=9),
    ),
    "CosineAnnealingWarmRestarts": (
        restarts(9, times=2, floor=0.01),
        lambda o: rates.CosineAnnealingWarmRestarts(o, 9, T_mult=2, eta_min=0.01 * LR),
    ),
    "CosineAnnealingWarmRestarts, equal": (
        restarts(13),
        lambda o: rates.CosineAnnealingWarmRestarts(o, 13),
    ),
    "SequentialLR": (
        warmup(cosine(80), 20, start=0.05),
        lambda o: rates.SequentialLR(
            o, [rates.LinearLR(o, start_factor=0.05, total_iters=20), rates.LambdaLR(o, cosine(80))], [20]
        ),
    ),
    "SequentialLR of three": (
        then(step(5, by=0.9), 30, then(linear(30), 20, exponential(0.9))),
        lambda o: rates.SequentialLR(
            o,
            [
                rates.LambdaLR(o, step(5, by=0.9)),
                rates.LambdaLR(o, linear(30)),
                rates.LambdaLR(o, exponential(0.9)),
            ],
            [30, 50],
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_rates_at_every_step(name: str) -> None:
    mine, theirs = PAIRS[name]
    with warnings.catch_warnings():  # SequentialLR warns about itself in some versions
        warnings.simplefilter("ignore")
        same(mine, applied(theirs, 120))


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_cosine_until_its_end_and_what_comes_after(floor: float) -> None:
    theirs = applied(lambda o: rates.CosineAnnealingLR(o, 90, eta_min=floor * LR), 181)
    same(cosine(90, floor=floor), theirs[:91])
    # The recursive form goes on: it rises again, and is back at the peak after as many steps.
    assert theirs[180] == pytest.approx(LR, rel=1e-9)
    assert cosine(90, floor=floor)(180) == floor


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize(("total", "rise"), [(100, 0.3), (101, 0.25), (37, 0.5), (10, 0.15)])
def test_one_cycle_and_its_momentum(total: int, rise: float, anneal: str, three_phase: bool) -> None:
    optimizer = sgd()
    scheduler = rates.OneCycleLR(
        optimizer, LR, total_steps=total, pct_start=rise, anneal_strategy=anneal[:3] if anneal == "cosine" else anneal,
        div_factor=20.0, final_div_factor=100.0, three_phase=three_phase, base_momentum=0.8, max_momentum=0.96,
    )  # fmt: skip
    cycle = one_cycle(total, rise=rise, start=1 / 20, floor=1 / 2000, anneal=anneal, three_phase=three_phase)
    weight = momentum(cycle, low=0.8, high=0.96)  # type: ignore[arg-type]
    for t in range(total):
        group = optimizer.param_groups[0]
        assert group["lr"] == pytest.approx(LR * cycle(t), rel=0, abs=CLOSE * LR)
        assert group["momentum"] == pytest.approx(weight(t), rel=0, abs=CLOSE)
        optimizer.step()
        if t < total - 1:  # its last phase ends at total_steps - 1: one step more is beyond its floor
            scheduler.step()
    assert cycle(total - 1) == cycle(total) == cycle(10 * total)


def test_one_cycle_without_a_rise_deviates() -> None:
    """PyTorch then begins one step beyond the peak, and divides by zero where the peak would be step 0."""
    theirs = applied(lambda o: rates.OneCycleLR(o, LR, total_steps=10, pct_start=0.0), 1)
    assert theirs[0] < LR * one_cycle(10, rise=0.0)(0) == LR
    with pytest.raises(ZeroDivisionError):
        rates.OneCycleLR(sgd(), LR, total_steps=10, pct_start=0.1)
    assert one_cycle(10, rise=0.1)(0) == 1.0


@pytest.mark.parametrize("shape", ["triangular", "triangular2", "exp-range"])
@pytest.mark.parametrize(("up", "down"), [(5, 5), (7, 13), (1, 3)])
def test_cyclic(shape: str, up: int, down: int) -> None:
    theirs = applied(
        lambda o: rates.CyclicLR(
            o, 0.1 * LR, LR, step_size_up=up, step_size_down=down, mode=shape.replace("-", "_"), gamma=0.98,
            cycle_momentum=False,
        ),
        300,
    )  # fmt: skip
    same(cyclic(up, down=down, floor=0.1, shape=shape, decay=0.98), theirs)


@pytest.mark.parametrize("direction", ["min", "max"])
@pytest.mark.parametrize("measured", ["relative", "absolute"])
@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (2, 0), (1, 3)])
def test_reduce_on_plateau(direction: str, measured: str, patience: int, cooldown: int) -> None:
    optimizer = sgd()
    scheduler = rates.ReduceLROnPlateau(
        optimizer, mode=direction, factor=0.5, patience=patience, threshold=0.05, threshold_mode=measured[:3],
        cooldown=cooldown, min_lr=0.01 * LR, eps=0.0,
    )  # fmt: skip
    rule = plateau(
        by=0.5, patience=patience, threshold=0.05, measured=measured, cooldown=cooldown, floor=0.01, direction=direction
    )  # fmt: skip
    state = rule.start()
    noise = torch.Generator().manual_seed(3)
    for t in range(80):
        metric = 1 / (1 + t / 4) + 0.2 * float(torch.rand((), generator=noise))
        metric = math.nan if t == 20 else metric if direction == "min" else 2 - metric
        optimizer.step()
        scheduler.step(metric)
        state = rule.next(state, metric)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(
            LR * rule.multiplier(state), rel=0, abs=CLOSE * LR
        )
    assert rule.multiplier(state) < 1.0


def test_plateau_deviates_in_tiny_reductions() -> None:
    """PyTorch leaves out a reduction of less than eps = 1e-8 in absolute rate; a multiplier has no such size."""
    optimizer = sgd(1e-8)
    scheduler = rates.ReduceLROnPlateau(optimizer, patience=0)
    rule, state = plateau(patience=0), plateau().start()
    for _ in range(3):
        optimizer.step()
        scheduler.step(1.0)
        state = rule.next(state, 1.0)
    assert optimizer.param_groups[0]["lr"] == 1e-8
    assert rule.multiplier(state) == pytest.approx(0.01)


def test_closed_forms_do_not_drift_as_chained_ones_do() -> None:
    """After many multiplications PyTorch's rate has lost digits; ours is the formula's own value."""
    theirs = applied(lambda o: rates.ExponentialLR(o, 0.999), 5_001)[-1]
    exact = LR * 0.999**5_000
    assert LR * exponential(0.999)(5_000) == pytest.approx(exact, rel=1e-15)
    assert theirs == pytest.approx(exact, rel=1e-11)
