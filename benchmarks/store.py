"""How quick the SQLite store is, as JSON on stdout.

    python benchmarks/store.py [FOLDER]

FOLDER lies on the disk to measure; without it a temporary folder is used.
"""

import json
import platform
import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.store.sql import SqliteStore

POINTS = 100_000
GROUP = 1_000
SINGLES = 500
STUDIES = 200

STUDY = Study(
    name="long",
    question=Question(lr=LRRange(1e-5, 1.0), budget=100, metric=Metric("val_loss")),
    task="benchmark",
)
RUN = Run(lr=1e-3)


def records(count: int) -> list[Record]:
    """What a training reports at each step."""
    return [
        Record(i / 1000, {"loss": 2 / (i + 1), "val_loss": 0.1 + 1 / (i + 1), "grad_norm": i**0.5}, i)
        for i in range(count)
    ]


def groups_per_s(store: SqliteStore) -> dict[str, float]:
    """Points per second, handed over ten at a time and committed in groups, the last commit included."""
    points = records(POINTS)
    ledger = store.create(STUDY)
    ledger.write_run(RUN)
    begun = time.perf_counter()
    for first in range(0, POINTS, 10):
        ledger.append(RUN.key, first, points[first : first + 10])
        ledger.tick()
    ledger.flush()
    seconds = time.perf_counter() - begun
    ledger.close()
    return {"points_per_s_in_groups": round(POINTS / seconds)}


def acknowledgement(store: SqliteStore) -> dict[str, float]:
    """Milliseconds until one point, and until a group of 1,000, is durable."""
    ledger = store.create(replace(STUDY, name="single"))
    ledger.write_run(RUN)
    points = records(SINGLES + 50 * GROUP)
    times: dict[str, list[float]] = {"one_point": [], "group_of_1000": []}
    for name, count, size in (("one_point", SINGLES, 1), ("group_of_1000", 50, GROUP)):
        for _ in range(count):
            first = ledger.acknowledged.get(RUN.key, 0)
            begun = time.perf_counter()
            ledger.append(RUN.key, first, points[first : first + size])
            ledger.flush()
            times[name].append(1000 * (time.perf_counter() - begun))
    ledger.close()
    return {
        f"acknowledged_{name}_p{share}_ms": round(sorted(values)[len(values) * share // 100], 3)
        for name, values in times.items()
        for share in (50, 99)
    }


def reading(store: SqliteStore) -> dict[str, float]:
    """Seconds to load a study of 100,000 records, to open it for writing, and to list 200 studies."""
    begun = time.perf_counter()
    study = store.load("long")
    loaded = time.perf_counter()
    assert len(study.runs[0].records) == POINTS
    ledger = store.open("long")
    opened = time.perf_counter()
    ledger.close()
    for number in range(STUDIES - len(store.names())):
        store.create(replace(STUDY, name=f"study-{number}", created=float(number))).close()
    listing = time.perf_counter()
    assert len(store.summaries()) == STUDIES
    listed = time.perf_counter()
    return {
        "load_100000_records_s": round(loaded - begun, 3),
        "open_100000_records_s": round(opened - loaded, 3),
        "list_200_studies_s": round(listed - listing, 3),
    }


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        store = SqliteStore(Path(folder) / "studies")
        result = groups_per_s(store) | acknowledgement(store) | reading(store)
    about = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
    }
    print(json.dumps({"benchmark": "store", **result, **about}, indent=2))


if __name__ == "__main__":
    main()
