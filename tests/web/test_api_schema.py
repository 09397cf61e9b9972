"""The API's own description: every reply has a shape, and what is asked out of it is answered as it says."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from api_cases import ENDLESS, filled_page, hold
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from lrlab.web.described import REPLIES

# What no request out of the schema alone can bring about: a code that was printed, and a process that has fallen silent.
NEVER = {"POST /api/v1/session", "POST /api/v1/studies/{name}/lost"}
# What has neither parameters nor a body cannot be asked wrongly; a study, an id or a run can only be unknown.
ALWAYS_RIGHT = {"name", "id"}


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def operations(client: TestClient) -> dict[str, Any]:
    """Every operation of the schema, by method and path."""
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": told for path, own in paths.items() for method, told in own.items()}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_api_is_as_it_says(tmp_path: Path, shown: TestClient) -> None:
    """1,500 requests, half of them wrong; api_cases.py, run by itself, asks 5,000."""
    with filled_page(tmp_path) as page:
        seen = hold(page, cases=1_500, seed=0)
    every = operations(shown)
    del every[" ".join(ENDLESS)]
    assert {label for label, _, status in seen if status < 300} == set(every) - NEVER
    can_be_wrong = {
        label
        for label, told in every.items()
        if "requestBody" in told
        or any(p["name"] not in ALWAYS_RIGHT for p in told.get("parameters", []) if p["in"] != "header")
    }
    refused = {label for label, kind, status in seen if kind == "negative" and 400 <= status < 500}
    assert can_be_wrong <= refused
    assert sum(seen.values()) > 1_000


def test_every_reply_has_a_shape(shown: TestClient) -> None:
    schema = shown.get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    for label, told in operations(shown).items():
        for status, reply in told["responses"].items():
            kinds = reply.get("content", {})
            if status.startswith("2"):
                assert bool(kinds) == (status != "204"), label
                shapeless = kinds.get("application/json", {}).get("schema") == {}
                assert not shapeless or label.endswith("/export.json"), label
            else:
                assert list(kinds) == ["application/problem+json"], label
    for shape in schema["components"]["schemas"].values():
        Draft202012Validator.check_schema(shape)


def test_the_document_is_what_openapi_demands_of_one(shown: TestClient) -> None:
    """Against the schema that OpenAPI 3.1 itself publishes, which schemathesis brings along."""
    document = shown.get("/api/v1/openapi.json").json()
    schemathesis.openapi.from_dict(document).validate()
    document["paths"]["/api/v1/studies"]["get"]["parameters"][0]["in"] = "nowhere"
    with pytest.raises(Exception, match="nowhere"):
        schemathesis.openapi.from_dict(document).validate()


@pytest.mark.parametrize("path", ["", "/answer", "/u-curve", "/curves", "/timeline", "/verdicts", "/runs", "/runs/1", "/runs/1/series", "/runs/1/verdicts"])  # fmt: skip
@pytest.mark.parametrize("name", ["race", "diverged", "edge", "seeds", "hostile"])
def test_a_reply_has_its_shape(shown: TestClient, name: str, path: str) -> None:
    schema = shown.get("/api/v1/openapi.json").json()
    place = "/studies/{name}" + path.replace("/1", "/{run}")
    shape = schema["paths"][f"/api/v1{place}"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    told = shown.get(f"/api/v1/studies/{name}{path}").json()
    Draft202012Validator({**shape, "components": schema["components"]}).validate(told)
    (model, *_) = REPLIES["get", place]
    assert set(told) >= set(model.model_fields)


NASTY = [
    "",
    "0",
    "-1",
    "1e999",
    "nan",
    "9" * 400,
    "a" * 5_000,
    "%00",
    "\u202e",
    "🦀",
    "'; DROP TABLE runs",
    "{{7*7}}",
    "../..",
    "race",
]


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_nothing_that_is_asked_breaks_it(shown: TestClient, value: str) -> None:
    """Every GET of the schema, with the value in each place of its path and of its query; nothing is ever 5xx."""
    asked = 0
    for path, methods in shown.get("/api/v1/openapi.json").json()["paths"].items():
        if "get" not in methods or path.endswith("/events"):
            continue
        parameters = methods["get"].get("parameters", [])
        good = {"name": "race", "run": "1", "id": "x"}
        for parameter in parameters:
            place, query = dict(good), {}
            if parameter["in"] == "path":
                place[parameter["name"]] = quote(value, safe="")
            elif parameter["in"] == "query":
                query[parameter["name"]] = value
            else:
                continue
            url = path.format(**{name: place[name] for name in good if f"{{{name}}}" in path})
            answer = shown.get(url, params=query)
            assert answer.status_code < 500, (url, query, answer.text)
            if "json" in answer.headers.get("content-type", ""):
                strict(answer.text)
            asked += 1
    assert asked > 25
