"""Ways to read what the API answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from lrlab.web.problems import CODES

Opened = Callable[..., TestClient]
API = "/api/v1"


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def told(client: TestClient, path: str, **params: Any) -> Any:
    response = client.get(f"{API}{path}", params=params)
    assert response.status_code == 200, response.text
    return strict(response.text)


def problem(response: Any, status: int, code: str, words: str) -> dict[str, Any]:
    """The document of an error, which every error has."""
    found: dict[str, Any] = strict(response.text)
    assert (response.status_code, found["status"], found["code"]) == (status, status, code)
    assert code in CODES
    assert response.headers["content-type"] == "application/problem+json"
    assert words in f"{found['title']} {found['detail']} {found['hint']}"
    return found
