"""Progress bars, colours, and what people print."""

from pathlib import Path

import pytest

from lrlab.readers.choose import OUTPUT, open_reader
from lrlab.readers.output import default_pattern

PINNED = "stdout:val_loss=([0-9.e+-]+)"


def values(folder: Path, printed: str, pattern: str = PINNED) -> list[float]:
    (folder / "out").write_bytes(printed.encode())
    rows = open_reader(pattern, metric="val_loss", output=folder / "out").read(final=True).rows
    return [row.metrics["val_loss"] for row in rows]


def test_a_bar_that_is_drawn_again_is_no_new_report(tmp_path: Path) -> None:
    bar = "\r 33%|###   | 1/3 [00:01<00:02, val_loss=0.5]"
    later = "\r 67%|###   | 2/3 [00:02<00:01, val_loss=0.4]"
    assert values(tmp_path, bar + bar.replace("1/3", "2/3") + later + later + "\n") == [0.5, 0.4]


def test_a_bar_that_shows_the_number_only_at_the_end_of_an_epoch_reports_each(tmp_path: Path) -> None:
    epoch = "\rEpoch: 50%|## | loss=0.3\rEpoch: 100%|####| loss=0.2, val_loss=0.1"
    assert values(tmp_path, epoch * 3 + epoch[epoch.rindex("\r") :] + "\n") == [0.1, 0.1, 0.1]


def test_equal_numbers_on_lines_of_their_own_are_two_reports(tmp_path: Path) -> None:
    assert values(tmp_path, "val_loss=0.5\nval_loss=0.5\r\nval_loss=0.5\r\n") == [0.5, 0.5, 0.5]
    vanishing = "\r 50%|## | 1/2\r         \r"  # a bar with leave=False
    assert values(tmp_path, f"{vanishing}val_loss=0.5\n{vanishing}val_loss=0.5\n") == [0.5, 0.5]


def test_colours_titles_and_backspaces_are_taken_out(tmp_path: Path) -> None:
    printed = "\x1b]0;title\x07\x1b[1mval_loss=\x1b[38;5;9m0\x08.5\x1b[0m\n\x1b(Bval_loss=\x1b[Kinf\n"
    assert values(tmp_path, printed) == [0.5, float("inf")]


@pytest.mark.parametrize("word", ["nan", "NaN", "NAN", "-inf", "Infinity", "-Infinity"])
def test_the_pinned_pattern_finds_what_is_not_finite(tmp_path: Path, word: str) -> None:
    (found,) = values(tmp_path, f"epoch 1 val_loss={word} done\n")
    assert repr(found) == repr(float(word))


def test_a_bad_byte_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"\xff\xfe \0 val_loss=0.5\n")
    rows = open_reader(PINNED, metric="val_loss", output=tmp_path / "out").read().rows
    assert [row.metrics["val_loss"] for row in rows] == [0.5]


def test_named_groups_are_columns(tmp_path: Path) -> None:
    pattern = r"stdout:Epoch (?P<epoch>\d+)/\d+.*val_loss: (?P<val_loss>\S+)(?: lr: (?P<lr>\S+))?"
    (tmp_path / "out").write_text("Epoch 1/5 val_loss: 0.5, lr: 1e-3\nEpoch 2/5 val_loss: 0.25\n")
    first, second = open_reader(pattern, metric="val_loss", output=tmp_path / "out").read().rows
    assert (first.epoch, dict(first.metrics)) == (1, {"val_loss": 0.5, "lr": 1e-3})
    assert (second.epoch, dict(second.metrics)) == (2, {"val_loss": 0.25})
    assert second.place == "line 2"


@pytest.mark.parametrize(
    "printed",
    [
        "val_loss=0.5", "val_loss: 0.5", "'val_loss': 0.5,", '{"val_loss": 0.5}', "val_loss 0.5", "| val_loss = 0.5 |",
        "epoch 3: train_loss 0.7 val_loss 0.5", "50/50 - 3s - loss: 0.9 - val_loss: 0.5 - val_acc: 0.8",
    ],
)  # fmt: skip
def test_the_default_pattern_finds_what_people_print(tmp_path: Path, printed: str) -> None:
    assert values(tmp_path, printed + "\n", OUTPUT + default_pattern("val_loss")) == [0.5]


@pytest.mark.parametrize(
    "printed", ["best_val_loss=0.5", "val_loss improved from 0.6", "eval/val_loss=1", "val_lossy=1"]
)
def test_the_default_pattern_finds_nothing_else(tmp_path: Path, printed: str) -> None:
    assert values(tmp_path, printed + "\n", OUTPUT + default_pattern("val_loss")) == []
