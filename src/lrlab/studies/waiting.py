"""Why runs of a study wait, and why they were dropped."""

from collections.abc import Collection, Mapping, Sequence

from lrlab.core.question import Question
from lrlab.core.run import Run, RunKey
from lrlab.searchers.protocol import Explains, Searcher


def waiting(
    searcher: Searcher, question: Question, runs: Sequence[Run], under_way: Collection[RunKey]
) -> Mapping[RunKey, str]:
    """Why each run waits, where the searcher tells and it is not written down yet.

    Args:
        searcher: The study's.
        question: What is asked.
        runs: Every run; those that have ended are left out.
        under_way: Those that train or are in line for it; they do not wait.
    """
    told = searcher.left(question, runs) if isinstance(searcher, Explains) else {}
    new = [run for run in runs if not run.ended and told.get(run.key, run.detail) != run.detail]
    return {run.key: told[run.key] for run in new if run.key not in under_way}


def why_dropped(question: Question, run: Run) -> str:
    """Why a run was not trained on, where its searcher tells nothing."""
    score, unit = run.score(question.metric, reduce=question.reduce), question.unit
    after = f"{run.units} of {question.budget} {unit if question.budget == 1 else f'{unit}s'}"
    if score == question.metric.worst:
        return f"After {after} others were more promising."
    return f"Its {question.metric.name} was {score:.4g} after {after}; others were more promising."
