"""Every model of data without code keeps the contract of a task, exact slices included."""

import random

import pytest

pytest.importorskip("torch")

from lrlab.api.data import data_task
from lrlab.tasks.protocol import Task
from lrlab.testing.task_kit import TaskKit

pytestmark = pytest.mark.torch

_draw = random.Random(0)
GOOD, BAD, REST = "good fine great", "bad poor dull", "the film was and a plot of it with words"


def sentence(mood: str) -> str:
    return " ".join(_draw.choices(mood.split(), k=2) + _draw.choices(REST.split(), k=_draw.randrange(2, 9)))


SENTENCES = [f"{mood == GOOD},{sentence(mood)}" for mood in (GOOD, BAD) * 40]
TABLE = ["n,c,y", *(f"{i % 7}.5,{'ab'[i % 2]},{'yes' if i % 7 > 3 else 'no'}" for i in range(60))]


class DataKit(TaskKit):
    """The kit over a task that is made of a file."""

    MODEL = ""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path, monkeypatch):
        (tmp_path / "texts.csv").write_text("\n".join(SENTENCES))
        (tmp_path / "table.csv").write_text("\n".join(TABLE))
        monkeypatch.chdir(tmp_path)


class TextKit(DataKit):
    def task(self) -> Task:
        return data_task("text", "texts.csv", model=self.MODEL, budget=4, batch_size=16, schedule="cosine")


class TestBag(TextKit):
    MODEL = "bag"


class TestGru(TextKit):
    MODEL = "gru"


class TestTransformer(TextKit):
    MODEL = "transformer"


class TableKit(DataKit):
    def task(self) -> Task:
        return data_task("table", "table.csv", target="y", model=self.MODEL, budget=4, batch_size=8)


class TestMlp(TableKit):
    MODEL = "mlp"


class TestLinear(TableKit):
    MODEL = "linear"
