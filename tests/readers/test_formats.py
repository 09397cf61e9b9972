"""Each format, as the framework that it comes from writes it."""

import json
import math
from pathlib import Path

import pytest

from lrlab.core.errors import SpecError
from lrlab.readers.choose import open_reader
from lrlab.readers.names import is_clock, parse_columns, plain
from lrlab.readers.protocol import Row
from tests.readers import event_writer

NAN, INF = float("nan"), float("inf")


def rows_of(path: Path, text: str | None = None, **options: object) -> tuple[Row, ...]:
    if text is not None:
        path.write_text(text)
    return open_reader(str(path), **options).read(final=True).rows  # type: ignore[arg-type]


def test_keras(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path / "training.log",
        "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,0.5,0.001,1.2,0.6,1.1\n1,0.7,0.001,0.8,0.65,nan\n",
    )
    assert [row.epoch for row in rows] == [0, 1]
    assert rows[0].metrics["val_acc"] == rows[0].metrics["val_accuracy"] == 0.6
    assert rows[0].metrics["lr"] == 0.001
    assert "epoch" not in rows[0].metrics
    assert math.isnan(rows[1].metrics["val_loss"])


def test_lightning_rows_are_sparse_and_its_header_grows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,lr-AdamW,step,train_loss_step\n0,0.001,49,2.5\n")
    reader = open_reader(str(path))
    assert [dict(row.metrics) for row in reader.read().rows] == [
        {"lr-AdamW": 0.001, "train_loss_step": 2.5, "lr": 0.001, "loss": 2.5}
    ]
    path.write_text(
        "epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_loss\n"
        "0,0.001,49,,2.5,\n0,,99,,,1.9\n0,,99,2.2,,\n"
    )
    reading = reader.read()
    assert reading.anew
    assert [(row.epoch, row.step) for row in reading.rows] == [(0, 49), (0, 99), (0, 99)]
    assert [row.metrics.get("val_loss") for row in reading.rows] == [None, 1.9, None]
    assert [row.metrics.get("loss") for row in reading.rows] == [2.5, None, 2.2]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("clock", ["", "                time,"])
def test_ultralytics_old_and_new(tmp_path: Path, first: int, clock: str) -> None:
    header = f"                  epoch,{clock}         train/box_loss,       metrics/mAP50(B),    val/box_loss,  lr/pg0,  lr/pg1"
    seconds = "12.5, " if clock else ""
    lines = [f"{epoch}, {seconds}1.5, 0.25, 1.75, 0.01, 0.02" for epoch in (first, first + 1)]
    rows = rows_of(tmp_path / "results.csv", "\n".join([header, *lines]) + "\n")
    assert [row.epoch for row in rows] == [first, first + 1]
    assert rows[0].metrics["metrics/mAP50(B)"] == 0.25
    assert (
        rows[0].metrics["lr"] == 0.02
    )  # of the second group: the first one may be the biases, or MuSGD's tripled
    assert not {"loss", "val_loss"} & set(rows[0].metrics)  # the box loss is not the whole


def test_ultralytics_loss_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    header = (
        "epoch,train/box_loss,train/cls_loss,train/dfl_loss,val/box_loss,val/cls_loss,lr/pg0,lr/pg1,lr/pg7"
    )
    first, second = rows_of(tmp_path / "results.csv", f"{header}\n1,1,2,4,8,16,3,1,1\n2,1,nan,4,8,16,3,1,1\n")
    assert (first.metrics["loss"], first.metrics["val_loss"], first.metrics["lr"]) == (7, 24, 1)
    assert math.isnan(second.metrics["loss"])
    (other,) = rows_of(tmp_path / "other.csv", "epoch,train/main_loss,train/aux_loss,lr\n1,1,2,0.1\n")
    assert "loss" not in other.metrics  # nobody knows how these are weighted


def test_yolov5(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "results.csv", "epoch, metrics/mAP_0.5, x/lr0\n 0, 0.5, 0.003\n")
    assert row.metrics["lr"] == 0.003
    (row,) = rows_of(tmp_path / "later.csv", "epoch, x/lr0, x/lr1, x/lr2\n 0, 0.1, 0.003, 0.003\n")
    assert row.metrics["lr"] == 0.003  # the first group are the biases, with their own warm-up


