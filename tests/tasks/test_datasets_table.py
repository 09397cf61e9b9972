"""Tables from files: what is read, and what is refused with file, line, column and what to do."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.errors import LrlabError
from lrlab.tasks.data.table import load_table

ROWS = [f"{i},{i % 7}.5,{'ab'[i % 2]},{'yes' if i % 3 else 'no'}" for i in range(30)]
GOOD = "\n".join(["n,m,c,y", *ROWS])


def saved(folder: Path, content: "str | bytes") -> str:
    file = folder / "t.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def changed(line: int, text: str) -> str:
    lines = GOOD.split("\n")
    lines[line - 1] = text
    return "\n".join(lines)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_in_every_dialect(tmp_path, delimiter, encoding):
    data = load_table(saved(tmp_path, GOOD.replace(",", delimiter).encode(encoding)), target="y")
    assert (data.classes, data.features, data.warnings) == (("no", "yes"), ("n", "m", "c=a", "c=b"), ())
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [18, 6, 6]
    assert [np.bincount(part[1]).tolist() for part in (data.train, data.val, data.test)] == [
        [6, 12],
        [2, 4],
        [2, 4],
    ]
    np.testing.assert_allclose(data.train[0][:, :2].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train[0][:, :2].std(0), 1, atol=1e-5)


def test_numbers_are_a_regression_in_their_own_unit(tmp_path):
    data = load_table(saved(tmp_path, GOOD), target="n")
    assert data.classes is None
    assert data.target_scale > 1
    np.testing.assert_allclose(data.train[1].mean(), 0, atol=1e-6)


def test_missing_values_and_other_encodings_are_told(tmp_path):
    content = changed(4, "NA,2.5,é,no").encode("latin-1")
    data = load_table(saved(tmp_path, content), target="y")
    assert sorted(caution.code for caution in data.warnings) == ["ENCODING", "IMPUTED"]
    assert np.isfinite(data.train[0]).all()


MALFORMED = {
    "empty": ("", "t.csv: the file is empty"),
    "header only": ("a,b,y\n", "a header and no row"),
    "no delimiter": ("abc\n1\n", "line 1: expected names of columns"),
    "only numbers": ("1,2,3\n4,5,6\n", "line 1: expected the names"),
    "ragged": (changed(5, "1,2"), "line 5: expected 4 cells as in the header, got 2"),
    "two names": ("a,a,y\n1,2,3\n", "line 1: two columns have the name 'a'"),
    "no name": ("a,,y\n1,2,3\n", "line 1: column 2 has no name"),
    "open quote": (changed(6, 'a,"b,c'), "line 6: expected cells parted by commas"),
    "binary": (b"a,y\n\0\0\0", "line 2: expected text, got a byte 0"),
    "infinite": (changed(7, "inf,1,a,yes"), "line 7, column 'n': expected a number, got 'inf'"),
    "text": (changed(8, "x,1,a,yes"), "line 8, column 'n': expected a number, got 'x'"),
    "huge": (changed(9, "1e300,1,a,yes"), "line 9, column 'n': expected a number, got '1e300'"),
    "one class": (GOOD.replace("no", "yes"), "every sample is of the class 'yes'"),
    "blank lines": ("\n \n\n", "t.csv: the file is empty"),
    "one cell more": (changed(12, "1,2,a,yes,5"), r"line 12: expected 4 cells .* got 5.*double quotes"),
    "quote inside": (changed(6, '1,"a"b,c,yes'), "line 6: expected cells parted by commas.*not doubled"),
    "thousands": (changed(4, '"1,234",1,a,yes'), "line 4, column 'n': expected a number, got '1,234'"),
    "a unit": (changed(5, "12 kg,1,a,yes"), "line 5, column 'n': expected a number, got '12 kg'. Correct it"),
    "underscore": (changed(5, "1_0,1,a,yes"), "line 5, column 'n': expected a number, got '1_0'"),
    "free text": ("n,c,y\n" + "\n".join(f"{i},text {i},{i % 2}" for i in range(60)),
                  r"line 2, column 'c': expected numbers, or at most 50 .*--leave-out 'c'"),
    "free target": ("n,y\n" + "\n".join(f"{i},text {i}" for i in range(30)), "30 different classes in 30 rows"),
    "no target": ("n,y\n" + "\n".join(f"{i}," for i in range(30)), "line 2, column 'y': the value to predict is missing"),
    "target alone": ("n,y\n" + "\n".join(f"1,{i % 2}" for i in range(30)), "there is no column to learn from"),
    "one target": ("n,y\n" + "\n".join(f"{i},2.5" for i in range(30)), "targets of the training part are all the same"),
    "half of UTF-16": (GOOD.encode("utf-16")[:-1], "begins as UTF-16 and is none"),
    "few rows": ("a,y\n1,a\n2,b\n", "2 samples are too few"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(tmp_path, name):
    content, said = MALFORMED[name]
    with pytest.raises(LrlabError, match=said):
        load_table(saved(tmp_path, content), target="y")


def test_a_wrong_column_is_refused(tmp_path):
    path = saved(tmp_path, GOOD)
    with pytest.raises(LrlabError, match=r"no column 'z'.*--target"):
        load_table(path, target="z")
    with pytest.raises(LrlabError, match="which column is to be predicted"):
        load_table(path)
    with pytest.raises(LrlabError, match="line 2, column 'y': expected a number, got 'no'"):
        load_table(path, target="y", task="regression")


@given(content=st.binary(max_size=200), line=st.integers(2, 31))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path, content, line):
    for whole in (content, changed(line, "\1").encode().replace(b"\1", content)):
        try:
            data = load_table(saved(tmp_path, whole), target="y")
        except LrlabError as error:
            assert len(str(error)) > 20  # noqa: PT017 - either is right
        else:
            assert np.isfinite(data.train[0]).all()


# --- what tables in the wild have ---------------------------------------------------------------------------


def rows_of(count: int, make) -> str:
    return "\n".join(make(i) for i in range(count))


def test_a_decimal_comma_is_a_point(tmp_path):
    content = "n;m;y\n" + rows_of(30, lambda i: f"{i},5;0,{i:03};{i % 4},25")
    data = load_table(saved(tmp_path, content), target="y")
    assert (data.features, data.classes) == (("n", "m"), None)
    plain = load_table(saved(tmp_path, content.replace(",", ".")), target="y")
    np.testing.assert_array_equal(data.train[0], plain.train[0])
    np.testing.assert_array_equal(data.train[1], plain.train[1])


def test_a_comma_of_thousands_is_refused_and_one_beside_decimals_is_decimal(tmp_path):
    content = "n;y\n" + rows_of(60, lambda i: f"{i + 1},234;{i % 2}")
    with pytest.raises(
        LrlabError, match=r"line 2, column 'n': expected numbers.*got '1,234'.*thousands have no comma"
    ):
        load_table(saved(tmp_path, content), target="y")
    data = load_table(saved(tmp_path, content + "\n7,5;1"), target="y")
    assert data.features == ("n",)


def test_rare_classes_are_trained_on_and_not_judged(tmp_path):
    content = "n,y\n" + rows_of(40, lambda i: f"{i},{'rare' if i in (3, 17) else 'ab'[i % 2]}")
    data = load_table(saved(tmp_path, content), target="y")
    rare = data.classes.index("rare")
    assert [int((part[1] == rare).sum()) for part in (data.train, data.val, data.test)] == [2, 0, 0]
    assert [c.code for c in data.warnings] == ["RARE_CLASS", "IMBALANCED"]
    assert "'rare'" in data.warnings[0].text


def test_a_class_of_three_is_in_every_part(tmp_path):
    content = "n,y\n" + rows_of(40, lambda i: f"{i},{'rare' if i in (3, 17, 30) else 'ab'[i % 2]}")
    data = load_table(saved(tmp_path, content), target="y")
    rare = data.classes.index("rare")
    assert [int((part[1] == rare).sum()) for part in (data.train, data.val, data.test)] == [1, 1, 1]


def test_many_categories_are_a_column_each_and_unseen_ones_are_none(tmp_path):
    content = "n,c,y\n" + rows_of(100, lambda i: f"{i},c{i % 50},{i % 2}")
    data = load_table(saved(tmp_path, content), target="y")
    hot = data.train[0][:, [name.startswith("c=") for name in data.features]]
    np.testing.assert_array_equal(hot.sum(1), 1)
    unseen = 50 - hot.shape[1]
    assert unseen > 0
    judged = np.concatenate([data.val[0], data.test[0]])[:, [name.startswith("c=") for name in data.features]]
    assert set(judged.sum(1)) == {0.0, 1.0}


def test_missing_values_of_every_spelling(tmp_path):
    gaps = ["", "NA", "nan", "NULL", "None", "?", "N/A"]
    content = "n,c,e,y\n" + rows_of(
        70, lambda i: f"{gaps[i % 7] if i % 10 == 0 else i},{gaps[i % 7] if i % 9 == 0 else 'x'},,{i % 2}"
    )
    data = load_table(saved(tmp_path, content), target="y")
    assert data.features == ("n", "c=missing", "c=x")
    said = {caution.code: caution.text for caution in data.warnings}
    assert "Column 'n': 7 of 70 values are missing; the median" in said["IMPUTED"]
    assert said["LEFT_OUT"] == "Column 'e' is empty and is left out."
    assert np.isfinite(data.test[0]).all()


def test_rows_without_a_target_are_left_out(tmp_path):
    content = "n,y\n" + rows_of(40, lambda i: f"{i},{'' if i % 10 == 4 else i / 3}")
    data = load_table(saved(tmp_path, content), target="y")
    assert len(data.train[1]) + len(data.val[1]) + len(data.test[1]) == 36
    assert data.warnings[0].text == "Left out without a value of 'y': 4 of 40 rows (the first is line 6)."


def test_what_the_training_part_knows_prepares_the_others(tmp_path):
    data = load_table(saved(tmp_path, GOOD), target="n")
    moved = load_table(saved(tmp_path, GOOD), target="n", seed=1)
    for each in (data, moved):
        np.testing.assert_allclose(each.train[0][:, 0].mean(), 0, atol=1e-6)
    assert not np.allclose(data.val[0][:, 0].mean(), 0, atol=1e-6)


def test_an_encoding_is_named(tmp_path):
    content = GOOD.replace("a,", "é,")
    data = load_table(saved(tmp_path, content.encode("mac-roman")), target="y", encoding="mac-roman")
    assert ("c=é" in data.features, data.warnings) == (True, ())
    with pytest.raises(LrlabError, match=r"line 2: byte \d+ of the file \(0x8e\) does not fit"):
        load_table(saved(tmp_path, content.encode("mac-roman")), target="y", encoding="utf-8")
    for path in ("sklearn:wine", "t.parquet", "hf:wine"):
        with pytest.raises(LrlabError, match=f"encoding: {path} is no text file"):
            load_table(path, target="y", encoding="utf-8")


# --- Parquet, scikit-learn, the hub -------------------------------------------------------------------------


def parquet(folder: Path, columns: dict[str, object], name: str = "t.parquet") -> str:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    files.write_table(pa.table(columns), folder / name)
    return str(folder / name)


def columns(count: int = 40) -> dict[str, object]:
    return {
        "n": [None if i == 3 else i for i in range(count)],
        "f": [float("nan") if i == 4 else i / 3 for i in range(count)],
        "b": [i % 3 == 0 for i in range(count)],
        "c": ["xyz"[i % 3] for i in range(count)],
        "y": [i % 2 for i in range(count)],
    }


def test_parquet_is_read_as_the_same_table_in_csv(tmp_path):
    own = columns()
    data = load_table(parquet(tmp_path, own), target="y")
    assert data.features == ("n", "f", "b=False", "b=True", "c=x", "c=y", "c=z")
    lines = [",".join("" if v is None else str(v) for v in row) for row in zip(*own.values(), strict=True)]
    same = load_table(saved(tmp_path, "\n".join([",".join(own), *lines])), target="y")
    np.testing.assert_array_equal(data.train[0], same.train[0])
    np.testing.assert_array_equal(data.test[1], same.test[1])
    assert [c.code for c in data.warnings] == ["IMPUTED", "IMPUTED"]


def test_parquet_without_the_row_names_of_pandas(tmp_path):
    path = parquet(tmp_path, columns() | {"__index_level_0__": [f"row {i}" for i in range(40)]})
    assert "n" in load_table(path, target="y").features


def test_what_parquet_refuses(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    (tmp_path / "no.parquet").write_text(GOOD)
    with pytest.raises(LrlabError, match=r"no.parquet: cannot be read as Parquet: .*Write the file again"):
        load_table(str(tmp_path / "no.parquet"), target="y")
    with pytest.raises(LrlabError, match=r"t\.parquet: the file has no row"):
        load_table(parquet(tmp_path, {"n": [], "y": []}), target="y")
    files.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "twice.pq"
    )
    with pytest.raises(LrlabError, match=r"twice.pq: cannot be read as Parquet: .*a name of its own"):
        load_table(str(tmp_path / "twice.pq"), target="a")
    path = parquet(tmp_path, columns() | {"f": [float("inf") if i == 7 else i / 3 for i in range(40)]})
    with pytest.raises(LrlabError, match=r"t.parquet, row 8, column 'f': expected a number, got 'inf'"):
        load_table(path, target="y")
    with pytest.raises(LrlabError, match=r"gone.parquet: expected a file, and it is not there"):
        load_table(str(tmp_path / "gone.parquet"), target="y")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(
        LrlabError, match=r"Parquet needs pyarrow, which is not installed. .*pip install pyarrow"
    ):
        load_table(path, target="y")


def test_a_set_of_scikit_learn_must_be_one_and_be_installed(monkeypatch):
    with pytest.raises(LrlabError, match=r"expected one of breast_cancer, .* got 'boston'"):
        load_table("sklearn:boston")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(LrlabError, match="sklearn:wine needs scikit-learn, which is not installed"):
        load_table("sklearn:wine")


def test_a_table_of_the_hub_keeps_its_parts(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "rows"
    folder.mkdir()
    for part, first in (("train", 0), ("test", 100)):
        (folder / f"{part}.csv").write_text(
            "n,c,y\n" + rows_of(30, lambda i, first=first: f"{first + i},{'ab'[i % 2]},{i / 2}")
        )
    data = load_table(f"hf:{folder}", target="y")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [24, 6, 30]
    assert data.test[0][:, 0].min() > data.train[0][:, 0].max()
