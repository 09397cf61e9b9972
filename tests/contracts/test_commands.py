"""A command keeps the contract of tasks, frozen by signal or started again."""

import shutil
import sys
from pathlib import Path

import pytest

from lrlab.tasks.command import command
from lrlab.tasks.protocol import Task
from lrlab.testing.task_kit import TaskKit

pytestmark = pytest.mark.skipif(shutil.which("awk") is None or sys.platform == "win32", reason="no awk")

# Noisy descent; a row for each of three steps, and one for the unit.
DESCENT = """BEGIN {
    srand(seed + 1); w = 1 + rand(); print "unit,loss,val_loss,lr" > log_file
    for (unit = 1; unit <= units; unit++) {
        for (step = 0; step < 3; step++) {
            w -= lr * (2 * w + 0.1 * (rand() - 0.5)); printf "%d,%.17g,,%s\\n", unit, w * w, lr > log_file
        }
        printf "%d,,%.17g,%s\\n", unit, w * w, lr > log_file; fflush(log_file)
    }
}"""


class CommandKit(TaskKit):
    FREEZE = True

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folders = iter(tmp_path / f"runs-{k}" for k in range(100))

    def task(self) -> Task:
        program = DESCENT.replace("{", "{{").replace("}", "}}")
        values = (
            "-v",
            "lr={lr}",
            "-v",
            "units={budget}",
            "-v",
            "seed={seed}",
            "-v",
            "log_file={dir}/log.csv",
        )
        return command(
            ["awk", *values, program],
            budget=9,
            read="log.csv",
            columns={"epoch": "unit"},
            freeze=self.FREEZE,
            runs_folder=next(self.folders),
        )


class TestCommand(CommandKit):
    def test_it_says_how_it_resumes(self) -> None:
        assert self.task().resumes == "live"


class TestCommandThatIsNotFrozen(CommandKit):
    FREEZE = False

    def test_it_says_how_it_resumes(self) -> None:
        assert self.task().resumes == "restart"
