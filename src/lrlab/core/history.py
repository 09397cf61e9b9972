"""The records of a long run as columns: a million of them are three arrays, and none is made before it is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

from lrlab.core.record import Record

if TYPE_CHECKING:  # who has no long run does not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Wholes = NDArray[np.int64]

_AT_ONCE = 1000  # records that are made together


class History(Sequence[Record]):
    """Records, in order, as columns; reads like a tuple of them.

    Args:
        at: Progress of each record; shape ``[n]``.
        steps: Optimizer steps of each, -1 where not known; shape ``[n]``.
        metrics: For each name the records that tell it, ascending, or None where all do; and its values there.
    """

    __slots__ = ("at", "metrics", "steps")

    def __init__(
        self, at: "Floats", steps: "Wholes", metrics: "Mapping[str, tuple[Wholes | None, Floats]]"
    ) -> None:
        self.at = at
        self.steps = steps
        self.metrics = dict(metrics)

    @classmethod
    def of(cls, records: Sequence[Record]) -> "History":
        """The columns of ``records``.

        Raises:
            OverflowError: If a step has no place in 64 bits.
        """
        if isinstance(records, History):
            return records
        return cls.told(
            [record.at for record in records],
            [record.step for record in records],
            [record.metrics for record in records],
        )

    @classmethod
    def told(
        cls, at: Sequence[float], steps: Sequence[int | None], metrics: Sequence[Mapping[str, Any]]
    ) -> "History":
        """The columns of records that are told part by part; each value is a number, or the text of one.

        Raises:
            OverflowError: If a step has no place in 64 bits.
            TypeError, ValueError: If a value is no number.
        """
        import numpy as np

        names: dict[str, None] = {}
        for told in metrics:
            if not told.keys() <= names.keys():
                names |= dict.fromkeys(told)
        columns: dict[str, tuple[Wholes | None, Floats]] = {}
        for name in names:
            index = None
            if not all(name in told for told in metrics):
                index = np.array([k for k, told in enumerate(metrics) if name in told], dtype=np.int64)
            columns[name] = (index, _floats([told[name] for told in metrics if name in told]))
        return cls(
            _floats(at), np.array([-1 if step is None else step for step in steps], dtype=np.int64), columns
        )

    @classmethod
    def joined(cls, parts: "Sequence[History]") -> "History":
        """The records of the parts, one after the other."""
        import numpy as np

        if len(parts) == 1:
            return parts[0]
        count = sum(len(part) for part in parts)
        columns: dict[str, tuple[Wholes | None, Floats]] = {}
        for name in dict.fromkeys(name for part in parts for name in part.metrics):
            index, values, begin = [], [np.empty(0)], 0
            for part in parts:
                if name in part.metrics:
                    own, numbers = part.metrics[name]
                    index.append((begin, len(part), own))
                    values.append(numbers)
                begin += len(part)
            joined = np.concatenate(values)
            if len(joined) == count:
                columns[name] = (None, joined)
                continue
            places = [
                np.arange(first, first + length) if own is None else own + first
                for first, length, own in index
            ]
            columns[name] = (np.concatenate([np.empty(0, dtype=np.int64), *places]), joined)
        return cls(
            np.concatenate([np.empty(0), *(part.at for part in parts)]),
            np.concatenate([np.empty(0, dtype=np.int64), *(part.steps for part in parts)]),
            columns,
        )

    def rest(self, first: int) -> "History":
        """The records from index ``first`` on."""
        import numpy as np

        columns: dict[str, tuple[Wholes | None, Floats]] = {}
        for name, (index, values) in self.metrics.items():
            begin = first if index is None else int(np.searchsorted(index, first))
            if begin < len(values):
                columns[name] = (None if index is None else index[begin:] - first, values[begin:])
        return History(self.at[first:], self.steps[first:], columns)

    def series(self, name: str, first: int = 0) -> "tuple[Floats, Floats, Wholes]":
        """Places, values and steps (-1 where not known) of a metric, from record ``first`` on, in the records' order."""
        import numpy as np

        if name not in self.metrics:
            return np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)
        index, values = self.metrics[name]
        if index is None:
            return self.at[first:], values[first:], self.steps[first:]
        begin = int(np.searchsorted(index, first))
        return self.at[index[begin:]], values[begin:], self.steps[index[begin:]]

    def __len__(self) -> int:
        return len(self.at)

    @overload
    def __getitem__(self, key: int) -> Record: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, key: "int | slice") -> "Record | tuple[Record, ...]":
        if isinstance(key, slice):
            first, end, stride = key.indices(len(self))
            if stride == 1:
                return tuple(self._made(first, max(first, end)))
            return tuple(self[k] for k in range(first, end, stride))
        place = key if key >= 0 else key + len(self)
        if not 0 <= place < len(self):
            raise IndexError("a run has no such record")
        return self._made(place, place + 1)[0]

    def __iter__(self) -> Iterator[Record]:
        for first in range(0, len(self), _AT_ONCE):
            yield from self._made(first, min(first + _AT_ONCE, len(self)))

    def __add__(self, other: Sequence[Record]) -> "History":
        return self if not other else History.joined([self, History.of(other)])

    def __radd__(self, other: Sequence[Record]) -> "History":
        return History.joined([History.of(other), self])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | History):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a tuple of records, whose metrics have none

    def __repr__(self) -> str:
        return f"History({len(self)} records of {', '.join(self.metrics)})"

    def _made(self, first: int, end: int) -> list[Record]:
        """The records from ``first`` to before ``end``."""
        import numpy as np

        told: list[dict[str, float]] = [{} for _ in range(end - first)]
        for name, (index, values) in self.metrics.items():
            if index is None:
                for metrics, value in zip(told, values[first:end].tolist(), strict=True):
                    metrics[name] = value
                continue
            low, high = np.searchsorted(index, [first, end]).tolist()
            for place, value in zip(
                (index[low:high] - first).tolist(), values[low:high].tolist(), strict=True
            ):
                told[place][name] = value
        places, steps = self.at[first:end].tolist(), self.steps[first:end].tolist()
        return [
            Record(at, metrics, None if step < 0 else step)
            for at, metrics, step in zip(places, told, steps, strict=True)
        ]


