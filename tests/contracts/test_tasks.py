"""Every task keeps the contract; recipes are in test_recipes.py, since they need torch."""

import random

import numpy as np

from lrlab.tasks.function import task
from lrlab.tasks.protocol import Task
from lrlab.tasks.training_run import TrainingRun
from lrlab.testing.task_kit import TaskKit


class Weights:
    """Parameters with momentum and a state, as an optimizer and a model have."""

    def __init__(self) -> None:
        self.value = np.random.rand(3)
        self.speed = np.zeros(3)

    def state_dict(self) -> dict[str, object]:
        return {"value": self.value.copy(), "speed": self.speed.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self.value, self.speed = np.array(state["value"]), np.array(state["speed"])

    def step(self, lr: float) -> float:
        noise = np.random.randn(3) + random.random()
        self.speed = 0.9 * self.speed + 2 * self.value + 0.1 * noise
        self.value = self.value - lr * self.speed
        return float(self.value @ self.value)


def plain(run: TrainingRun) -> None:
    weights = Weights()
    run.log(at=0, val_loss=float(weights.value @ weights.value))
    for unit in run.units():
        for step in range(4):
            run.log(loss=weights.step(run.lr), step=4 * unit + step + 1)
        run.report(val_loss=float(weights.value @ weights.value))


def tracked(run: TrainingRun) -> None:
    weights = Weights()
    run.track(weights=weights)
    for unit in run.units():
        for step in range(4):
            run.log(loss=weights.step(run.lr), step=4 * unit + step + 1)
        run.report(val_loss=float(weights.value @ weights.value))


class TestPlainFunction(TaskKit):
    def task(self) -> Task:
        return task(plain, budget=9)


class TestTrackedFunction(TaskKit):
    def task(self) -> Task:
        return task(tracked, budget=9)

    def test_its_state_can_be_stored(self) -> None:
        session = self.task().start(self.LR, seed=0)
        list(session.advance(2))
        assert session.state()["units"] == 2
        session.close()
