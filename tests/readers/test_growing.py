"""Logs that grow, are cut, are replaced, or are written whole again and again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.readers.choose import open_reader
from lrlab.readers.protocol import Reader, Row
from tests.readers import event_writer

METRIC_LINES = 12


def content(form: str) -> bytes:
    """A log of ``METRIC_LINES`` rows."""
    numbers = [(k, 1 / (k + 1)) for k in range(METRIC_LINES)]
    if form == "csv":
        return ("epoch,val_loss\n" + "".join(f"{k},{value!r}\n" for k, value in numbers)).encode()
    if form == "jsonl":
        return "".join(f'{{"epoch": {k}, "val_loss": {value!r}, "é": 1}}\n' for k, value in numbers).encode()
    if form == "tensorboard":
        return event_writer.version() + b"".join(
            event_writer.scalar(k, val_loss=value) for k, value in numbers
        )
    bar = "".join(f"\r\x1b[32m{k}\x1b[0m é ▏ val_loss={value:.4f}" for k, value in numbers)
    return (bar + "\n" + "".join(f"val_loss={-value:.4f}\r\n" for _, value in numbers)).encode()


def reader_of(form: str, path: Path) -> Reader:
    if form == "output":
        return open_reader("stdout:val_loss=([0-9.e+-]+)", metric="val_loss", output=path)
    return open_reader(f"{form}:{path}")


FORMS = ("csv", "jsonl", "tensorboard", "output")


def facts(rows: list[Row]) -> list[object]:
    return [(row.epoch, row.step, dict(row.metrics), row.place) for row in rows]


@given(cuts=st.lists(st.integers(0, 2000), max_size=12), form=st.sampled_from(FORMS))
def test_pieces_give_the_rows_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], form: str
) -> None:
    folder = tmp_path_factory.mktemp("log")
    data = content(form)
    (folder / "whole").write_bytes(data)
    whole = list(reader_of(form, folder / "whole").read(final=True).rows)
    assert len(whole) == (2 * METRIC_LINES if form == "output" else METRIC_LINES)
    reader = reader_of(form, folder / "growing")
    rows: list[Row] = []
    for cut in sorted(cuts):
        (folder / "growing").write_bytes(data[:cut])
        reading = reader.read()
        assert not reading.anew
        rows += reading.rows
    (folder / "growing").write_bytes(data)
    rows += reader.read(final=True).rows
    assert facts(rows) == facts(whole)
    assert reader.read(final=True).rows == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_replaced_is_read_from_its_beginning(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content(form))
    reader = reader_of(form, path)
    before = len(reader.read().rows)
    path.write_bytes(content(form)[:40].replace(b"0", b"7"))
    if form == "tensorboard":
        path.write_bytes(event_writer.version() + event_writer.scalar(7, val_loss=7))
    reading = reader.read(final=True)
    assert reading.anew
    assert 0 < len(reading.rows) < before


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_written_whole_again_reads_on(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    data = content(form)
    half = len(data) // 2
    path.write_bytes(data[:half])
    reader = reader_of(form, path)
    rows = list(reader.read().rows)
    for state in (None, b""):  # gone, and empty, for a moment
        path.unlink() if state is None else path.write_bytes(state)
        assert (reader.read().rows, reader.read().anew) == ((), False)
    path.write_bytes(data)
    reading = reader.read()
    assert not reading.anew
    assert facts([*rows, *reading.rows]) == facts(list(reader_of(form, path).read().rows))


@pytest.mark.parametrize(
    ("form", "last", "rows"),
    [
        ("csv", "epoch,val_loss\n1,0.5\n2,0.25", 2),
        ("csv", "epoch,val_loss,lr\n1,0.5,1\n2,0.2", 1),
        ("csv", "epoch,val_loss\n1,0.5\n2,\"0.2", 1),
        ("jsonl", '{"val_loss": 1}\n{"val_loss": 2}', 2),
        ("jsonl", '{"val_loss": 1}\n{"val_loss": 2', 1),
        ("output", "val_loss=1\nval_loss=2", 2),
    ],
)  # fmt: skip
def test_a_last_line_without_its_end(tmp_path: Path, form: str, last: str, rows: int) -> None:
    path = tmp_path / "log"
    path.write_text(last)
    reader = reader_of(form, path)
    waiting = len(reader.read().rows)
    assert waiting == 1
    assert waiting + len(reader.read(final=True).rows) == rows


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrlab.readers.growing._LONGEST_LINE", 100)
    (tmp_path / "log.csv").write_text("x" * 101)
    with pytest.raises(SpecError, match="line 1: no line of a log is this long"):
        open_reader("log.csv", folder=tmp_path).read()


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        open_reader("csv:log.csv", folder=tmp_path).read()