def _floats(values: Sequence[object]) -> "Floats":
    import numpy as np

    if not set(map(type, values)) <= {float, int, str}:  # NumPy makes a NaN of None
        raise TypeError("a value is no number")
    return np.array(values, dtype=np.float64)


def columns(records: object) -> "History | None":
    """``records``, where they are columns: who looks at all of a long run's values asks for them first."""
    return records if isinstance(records, History) else None


def told(records: Sequence[Record], name: str, first: int = 0) -> "tuple[Floats, Floats, Wholes]":
    """Places, values and steps (-1 where not known) of a metric, from record ``first`` on, in the records' order.

    Raises:
        OverflowError: If a step has no place in 64 bits.
    """
    import numpy as np

    found = columns(records)
    if found is not None:
        return found.series(name, first)
    own = [(r.at, r.metrics[name], r.step) for r in records[first:] if name in r.metrics]
    return (
        np.array([at for at, _, _ in own], dtype=np.float64),
        np.array([value for _, value, _ in own], dtype=np.float64),
        np.array([-1 if step is None else step for _, _, step in own], dtype=np.int64),
    )


def metric_names(records: Sequence[Record]) -> tuple[str, ...]:
    """Every metric that is told, in the order of their coming."""
    found = columns(records)
    if found is not None:
        return tuple(found.metrics)
    names: dict[str, None] = {}
    for record in records:
        if not record.metrics.keys() <= names.keys():
            names |= dict.fromkeys(record.metrics)
    return tuple(names)


def as_records(records: Sequence[Record]) -> tuple[Record, ...]:
    """``records`` for a run: columns stand where a tuple would, and read like one."""
    return records if isinstance(records, tuple) else cast("tuple[Record, ...]", records)
