"""``lrlab delete``."""

from typing import Annotated

import typer

from lrlab.cli.options import Json, NoInput, Quiet, Store, StudyName, may_ask
from lrlab.cli.output import Output
from lrlab.core.errors import ConflictError, SpecError
from lrlab.core.outcome import StudyState
from lrlab.report.words import counted
from lrlab.store.protocol import StudySummary


def delete(
    name: StudyName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_input: NoInput = False,
    store: Store = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete a study with everything that belongs to it; asks first."""
    from lrlab.api.engines import open_lab
    from lrlab.cli.answers import command

    output = Output(json=json, quiet=quiet)
    lab = open_lab(store)
    summary = next((summary for summary in lab.studies() if summary.name == name), None)
    lost = _lost(summary)
    if lost is None:
        lab.study(name)  # tells that there is none of that name, and which are near
    if summary is not None and summary.state in (StudyState.RUNNING, StudyState.PAUSED):
        raise ConflictError(
            f"delete: study {name} is {summary.state}, and only one that no process runs can go.",
            hint=f"Stop it first: {command('stop', name, store)}",
        )
    if not yes:
        if not may_ask(output, no_input=no_input):
            raise SpecError(
                f"delete: study {name} is deleted only after a yes, and nobody can be asked here.",
                why=f"It would lose {lost}.",
                hint="Say so with --yes.",
            )
        if not typer.confirm(f"Delete study {name}? It loses {lost}, for good.", err=True):
            output.note("Nothing was deleted.")
            return
    lab.delete(name)
    output.result(f"Study {name} is deleted: {lost}.")
    output.document("delete", {"study": name, "lost": lost})


def _lost(summary: StudySummary | None) -> str | None:
    """What goes with a study, in words; None where there is none."""
    if summary is None:
        return None
    if summary.problem:
        return "a file that this lrlab cannot read, and all that lies beside it"
    answer = " the answer," if summary.lr is not None else ""
    return f"{counted(summary.runs, 'run')} worth {summary.cost:.2f} full runs,{answer} checkpoints and logs"
