"""Running the application: the listening socket first, so that a taken port is said at once, then uvicorn.

``serve`` and ``demo`` both use this. The caller closes the database after ``run`` returns.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI

from jiehuan.api.dealing import take_from
from jiehuan.units.errors import InputError, Problem, Refused

BACKLOG = 1024
"""Connections that may wait to be accepted."""

PATIENCE = 5
"""Seconds that requests in flight get to end after the signal."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket (port 0: a free one). Raises Refused for a taken or forbidden port, InputError for a host."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        mend = "use 127.0.0.1, or an address of this machine"
        raise InputError(Problem("--host", host[:80], "not an address", mend)) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            mend = f"stop it, or take another port, like: jiehuan serve --port {port % 65535 + 1}"
            raise Refused(Problem("--port", str(port), "is in use by another program", mend)) from None
        if error.errno == errno.EACCES:
            raise Refused(
                Problem("--port", str(port), "is not allowed to this account", "take one above 1023")
            ) from None
        mend = "use 127.0.0.1, or an address of this machine"
        raise InputError(Problem("--host", host[:80], "not an address of this machine", mend)) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser; a socket on every address is told as localhost's."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


class Desk(NamedTuple):
    """Where connections come from that another process accepted (``dealing``), and whom to tell how many are open."""

    channel: socket.socket
    tell: Callable[[int], None]


def run(app: FastAPI, callers: socket.socket | Desk, *, started: Callable[[], None], trust_proxy: str = "") -> None:
    """Serve until Ctrl-C or SIGTERM, then end live streams, wait for requests in flight, and return.

    ``callers``: a listening socket, which is closed at the end, or a desk.

    ``started`` is called when the first request can be answered.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # the application logs requests, without paths
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=PATIENCE,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=1 << 16,
        limit_concurrency=1000,
        proxy_headers=bool(trust_proxy),
        forwarded_allow_ips=trust_proxy or None,
        server_header=False,
    )

    def ended(_signal: int, _frame: FrameType | None) -> None:
        """Uvicorn raises the signal again after it has stopped; here it has done its work."""

    before = {each: signal.signal(each, ended) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        if isinstance(callers, Desk):
            _DealtServer(config, started, callers).run(sockets=[])
        else:
            with callers:
                _Server(config, started).run(sockets=[callers])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _Server(uvicorn.Server):
    """Uvicorn that says when it serves, and ends the live streams before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what is loaded by now stays: looking through it for garbage would hold up requests
            self._say_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut the live streams, then stop."""
        self.config.app.state.hub.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)


class _DealtServer(_Server):
    """One that takes its connections from a desk."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], desk: Desk) -> None:
        super().__init__(config, started)
        self._desk = desk
        self._stop: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, say so, and take what is dealt."""
        await super().startup(sockets)
        self._stop = take_from(self._desk.channel, self._protocol, self._end)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: say how many connections are open."""
        self._desk.tell(len(self.server_state.connections))
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, then stop."""
        self._stop()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _end(self) -> None:
        """The dealer is gone: nobody can reach this process any more."""
        self.should_exit = True
