"""The hash of code and settings: the same in every process, another one after a change."""

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.tasks.code_hash import code_hash

MODULE = """
import functools
import numpy as np
from lrlab.tasks.code_hash import code_hash

WIDTH = 3

def helper(x):
    return x + 1

class Net:
    def __init__(self, width):
        self.width = width

def build():
    return Net(helper(2))

def maker(width):
    def inner():
        return lambda: Net(width)
    return inner

def recursive(n):
    return recursive(n - 1) if n else build()

if __name__ == "__main__":
    for part in (build, maker(3), recursive, Net, Net(4), functools.partial(maker, width=2), helper,
                 np.arange(5), {"b": 1, "a": [1, 2.5, None, "x", b"y"]}, object()):
        print(code_hash(part))
"""


def in_a_process(folder: Path, text: str, seed: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "code.py").write_text(text)
    done = subprocess.run(
        [sys.executable, folder / "code.py"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PATH": ""},
    )
    return done.stdout.split()


def test_every_process_and_folder_gives_the_same_hashes(tmp_path: Path) -> None:
    first = in_a_process(tmp_path / "a", MODULE, "1")
    assert first == in_a_process(tmp_path / "b", MODULE, "2")
    assert len(set(first)) == len(first) == 10
    assert all(len(digits) == 16 and int(digits, 16) >= 0 for digits in first)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("return Net(helper(2))", "return Net(helper(3))", {0, 2}),  # build, and recursive that calls it
        ("return x + 1", "return x + 2", {0, 2, 6}),  # what calls the helper changes too
        ("self.width = width", "self.width = 2 * width", {0, 1, 2, 3, 4, 5}),
    ],
)
def test_a_change_is_seen_where_it_matters(
    tmp_path: Path, before: str, after: str, changed: set[int]
) -> None:
    assert MODULE.count(before) == 1
    first = in_a_process(tmp_path / "a", MODULE, "1")
    second = in_a_process(tmp_path / "b", MODULE.replace(before, after), "1")
    seen = {index for index, (a, b) in enumerate(zip(first, second, strict=True)) if a != b}
    assert seen == changed


def closing_over(value: object) -> Callable[[], object]:
    return lambda: value


def test_values_that_a_function_closes_over_count() -> None:
    assert code_hash(closing_over(1)) == code_hash(closing_over(1))
    assert code_hash(closing_over(1)) != code_hash(closing_over(2))
    assert code_hash(closing_over(np.ones(3))) != code_hash(closing_over(np.zeros(3)))


def test_defaults_and_partials_count() -> None:
    def make(width: int) -> Callable[..., int]:
        def inner(size: int = width, *, depth: int = width) -> int:
            return size + depth

        return inner

    assert code_hash(make(1)) == code_hash(make(1))
    assert code_hash(make(1)) != code_hash(make(2))
    assert code_hash(functools.partial(int, base=2)) != code_hash(functools.partial(int, base=8))


def test_code_without_a_source_counts_by_its_bytes() -> None:
    def made(text: str) -> Any:
        names: dict[str, Any] = {}
        exec(text, names)
        return names["f"]

    first = made("def f(): return (lambda: 1)()")
    assert code_hash(first) == code_hash(made("def f(): return (lambda: 1)()"))
    assert code_hash(first) != code_hash(made("def f(): return (lambda: 2)()"))
    assert code_hash(made("class f:\n def g(self): return 1")) != code_hash(
        made("class f:\n def g(self): return 2")
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        (["ab", "c"], ["a", "bc"]),
        ([[1], 2], [[1, 2]]),
        ({"a": 1}, {"a": 2}),
        (np.arange(4), np.arange(4.0)),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (0.0, -0.0),
    ],
)
def test_what_differs_has_another_hash(first: object, second: object) -> None:
    assert code_hash(first) != code_hash(second)
    assert code_hash(first) == code_hash(first)


def test_parts_are_told_apart() -> None:
    assert code_hash(1, 2) != code_hash(2, 1)
    assert code_hash({"a": 1, "b": 2}) == code_hash({"b": 2, "a": 1})


def test_a_container_that_holds_itself_ends() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    assert code_hash(loop) == code_hash(loop)


def test_a_large_array_counts_by_a_sample() -> None:
    array = np.zeros(2**22, dtype=np.float64)
    other = array.copy()
    other[0] = 1
    assert code_hash(array) == code_hash(array.copy())
    assert code_hash(array) != code_hash(other)
    assert code_hash(array) != code_hash(array[:-1])


def test_an_address_in_a_text_does_not_count() -> None:
    assert code_hash([object()]) == code_hash([object()])


@pytest.mark.torch
def test_torch_modules_and_tensors_count_by_their_values() -> None:
    torch = pytest.importorskip("torch")

    def net(seed: int) -> Any:
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.1))

    assert code_hash(net(0)) == code_hash(net(0))
    assert code_hash(net(0)) != code_hash(net(1))
    assert code_hash(torch.nn.Dropout(0.1)) != code_hash(torch.nn.Dropout(0.2))
    loss = torch.nn.CrossEntropyLoss
    assert code_hash(loss(weight=torch.ones(3))) != code_hash(loss(weight=torch.zeros(3)))
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.bool):
        assert code_hash(torch.ones(3).to(dtype)) != code_hash(torch.zeros(3).to(dtype))
    assert code_hash(torch.ones(3, requires_grad=True)) == code_hash(torch.ones(3))