def test_the_trainers_state(tmp_path: Path) -> None:
    history: list[dict[str, float]] = [
        {"epoch": 0.5, "grad_norm": 2.5, "learning_rate": 5e-5, "loss": 1.5, "step": 50},
        {"epoch": 1.0, "eval_loss": 0.75, "eval_accuracy": 0.5, "eval_runtime": 3.0, "step": 100},
    ]
    path = tmp_path / "checkpoint-100" / "trainer_state.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"global_step": 100, "log_history": history}, indent=2))
    reader = open_reader("checkpoint-*/trainer_state.json", folder=tmp_path)
    first, second = reader.read().rows
    assert reader.epochs_from == 1
    assert (first.epoch, first.step, first.metrics["lr"], first.metrics["grad_norm"]) == (0.5, 50, 5e-5, 2.5)
    assert (second.metrics["val_loss"], second.metrics["val_acc"]) == (0.75, 0.5)
    later = tmp_path / "checkpoint-200" / "trainer_state.json"
    later.parent.mkdir()
    later.write_text("{")  # just being written
    import os

    os.utime(path, (1, 1))
    assert reader.read().rows == ()
    history.append({"epoch": 2.0, "eval_loss": NAN, "step": 200})
    later.write_text(json.dumps({"log_history": history}))
    reading = reader.read()
    assert not reading.anew
    assert [row.step for row in reading.rows] == [200]
    assert math.isnan(reading.rows[0].metrics["val_loss"])


def test_a_panel_of_weights_and_biases(tmp_path: Path) -> None:
    def panel(*runs: str) -> str:
        columns = [f'"{run} - train/loss{bound}"' for run in runs for bound in ("", "__MIN", "__MAX")]
        return ",".join(['"Step"', *columns]) + "\n"

    one = panel("fresh-sun-1") + '"0","2.5","2.4","2.6"\n"50","1.5","1.5","1.5"\n'
    rows = rows_of(tmp_path / "wandb.csv", one)
    assert [(row.step, row.metrics["loss"]) for row in rows] == [(0, 2.5), (50, 1.5)]
    in_turns = panel("fresh-sun-1", "dry-sea-2") + "0,2.5,2.4,2.6,,,\n1,,,,7.5,7.4,7.6\n"
    with pytest.raises(SpecError, match="a panel of several runs, dry-sea-2 and fresh-sun-1") as failed:
        rows_of(tmp_path / "two.csv", in_turns)
    assert "--column 'loss=dry-sea-2 - train/loss'" in failed.value.hint
    rows = rows_of(tmp_path / "two.csv", columns={"loss": "dry-sea-2 - train/loss"})
    assert [row.metrics.get("loss") for row in rows] == [None, 7.5]


def test_a_dash_in_a_name_makes_no_panel(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "own.csv", "step,train - loss,val - loss\n0,2.5,\n9,,1.5\n")
    assert [(row.metrics.get("loss"), row.metrics.get("val_loss")) for row in rows] == [
        (2.5, None),
        (None, 1.5),
    ]


def test_json_lines(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path / "log.jsonl",
        '{"epoch": 1, "train": {"loss": 0.5, "deep": {"er": 2}}, "note": "hi", "ok": true, "list": [1]}\n\n'
        '{"epoch": 2, "val_loss": NaN, "lr": Infinity, "grad_norm": "-inf", "big": 1' + "0" * 400 + "}\n",
    )
    assert dict(rows[0].metrics) == {"train/loss": 0.5, "train/deep/er": 2, "loss": 0.5}
    assert math.isnan(rows[1].metrics["val_loss"])
    assert (rows[1].metrics["lr"], rows[1].metrics["grad_norm"], rows[1].metrics["big"]) == (INF, -INF, INF)


@pytest.mark.parametrize("tensor", [False, True])
def test_tensorboard(tmp_path: Path, tensor: bool) -> None:
    event_writer.write(
        tmp_path / "tb" / "events.out.tfevents.1700000000.host.1.0",
        event_writer.scalar(0, tensor=tensor, Loss__train=2.5),
        event_writer.picture(5, size=2**20 + 10),
        event_writer.picture(5, size=10),
        event_writer.scalar(10, tensor=tensor, val_loss=0.5, lr=0.25),
        event_writer.scalar(20, tensor=tensor, val_loss=INF),
    )
    rows = rows_of(tmp_path / "tb")
    assert [row.step for row in rows] == [0, 10, 20]
    assert dict(rows[0].metrics) == {"Loss/train": 2.5, "loss": 2.5}
    assert dict(rows[1].metrics) == {"val_loss": 0.5, "lr": 0.25}
    assert rows[2].metrics["val_loss"] == INF


def test_tensorboard_of_keras_has_a_folder_for_each_part(tmp_path: Path) -> None:
    for part, loss in (("train", 1.5), ("validation", 2.5)):
        event_writer.write(
            tmp_path / part / "events.out.tfevents.1.v2", event_writer.scalar(0, tensor=True, epoch_loss=loss)
        )
    train, validation = rows_of(tmp_path)
    assert dict(train.metrics) == {"train/epoch_loss": 1.5, "loss": 1.5}
    assert validation.metrics["val_loss"] == 2.5


