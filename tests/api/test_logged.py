"""Logs as they come: long ones, JSON, folders of frameworks, trainings that went back, epochs beside steps."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lrlab
from lrlab.api import logged
from lrlab.api.logged import Logged
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.readers import table
from lrlab.readers.choose import open_reader
from lrlab.readers.names import Names
from tests.readers import event_writer

# Names that stand for the same, that are sums of parts, that are texts, and that nothing is known of.
HEADERS = ("step", "epoch", "loss", "train_loss_step", "train_loss_epoch", "val/loss", "lr-Adam", "lr/pg0", "train/box_loss",
           "train/cls_loss", "Val Loss", "accuracy", "note", "layer_grad_min")  # fmt: skip
CELLS = (
    "",
    "",
    "1",
    "2",
    "0.5",
    " 0.25",
    "1e-3",
    "nan",
    "-inf",
    "None",
    "tensor(0.5)",
    "abc",
    "1_0",
    "0,5",
    "3.0",
    "-1",
)


def by_rows(path: Path) -> Logged:
    reader = open_reader(str(path), columns={})
    return logged.of_rows(reader.read(final=True).rows, source="", columns={}, named=tuple(reader.columns))


def assert_same(one: Logged, other: Logged) -> None:
    assert one.counts == other.counts
    assert set(one.columns) == set(other.columns)
    for name, (steps, values) in one.columns.items():
        assert np.array_equal(steps, other.columns[name][0]), name
        assert np.array_equal(values, other.columns[name][1], equal_nan=True), name


@given(
    header=st.lists(st.sampled_from(HEADERS), min_size=2, max_size=6, unique=True),
    data=st.data(),
    delimiter=st.sampled_from((";", "\t")),
    end=st.sampled_from(("\n", "\r\n")),
    last=st.sampled_from(("", "7", '"', "# said")),
)
@settings(max_examples=300, deadline=None)
def test_a_long_table_is_read_as_its_rows_are(
    tmp_path_factory: pytest.TempPathFactory,
    header: list[str],
    data: st.DataObject,
    delimiter: str,
    end: str,
    last: str,
) -> None:
    row = st.lists(st.sampled_from(CELLS), min_size=len(header), max_size=len(header))
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_bytes(
        "".join(delimiter.join(cells) + end for cells in [header, *rows]).encode() + last.encode()
    )
    whole = long(path)
    if whole is None:
        return  # left to the reader of rows
    expected = rows_or_why(path)
    if isinstance(expected, str):  # of columns that mean nothing the long way asks nothing
        assert "column accuracy" in expected or "column note" in expected
    else:
        assert_same(whole, expected)


def rows_or_why(path: Path) -> Logged | str:
    try:
        return by_rows(path)
    except SpecError as error:
        return str(error)


def long(path: Path) -> Logged | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "_LONG", 0)
        found = table.long_table(path, Names({}))
    rows = None if found is None else logged.Rows.of(found, Names({}))
    return None if rows is None or found is None else rows.logged(found.named)


VALUES = st.one_of(
    st.floats(),
    st.integers(-3, 10),
    st.booleans(),
    st.none(),
    st.sampled_from(("nan", "0.5", "x", [1.0], 10**400)),
)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(HEADERS), VALUES, min_size=1), min_size=1, max_size=6),
    nested=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_long_json_lines_are_read_as_their_rows_are(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], nested: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    lines = [*rows, {"train": {"loss": 0.5}}] if nested else rows
    path.write_text("\n".join(json.dumps(row) for row in lines) + "\n")
    whole = long(path)
    assert whole is None or not nested
    if whole is not None:
        assert_same(whole, by_rows(path))


def test_long_logs_take_the_short_way(tmp_path: Path) -> None:
    steps = range(60_000)
    plain, lines = tmp_path / "log.csv", tmp_path / "log.jsonl"
    plain.write_text(
        "step,loss,val_loss\n" + "".join(f"{s},{1 / (1 + s)},{'' if s % 9 else 0.5}\n" for s in steps)
    )
    lines.write_text("".join(json.dumps({"step": s, "loss": 1 / (1 + s)}) + "\n" for s in steps))
    for path in (plain, lines):
        found = long(path)
        assert found is not None
        assert len(found.columns["loss"][0]) == 60_000
        assert_same(found, logged.of_path(path, {}))
    assert len(logged.of_path(plain, {}).columns["val_loss"][0]) == 6667
    with pytest.raises(SpecError, match="there is no column of numbers 'nll' for loss"):
        logged.of_path(plain, {"loss": "nll"})


def test_json_as_a_list_of_rows_and_as_columns(tmp_path: Path) -> None:
    losses = [2.0, 1.0, 0.5, 0.4]
    rows, columns, nested = tmp_path / "rows.json", tmp_path / "columns.json", tmp_path / "nested.json"
    rows.write_text(json.dumps([{"step": s, "loss": v, "tag": "a"} for s, v in enumerate(losses)], indent=1))
    columns.write_text(json.dumps({"loss": losses, "val_loss": losses}))
    nested.write_text(json.dumps([{"step": s, "train": {"loss": v}} for s, v in enumerate(losses)]))
    for path in (rows, columns, nested):
        assert logged.of_path(path, {}).columns["loss"][1].tolist() == losses
    rows.write_text("[1, 2]")
    with pytest.raises(SpecError, match="row 0: expected a record or a mapping"):
        logged.of_path(rows, {})
    rows.write_text('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n')  # JSON lines by another name
    assert logged.of_path(rows, {}).columns["loss"][1].tolist() == [2, 1]
    columns.write_text(json.dumps({"loss": losses, "val_loss": losses[:2]}))
    with pytest.raises(SpecError, match="columns must have one length, got loss 4, val_loss 2"):
        logged.of_path(columns, {})


def test_columns_of_yolo_are_summed_as_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(
        "epoch,train/box_loss,train/cls_loss,val/box_loss,val/cls_loss,lr/pg0,lr/pg1\n1,2,3,4,5,0.1,0.2\n2,1,1,1,1,0.1,0.2\n"
    )
    frame = {"epoch": [1, 2], "train/box_loss": [2, 1], "train/cls_loss": [3, 1], "val/box_loss": [4, 1],
             "val/cls_loss": [5, 1], "lr/pg0": [0.1, 0.1], "lr/pg1": [0.2, 0.2]}  # fmt: skip
    assert_same(logged.of_columns(frame, {}), logged.of_path(path, {}))
    assert logged.of_columns(frame, {}).columns["loss"][1].tolist() == [5, 2]


def lightning(folder: Path) -> Path:
    (folder / "version_0").mkdir()
    return folder / "version_0" / "metrics.csv"


def trainer(folder: Path) -> Path:
    for step in (100, 20):  # the last one is the newest file, not the last name
        (folder / f"checkpoint-{step}").mkdir()
        path = folder / f"checkpoint-{step}" / "trainer_state.json"
        path.write_text('{"log_history": []}')
        os.utime(path, (step, 10_000 - step))
    return folder / "checkpoint-20" / "trainer_state.json"


def yolo(folder: Path) -> Path:
    (folder / "detect" / "train").mkdir(parents=True)
    return folder / "detect" / "train" / "results.csv"


def events(folder: Path) -> Path:
    place = folder / "runs" / "Nov30"
    place.mkdir(parents=True)
    (place / "events.out.tfevents.1").write_bytes(b"")
    return place


@pytest.mark.parametrize("made", [lightning, trainer, yolo, events])
def test_a_folder_of_a_framework(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    log = made(tmp_path)
    if not log.exists():
        log.write_text("step,loss\n1,2\n")
    assert logged.log_in(tmp_path) == log


def test_folders_with_none_and_with_several(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no log"):
        logged.log_in(tmp_path)
    for version in range(3):
        (tmp_path / f"version_{version}").mkdir()
        (tmp_path / f"version_{version}" / "metrics.csv").write_text("loss\n1\n")
    with pytest.raises(SpecError, match=r"holds 3 logs: version_0/metrics.csv, version_1/.*Name one of them"):
        logged.log_in(tmp_path)


def test_the_length_that_a_trainer_has_planned(tmp_path: Path) -> None:
    history = [{"step": 10 * k, "epoch": k / 10, "loss": 2 / k} for k in range(1, 9)]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"log_history": history, "max_steps": 400}))
    checkup = lrlab.diagnose(path)
    assert (checkup.steps, checkup.total_steps) == (80, 400)
    assert "progress" not in {gap.symptom for gap in checkup.unchecked}
    assert lrlab.diagnose(path, total_steps=800).total_steps == 800
    path.write_text(json.dumps({"log_history": history, "max_steps": 40}))  # planned anew, and shorter
    assert lrlab.diagnose(path).total_steps is None


def test_a_training_that_went_back_at_another_cadence() -> None:
    steps = [*range(0, 100, 10), *range(55, 120, 10)]
    losses = [5.0] * 10 + [1.0] * 7
    found = logged.of_columns({"step": steps, "loss": losses}, {}).columns["loss"]
    assert found[0].tolist() == [0, 10, 20, 30, 40, 50, 55, 65, 75, 85, 95, 105, 115]
    assert found[1].tolist() == [5.0] * 6 + [1.0] * 7


def test_a_log_in_no_order_is_sorted() -> None:
    found = logged.of_columns({"step": list(range(50))[::-1], "loss": list(range(50))[::-1]}, {}).columns[
        "loss"
    ]
    assert found[0].tolist() == found[1].tolist() == list(range(50))


def test_epochs_that_go_back_are_no_steps() -> None:
    three = logged.of_columns({"epoch": [*range(9), *range(9), *range(5, 12)], "loss": list(range(25))}, {})
    assert three.counts == "epoch"
    assert three.columns["loss"][0].tolist() == list(range(12))
    assert three.columns["loss"][1].tolist() == [*range(9, 14), *range(18, 25)]
    shared = [0, 0, 0, 1, 1, 1, 2, 2, *[1, 1, 1, 2, 2, 2], *[3] * 20]
    rows = logged.of_columns({"epoch": shared, "loss": list(range(34))}, {})
    assert rows.counts == "row"
    assert rows.columns["loss"][0].tolist() == list(range(29))
    assert rows.columns["loss"][1].tolist() == [0, 1, 2, *range(8, 34)]


def test_validations_that_tensorboard_was_given_by_epoch(tmp_path: Path) -> None:
    each = [event_writer.scalar(step, Loss__train=1 / (1 + step)) for step in range(200)]
    by_epoch = [event_writer.scalar(epoch, Loss__val=1.0) for epoch in range(5)]
    event_writer.write(tmp_path / "events.out.tfevents.1", *each, *by_epoch)
    found = logged.of_path(tmp_path, {})
    assert found.columns["val_loss"][0].tolist() == [40, 80, 119, 159, 199]
    assert len(found.columns["loss"][0]) == 200
