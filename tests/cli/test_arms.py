"""Repeated options are arms: on data, recipes and yolo."""

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

SMALL = ("--budget", 4, "--workers", 0, "--searcher", "grid:3")
CLASSES = "\n".join(
    ["age,dose,outcome", *(f"{20 + i * 7 % 50},{i % 11 / 2},{'ill' if i * 7 % 50 > 24 else 'well'}" for i in range(90))]
)  # fmt: skip
RECIPE = """
import torch
from torch import nn
from lrlab.torch import Recipe

X = torch.linspace(-1, 1, 40)[:, None]
recipe = Recipe(lambda: nn.Linear(1, 1), (X, 2 * X), val_data=(X, 2 * X), budget=4)
"""


@pytest.fixture
def files(place):
    (place / "patients.csv").write_text(CLASSES)
    (place / "mine.py").write_text(RECIPE)
    return place


def test_optimizers_of_data_are_compared_each_in_its_own_range(lrlab, files):
    words = (
        "sweep",
        "table",
        "patients.csv",
        "--target",
        "outcome",
        "--optimizer",
        "sgd",
        "--optimizer",
        "adamw",
    )
    document = lrlab(*words, *SMALL, "--study", "two", "--json").document
    assert document["arm"] in ("sgd", "adamw")
    highest = {
        arm: max(run["lr"] for run in document["runs"] if run["arm"] == arm) for arm in ("sgd", "adamw")
    }
    assert highest["sgd"] > highest["adamw"]
    assert 0 <= document["test"]["test_acc"] <= 1
    said = lrlab("studies", "show", "two")
    assert f" with {document['arm']} (" in said.out
    assert "test part" in lrlab("resume", "two").out


def test_everything_that_differs_names_an_arm(lrlab, files):
    words = (
        "sweep",
        "table",
        "patients.csv",
        "--target",
        "outcome",
        "--schedule",
        "cosine",
        "--schedule",
        "constant",
    )
    document = lrlab(
        *words, "--batch-size", 16, "--batch-size", 32, "--lr", "1e-3:1e-1", *SMALL, "--json"
    ).document
    assert {run["arm"] for run in document["runs"]} == {
        "cosine, batch size 16",
        "cosine, batch size 32",
        "constant, batch size 16",
        "constant, batch size 32",
    }
    assert {run["lr"] for run in document["runs"]} == {1e-3, 1e-2, 1e-1}


def test_a_recipe_takes_another_optimizer_schedule_and_batch_size(lrlab, files):
    words = (
        "sweep",
        "recipe",
        "mine.py:recipe",
        "--optimizer",
        "sgd",
        "--optimizer",
        "adam",
        "--batch-size",
        8,
    )
    document = lrlab(*words, "--schedule", "warmup 10% then linear", *SMALL, "--json").document
    assert {run["arm"] for run in document["runs"]} == {"sgd", "adam"}
    assert document["score"] < document["untrained"]


def test_one_value_is_no_arm(lrlab, files):
    words = ("sweep", "table", "patients.csv", "--target", "outcome", "--optimizer", "sgd")
    assert lrlab(*words, *SMALL, "--json").document["arm"] == "default"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("table", "patients.csv", "--optimizer", "sgd", "--optimizer", "sgd"),
            "--optimizer sgd is given twice",
        ),
        (("table", "patients.csv", "--target", "outcome", "--optimizer", "sgd", "--optimizer", "sdg"), "sdg"),
        (("python", "mine.py:f", "--optimizer", "a", "--optimizer", "b"), "a python cannot be told its own"),
        (("--optimizer", "a", "--optimizer", "b", "--", "true", "{lr}"), "a command cannot be told its own"),
        (
            ("table", "patients.csv", "--target", "outcome", "--schedule", "cosine", "--schedule", "cosinus"),
            "cosinus",
        ),
        (("python", "mine.py:f", "--batch-size", 3), "--batch-size is for data"),
    ],
)
def test_what_cannot_be_compared_is_refused(lrlab, files, words, message):
    said = lrlab("sweep", "--budget", 3, *words)
    assert said.code == 2
    assert message in said.err
