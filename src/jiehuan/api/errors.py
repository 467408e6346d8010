"""Every error in one shape: ``{"error": word, "problems": [...]}``, whatever raised it, and never a stack trace.

A client reads ``error`` (stable) and the status; a person reads the problems: what is wrong, where, and the mend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from jiehuan.api.shapes import Failure
from jiehuan.units.errors import Conflict, InputError, JiehuanError, Problem, Refused

log = structlog.get_logger("jiehuan.api")

WORDS: Mapping[int, str] = {
    400: "malformed",
    401: "not_logged_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    414: "address_too_long",
    415: "unsupported_type",
    422: "refused_input",
    429: "too_many",
    500: "fault",
    503: "not_ready",
}
"""The stable words of the statuses."""

_SENTENCES: Mapping[int, tuple[str, str]] = {
    400: ("the request could not be read", "send well-formed JSON in UTF-8"),
    404: ("there is nothing at this address", "check the path and the id"),
    405: ("this address does not take that method", "see /docs"),
    413: ("the request is larger than this server reads", "send less than 1 MiB"),
    415: ("the content is not of a type this address reads", "send Content-Type: application/json"),
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": WORDS[status]}
    for status in (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503)
}
"""What any route may answer beside its own: for the OpenAPI document."""


class NotFound(Refused):
    """There is no such thing, or none that the person may know of."""


class NotLoggedIn(Refused):
    """No session, or one that has ended."""


class NotAllowed(Refused):
    """The role does not have this door."""


class TooMany(Refused):
    """Tried too often; ``retry_after`` is in seconds."""

    def __init__(self, problem: Problem, retry_after: int) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


_STATUS: Sequence[tuple[type[JiehuanError], int]] = (
    (NotLoggedIn, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (TooMany, 429),
    (Conflict, 409),
    (InputError, 422),
    (Refused, 409),
)


def failure(status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for these problems."""
    body = {"error": WORDS.get(status, "fault"), "problems": [problem.as_dict() for problem in problems]}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def install(app: FastAPI) -> None:
    """Put the handlers on the app."""
    app.add_exception_handler(JiehuanError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(DataError, _bad_data)
    app.add_exception_handler(IntegrityError, _integrity)
    app.add_exception_handler(OperationalError, _unreachable)
    app.add_exception_handler(PoolTimeout, _unreachable)


def _ours(_: Request, error: Any) -> JSONResponse:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return failure(status, error.problems, headers)


def _invalid(_: Request, error: Any) -> JSONResponse:
    """FastAPI's own findings: the place, the reason; a secret that was sent is not sent back."""
    if any(found["type"] == "json_invalid" for found in error.errors()):
        found = error.errors()[0]
        reason = f"malformed JSON: {found.get('ctx', {}).get('error', 'unreadable')}"
        return failure(400, [Problem(f"body, character {found['loc'][-1]}", "", reason, "mend the JSON there")])
    return failure(422, [_as_problem(found) for found in error.errors()][:50])


_SECRET = frozenset(
    {
        "password",
        "current",
        "new",
        "token",
        "cookie",
        "authorization",
        "login",
        "name",
        "phone",
        "email",
        "id_number",
        "note",
        "search",
    }
)
"""Fields whose value is not repeated in an error: secrets, and what may name a person."""


def _as_problem(found: Mapping[str, Any]) -> Problem:
    where = " ".join(str(part) for part in found["loc"])
    secret = str(found["loc"][-1]) in _SECRET
    value = found.get("input")
    shown = "" if secret or value is None or isinstance(value, dict | list | bytes) else str(value)[:80]
    mend = (
        "send an Idempotency-Key header: a fresh random text for each act"
        if where.lower() == "header idempotency-key"
        else ""
    )
    return Problem(where, shown.encode("utf-8", "replace").decode(), str(found["msg"]), mend)


def http_error(request: Request, error: Any) -> JSONResponse:
    """The framework's own refusals (404, 405, 413 …) in our shape."""
    reason, mend = _SENTENCES.get(error.status_code, (str(error.detail), ""))
    shown = f"{request.method} {request.url.path[:200]}" if error.status_code in {404, 405} else ""
    return failure(error.status_code, [Problem("request", shown, reason, mend)], error.headers)


def _bad_data(request: Request, error: Any) -> JSONResponse:
    """The database could not hold a value that the models let through: still the sender's to mend, never a 500."""
    log.warning("value refused by the database", path=_route(request), kind=type(error.orig).__name__)
    return failure(
        422, [Problem("request", "", "a value that cannot be kept", "check for control characters and for size")]
    )


def _integrity(request: Request, error: Any) -> JSONResponse:
    log.warning("conflict in the database", path=_route(request), kind=type(error.orig).__name__)
    return failure(
        409, [Problem("request", "", "it collides with what is stored", "read the present state and try again")]
    )


def _unreachable(request: Request, error: Exception) -> JSONResponse:
    log.error("database unreachable", path=_route(request), kind=type(error).__name__)
    return failure(
        503, [Problem("database", "", "not reachable just now", "try again in a few seconds")], {"Retry-After": "2"}
    )


def fault(request: Request, error: Exception) -> JSONResponse:
    """A fault of ours: logged by its type and place, told without detail."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    spot = f"{place.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}" if place else ""
    log.error("fault", path=_route(request), kind=type(error).__name__, spot=spot)
    return failure(
        500, [Problem("server", "", "a fault of ours; it was logged", "try again; tell the operator when it stays")]
    )


def _route(request: Request) -> str:
    """The route's pattern, without the ids that stand in it."""
    return str(getattr(request.scope.get("route"), "path", "?"))
