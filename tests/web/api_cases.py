"""Requests out of the API's own schema, held against what the schema says: no 5xx, nothing that it does not describe.

Usage: python tests/web/api_cases.py [CASES] [SEED]. Half of the requests are valid by the schema, the other half are not. Nothing
is trained: what the page would start is noted and not started.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from hypothesis import strategies
from page_samples import TOKEN, kept, samples, spiky, with_answer
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lrlab.api.engines import open_lab
from lrlab.core.command import Command
from lrlab.core.outcome import StudyState
from lrlab.studies.lab import Lab
from lrlab.web.application import OPENAPI, Page
from lrlab.web.launch import Launcher, Started
from lrlab.web.security import Keys
from lrlab.web.settings import Settings

HEADERS = {"authorization": f"Bearer {TOKEN}"}
TOML = '[target.bowl]\nrun = "bowl.py:train"\nbudget = 8\nlr = "1e-2:1"\n'
# The stream of news has no end, so that no request for it comes back; tests/web/test_events.py reads it.
ENDLESS = ("GET", "/api/v1/events")
# What these values mean depends on the page's folder and on each other, and a wrong form is answered 422 at its fields.
FORMS = ("POST", "/api/v1/studies")
READING = ("GET", "/api/v1/studies/{name}/reading")  # its run stands in the query
# What valid requests name, so that they find something more often than never.
KNOWN = {"name": ["race", "diverged", "seeds", "spiky", "live"], "run": [1, 3], "id": ["sent", "started"]}
DOOMED = "edge"


class Noted(Launcher):
    """Starts nothing, and says that it has."""

    def start(self, id: str, study: str, words: Sequence[str]) -> Started:
        """Note what would be started, once an id."""
        process = _Ended()
        return self._started.setdefault(
            id, Started(id=id, study=study, words=tuple(words), process=process, output=Path("nowhere"))
        )


class _Ended(subprocess.Popen[bytes]):
    def __init__(self) -> None:
        self.returncode = 0

    def __del__(self) -> None:
        pass

    def poll(self) -> int:
        """It has ended well."""
        return 0


@contextmanager
def filled_page(folder: Path) -> Iterator[Page]:
    """A page with studies, one of which is held, a target and data; its address is the one that requests name."""
    lab = open_lab(folder / "studies")
    for name, sample in {
        "race": "race",
        "diverged": "all_diverged",
        DOOMED: "edge",
        "seeds": "seeds",
    }.items():
        kept(lab, with_answer(name, sample))
    kept(lab, spiky(2_000))
    (folder / "lrlab.toml").write_text(TOML)
    (folder / "iris.csv").write_text("a,b,kind\n" + "".join(f"{k},{k % 3},{k % 2}\n" for k in range(40)))
    running = samples.study(replace(samples.one_run(), study="live"), name="live", state=StudyState.RUNNING)
    with closing(lab.store.create(running)):
        page = Page(lab, Settings(folder=folder, keys=Keys(TOKEN), port=80, names=("testserver",)))
        object.__setattr__(page.room, "launcher", Noted(folder))
        page.room.launcher.start("started", "race", ["sweep", "bowl"])
        lab.order("live", Command(kind="pause", id="sent"), wait_s=0)
        page.room.sent.add(("live", "sent"))
        yield page


def hold(page: Page, *, cases: int, seed: int) -> Counter[tuple[str, str, int]]:
    """Ask ``cases`` requests, as many of each operation, and hold each reply against the schema.

    Returns:
        How often each operation was asked, with a valid or another request, and with which status.

    Raises:
        ExceptionGroup: If replies are not what the schema describes; it holds one for each operation.
    """
    schema = schemathesis.openapi.from_asgi(OPENAPI, page, headers=HEADERS)
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [one for one in operations if (one.method.upper(), one.path) != ENDLESS]
    seen: Counter[tuple[str, str, int]] = Counter()
    failures: list[Exception] = []
    spent: list[Any] = []
    for turn in count():
        missing = cases - sum(seen.values())
        if missing <= 0 or failures or not operations:
            break
        for one in operations:
            before = sum(seen.values())
            share = -(-missing // len(operations))
            try:
                _hold_one(page, one, cases=share, seed=seed + turn, seen=seen)
            except Exception as error:
                failures.append(error)
            if sum(seen.values()) - before < share:
                spent.append(one)  # it has no more requests that differ
        operations = [one for one in operations if one not in spent]
    if failures:
        raise ExceptionGroup("the schema and the replies differ", failures)
    return seen


def _hold_one(
    page: Page, operation: Any, *, cases: int, seed: int, seen: Counter[tuple[str, str, int]]
) -> None:
    known = {each.name: KNOWN[each.name] for each in operation.path_parameters if each.name in KNOWN}
    if operation.method.upper() == "DELETE":
        known["name"] = [DOOMED]
    elif operation.path.endswith("/lost"):  # it ends the process that holds a study, which is this one
        known["name"] = ["race"]
    places = [dict(zip(known, values, strict=True)) for values in product(*known.values())]
    place = (operation.method.upper(), operation.path)
    valid = GenerationMode.POSITIVE
    kinds = [operation.as_strategy(valid, path_parameters=place) for place in places]
    if place == FORMS:
        kinds.append(operation.as_strategy(valid, body={"target": "bowl"}))
    if place == READING:
        kinds.append(operation.as_strategy(valid, path_parameters=places[0], query={"run": 1, "place": 2.5}))
    others = [operation.as_strategy(valid), operation.as_strategy(GenerationMode.NEGATIVE)]
    kinds += others * -(-len(kinds) // 2)

    without = [positive_data_acceptance] if place == FORMS else []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases, database=None, deadline=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(strategies.one_of(kinds))
    def ask(case: Any) -> None:
        response = case.call(headers=HEADERS)
        seen[operation.label, case.meta.generation.mode.value, response.status_code] += 1
        if case.method == "DELETE":
            _bring_back(page.room.lab)
        case.validate_response(response, excluded_checks=without)

    ask()


def _bring_back(lab: Lab) -> None:
    if DOOMED not in lab.store.names():
        kept(lab, with_answer(DOOMED, "edge"))


def main() -> None:
    """Print how many requests each operation got, and what came back."""
    cases, seed = (int(word) for word in (sys.argv[1:] + ["5000", "0"][len(sys.argv) - 1 :]))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, filled_page(Path(folder)) as page:
        seen = hold(page, cases=cases, seed=seed)
    for (label, kind, status), asked in sorted(seen.items()):
        print(f"{label:<50} {kind:<10} {status} {asked:6}")
    print(
        f"{sum(seen.values())} requests in {time.monotonic() - begun:.0f} s, none that the schema does not describe"
    )


if __name__ == "__main__":
    main()
