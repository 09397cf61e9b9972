"""Lists answer at once: what they cost in processor time, which other programs on the machine hardly change."""

import os
import subprocess
import sys

import pytest

from lrlab.api.engines import conclude
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, StudyState
from lrlab.core.question import Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.store.sql import SqliteStore
from tests.cli.conftest import PROGRAM

RUNS = 1000
MOST_S = 0.8  # of one core; 0.41 s were measured, of which Python and the command line itself take 0.17
QUESTION = Question(lr=LRRange(1e-5, 1.0), budget=8, metric=Metric("val_loss"))
NO_ALCHEMY = (
    "import sys; from lrlab.cli.main import run; code = run(sys.argv[1:]); "
    "sys.exit(code or ('sqlalchemy imported' if 'sqlalchemy' in sys.modules else 0))"
)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A store with a finished study of 1,000 runs, and 50 small ones."""
    folder = tmp_path_factory.mktemp("many")
    store = SqliteStore(folder)
    for name, count in (("big", RUNS), *((f"small-{k}", 5) for k in range(50))):
        runs = tuple(
            Run(
                lr=1e-5 * 10 ** (5 * k / count),
                target=8,
                units=8,
                outcome=Outcome.FINISHED,
                records=tuple(Record(u, {"val_loss": 1 / u + k / count}, 10 * u) for u in range(1, 9)),
            )
            for k in range(count)
        )
        ledger = store.create(Study(name=name, question=QUESTION, task="net", runs=runs))
        ledger.conclude(StudyState.FINISHED, conclude(QUESTION, runs))
        ledger.close()
    return folder


def processor_s(*words):
    """Seconds that a command line used of the processor, and what it printed."""
    before = os.times()
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="tells no times of children")
@pytest.mark.parametrize(("words", "lines"), [(("runs", "big"), RUNS), (("studies",), 51)])
def test_a_long_list_comes_at_once(many, place, words, lines):
    seconds = []
    for _ in range(4):  # the first one compiles what was changed; load makes some of them slower
        used, out = processor_s(*words, "--store", str(many))
        assert len(out.splitlines()) >= lines
        seconds.append(used)
        if used <= MOST_S:
            break
    assert min(seconds) <= MOST_S, seconds


@pytest.mark.parametrize("words", [("runs", "big"), ("studies",), ("studies", "show", "small-1")])
def test_who_only_looks_does_not_load_what_writes(many, place, words):
    done = subprocess.run(
        [sys.executable, "-c", NO_ALCHEMY, *words, "--store", str(many)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
