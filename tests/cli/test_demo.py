"""The demo: an honest comparison, and what it writes."""

import numpy as np
import pytest

from lrlab.api import demo
from lrlab.cli.main import run
from lrlab.core.errors import NotFoundError

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", demo.DEMOS)
def test_the_test_split_is_seen_by_nobody(name):
    parts = demo.DEMOS[name].parts()
    rows = [samples.reshape(len(samples), -1) for samples, _ in parts]
    seen = {row.tobytes() for part in rows[:2] for row in part}
    assert not [row for row in rows[2] if row.tobytes() in seen]
    sizes = [len(part) for part in rows]
    assert np.allclose(np.array(sizes) / sum(sizes), [0.6, 0.2, 0.2], atol=0.01)
    recipe = demo.DEMOS[name].recipe()
    for given, part in ((recipe.data, parts.train), (recipe.val_data, parts.val)):
        assert np.array_equal(np.asarray(given[0]), part[0])


@pytest.mark.parametrize(("name", "optimizer"), [("digits", "adam"), ("cancer", "sgd")])
def test_the_recipes_are_what_the_demo_says(name, optimizer):
    recipe = demo.DEMOS[name].recipe()
    assert str(recipe.optimizer) == optimizer
    assert recipe.default_lr == 1e-3
    before, after = (
        record for record in recipe.start(1e-3, seed=0).advance(1) if "val_loss" in record.metrics
    )
    assert after.metrics["val_loss"] < before.metrics["val_loss"]


def test_the_demo_beats_the_default(lrlab, place, monkeypatch):
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    said = lrlab("demo", "cancer", "--workers", 0, "--json", "-o", "shown")
    assert said.code == 0, said.err
    (told,) = said.document["demos"]
    assert told["demo"] == "cancer"
    assert told["default"]["lr"] == 1e-3
    assert told["tuned"]["lr"] == told["answer"]["lr"]
    assert told["tuned"]["score"] == told["answer"]["score"] < told["default"]["score"]
    assert told["tuned"]["test_accuracy"] > told["default"]["test_accuracy"] + 0.1
    assert told["answer"]["current_lr"] == 1e-3
    assert told["answer"]["cost"] < 3
    assert {file.name for file in (place / "shown").iterdir()} == {"cancer.html", "cancer.png"}

    monkeypatch.setenv("COLUMNS", "40")
    again = lrlab("demo", "cancer", "--workers", 0, "-q", "-o", "shown")
    assert again.err == ""
    assert "PyTorch's default" in again.out
    assert "test errors fewer" in " ".join(again.out.split())
    assert max(map(len, again.out.splitlines())) <= 40
    assert [study["study"] for study in lrlab("studies", "--json").document["studies"]] == [
        "demo-cancer-2",
        "demo-cancer-1",
    ]
    resumed = lrlab("resume", "demo-cancer-1", "--json").document
    assert resumed["lr"] == told["answer"]["lr"]


def test_a_run_of_the_default_rate_is_the_one_of_the_study():
    """The comparison trains what the study would have trained."""
    from lrlab.api.sweep import sweep

    chosen = demo.DEMOS["cancer"]
    answer = sweep(chosen.recipe(), lr=(1e-4, 1e-2), searcher="grid:3", workers=0, store="memory")
    default = demo.train_with_default(chosen, answer)
    (same,) = [run for run in answer.runs if run.lr == 1e-3]
    assert default.score == same.score(answer.question.metric)


@pytest.mark.parametrize(("module", "package"), [("torch", "PyTorch"), ("sklearn", "scikit-learn")])
def test_what_is_missing_is_named(monkeypatch, capsys, module, package):
    monkeypatch.setattr("lrlab.api.demo.find_spec", lambda name: None if name == module else object())
    with pytest.raises(
        NotFoundError, match=rf"{package} is not installed.*pip install 'lrlab\[torch,demo\]'"
    ):
        demo.check(None)
    assert run(["demo"]) == 7
    assert package in capsys.readouterr().err
