"""An answer on the command line: as text, as a document, and what to type next."""

import shlex
import sys

import typer

from lrlab.api.results import Answer
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run


def give(output: Output, answer: Answer, *, store: str | None) -> None:
    """Print an answer, and end the command with its exit code."""
    show(output, answer)
    failed = next((run for run in answer.runs if run.outcome is Outcome.FAILED), None)
    if failed is not None:
        output.note(f"What failed: {command('runs', answer.study, store)} --lr {failed.lr!r}")
    if answer.found:
        output.note(f"Every curve: {command('report', answer.study, store)} -o report.html")
    if not answer.final and "STOPPED" not in answer.codes:
        output.note(f"To settle the rest: {command('resume', answer.study, store)}")
    raise typer.Exit(answer.exit_code)


def show(output: Output, answer: Answer) -> None:
    """Print an answer."""
    output.result(answer.summary(width=width(), unicode=speaks_unicode(sys.stdout)))
    content = document(answer)
    if not answer.found:
        code = "all_diverged" if answer.exit_code == 4 else "task_failed"
        hint = answer.warnings[0].text if answer.warnings else ""
        content["error"] = {"code": code, "message": str(answer), "hint": hint}
    output.document("sweep", content, ok=answer.found)


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
