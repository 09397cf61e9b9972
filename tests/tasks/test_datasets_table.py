"""Tables from files: what is read, and what is refused with file, line, column and what to do."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.errors import LrlabError
from lrlab.tasks.datasets_table import load_table

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
