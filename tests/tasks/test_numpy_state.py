"""The quick way to NumPy's global random state is NumPy's own way, to the bit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.tasks import numpy_state

# How far the words are used up, and whether half of a Gaussian pair lies ready.
uses = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 1500), st.integers(0, 3))


@pytest.fixture(autouse=True)
def _keep() -> Iterator[None]:
    before = np.random.get_state()
    yield
    np.random.set_state(before)


def use(seed: int, words: int, normals: int) -> None:
    np.random.seed(seed)
    np.random.bytes(4 * words)
    np.random.standard_normal(normals)


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_quick_way_is_taken() -> None:
    assert numpy_state._address() is not None


@given(uses)
def test_a_state_is_what_numpy_says_and_taking_it_changes_nothing(used: tuple[int, int, int]) -> None:
    use(*used)
    wanted = np.random.get_state(legacy=True)
    assert same(numpy_state.get_state(), wanted)
    assert same(np.random.get_state(legacy=True), wanted)


@given(uses, uses)
def test_a_state_is_put_back_over_any_other(used: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    use(*used)
    state = numpy_state.get_state()
    draws = np.random.standard_normal(7)
    use(*other)
    numpy_state.set_state(state)
    assert same(np.random.get_state(legacy=True), state)
    assert np.array_equal(np.random.standard_normal(7), draws)


@given(uses)
def test_a_state_outlives_the_generator(used: tuple[int, int, int]) -> None:
    use(*used)
    state = numpy_state.get_state()
    words = state[1].copy()
    np.random.standard_normal(2_000)
    assert np.array_equal(state[1], words)


def test_another_kind_of_generator_goes_numpys_way() -> None:
    own = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(3))
        assert numpy_state._address() is None
    finally:
        np.random.set_bit_generator(own)


def test_another_layout_goes_numpys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_state, "_IS_ONE_BLOCK", False)
    np.random.seed(5)
    state = numpy_state.get_state()
    draws = np.random.standard_normal(5)
    numpy_state.set_state(state)
    assert np.array_equal(np.random.standard_normal(5), draws)
