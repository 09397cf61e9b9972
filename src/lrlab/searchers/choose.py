"""The searcher that a text names."""

from collections.abc import Callable

from lrlab.core.errors import SpecError
from lrlab.searchers.grid import grid
from lrlab.searchers.halving import halving
from lrlab.searchers.protocol import Searcher
from lrlab.searchers.race import race

CHOICES = "race, grid:N (such as grid:13), halving, halving:N (such as halving:16), optuna:tpe (with Optuna)"


def searcher(text: str) -> Searcher:
    """Read ``race``, ``grid:N``, ``halving`` or ``halving:N``, where N counts rates.

    Raises:
        SpecError: If the text is none of these, or N is too small.

    Example:
        >>> searcher("grid:13") == grid(13)
        True
    """
    if not isinstance(text, str):
        raise SpecError(f"searcher: expected one of {CHOICES}, got {text!r}.")
    name, colon, count = text.strip().partition(":")
    counted: dict[str, Callable[[int], Searcher]] = {"grid": grid, "halving": halving}
    if name == "race" and not colon:
        return race()
    if name == "halving" and not colon:
        return halving()
    if name in counted and colon:
        if not count.isdecimal():
            raise SpecError(
                f"searcher: {name} needs a whole number of rates, got {text!r}.", hint=f"Write {name}:13."
            )
        return counted[name](int(count))
    raise SpecError(f"searcher: unknown {text!r}.", hint=f"Choose one of {CHOICES}.")
