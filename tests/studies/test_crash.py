"""kill -9 at random instants: no acknowledged record is lost or doubled, and the answer is the same.

The seed is printed; LRLAB_SEED replays it, LRLAB_KILLS sets the number of kills of each kind.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lrlab.core.study import Study
from lrlab.store.sql import SqliteStore
from tests.studies.crash_study import NAME, QUESTION

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(900)]
SEED = int(os.environ.get("LRLAB_SEED", "20261124"))
KILLS = int(os.environ.get("LRLAB_KILLS", "20"))
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Harness:
    """Starts the study, kills it or its workers, and keeps account of what it had acknowledged."""

    folder: Path
    train: str
    workers: int = 1
    early: bool = False
    claimed: Counter[str] = field(default_factory=Counter)
    stages: list[float] = field(default_factory=list)  # share of the study's records at each kill
    losses: int = 0
    digest: str = ""
    pids: list[int] = field(default_factory=list)

    def start(self) -> "subprocess.Popen[str]":
        command = [
            sys.executable,
            "-m",
            "tests.studies.crash_study",
            str(self.folder),
            self.train,
            str(self.workers),
        ]
        return subprocess.Popen(
            command + (["early"] if self.early else []),
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(json.JSONDecodeError):  # a kill may cut the last line
                said = json.loads(line)
                self.digest = said.get("answer", self.digest)
                self.pids = said.get("workers", self.pids)
                for lr, count in said.get("acknowledged", {}).items():
                    self.claimed[lr] = max(self.claimed[lr], count)

    def run(self, *, kill_at: Sequence[float] = (), who: str = "coordinator", jitter_s: float = 0.0) -> bool:
        """One life of the coordinator; whether it reached its end.

        Args:
            kill_at: Acknowledged records at which something is killed, ascending; the coordinator dies once.
            who: ``coordinator`` or ``worker``.
            jitter_s: How long after that, so that any instant may be hit.
        """
        process = self.start()
        listener = threading.Thread(target=self.listen, args=(process,))
        listener.start()
        try:
            for target in kill_at:
                while process.poll() is None and sum(self.claimed.values()) < target:
                    time.sleep(0.002)  # the instant is what is tested
                time.sleep(jitter_s)
                if process.poll() is None:
                    self._kill(process if who == "coordinator" else None)
            code = process.wait(timeout=240)
            assert code in (0, -signal.SIGKILL), process.stderr.read() if process.stderr else ""
            return code == 0
        finally:
            process.kill()
            process.wait()
            listener.join()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _kill(self, coordinator: "subprocess.Popen[str] | None") -> None:
        if coordinator is not None:
            coordinator.kill()
            self.stages.append(sum(self.claimed.values()))
            return
        for pid in self.pids[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.stages.append(sum(self.claimed.values()))

    def study(self) -> Study:
        return SqliteStore(self.folder).load(NAME)

    def check(self) -> None:
        """Every acknowledged record is there, at its place, once."""
        if NAME not in SqliteStore(self.folder).names():
            assert not self.claimed
            return
        stored = {repr(run.lr): run.records for run in self.study().runs}
        for lr, count in self.claimed.items():
            self.losses += max(count - len(stored.get(lr, ())), 0)
        for records in stored.values():
            ats = [record.at for record in records]
            assert ats == sorted(set(ats)), "a record is doubled or out of order"
            whole = [record.at for record in records if record.ends_unit]
            assert whole == list(range(1, len(whole) + 1)), "a gap"


def records(study: Study) -> dict[float, list[object]]:
    return {run.lr: [record.key() for record in run.records] for run in study.runs}


@pytest.fixture(scope="module", params=["slow", "slow_tracked"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Harness:
    """The study that nobody disturbs."""
    harness = Harness(tmp_path_factory.mktemp("whole"), train=request.param)
    assert harness.run()
    harness.check()
    assert harness.losses == 0
    return harness


def spread(stages: list[float]) -> Counter[int]:
    """How many kills fell into each third of the study."""
    return Counter(min(int(3 * stage), 2) for stage in stages)


def agree(harness: Harness, whole: Harness) -> None:
    """Nothing is lost, nothing doubled, and the answer is the one that nobody disturbed."""
    harness.check()
    assert harness.losses == 0, f"seed {SEED}"
    assert harness.digest == whole.digest, f"another answer, seed {SEED}"
    study = harness.study()
    assert records(study) == records(whole.study())
    assert not [event for event in study.events if event.kind == "nondeterministic"]


@pytest.mark.parametrize("who", ["coordinator", "worker"])
def test_kills(whole: Harness, tmp_path: Path, who: str) -> None:
    """Half of the kills here; the other half with the other training, with or without a stored state."""
    rng = random.Random(SEED + len(who))
    total = sum(len(run.records) for run in whole.study().runs)
    stages: list[float] = []
    while len(stages) < KILLS // 2:
        harness = Harness(tmp_path / str(len(stages)), train=whole.train)
        if who == "coordinator":
            while len(stages) + len(harness.stages) < KILLS // 2:
                done = sum(harness.claimed.values())
                if done > 0.9 * total or harness.run(
                    kill_at=[done + rng.uniform(0, 0.7) * (total - done)], jitter_s=rng.uniform(0, 0.05)
                ):
                    break
                harness.check()
                assert harness.losses == 0, f"seed {SEED}"
            assert harness.run()
        else:
            # Twice a study: a third loss of one run without a new record rightly gives that run up.
            assert harness.run(
                kill_at=sorted(rng.uniform(0.02, 0.95) * total for _ in range(2)),
                who=who,
                jitter_s=rng.uniform(0, 0.05),
            )
        agree(harness, whole)
        stages += [stage / total for stage in harness.stages]
        assert harness.stages or who == "coordinator"
    print(f"{who}: {len(stages)} kills, by third of the study {dict(spread(stages))}, seed {SEED}")
    assert len(spread(stages)) == 3, f"the kills do not land at all stages: {stages}"


def test_the_harness_catches_a_study_that_acknowledges_too_early(tmp_path: Path) -> None:
    rng = random.Random(SEED + 2)
    harness = Harness(tmp_path, train="slow", early=True)
    for _ in range(12):
        if harness.run(kill_at=[sum(harness.claimed.values()) + 5], jitter_s=rng.uniform(0, 0.05)):
            break
        harness.check()
        if harness.losses:
            return
    raise AssertionError("records that were never committed were not missed")


def test_the_question_is_long_enough_to_be_killed() -> None:
    assert QUESTION.budget >= 40
