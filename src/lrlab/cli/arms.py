"""Options that take alternatives: each value of ``--optimizer``, ``--schedule`` and ``--batch-size`` is an arm."""

from collections.abc import Callable, Mapping
from typing import Any

from lrlab.core.errors import SpecError

_OPTIONS = {"optimizer": "--optimizer", "schedule": "--schedule", "batch_size": "--batch-size"}
_Targets = tuple[dict[str, object], Mapping[str, object]]


def with_alternatives(make: Callable[[Mapping[str, object]], _Targets], given: Mapping[str, Any]) -> _Targets:
    """The target for these options; one with arms where an option has several values.

    Args:
        make: The target, and what it asks itself, of options that have one value each.
        given: Options that were typed, by the argument's name; those that take alternatives hold lists.

    Raises:
        SpecError: If a value stands twice, or the target is one that cannot be told what differs.
    """
    lists = {name: list(given[name]) for name in _OPTIONS if name in given}
    rest = {name: value for name, value in given.items() if name not in lists}
    for name, values in lists.items():
        if len(set(values)) < len(values):
            raise SpecError(
                f"sweep: {_OPTIONS[name]} {values[-1]} is given twice.", hint="Leave it out once."
            )
    several = [name for name, values in lists.items() if len(values) > 1]
    if not several:
        return make(rest | {name: values[0] for name, values in lists.items()})
    from lrlab.api.arms import alternatives

    made = {arm: make(rest | chosen) for arm, chosen in alternatives(lists).items()}
    targets = {arm: target for arm, (target, _) in made.items()}
    own = next(iter(made.values()))[1]
    kind = next(iter(targets.values()))["kind"]
    same_words = len({repr(target.get("words")) for target in targets.values()}) == 1
    if kind == "python" or (kind == "command" and same_words):
        raise SpecError(
            f"sweep: several values of {_OPTIONS[several[0]]} are compared as arms, and a {kind} cannot be told its own.",
            hint="Data, recipes and yolo can; from Python, lrlab.sweep takes a mapping of tasks.",
        )
    return {"kind": "arms", "arms": targets}, own