def test_a_double_a_negative_step_and_values_that_are_no_numbers(tmp_path: Path) -> None:
    import struct

    double = event_writer.field(1, 0, b"\x02") + event_writer.field(6, 2, struct.pack("<d", 1 / 3))
    text = event_writer.field(1, 0, b"\x07") + event_writer.field(8, 2, b"hello")
    two = event_writer.field(1, 0, b"\x01") + event_writer.field(4, 2, struct.pack("<ff", 1, 2))
    values = [
        event_writer.field(1, 2, event_writer.field(1, 2, tag) + event_writer.field(8, 2, tensor))
        for tag, tensor in ((b"third", double), (b"text", text), (b"two", two))
    ]
    minus_one = event_writer.field(2, 0, event_writer.varint(-1))
    path = tmp_path / "x.tfevents.1"
    event_writer.write(path, event_writer.frame(minus_one + event_writer.field(5, 2, b"".join(values))))
    (row,) = rows_of(path)
    assert (dict(row.metrics), row.step) == ({"third": 1 / 3}, None)


@pytest.mark.parametrize("separator", [",", ";", "\t", "  "])
def test_separators(tmp_path: Path, separator: str) -> None:
    text = "\n".join(separator.join(cells) for cells in (("epoch", "val_loss"), ("1", "0.5"), ("2", "nan")))
    rows = rows_of(tmp_path / "log.txt", text)
    assert [row.epoch for row in rows] == [1, 2]


def test_what_people_write_by_hand(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path / "log.csv",
        '# my run\n# epoch, val_loss , Phase,"lr"\n1, tensor(0.25) , train,"1e-3"\n\n# a comment\n'
        "epoch,val_loss,Phase,lr\n2,None,val,1e-3\n",
    )
    assert [dict(row.metrics) for row in rows] == [{"val_loss": 0.25, "lr": 1e-3}, {"lr": 1e-3}]


def test_an_index_column_of_pandas_is_left_out(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path / "log.csv", ",epoch,val_loss\n0,1,0.5\n")
    assert dict(row.metrics) == {"val_loss": 0.5}


def test_one_column_is_enough(tmp_path: Path) -> None:
    assert [row.metrics["loss"] for row in rows_of(tmp_path / "log.txt", "loss\n0.5\n0.25\n")] == [0.5, 0.25]


def test_byte_order_mark_and_windows_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbfepoch,val_loss\r\n1,0.5\r\n")
    assert rows_of(path)[0].epoch == 1


def test_a_mapping_of_names(tmp_path: Path) -> None:
    columns = parse_columns(["val_loss=dev nll", "epoch=pass"])
    path = tmp_path / "log.csv"
    (row,) = rows_of(path, "pass,dev nll,val_loss\n3,0.5,9\n", columns=columns)
    assert (row.epoch, row.metrics["val_loss"], row.metrics["dev nll"]) == (3, 0.5, 0.5)


def test_the_format_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "numbers.dat"
    path.write_text('{"val_loss": 0.5}\n')
    assert open_reader(f"jsonl:{path}").read().rows[0].metrics["val_loss"] == 0.5


def test_a_file_that_comes_later(tmp_path: Path) -> None:
    reader = open_reader("log.txt", folder=tmp_path)
    assert (reader.read().rows, reader.found) == ((), False)
    (tmp_path / "log.txt").write_text('{"a"')
    assert reader.read().rows == ()
    (tmp_path / "log.txt").write_text('{"a": 1}\n')
    assert reader.read().rows[0].metrics == {"a": 1}
    assert reader.found
    assert list(reader.columns) == ["a"]


def test_the_newest_match_is_read(tmp_path: Path) -> None:
    import os

    for version in (0, 1):
        path = tmp_path / f"version_{version}" / "metrics.csv"
        path.parent.mkdir()
        path.write_text(f"val_loss\n{version}\n")
        os.utime(path, (version + 1, version + 1))
    reader = open_reader("**/metrics.csv", folder=tmp_path)
    assert [row.metrics["val_loss"] for row in reader.read().rows] == [1]


def test_names_are_compared_by_their_words() -> None:
    assert plain("Train / Loss (avg)") == "train_loss_avg"
    assert [name for name in ("time", "eval_runtime", "it/s", "eval_samples_per_second", "val_loss") if is_clock(name)] == [
        "time",
        "eval_runtime",
        "it/s",
        "eval_samples_per_second",
    ]  # fmt: skip


@pytest.mark.parametrize("pair", ["", "x", "=x", "x=", " = "])
def test_a_wrong_mapping(pair: str) -> None:
    with pytest.raises(SpecError, match="expected NAME=COLUMN"):
        parse_columns([pair])
