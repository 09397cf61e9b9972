"""What the API replies, as OpenAPI tells it: every document's keys with their kinds. Keys may come, none goes away.

The replies themselves are plain dicts (``lrlab.web.documents``); tests hold them against these shapes.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from lrlab.web.shapes import commands, runs, studies

PREFIX = "/api/v1"
_STUDY, _RUN = "/studies/{name}", "/studies/{name}/runs/{run}"
REPLIES: dict[tuple[str, str], tuple[type[BaseModel], ...]] = {
    ("get", "/health"): (commands.Health,),
    ("get", "/studies"): (studies.StudyLines,),
    ("post", "/studies"): (commands.StartDocument,),
    ("get", _STUDY): (studies.StudyDocument,),
    ("get", f"{_STUDY}/answer"): (studies.AnswerDocument,),
    ("get", f"{_STUDY}/u-curve"): (studies.UCurveDocument,),
    ("get", f"{_STUDY}/curves"): (studies.Curves, studies.CurvesChange),
    ("get", f"{_STUDY}/timeline"): (studies.TimelineDocument,),
    ("get", f"{_STUDY}/verdicts"): (runs.RunVerdicts,),
    ("get", f"{_STUDY}/runs"): (runs.RunDocuments,),
    ("get", _RUN): (runs.RunDocument,),
    ("get", f"{_RUN}/verdicts"): (runs.CheckupDocument,),
    ("get", f"{_RUN}/series"): (runs.SeriesDocuments,),
    ("get", f"{_RUN}/log"): (runs.Log,),
    ("get", f"{_RUN}/log/lines"): (runs.LogLines,),
    ("get", f"{_RUN}/log/find"): (runs.LogFound,),
    ("get", f"{_STUDY}/reading"): (studies.Reading,),
    ("post", f"{_STUDY}/lost"): (commands.Done,),
    ("post", f"{_STUDY}/commands"): (commands.CommandSent,),
    ("get", f"{_STUDY}/commands/{{id}}"): (commands.CommandFate,),
    ("get", "/targets"): (commands.Targets,),
    ("get", "/data"): (commands.Paths,),
    ("post", "/command-line"): (commands.CommandLine,),
    ("get", "/starts/{id}"): (commands.StartDocument,),
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with the shapes of replies and problems put in, where a route does not tell its own."""
    models: dict[type[BaseModel], None] = {commands.Problem: None}
    models |= dict.fromkeys(model for shapes in REPLIES.values() for model in shapes)
    place = "#/components/schemas/{model}"
    references, shapes = models_json_schema([(model, "validation") for model in models], ref_template=place)
    schema.setdefault("components", {}).setdefault("schemas", {}).update(shapes["$defs"])
    for (method, path), own in REPLIES.items():
        told = [references[model, "validation"] for model in own]
        for status, reply in schema["paths"][PREFIX + path][method]["responses"].items():
            if status.startswith("2"):
                reply["content"]["application/json"]["schema"] = (
                    told[0] if len(told) == 1 else {"anyOf": told}
                )
    problem = {"application/problem+json": {"schema": references[commands.Problem, "validation"]}}
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status, reply in operation["responses"].items():
                if not status.startswith("2"):
                    reply.update(
                        description="A problem, as application/problem+json (RFC 9457)", content=problem
                    )
    return schema
