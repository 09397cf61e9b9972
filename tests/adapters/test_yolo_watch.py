"""``lrlab.watch(yolo_model)`` on a model that calls back as Ultralytics' does; the real one is in test_yolo_real_watch."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import lrlab  # noqa: E402
from lrlab.core.errors import SpecError  # noqa: E402

pytestmark = pytest.mark.torch
MEAN = 1
EVENTS = ("on_train_start", "on_train_epoch_start", "on_train_batch_end", "on_fit_epoch_end", "on_train_end")


class Model:
    """Trains a line by the order of events of Ultralytics 8.4.

    Args:
        as_tensor: Whether the losses of a batch are one tensor, as in older versions.
        renewed: Whether the second epoch has another optimizer, as after a lack of memory.
    """

    def __init__(self, *, as_tensor: bool = False, renewed: bool = False, metrics: Any = None) -> None:
        self.callbacks: dict[str, list[Any]] = {event: [] for event in EVENTS}
        self.as_tensor, self.renewed = as_tensor, renewed
        self.metrics = metrics or {"val/box_loss": 0.5, "val/cls_loss": 0.25, "metrics/mAP50-95(B)": 0.1}

    def add_callback(self, event: str, function: Any) -> None:
        self.callbacks[event].append(function)

    def call(self, event: str) -> None:
        for function in self.callbacks[event]:
            function(self.trainer)

    def train(self, *, epochs: int = 3, batches: int = 8, accumulate: int = 2) -> None:
        line = torch.nn.Linear(4, 1)
        groups = [{"params": [line.bias], "lr": 0.1}, {"params": [line.weight], "lr": 0.01}]
        self.trainer = SimpleNamespace(
            epochs=epochs, epoch=0, train_loader=range(batches), accumulate=accumulate, metrics=dict(self.metrics),
            optimizer=torch.optim.SGD(groups, lr=0.01, momentum=0.9), loss_items=None,
        )  # fmt: skip
        self.call("on_train_start")
        for epoch in range(epochs):
            self.trainer.epoch = epoch
            if epoch == 1 and self.renewed:
                self.trainer.optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9)
            self.call("on_train_epoch_start")
            for batch in range(batches):
                loss = line(torch.ones(2, 4)).square().mean()
                loss.backward()
                items = {"box_loss": loss.detach(), "cls_loss": torch.tensor(1.0)}
                self.trainer.loss_items = torch.stack(list(items.values())) if self.as_tensor else items
                if batch % accumulate == accumulate - 1:
                    self.trainer.optimizer.step()
                    self.trainer.optimizer.zero_grad()
                self.call("on_train_batch_end")
            self.call("on_fit_epoch_end")
        self.trainer.epoch += 1
        self.trainer.metrics = dict.fromkeys(self.metrics, 99.0)  # of the best weights, once more
        self.call("on_fit_epoch_end")
        self.trainer.epoch -= 1
        self.call("on_train_end")


@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize("renewed", [False, True])
def test_what_is_taken_in(as_tensor: bool, renewed: bool) -> None:
    model = Model(as_tensor=as_tensor, renewed=renewed)
    watcher = lrlab.watch(model, quiet=True, telemetry=1)
    model.train()
    found = watcher.checkup()
    assert (found.steps, found.total_steps, found.optimizer) == (12, 12, "momentum")
    assert watcher.rates == (0.1, 0.01)
    assert found.lr == 0.01  # of the weights, not of the biases, which YOLO's warm-up begins with
    tracks = watcher._run._tracks
    assert tracks["loss"].count == 24
    assert tracks["loss"].blocks()[:, MEAN].min() >= 1.0  # both losses
    assert tracks["val_loss"].blocks()[:, MEAN].tolist() == [0.75] * 3
    assert tracks["update_ratio"].count == 12
    assert not model.trainer.optimizer._optimizer_step_post_hooks


def test_how_long_it_will_take_is_known_from_the_first_batch_on() -> None:
    model, totals = Model(), []
    watcher = lrlab.watch(model, quiet=True)
    model.add_callback("on_train_batch_end", lambda _: totals.append(watcher.checkup().total_steps))
    model.train()
    assert set(totals) == {12}


def test_classification_has_an_accuracy() -> None:
    model = Model(metrics={"metrics/accuracy_top1": 0.875, "val/loss": 0.5})
    watcher = lrlab.watch(model, quiet=True)
    model.train()
    tracks = watcher._run._tracks
    assert (tracks["val_loss"].blocks()[0, MEAN], tracks["val_acc"].blocks()[0, MEAN]) == (0.5, 0.875)


def test_a_second_training_begins_anew() -> None:
    model = Model()
    watcher = lrlab.watch(model, quiet=True)
    model.train()
    model.train(epochs=2)
    assert (watcher.checkup().steps, watcher._run._tracks["val_loss"].count) == (8, 2)


def test_an_error_reaches_no_training() -> None:
    model = Model()
    lrlab.watch(model, quiet=True)
    model.metrics = {"val/box_loss": "broken"}
    with pytest.warns(
        RuntimeWarning, match="watching has ended by an error, and the training goes on"
    ) as said:
        model.train()
    assert len(said) == 1
    assert model.trainer.epoch == 2


def test_a_plan_is_refused() -> None:
    model = Model()
    with pytest.raises(SpecError, match="schedule cannot be compared for a YOLO model"):
        lrlab.watch(model, schedule="cosine")
    assert model.callbacks == {event: [] for event in EVENTS}


def test_of_several_processes_the_first_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    model = Model()
    watcher = lrlab.watch(model, quiet=True)
    model.train()
    assert (watcher.steps, watcher.closed) == (0, True)
    assert not model.trainer.optimizer._optimizer_step_post_hooks
    monkeypatch.setenv("RANK", "0")
    model = Model()
    watcher = lrlab.watch(model, quiet=True)
    model.train()
    assert watcher.steps == 12


def test_a_training_that_is_stopped_early_has_no_more_steps() -> None:
    model = Model()
    watcher = lrlab.watch(model, quiet=True)
    model.train()
    model.trainer.epochs = 9  # as where it was stopped after its third
    model.call("on_train_end")
    assert watcher.checkup().total_steps == 12


def test_a_copy_of_the_model_is_watched_by_the_same() -> None:
    model = Model()
    watcher = lrlab.watch(model, quiet=True)
    other = copy.deepcopy(model)
    other.train(epochs=1)
    assert watcher.steps == 4


@pytest.mark.parametrize("event", EVENTS)
def test_an_error_in_any_callback_is_told_once(event: str) -> None:
    """Whatever the trainer hands over: here nothing that it should have."""
    model = Model()
    watcher = lrlab.watch(model, quiet=True)
    if event != "on_train_start":
        model.trainer = SimpleNamespace(
            optimizer=torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1), metrics={}
        )
        model.call("on_train_start")
    broken = SimpleNamespace()
    if event == "on_train_end":
        watcher.look = None  # it asks nothing of the trainer
    for callback in model.callbacks[event][:-1]:
        callback(broken)
    with pytest.warns(RuntimeWarning, match="watching has ended by an error") as said:
        model.callbacks[event][-1](broken)
    model.train()  # warnings are errors here
    assert len(said) == 1
    assert model.trainer.epoch == 2
    assert not model.trainer.optimizer._optimizer_step_post_hooks
