"""An answer on the command line: as text, as a document, and what to type next."""

import shlex
import sys
from dataclasses import asdict

import typer

from lrlab.api.results import Answer
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.core.errors import LrlabError
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run


def give(output: Output, answer: Answer, *, store: str | None) -> None:
    """Print an answer, and end the command with its exit code."""
    show(output, answer)
    failed = next((run for run in answer.runs if run.outcome is Outcome.FAILED), None)
    if failed is not None:
        output.note(f"What failed: {command('runs', answer.study, store)} --lr {failed.lr!r}")
    if answer.found:
        _note_files(output, answer, store)
        output.note(f"Every curve: {command('report', answer.study, store)} -o report.html")
    if answer.so_far:
        output.note(f"To settle the rest: {command('resume', answer.study, store)}")
    raise typer.Exit(answer.exit_code)


def _note_files(output: Output, answer: Answer, store: str | None) -> None:
    """Say where the winner of a command has written its files."""
    from lrlab.api.engines import open_store, run_folder

    winner = answer.winner
    folder = run_folder(open_store(store), answer.study, winner.key) if winner is not None else None
    if folder is not None:
        output.note(f"What the best run has written: {folder.path}")


def show(output: Output, answer: Answer) -> None:
    """Print an answer."""
    output.result(answer.summary(width=width(), unicode=speaks_unicode(sys.stdout)))
    content = document(answer)
    test = _judged(output, answer)
    if test is not None:
        content["test"] = test
        scores = ", ".join(f"{name.removeprefix('test_')} {value:.4g}" for name, value in test.items())
        output.result(f"\nThe winner on the test part, which no search saw: {scores}.")
    if not answer.found:
        code = "all_diverged" if answer.exit_code == 4 else "task_failed"
        hint = answer.warnings[0].text if answer.warnings else ""
        content["error"] = {"code": code, "message": str(answer), "hint": hint}
    output.document("sweep", content, ok=answer.found)


def _judged(output: Output, answer: Answer) -> dict[str, float] | None:
    """The winner's test scores, where the study is one on data; a note where they cannot be had."""
    from lrlab.api.data import winner_test_scores

    try:
        return winner_test_scores(answer)
    except LrlabError as error:
        output.note(f"The winner could not be judged on the test part: {error}")
        return None


def command(verb: str, study: str, store: str | None) -> str:
    """``lrlab VERB STUDY``, with the folder where it is not the usual one."""
    return f"lrlab {verb} {study}" + (f" --store {shlex.quote(store)}" if store else "")


def document(answer: Answer) -> dict[str, object]:
    """What ``--json`` tells about an answer."""
    question = answer.question
    return {
        "study": answer.study,
        "lr": answer.lr,
        "interval": answer.interval,
        "safe_range": answer.safe_range,
        "score": answer.score,
        "cost": answer.cost,
        "confidence": answer.confidence,
        "confidence_word": answer.confidence_word,
        "reasons": answer.reasons,
        "warnings": [{"code": caution.code, "text": caution.text} for caution in answer.warnings],
        "arm": answer.arm,
        "metric": str(question.metric),
        "budget": question.budget,
        "unit": question.unit,
        "untrained": answer.untrained,
        "current_lr": question.current_lr,
        "current_regret": answer.current_regret,
        "lost_cost": answer.lost_cost,
        "seconds": answer.seconds,
        "checkpoint": answer.checkpoint,
        "final": answer.final,
        "training": None if answer.training is None else asdict(answer.training),
        "best_at": answer.best_at,
        "runs": [run_document(run, answer) for run in answer.runs],
    }


def run_document(run: Run, answer: Answer) -> dict[str, object]:
    """What ``--json`` tells about a run of an answer; its score is null where it has none."""
    question = answer.question
    return {
        "arm": run.arm,
        "lr": run.lr,
        "seed": run.seed,
        "status": run.status,
        "units": run.units,
        "score": run.score(question.metric, reduce=question.reduce),
        "detail": run.detail,
        "seconds": run.seconds,
        "why": run.why,
    }
