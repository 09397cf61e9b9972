"""``lrlab plot --chart``: the other charts as pictures, and what is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

import samples

from lrlab.api.engines import open_lab

PROGRAM = "import sys; from lrlab.cli.main import main; main()"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plots")
    open_lab(folder / "studies").store.create(samples.study(samples.answer(), name="race")).close()
    return folder


def plot(store: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "plot", "race", "--store", "studies", *words],
        cwd=store, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("chart", ["curves", "timeline"])
def test_a_chart_becomes_a_picture(store: Path, chart: str) -> None:
    told = plot(store, "--chart", chart, "-o", f"{chart}.svg")
    assert told.returncode == 0, told.stderr
    assert (store / f"{chart}.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--chart", "pie"], "--chart must be one of u-curve, curves, timeline, got 'pie'"),
        (["--chart", "curves"], "is drawn into a picture, got no file"),
        (["--chart", "timeline", "-o", "x.html"], "is drawn into a picture, got x.html"),
    ],
)
def test_what_cannot_be_drawn_is_refused(store: Path, words: list[str], said: str) -> None:
    told = plot(store, *words)
    assert told.returncode == 2
    assert said in told.stderr
    assert "Traceback" not in told.stderr
