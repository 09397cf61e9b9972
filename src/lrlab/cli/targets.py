"""``lrlab targets``."""

from pathlib import Path

import typer

from lrlab.cli.options import Json, TableFormat
from lrlab.cli.output import TABLE, Output
from lrlab.core.errors import NotFoundError
from lrlab.report.words import one_line, short

_COLUMNS = ("name", "kind", "what", "data", "budget", "metric", "problem")  # of --format csv
_HEAD = ("name", "kind", "budget", "metric", "what")


def targets(form: TableFormat = None, json: Json = False) -> None:
    """The targets in lrlab.toml, and whether each can be trained; nothing is trained."""
    from lrlab.api.examine import Examined, examine
    from lrlab.api.project import FILE, find_project, read_project

    output = Output.of("targets", form, known=TABLE, json=json)
    path = find_project(Path.cwd())
    if path is None:
        raise NotFoundError(
            f"targets: there is no {FILE} in this folder or above.", hint="Write one with: lrlab init"
        )
    found = [examine(target) for target in read_project(path).targets]
    broken = [seen for seen in found if seen.problem]

    def cells(seen: Examined) -> tuple[str, ...]:
        target = seen.target
        budget = "" if seen.budget is None else str(seen.budget)
        what = f"{target.data} {target.what}" if target.data else target.what
        return (target.name, target.kind or "?", budget, seen.metric, short(one_line(what)))

    rows = [_HEAD, *map(cells, found)]
    wide = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(wide[k]) for k, cell in enumerate(row)).rstrip() for row in rows]
    if not found:
        lines = [f"{path} names no target."]
    lines += [f"broken: {seen.target.name}: {one_line(seen.problem)}" for seen in broken]
    output.result("\n".join(lines))
    output.rows(
        _COLUMNS,
        (
            {
                "name": seen.target.name,
                "kind": seen.target.kind,
                "what": seen.target.what,
                "data": seen.target.data,
                "budget": seen.budget,
                "metric": seen.metric,
                "problem": seen.problem,
            }
            for seen in found
        ),
    )
    rest = f"{len(broken)} of {len(found)} targets cannot be trained as they are."
    content: dict[str, object] = {
        "project": str(path),
        "targets": [
            {
                "name": seen.target.name,
                "kind": seen.target.kind,
                "what": seen.target.what,
                "data": seen.target.data or None,
                "budget": seen.budget,
                "metric": seen.metric,
                "settings": seen.target.settings,
                "search": seen.target.search,
                "problem": seen.problem,
            }
            for seen in found
        ],
    }
    if broken:
        content["error"] = {"code": "bad_input", "message": rest, "hint": broken[0].problem}
    output.document("targets", content, ok=not broken)
    raise typer.Exit(2 if broken else 0)
