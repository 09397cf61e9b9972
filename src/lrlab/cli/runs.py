"""``lrlab runs``."""

import math
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from lrlab.cli import options
from lrlab.cli.options import check_count, check_word
from lrlab.cli.output import TABLE, Output, speaks_unicode, width
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.lr_range import LRRange, format_lr, positive_rate
from lrlab.core.outcome import Outcome, State
from lrlab.core.question import Advance
from lrlab.core.run import Run
from lrlab.core.study import Study
from lrlab.report.words import counted, format_score, one_line
from lrlab.store.protocol import Store


def runs(
    name: options.StudyName,
    lr: Annotated[
        str | None,
        typer.Option(
            metavar="RATE|LOW:HIGH",
            help="Show what the runs at this rate recorded; or only those in this range.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            "--outcome",
            metavar="STATE",
            help="Only those that stand or ended so.",
            show_default=False,
        ),
    ] = None,
    best: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only the N with the best scores, best first.", show_default=False),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="lr, score (best first) or units (most first).", show_default=False
        ),
    ] = None,
    log: Annotated[
        bool,
        typer.Option("--log", help="Show what the runs of a command have printed; all of them, or at --lr."),
    ] = False,
    store: options.Store = None,
    form: options.TableFormat = None,
    json: options.Json = False,
) -> None:
    """The runs of a study; with --lr RATE everything about those at one rate."""
    from lrlab.api.engines import open_lab
    from lrlab.api.results import Answer
    from lrlab.cli.answers import run_document
    from lrlab.report.tables import runs_table
    from lrlab.report.text import runs_text

    output = Output.of("runs", form, known=TABLE, json=json)
    if log and output.csv:
        raise SpecError("runs: --log shows text, and --format csv is for tables.", hint="Leave one out.")
    check_word("runs", "--state", state, _STATES)
    check_word("runs", "--sort", sort, _COLUMNS)
    check_count("runs", "--best", best)
    lab = open_lab(store)
    study = lab.study(name)
    answer = Answer.of(lab.answer(study), study)
    chosen = _chosen(study, lr=lr, state=state, best=best, sort=sort)
    if log:
        _show_logs(output, lab.store, study, chosen)
        return
    if lr is None or ":" in lr:
        rows = {(row.arm, row.lr, row.seed): row for row in runs_table(answer)}
        shown = chosen if best or sort else sorted(chosen, key=lambda run: run.key)
        table = [rows[run.key] for run in shown]
        output.result(
            runs_text(table, width=width(), unicode=speaks_unicode(sys.stdout))
            if table or not study.runs
            else f"None of the {len(study.runs)} runs is like that."
        )
        documents = [run_document(run, answer) for run in chosen]
        output.rows(_FIELDS, documents)
        output.document("runs", {"study": name, "runs": documents})
        return
    output.result("\n\n".join(_story(run, _decisions(study, run)) for run in chosen))
    if output.csv:
        _show_records(output, chosen)
    output.document(
        "runs",
        {
            "study": name,
            "runs": [
                run_document(run, answer)
                | {"decisions": [{"until": a.until, "why": a.why} for a in _decisions(study, run)]}
                | {"records": _records(run)}
                for run in chosen
            ],
        },
    )


_FIELDS = ("arm", "lr", "seed", "status", "units", "score", "detail", "seconds", "why")
_STATES = (*map(str, State), *map(str, Outcome))
_COLUMNS = ("lr", "score", "units")


def _chosen(
    study: Study, *, lr: str | None, state: str | None, best: int | None, sort: str | None
) -> Sequence[Run]:
    """The runs that a person asks for, in the order asked for, else as they were begun."""
    question = study.question
    found: Sequence[Run] = study.runs
    if lr is not None and ":" in lr:
        span = LRRange.parse(lr)
        found = [run for run in found if run.lr in span]
    elif lr is not None:
        found = _at_rate(found, positive_rate(lr, "runs: --lr"), study=study.name)

    def loss(run: Run) -> float:
        if run.outcome is Outcome.DIVERGED:
            return math.inf
        return question.metric.loss(run.score(question.metric, reduce=question.reduce))

    found = [run for run in found if state in (None, run.status)]
    if best is not None:
        found = sorted((run for run in found if math.isfinite(loss(run))), key=loss)[:best]
    orders: dict[str, Callable[[Run], float]] = {
        "lr": lambda run: run.lr,
        "score": loss,
        "units": lambda run: -run.units,
    }
    return found if sort is None else sorted(found, key=orders[sort])


