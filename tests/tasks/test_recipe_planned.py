"""A recipe knows its rates beforehand: what it applies is what it planned, unless the user's own code changes them."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import lrlab  # noqa: E402
from lrlab.core.outcome import Outcome  # noqa: E402
from lrlab.core.run import Run  # noqa: E402
from lrlab.schedules.families import NAMES  # noqa: E402
from lrlab.schedules.step import step  # noqa: E402
from lrlab.studies.planned_rate import deviates  # noqa: E402
from lrlab.tasks.torch_recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.torch
X = torch.linspace(-1, 1, 40)[:, None]
Y = (X[:, 0] > 0).long()


def recipe(**settings: Any) -> Recipe:
    settings = {"budget": 8, "optimizer": "sgd", "batch_size": 5, **settings}
    return Recipe(lambda: nn.Linear(1, 2), (X, Y), val_data=(X, Y), **settings)


def trained(made: Recipe, *, lr: float = 0.1) -> Run:
    session = made.start(lr, seed=0)
    records = tuple(session.advance(made.budget))
    session.close()
    return Run(lr=lr, records=records, units=made.budget, outcome=Outcome.FINISHED)


@pytest.mark.parametrize(
    "text",
    [
        *(name for name in NAMES if name not in ("piecewise", "plateau")),
        "piecewise 0:0, 50%:1, 100%:0.5",
        "clip from 0.01 to 1 (warmup 10% then step every 2ep by 0.5)",
        "wsd decay 20% to 0.01",
    ],
)
def test_every_schedule_is_applied_as_planned(text: str) -> None:
    made = recipe(schedule=text)
    assert made.planned is not None
    assert deviates(trained(made), made.planned) is None


def draw(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(6):
        x = torch.rand(5, 1, generator=generator)
        yield x, (x[:, 0] > 0.5).long()


@pytest.mark.parametrize(
    "settings",
    [
        {"unit": "step", "budget": 50, "eval_every": 3, "schedule": "cosine"},
        {"accumulate": 3, "schedule": "linear", "warmup": 0.2},
        {"warmup": 7, "schedule": "one-cycle"},
        {"optimizer": "adamw", "schedule": lambda steps: step(3)},
        {"optimizer": lambda params, lr: torch.optim.Adam(params, lr=torch.tensor(lr)), "schedule": "cosine"},
        {
            "optimizer": lambda params, lr: torch.optim.SGD(
                [{"params": [p], "lr": lr / k} for k, p in enumerate(params, start=1)]
            ),
            "schedule": "rex",
        },
    ],
)
def test_steps_accumulation_warm_ups_and_groups_are_as_planned(settings: dict[str, Any]) -> None:
    made = recipe(**settings)
    assert deviates(trained(made), made.planned) is None  # type: ignore[arg-type]


def test_data_of_unknown_length_has_a_plan_without_length() -> None:
    made = Recipe(
        lambda: nn.Linear(1, 2), draw, val_data=(X, Y), budget=8, optimizer="sgd", schedule="step 10"
    )
    assert made.planned is not None
    assert made.planned.length is None
    assert deviates(trained(made), made.planned) is None


def test_what_follows_a_metric_has_no_plan() -> None:
    assert recipe(schedule="plateau patience 2").planned is None


class Resets:
    """An optimizer function whose optimizer stays within reach of the user's own code."""

    def __init__(self, *, schedule: bool = False) -> None:
        self.optimizer: Any = None
        self.scheduler: Any = None
        self.calls = 0
        self.schedule = schedule

    def __call__(self, params: Any, lr: float) -> Any:
        self.calls = 0
        self.optimizer = torch.optim.SGD(params, lr=lr)
        self.scheduler = (
            torch.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.97) if self.schedule else None
        )
        return self.optimizer


def hooked(own: Resets) -> nn.Module:
    """A model with a hook that sets the rate back from its 30th step on."""
    model = nn.Linear(1, 2)

    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        if module.training:
            own.calls += 1
            if own.calls > 30:
                own.optimizer.param_groups[0]["lr"] = 0.02

    model.register_forward_hook(hook)
    return model


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_hook_that_resets_the_rate_is_found(schedule: str) -> None:
    own = Resets()
    made = Recipe(
        lambda: hooked(own), (X, Y), val_data=(X, Y), budget=8, batch_size=5, optimizer=own, schedule=schedule
    )
    answer = lrlab.sweep(made, lr=(0.05, 0.2), searcher="grid:2", workers=0, store="memory")
    [caution] = [caution for caution in answer.warnings if caution.code == "RATE_DEVIATES"]
    assert "did not apply its planned rates. From step 31 (planned" in caution.text
    assert "applied 0.02)" in caution.text


def test_a_forward_that_steps_a_scheduler_of_its_own_is_found() -> None:
    own = Resets(schedule=True)

    def forward(model: nn.Module, batch: Any) -> Any:
        if model.training:
            own.optimizer._opt_called = True  # PyTorch warns where no step came first
            own.scheduler.step()
        x, y = batch
        return nn.functional.cross_entropy(model(x), y)

    made = Recipe(
        lambda: nn.Linear(1, 2),
        (X, Y),
        val_data=(X, Y),
        budget=8,
        batch_size=5,
        optimizer=own,
        forward=forward,
    )
    found = deviates(trained(made), made.planned)  # type: ignore[arg-type]
    assert found is not None
    assert found.step == 7  # the end of the first epoch, where it is told first
    assert found.applied == pytest.approx(0.1 * 0.97**8)
    assert lrlab.sweep(made, lr=(0.05, 0.2), searcher="grid:2", workers=0, store="memory").codes >= {
        "RATE_DEVIATES"
    }


def test_a_sound_study_says_nothing_and_stores_what_it_says() -> None:
    answer = lrlab.sweep(recipe(schedule="cosine"), lr=(1e-3, 1.0), workers=0, store="memory")
    assert "RATE_DEVIATES" not in answer.codes
