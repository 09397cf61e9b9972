"""An error in a hook on an optimizer is told once and reaches no training, whichever hook it is."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import lrlab  # noqa: E402
from lrlab.adapters.torch_watch import OptimizerHooks  # noqa: E402
from lrlab.adapters.watcher import Watcher  # noqa: E402

pytestmark = pytest.mark.torch


def trained(watched: bool) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = lrlab.watch(model, optimizer, quiet=True, telemetry=1, every=2) if watched else None
    for _ in range(6):
        loss = model(torch.ones(2, 4)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if watcher is not None:
            watcher.log(loss=loss)
    return model, optimizer


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (OptimizerHooks, "_ahead"),
        (OptimizerHooks, "_after"),
        (Watcher, "_log"),
        (Watcher, "look"),
    ],
)
def test_told_once(where: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, _ = trained(watched=False)

    def breaks(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(where, name, breaks)
    with pytest.warns(RuntimeWarning, match="the training goes on: RuntimeError: broken on purpose") as said:
        model, optimizer = trained(watched=True)
    assert len(said) == 1
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), model.parameters(), strict=True))
    assert not optimizer._optimizer_step_post_hooks
    assert not optimizer._optimizer_step_pre_hooks
