"""What the command line and the page ask of a store of studies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lrlab.core.answer import Answer
from lrlab.core.errors import ConflictError
from lrlab.core.outcome import StudyState
from lrlab.core.study import Study
from lrlab.store.protocol import Store, StudySummary
from lrlab.studies.study import Conclude


@dataclass(frozen=True, slots=True)
class Lab:
    """A store, with what people do with it.

    Args:
        store: Where the studies are.
        conclude: Makes answers.
    """

    store: Store
    conclude: Conclude

    def studies(self) -> Sequence[StudySummary]:
        """One line a study, newest first."""
        return self.store.summaries()

    def study(self, name: str) -> Study:
        """A study with every record; see ``Store.load``."""
        return self.store.load(name)

    def answer(self, study: Study) -> Answer:
        """The answer that was stored at the study's end, or the one so far."""
        if study.answer is not None and study.state in (StudyState.FINISHED, StudyState.STOPPED):
            return replace(study.answer, runs=study.runs, study=study.name)
        answer = self.conclude(study.question, study.runs)
        return replace(answer, study=study.name, final=False)

    def free_name(self, stem: str) -> str:
        """``stem-1``, ``stem-2``, ...: the first that no study has."""
        cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in stem).strip(
            "-."
        )[:80]
        taken = set(self.store.names())
        number = 1
        while f"{cleaned or 'study'}-{number}" in taken:
            number += 1
        return f"{cleaned or 'study'}-{number}"

    def stop(self, name: str) -> None:
        """Ask the process that runs a study to stop it, keeping its results.

        Raises:
            NotFoundError: If there is no such study.
            ConflictError: If no process runs it.
        """
        study = self.store.load(name)
        if not self.store.send(name, "stop"):
            raise ConflictError(
                f'study "{name}" is not running ({study.state}), so there is nothing to stop.',
                hint=f"lrlab report {name} shows what it found.",
            )
