"""Errors as documents (RFC 9457), one form for every one of them."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from lrlab.core.errors import LrlabError

# Code of an error, status, meaning; the page Help lists them.
CODES = {
    "bad_input": (422, "A value is outside its rule; nothing was started or changed."),
    "not_found": (404, "There is no such study, run or file."),
    "conflict": (409, "Somebody else holds the study, it refuses, or its file is newer."),
    "store": (503, "The store cannot be read or written, or the file is damaged."),
    "no_answer": (503, "The process that runs the study does not answer."),
    "task_failed": (422, "The training cannot be built again."),
    "no_token": (401, "The request has neither the cookie nor the token."),
    "cross_origin": (403, "Another page must not change anything here."),
    "too_many_guesses": (429, "Ten wrong tokens within a minute."),
    "wrong_host": (421, "The address is not one of the page's."),
    "no_json": (415, "A body must be JSON."),
    "too_large": (413, "A body has at most 1 MiB."),
    "http": (405, "The address does not know this method, or the request is no HTTP."),
    "internal": (500, "An error in lrlab itself; please report it."),
}


def problem_body(
    status: int,
    code: str,
    title: str,
    *,
    detail: str = "",
    hint: str = "",
    errors: Mapping[str, str] | None = None,
    request: str = "",
) -> bytes:
    """The document of an error.

    Args:
        status: Of the answer.
        code: Stable name, one of ``CODES``.
        title: One sentence: what.
        detail: Why, where the title does not hold it.
        hint: What to do.
        errors: Field and sentence, where single values are wrong.
        request: The name under which the server's terminal has the request, where it has it.
    """
    value: dict[str, object] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
    }
    if errors is not None:
        value["errors"] = dict(errors)
    if request:
        value["request"] = request
    return json.dumps(value, allow_nan=False).encode()


def status_of(error: LrlabError) -> int:
    """The status that goes with an error of lrlab."""
    return CODES[error.code][0] if error.code in CODES else 500


def status_word(status: int) -> str:
    """``404`` as ``Not Found``."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
