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


FREE = ("--optimizer", "adamw", "--optimizer", "prodigy", "--optimizer", "schedule-free-adamw")


@pytest.mark.parametrize("searcher", ["grid:3", "race", "halving:4", "optuna:random:3"])
def test_optimizers_that_need_no_rate_are_arms_with_one_run(lrlab, files, searcher):
    pytest.importorskip("prodigyopt")
    pytest.importorskip("schedulefree")
    if searcher.startswith("optuna"):
        pytest.importorskip("optuna")
    words = ("sweep", "table", "patients.csv", "--target", "outcome", *FREE, "--budget", 8, "--workers", 0)
    document = lrlab(*words, "--searcher", searcher, "--study", "free", "--json").document
    rates = {arm: {run["lr"] for run in document["runs"] if run["arm"] == arm} for arm in FREE[1::2]}
    assert (rates["prodigy"], rates["schedule-free-adamw"]) == ({1.0}, {0.0025})
    assert len(rates["adamw"]) >= 3
    assert "RATE_DEVIATES" not in {warning["code"] for warning in document["warnings"]}
    assert document["runs"] == lrlab("resume", "free", "--json").document["runs"]


def test_an_arm_that_needs_no_rate_may_win_and_be_tested(lrlab, files):
    pytest.importorskip("prodigyopt")
    words = ("sweep", "table", "patients.csv", "--target", "outcome", *FREE[:4], "--lr", "1e-9:1e-8")
    said = lrlab(*words, *SMALL, "--study", "won")
    assert "Use prodigy, which needs no rate to be found: leave its LR at 1. Cost:" in " ".join(
        said.out.split()
    )
    assert "test part" in said.out
    assert lrlab("studies", "show", "won", "--json").document["arm"] == "prodigy"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("prodigy",), "prodigy needs no learning rate, so there is nothing to search"),
        (("prodigy", "dog"), "prodigy, dog need no learning rate, so there is nothing to search"),
        (("adamw", "prodigi"), "there is no 'prodigi'"),
        (("prodigy", "prodigy"), "--optimizer prodigy is given twice"),
    ],
)
def test_wrong_uses_of_them_are_refused(lrlab, files, words, message):
    pytest.importorskip("prodigyopt")
    pytest.importorskip("dog")
    options = [part for word in words for part in ("--optimizer", word)]
    said = lrlab("sweep", "table", "patients.csv", "--target", "outcome", *options, *SMALL)
    assert said.code == 2
    assert message in " ".join(said.err.split())
    assert "Traceback" not in said.err
