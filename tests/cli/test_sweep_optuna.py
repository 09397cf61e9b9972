"""``lrlab sweep --searcher optuna:...``."""

import pytest

pytest.importorskip("optuna")

SMALL = ("python", "bowl:train", "--lr", "1e-3:10", "--budget", 8, "--metric", "val_loss", "--workers", 0)


@pytest.fixture(autouse=True)
def _training(place):
    (place / "bowl.py").write_text(
        "def train(run):\n"
        "    x = 1.0\n"
        "    run.log(at=0, val_loss=1.0)\n"
        "    for _ in run.units():\n"
        "        x -= run.lr * 2 * x\n"
        "        run.report(val_loss=x * x)\n"
    )


def test_a_study_is_interrupted_by_its_price_and_says_so(lrlab):
    said = lrlab("sweep", *SMALL, "--searcher", "optuna:random:6", "--max-cost", 3, "--json")
    assert said.code in (0, 5), said.err
    assert said.document["cost"] <= 3
    assert any("left" in warning["text"] for warning in said.document["warnings"])


def test_a_study_that_is_there_goes_on_with_the_same_searcher_only(lrlab):
    first = lrlab("sweep", *SMALL, "--searcher", "optuna:tpe+asha:5", "--study", "bowl", "--json")
    assert first.code in (0, 5), first.err
    again = lrlab("sweep", *SMALL, "--searcher", "optuna:tpe+asha:5", "--study", "bowl", "--json")
    assert again.document["lr"] == first.document["lr"]
    other = lrlab("sweep", *SMALL, "--searcher", "optuna:tpe:5", "--study", "bowl")
    assert other.code == 8
    assert "searcher" in other.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("optuna:cma", "Optuna's sampler must be random, tpe or gp, got 'cma' in 'optuna:cma'"),
        ("optuna:tpe+halving", "Optuna's pruner must be median, asha or hyperband, got 'halving'"),
        ("optuna:tpe:many", "the number of rates must be a whole number, got 'many'"),
        ("optuna:tpe:0", "the number of rates: must be at least 1, got 0"),
        ("optuna:tpe:9999999999", "must be at most 1000000000"),
        ("optuna", "expected optuna:SAMPLER, optuna:SAMPLER+PRUNER or either with :N"),
        ("tpe", "searcher: unknown 'tpe'"),
    ],
)
def test_what_is_refused(lrlab, place, text, says):
    said = lrlab("sweep", *SMALL, "--searcher", text)
    assert said.code == 2, said.err
    assert says in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert not (place / "studies").exists() or not list((place / "studies").iterdir())
