"""``lrlab studies``."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lrlab.cli.options import Json, Store, StudyName, TableFormat, check_count, check_word
from lrlab.cli.output import TABLE, Output, width
from lrlab.core.lr_range import format_lr
from lrlab.core.outcome import StudyState
from lrlab.core.study import Study
from lrlab.report.canvas import wrapped
from lrlab.report.words import counted, one_line, short
from lrlab.store.protocol import StudySummary

studies = typer.Typer(help="The studies in the store: list them, or show one.", rich_markup_mode=None)


StateOption = Annotated[
    str | None,
    typer.Option("--state", metavar="STATE", help="Only those that stand so.", show_default=False),
]
TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task", metavar="TEXT", help="Only those whose task has this in its name.", show_default=False
    ),
]
SortOption = Annotated[
    str, typer.Option("--sort", metavar="COLUMN", help="created, name, state, cost, lr or task.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", help="At most so many.", show_default=False)
]


@studies.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    state: StateOption = None,
    task: TaskOption = None,
    sort: SortOption = "created",
    limit: LimitOption = None,
    store: Store = None,
    form: TableFormat = None,
    json: Json = False,
) -> None:
    """The studies in the store: list them, or show one."""
    if context.invoked_subcommand is None:
        ls(state=state, task=task, sort=sort, limit=limit, store=store, form=form, json=json)


@studies.command()
def ls(
    state: StateOption = None,
    task: TaskOption = None,
    sort: SortOption = "created",
    limit: LimitOption = None,
    store: Store = None,
    form: TableFormat = None,
    json: Json = False,
) -> None:
    """One line a study, newest first."""
    from lrlab.api.engines import open_lab

    output = Output.of("studies", form, known=TABLE, json=json)
    check_word("studies", "--state", state, _STATES)
    check_word("studies", "--sort", sort, tuple(_COLUMNS))
    check_count("studies", "--limit", limit)
    every = open_lab(store).studies()
    wanted = (task or "").casefold()
    found = [
        summary for summary in every if state in (None, _state(summary)) and wanted in summary.task.casefold()
    ]
    found = sorted(found, key=_COLUMNS[sort])[:limit]
    if not every:
        output.result("No studies yet. Begin with: lrlab demo, or lrlab sweep --help")
    elif not found:
        output.result(f"None of the studies here ({len(every)} in all) is like that.")
    else:
        output.result(_table([_HEAD, *(_cells(summary) for summary in found)]))
    documents = [_document(summary) for summary in found]
    output.rows(_FIELDS, documents)
    output.document("studies", {"studies": documents})


@studies.command()
def show(name: StudyName, store: Store = None, json: Json = False) -> None:
    """The answer of one study, or the one so far, with its settings and its log."""
    from lrlab.api.engines import open_lab
    from lrlab.api.results import Answer
    from lrlab.cli import answers

    output = Output(json=json)
    lab = open_lab(store)
    study = lab.study(name)
    answer = Answer.of(lab.answer(study), study)
    if json:
        log = [{"at": _time(event.at), "kind": event.kind, "text": event.text} for event in study.events]
        more = {
            "state": study.state,
            "created": _time(study.created),
            "settings": _settings(study),
            "log": log,
        }
        output.document("study", answers.document(answer) | more)
        return
    answers.show(output, answer)
    output.result("\nSettings")
    output.result(_table([[f"  {key}", one_line(value)] for key, value in _settings(study).items()]))
    output.result("\nLog")
    for event in study.events:
        told = one_line(f"{_time(event.at)} {event.text}")
        output.result("\n".join(f"  {line}" for line in wrapped(told, width() - 2, indent="  ")))


_STATES = (*(str(state) for state in StudyState), "unreadable")
_COLUMNS: dict[str, Callable[[StudySummary], Any]] = {
    "created": lambda summary: (-summary.created, summary.name),
    "name": lambda summary: summary.name,
    "state": lambda summary: (_STATES.index(_state(summary)), -summary.created),
    "cost": lambda summary: -summary.cost,
    "lr": lambda summary: (summary.lr is None, summary.lr or 0.0),
    "task": lambda summary: (summary.task, -summary.created),
}


def _state(summary: StudySummary) -> str:
    return "unreadable" if summary.problem else str(summary.state)


_HEAD = ["study", "state", "learning rate", "cost", "runs", "created", "task"]


def _cells(summary: StudySummary) -> list[str]:
    if summary.problem:
        return [summary.name, "unreadable", one_line(summary.problem)]
    return [
        summary.name,
        str(summary.state),
        format_lr(summary.lr) if summary.lr is not None else "",
        f"{summary.cost:.2f}",
        str(summary.runs),
        _time(summary.created)[:16].replace("T", " "),
        short(summary.task),
    ]


_FIELDS = ("study", "task", "state", "created", "runs", "cost", "lr", "problem")


def _document(summary: StudySummary) -> dict[str, object]:
    return {
        "study": summary.name,
        "task": summary.task,
        "state": _state(summary),
        "created": _time(summary.created),
        "runs": summary.runs,
        "cost": summary.cost,
        "lr": summary.lr,
        "problem": summary.problem,
    }


def _settings(study: Study) -> dict[str, str]:
    question = study.question
    arm = question.arms[0]
    known = {
        "state": str(study.state),
        "created": _time(study.created),
        "task": study.task,
        "target": str(study.target.get("ref", "")),
        "searcher": study.searcher,
        "rates": str(question.lr),
        "budget": counted(question.budget, question.unit),
        "metric": f"{question.metric}, {question.reduce} value",
        "tolerance": f"{question.tolerance:g}",
        "price limit": f"{question.max_cost:g} full runs" if question.max_cost is not None else "",
        "your rate": format_lr(question.current_lr) if question.current_lr is not None else "",
        "seeds": f"{question.seeds}, from {question.seed}",
        "optimizer": arm.optimizer,
        "schedule": arm.schedule,
    }
    return {name: value for name, value in known.items() if value}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _table(rows: list[list[str]]) -> str:
    """Columns side by side; a line that is too long for the terminal loses its end."""
    most = width()
    columns = max(len(row) for row in rows)
    # The last cell of a row may run on: it makes no column wide.
    wide = [max((len(row[k]) for row in rows if k < len(row) - 1), default=0) for k in range(columns)]
    lines = ("  ".join(cell.ljust(wide[k]) for k, cell in enumerate(row)).rstrip() for row in rows)
    return "\n".join(line if len(line) <= most else line[: most - 3] + "..." for line in lines)