def _show_logs(output: Output, store: Store, study: Study, chosen: Sequence[Run]) -> None:
    """What the runs of a command have printed.

    Raises:
        NotFoundError: If the study keeps no logs.
    """
    from lrlab.api.engines import run_folder

    found = [
        (run, folder) for run in chosen if (folder := run_folder(store, study.name, run.key)) is not None
    ]
    if not found:
        raise NotFoundError(
            f"runs: study {study.name} keeps no logs.",
            hint="Those of commands do: lrlab sweep --budget N -- COMMAND ...",
        )
    output.result("\n\n".join(f"{run.key}: {run.status}\n{folder.log()}" for run, folder in found))
    logs = [
        {"arm": run.arm, "lr": run.lr, "seed": run.seed, "folder": str(folder.path), "log": folder.log()}
        for run, folder in found
    ]
    output.document("logs", {"study": study.name, "runs": logs})


def _at_rate(found: Sequence[Run], lr: float, *, study: str) -> list[Run]:
    """The runs whose rate is ``lr``, as exactly as a person types it."""
    chosen = [run for run in found if math.isclose(run.lr, lr, rel_tol=1e-9)]
    chosen = chosen or [run for run in found if format_lr(run.lr) == format_lr(lr)]
    if not chosen:
        rates = ", ".join(dict.fromkeys(format_lr(run.lr) for run in sorted(found, key=lambda run: run.lr)))
        raise NotFoundError(f"runs: study {study} has no run at {lr:g}.", hint=f"Its rates: {rates}.")
    return chosen


def _records(run: Run) -> list[dict[str, object]]:
    return [{"at": record.at, "step": record.step, "metrics": record.metrics} for record in run.records]


def _show_records(output: Output, chosen: Sequence[Run]) -> None:
    """A row for each record of the runs; a metric is a column."""
    rows = [
        {"arm": run.arm, "lr": run.lr, "seed": run.seed, "at": record.at, "step": record.step}
        | {f"metric:{name}" if name in _RECORD else name: value for name, value in record.metrics.items()}
        for run in chosen
        for record in run.records
    ]
    output.rows(tuple(dict.fromkeys((*_RECORD, *(name for row in rows for name in row)))), rows)


_RECORD = ("arm", "lr", "seed", "at", "step")


def _decisions(study: Study, run: Run) -> list[Advance]:
    """What the searcher asked of a run, in order."""
    return [advance for advance in study.advances if advance.key == run.key]


def _story(run: Run, decisions: Sequence[Advance]) -> str:
    """A run with the records at the ends of its units, every decision about it, and why it ended or waits."""
    head = f"{run.key}: {run.status} after {counted(run.units, 'unit')}, {run.seconds:.1f} s"
    shown = [record for record in run.records if record.ends_unit or record.at == 0]
    names = list(dict.fromkeys(name for record in shown for name in record.metrics))
    lines = [head]
    if shown:
        rows = [["unit", "step", *(one_line(name) for name in names)]]
        for record in shown:
            values = [format_score(record.metrics[name]) if name in record.metrics else "" for name in names]
            rows.append([f"{record.at:g}", "" if record.step is None else str(record.step), *values])
        wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines += ["  " + "  ".join(cell.rjust(wide[k]) for k, cell in enumerate(row)) for row in rows]
    hidden = len(run.records) - len(shown)
    if hidden:
        lines.append(f"  and {counted(hidden, 'record')} inside units; --json shows them")
    lines += [f"  until {advance.until}: {advance.why}" for advance in decisions if advance.why]
    if run.detail:
        lines += ["  " + line for line in run.detail.splitlines()]
    return "\n".join(lines)
