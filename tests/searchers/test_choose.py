"""Searchers by name."""

import pytest

from lrlab.core.errors import SpecError
from lrlab.searchers.choose import searcher
from lrlab.searchers.grid import grid
from lrlab.searchers.halving import halving
from lrlab.searchers.race import race


def test_names_are_read() -> None:
    assert searcher("race") == race()
    assert searcher("grid:13") == grid(13)
    assert searcher("halving") == halving()
    assert searcher(" halving:16 ") == halving(16)


@pytest.mark.parametrize("text", ["", "rase", "race:3", "grid", "random:5", None, 3])
def test_an_unknown_name_is_refused_with_the_choices(text: object) -> None:
    with pytest.raises(SpecError, match="race, grid:N") as caught:
        searcher(text)  # type: ignore[arg-type]
    assert "searcher" in str(caught.value)


@pytest.mark.parametrize("text", ["grid:", "grid:x", "grid:-3", "grid:3.5", "halving:"])
def test_a_count_must_be_a_whole_number(text: str) -> None:
    with pytest.raises(SpecError, match="whole number"):
        searcher(text)


@pytest.mark.parametrize("text", ["grid:1", "halving:1", "grid:0"])
def test_one_rate_is_no_search(text: str) -> None:
    with pytest.raises(SpecError, match="at least 2"):
        searcher(text)


@pytest.mark.parametrize("eta", [1.9, 4.1])
def test_eta_has_bounds(eta: float) -> None:
    with pytest.raises(SpecError, match="eta must lie between 2 and 4"):
        halving(13, eta=eta)
