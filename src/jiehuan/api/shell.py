"""The outermost layer: headers and a size limit for all, a log line without personal data, the last net for faults."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jiehuan.api.errors import fault, http_error

log = structlog.get_logger("jiehuan.api")
_REQUESTS = logging.getLogger("jiehuan.api")

CONSOLE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",  # the policy editor runs its engine as WebAssembly
        "style-src 'self' 'unsafe-inline'",  # antd writes its styles into the page
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


MAX_BODY = 1 << 20
"""Bytes of a request that are read; imports of files go by the command line."""


class Shell:
    """ASGI middleware. A fault inside becomes a 500 in the common shape; it never reaches the server's traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(MutableHeaders(scope=message), scope)
            await send(message)

        try:
            declared = Headers(scope=scope).get("content-length", "")
            if declared.isdigit() and int(declared) > MAX_BODY:
                raise TooLarge
            await self.app(scope, _limited(receive), dressed)
        except TooLarge as error:
            await http_error(Request(scope), error)(scope, receive, dressed)
        except Exception as error:
            if status:
                log.error("fault after the answer began", kind=type(error).__name__)
                raise ConnectionAbortedError from None
            await fault(Request(scope), error)(scope, receive, dressed)
        finally:
            _tell(scope, status, time.perf_counter() - began)


class TooLarge(HTTPException):
    """The request is larger than ``MAX_BODY``, whether it said so or not."""

    def __init__(self) -> None:
        super().__init__(413)


def _limited(receive: Receive) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise TooLarge
        return message

    return counted


def _dress(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", CONSOLE_POLICY)
    if scope["path"].startswith("/api"):
        headers.setdefault("Cache-Control", "no-store")


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """The log line, when requests are logged: the route's pattern instead of the path, no query, no ids, no address of the person."""
    if not _REQUESTS.isEnabledFor(logging.INFO):
        return
    route = scope.get("route")
    pattern = getattr(route, "path", "") or "(none)"
    actor = scope.get("state", {}).get("actor")
    log.info(
        "request",
        method=scope["method"],
        route=pattern,
        status=status,
        ms=round(seconds * 1000, 1),
        user=getattr(actor, "user_id", None),
    )
