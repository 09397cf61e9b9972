"""Data without code, from the command line to the winner's test score."""

import pytest

import lrlab
from lrlab.api.data import as_target, data_task, winner_test_scores
from lrlab.api.targets import build

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("name", "own"), [("wine", "test_f1"), ("breast_cancer", "test_auroc"), ("diabetes", "test_mae")]
)
def test_a_table_is_swept_and_its_winner_judged(tmp_path, name, own):
    target = as_target("table", f"sklearn:{name}", {"budget": 3})
    answer = lrlab.sweep(build(target), target=target, workers=0, store=tmp_path, searcher="grid:3")
    scores = winner_test_scores(answer)
    assert scores is not None
    assert {"test_loss", own} <= set(scores)
    assert scores == winner_test_scores(answer, data_task("table", f"sklearn:{name}", budget=3))


def test_the_target_is_no_feature_and_no_worker_has_the_test_part():
    recipe = data_task("table", "sklearn:wine")
    assert recipe.data[0].shape[1] == 13
    assert recipe.__getstate__()["test_data"] is None
    assert build(as_target("table", "sklearn:wine", {})).fingerprint == recipe.fingerprint
