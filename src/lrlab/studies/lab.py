"""What the command line and the page ask of a store of studies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lrlab.core.answer import Answer
from lrlab.core.command import Command, Reply
from lrlab.core.outcome import StudyState
from lrlab.core.study import Study
from lrlab.store.protocol import Store, StudySummary
from lrlab.studies.lost import mark_lost
from lrlab.studies.orders import WAIT_S, order

if TYPE_CHECKING:
    from lrlab.studies.study import Conclude


@dataclass(frozen=True, slots=True)
class Lab:
    """A store, with what people do with it.

    Args:
        store: Where the studies are.
        conclude: Makes answers.
    """

    store: Store
    conclude: "Conclude"

    def studies(self) -> Sequence[StudySummary]:
        """One line a study, newest first."""
        return self.store.summaries()

    def study(self, name: str) -> Study:
        """A study with every record; see ``Store.load``."""
        return self.store.load(name)

    def answer(self, study: Study) -> Answer:
        """The answer that was stored at the study's end, or the one so far."""
        if study.answer is not None and self.has_answer(study):
            return replace(study.answer, runs=study.runs, study=study.name)
        answer = self.conclude(study.question, study.runs)
        return replace(answer, study=study.name, final=False)

    @staticmethod
    def has_answer(study: Study) -> bool:
        """Whether the study's answer is stored: nothing of its runs has to be looked at for it."""
        return study.answer is not None and study.state in (StudyState.FINISHED, StudyState.STOPPED)

    def free_name(self, stem: str, *, but: Iterable[str] = ()) -> str:
        """``stem-1``, ``stem-2``, ...: the first that no study has, and that is not in ``but``."""
        cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in stem).strip(
            "-."
        )[:80]
        taken = {*self.store.names(), *but}
        number = 1
        while f"{cleaned or 'study'}-{number}" in taken:
            number += 1
        return f"{cleaned or 'study'}-{number}"

    def runs_elsewhere(self, name: str) -> bool:
        """Whether a process runs the study, or rests with it while it is paused."""
        return self.store.load(name).state in (StudyState.RUNNING, StudyState.PAUSED)

    def order(
        self,
        name: str,
        command: Command,
        *,
        wait_s: float = WAIT_S,
        told: Callable[[str], None] = lambda text: None,
    ) -> Reply:
        """Ask the process that runs a study to pause, go on, stop or extend it; see ``lrlab.studies.orders.order``."""
        return order(self.store, name, command, wait_s=wait_s, told=told)

    def reply(self, name: str, command: str) -> Reply | None:
        """What became of a command that was sent, by its id; see ``Store.reply``."""
        return self.store.reply(name, command)

    def mark_lost(self, name: str) -> str:
        """End the silent process that holds a study; see ``lrlab.studies.lost.mark_lost``."""
        return mark_lost(self.store, name)

    def delete(self, name: str) -> None:
        """Remove a study with its runs, answer and files; see ``Store.delete``."""
        self.store.delete(name)
