"""Checkpoint files: everything comes back to the bit, and no damage goes unseen."""

import errno
import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import NoStateError, StoreError
from lrlab.tasks.checkpoint import load, save
from lrlab.tasks.checkpoint_tree import decode, encode

ABOUT = {"study": "demo", "run": "lr 0.1, seed 0"}


def same(first: Any, second: Any) -> bool:
    """Equality of type and of every bit."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray | np.generic):
        return (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
    if isinstance(first, float):
        return first.hex() == second.hex()
    return bool(first == second)


def small_state(value: float = 1.0) -> dict[str, Any]:
    return {
        "weights": np.arange(12, dtype=np.float32) * value,
        "step": 3,
        "random": [1, 2**70, b"\x00\xff", None],
    }


keys = st.one_of(st.text(max_size=5), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=20),
    st.integers(-(2**200), 2**200),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(
        lambda dtype, shape: np.arange(math.prod(shape)).astype(dtype).reshape(shape),
        st.sampled_from(["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                         "float16", "float32", "float64"]),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    ),
)  # fmt: skip
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        # 1, 1.0 and True are one key to Python
        st.dictionaries(keys, inner, max_size=4).filter(lambda d: len({json.dumps(k) for k in d}) == len(d)),
    ),
    max_leaves=12,
)


@given(trees)
def test_every_state_comes_back_to_the_bit(state: Any) -> None:
    tree, blob = encode(state)
    assert same(decode(json.loads(json.dumps(tree, allow_nan=False)), blob), state)


def test_a_state_comes_back_from_its_files(tmp_path: Path) -> None:
    state = {**small_state(), "odd": [math.nan, -math.inf, -0.0, "\ud800\x00é", (1, ()), {1: {2.5: "x"}}]}
    manifest = save(tmp_path / "run.lr0.1", state, about=ABOUT)
    assert manifest == str(tmp_path / "run.lr0.1.json")
    assert same(load(tmp_path / "run.lr0.1", about=ABOUT), state)
    assert same(load(str(tmp_path / "run.lr0.1"), about=None), state)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".safetensors"]
    assert all(p.name.startswith("run.lr0.1.") for p in tmp_path.iterdir())
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in tmp_path.iterdir())


def test_subclasses_come_back_as_the_plain_type() -> None:
    class Pair(NamedTuple):
        a: int
        b: int

    class Name(str):
        __slots__ = ()

    tree, blob = encode([OrderedDict(a=1), Counter("aab"), Pair(1, 2), Name("n"), bytearray(b"x")])
    assert same(decode(tree, blob), [{"a": 1}, {"a": 2, "b": 1}, (1, 2), "n", b"x"])


@pytest.mark.parametrize(
    ("state", "where"),
    [
        ({"a": [object()]}, r"state\['a'\]\['0'\] is a object"),
        ({"a": {1, 2}}, r"state\['a'\] is a set"),
        ({(1, 2): 3}, r"state has a tuple as a key"),
        ({"a": np.array(["text"])}, r"state\['a'\] is an array of <U4"),
        ({"a": np.array([1j])}, r"state\['a'\] is an array of complex128"),
        ({"a": np.array([object()])}, r"state\['a'\] is an array of object"),
    ],
)
def test_what_has_no_stored_form_is_refused_and_nothing_is_touched(
    tmp_path: Path, state: Any, where: str
) -> None:
    save(tmp_path / "run", small_state(), about=ABOUT)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(NoStateError, match=where):
        save(tmp_path / "run", state, about=ABOUT)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_saving_again_replaces_and_leaves_neighbours_alone(tmp_path: Path) -> None:
    for stem in ("run", "run.1", "run2"):
        save(tmp_path / stem, small_state(), about=ABOUT)
    (tmp_path / "run.0123456789abcdef.tmp").write_bytes(b"what a killed writer left")
    save(tmp_path / "run", small_state(2.0), about=ABOUT)
    assert same(load(tmp_path / "run", about=ABOUT), small_state(2.0))
    assert same(load(tmp_path / "run.1", about=ABOUT), small_state())
    assert same(load(tmp_path / "run2", about=ABOUT), small_state())
    assert len(list(tmp_path.iterdir())) == 6


def test_saving_the_same_state_twice_keeps_its_file(tmp_path: Path) -> None:
    save(tmp_path / "run", small_state(), about=ABOUT)
    names = sorted(path.name for path in tmp_path.iterdir())
    save(tmp_path / "run", small_state(), about=ABOUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert same(load(tmp_path / "run", about=ABOUT), small_state())


def test_every_bit_flip_and_every_truncation_is_detected(tmp_path: Path) -> None:
    save(tmp_path / "run", small_state(), about=ABOUT)
    files = sorted(tmp_path.iterdir())
    whole = {path: path.read_bytes() for path in files}
    lot = random.Random(20)
    for trial in range(300):
        path = files[trial % 2]
        content = bytearray(whole[path])
        content[lot.randrange(len(content))] ^= 1 << lot.randrange(8)
        path.write_bytes(content)
        with pytest.raises(StoreError, match=path.name):
            load(tmp_path / "run", about=ABOUT)
        path.write_bytes(whole[path])
    for trial in range(60):
        path = files[trial % 2]
        path.write_bytes(whole[path][: lot.randrange(len(whole[path]))])
        with pytest.raises(StoreError, match=path.name):
            load(tmp_path / "run", about=ABOUT)
        path.write_bytes(whole[path])
    assert same(load(tmp_path / "run", about=ABOUT), small_state())


def _manifest(tmp_path: Path, **changes: object) -> None:
    """Write a manifest that is sound but for ``changes``."""
    from lrlab.tasks import checkpoint

    save(tmp_path / "run", small_state(), about=ABOUT)
    body = json.loads((tmp_path / "run.json").read_bytes())["body"]
    (tmp_path / "run.json").write_bytes(checkpoint._seal({**body, **changes}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": "somebody's"}, "is no checkpoint of lrlab"),
        ({"version": 2}, "has format version 2; this lrlab reads version 1"),
        (
            {"about": {"study": "other"}},
            "belongs to another run: run is None and not 'lr 0.1, seed 0', study is",
        ),
        ({"tree": {"root": {"tensor": "none"}, "torch": False}}, "that this lrlab did not write"),
        ({"tensors": {"bytes": 3, "sha256": "../../../etc/passwd"}}, "is no checkpoint of lrlab"),
        ({"tensors": {"bytes": 3, "sha256": "f" * 64}}, "cannot be read: No such file"),
    ],
)
def test_a_foreign_manifest_is_refused(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    _manifest(tmp_path, **changes)
    with pytest.raises(StoreError, match=told) as caught:
        load(tmp_path / "run", about=ABOUT)
    assert "The run is trained again from its start" in str(caught.value)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"body":1,"sha256":2}']
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(StoreError, match=r"run\.json is damaged, or no checkpoint"):
        load(tmp_path / "run", about=ABOUT)


def test_missing_and_strange_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"run\.json cannot be read: No such file"):
        load(tmp_path / "run", about=ABOUT)
    (tmp_path / "run.json").mkdir()
    with pytest.raises(StoreError, match=r"run\.json cannot be read: Is a directory"):
        load(tmp_path / "run", about=ABOUT)
    with pytest.raises(StoreError, match=r"nowhere/run\.json cannot be written: No such file"):
        save(tmp_path / "nowhere" / "run", small_state(), about=ABOUT)


def test_files_of_two_runs_cannot_be_mixed(tmp_path: Path) -> None:
    save(tmp_path / "one", small_state(1.0), about={"run": "one"})
    save(tmp_path / "two", small_state(2.0), about={"run": "two"})
    one, two = (next(tmp_path.glob(f"{stem}.*.safetensors")) for stem in ("one", "two"))
    one.write_bytes(two.read_bytes())
    with pytest.raises(StoreError, match="is damaged"):
        load(tmp_path / "one", about={"run": "one"})
    shutil.copy(tmp_path / "two.json", tmp_path / "one.json")
    with pytest.raises(StoreError, match="belongs to another run: run is 'two' and not 'one'"):
        load(tmp_path / "one", about={"run": "one"})


def test_a_crash_at_any_moment_leaves_the_old_state_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    save(folder / "run", small_state(1.0), about=ABOUT)
    seen: list[str] = []

    def photographed(name: str, real: Any) -> Any:
        def operation(*args: Any, **options: Any) -> Any:
            shutil.copytree(folder, tmp_path / f"before {len(seen)}")
            seen.append(name)
            return real(*args, **options)

        return operation

    for owner, name in ((os, "fsync"), (os, "open"), (Path, "replace"), (Path, "unlink")):
        monkeypatch.setattr(owner, name, photographed(name, getattr(owner, name)))
    save(folder / "run", small_state(2.0), about=ABOUT)
    monkeypatch.undo()
    assert seen.count("replace") == 2
    assert seen.count("fsync") == 4
    steps = [load(tmp_path / f"before {k}" / "run", about=ABOUT)["weights"][1] for k in range(len(seen))]
    manifest = max(k for k, name in enumerate(seen) if name == "replace")  # its rename is the moment
    assert steps == [1.0] * (manifest + 1) + [2.0] * (len(seen) - manifest - 1)
    assert seen[-1] == "unlink"


@pytest.mark.parametrize("at", range(4))
def test_a_full_disk_leaves_the_old_state_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    save(tmp_path / "run", small_state(1.0), about=ABOUT)
    count = 0

    def full(handle: int) -> None:
        nonlocal count
        count += 1
        if count == at + 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        StoreError, match=r"run\.json cannot be written: No space left on device.*still whole"
    ):
        save(tmp_path / "run", small_state(2.0), about=ABOUT)
    monkeypatch.undo()
    assert load(tmp_path / "run", about=ABOUT)["weights"][1] == (2.0 if at == 3 else 1.0)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_write_that_reads_back_otherwise_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lrlab.tasks import checkpoint

    monkeypatch.setattr(checkpoint, "_holds", lambda path, content: False)
    with pytest.raises(StoreError, match="reads back other bytes"):
        save(tmp_path / "run", small_state(), about=ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_reading_back_compares_every_byte(tmp_path: Path) -> None:
    from lrlab.tasks.checkpoint import _holds

    content = bytes(range(256)) * 8193  # more than one chunk
    (tmp_path / "file").write_bytes(content)
    assert _holds(tmp_path / "file", content)
    assert not _holds(tmp_path / "file", content + b"x")
    assert not _holds(tmp_path / "file", content[:-1])
    assert not _holds(tmp_path / "file", b"\x01" + content[1:])


def test_a_state_without_tensors_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from lrlab.tasks.checkpoint import load, save;"
        f"save({str(tmp_path / 'run')!r}, {{'a': np.ones(3)}}, about={{}});"
        f"assert load({str(tmp_path / 'run')!r}, about={{}})['a'].sum() == 3;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
