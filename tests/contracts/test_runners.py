"""Every runner keeps the contract."""

from typing import Any

import pytest

from lrlab.core.run import DEFAULT_ARM
from lrlab.runners.inline import InlineRunner
from lrlab.runners.processes import ProcessRunner
from lrlab.runners.protocol import Runner
from lrlab.tasks.protocol import Task
from lrlab.testing.runner_kit import BUDGET, METRIC, RunnerKit


class TestInline(RunnerKit):
    def make(self, made: Task, **options: Any) -> Runner:
        return InlineRunner({DEFAULT_ARM: made}, metric=METRIC, budget=BUDGET, **options)


@pytest.mark.parametrize("workers", [1, 2], scope="class")
class TestProcesses(RunnerKit):
    @pytest.fixture(autouse=True)
    def _workers(self, workers: int) -> None:
        self.workers = workers

    def make(self, made: Task, **options: Any) -> Runner:
        return ProcessRunner(
            {DEFAULT_ARM: made}, metric=METRIC, budget=BUDGET, workers=self.workers, **options
        )
