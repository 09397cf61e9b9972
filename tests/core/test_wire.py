"""Values that are no dataclasses over the wire, and what is refused."""

import math
from typing import Any

import pytest

from lrlab.core import wire
from lrlab.core.errors import StoreError
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey


def test_numbers_that_are_not_finite_survive_in_every_kind() -> None:
    record = Record(1, {"a": math.nan, "b": -math.inf, "c": -0.0})
    many: Any = tuple[Record, ...]
    (back,) = wire.loads(many, wire.dumps(many, (record,)))
    assert back.same(record)
    assert wire.loads(dict[str, float], wire.dumps(dict[str, float], {"x": math.inf})) == {"x": math.inf}
    assert wire.loads(RunKey, wire.dumps(RunKey, RunKey("a", 0.1, 2**70))) == RunKey("a", 0.1, 2**70)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (dict[str, object], {"call": object()}),
        (dict[str, object], {"bytes": b"\xff"}),
        (dict[str, str], {"number": 1}),
        (Run, Run(lr=0.1, detail=object())),  # type: ignore[arg-type]
    ],
)
def test_what_has_no_json_form_or_another_type_is_refused(kind: Any, value: object) -> None:
    with pytest.raises(StoreError, match=f"{kind.__name__}: cannot be written as JSON"):
        wire.dumps(kind, value)
