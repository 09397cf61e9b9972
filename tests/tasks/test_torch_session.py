"""A run of a recipe between its hand-overs: what the caller sees, and what an error or a signal leaves behind."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from lrlab.api.torch import Recipe  # noqa: E402
from lrlab.core.errors import NoStateError, SpecError  # noqa: E402
from lrlab.tasks import random_state, torch_session  # noqa: E402

pytestmark = pytest.mark.torch

_draw = torch.Generator().manual_seed(3)
X = torch.randn(40, 3, generator=_draw)
DATA = (X, X.sum(1, keepdim=True))


class Net(nn.Module):
    """A linear model that counts its training steps, and does at one of them what it is told."""

    def __init__(self, at: int, act: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 1)
        self.steps = 0
        self.at, self.act = at, act

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.inner(inputs)
        self.steps += self.training
        return self.act(output) if self.training and self.steps == self.at else output


def recipe(
    at: int = 0, act: Callable[[torch.Tensor], torch.Tensor] = torch.abs, **options: Any
) -> tuple[Recipe, Net]:
    """A recipe of five steps an epoch whose one run trains the second of the two."""
    net = Net(at, act)
    return Recipe(lambda: net, DATA, val_data=DATA, batch_size=8, budget=6, optimizer="sgd", **options), net


def interrupt(output: torch.Tensor) -> torch.Tensor:
    raise KeyboardInterrupt


def fail(output: torch.Tensor) -> torch.Tensor:
    raise ValueError("broken")


def test_it_never_trains_beyond_what_was_asked_for() -> None:
    made, net = recipe()
    session = made.start(0.01, seed=0)
    for until in (0, 1, 3, 2, 6, 9):
        list(session.advance(until))
        assert net.steps == 5 * {0: 0, 1: 1, 3: 3, 2: 3, 6: 6, 9: 6}[until]


def test_nothing_happens_before_the_records_are_asked_for() -> None:
    made, net = recipe()
    session = made.start(0.01, seed=0)
    session.advance(6)
    assert net.steps == 0


def test_records_that_were_made_ahead_are_handed_over_later() -> None:
    made, _ = recipe()
    session = made.start(0.01, seed=0)
    for record in session.advance(6):
        if record.at == 2:
            break
    assert [record.at for record in session.advance(2)] == []
    assert [record.at for record in session.advance(3)][-1] == 3
    assert [record.at for record in session.advance(6)][-1] == 6


def test_random_states_are_swapped_once_for_many_small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = recipe()
    session = made.start(0.01, seed=0)
    swaps = []
    monkeypatch.setattr(torch_session.time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(random_state, "restore", swaps.append)
    assert [record.at for record in session.advance(6) if record.ends_unit] == [1, 2, 3, 4, 5, 6]
    assert len(swaps) == 2


def test_a_slow_training_hands_each_record_over_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made, net = recipe()
    session = made.start(0.01, seed=0)
    ticks = iter(range(1000))
    monkeypatch.setattr(torch_session.time, "monotonic", lambda: 0.09 * next(ticks))
    steps = [(record.at, net.steps) for record in session.advance(3) if record.ends_unit]
    assert steps == [(1, 5), (2, 10), (3, 15)]


@pytest.mark.parametrize(("act", "error"), [(fail, ValueError), (interrupt, KeyboardInterrupt)])
def test_what_broke_off_inside_a_step_has_no_state(act: Any, error: type[BaseException]) -> None:
    made, net = recipe(8, act)
    session = made.start(0.01, seed=0)
    before = torch.get_rng_state()
    for _ in range(2):  # a second call tells it again, and does not go on as if nothing had been
        with pytest.raises(error):
            list(session.advance(6))
    assert net.steps == 8
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(NoStateError, match="broke off inside a step"):
        session.state()
    session.close()


def test_a_loss_that_is_nan_ends_the_training_at_that_step() -> None:
    made, net = recipe(8, lambda output: output * float("nan"))
    session = made.start(0.01, seed=0)
    records = list(session.advance(6))
    assert net.steps == 8
    assert records[-1].step == 8
    assert 1 < records[-1].at < 2
    assert str(records[-1].metrics["loss"]) == "nan"
    assert list(session.advance(6)) == []
    twin = recipe()[0].start(0.01, seed=0)
    twin.restore(session.state())
    assert list(twin.advance(6)) == []


def test_a_caller_without_gradients_gets_the_same_training() -> None:
    made = Recipe(lambda: Net(0, torch.abs), DATA, val_data=DATA, batch_size=8, budget=6, optimizer="sgd")
    whole = [record.key() for record in made.start(0.01, seed=0).advance(6)]
    with torch.no_grad():
        assert [record.key() for record in made.start(0.01, seed=0).advance(6)] == whole
        assert not torch.is_grad_enabled()


def test_a_closed_run_is_refused() -> None:
    session = recipe()[0].start(0.01, seed=0)
    state = session.state()
    session.close()
    with pytest.raises(SpecError, match="advance: the run is closed"):
        session.advance(1)
    with pytest.raises(SpecError, match="restore: the run is closed"):
        session.restore(state)


def test_closing_inside_a_loop_ends_it() -> None:
    session = recipe()[0].start(0.01, seed=0)
    seen = []
    for record in session.advance(6):
        seen.append(record.at)
        session.close()
    assert seen == [0]
