"""More than one process behind one address: each serves the whole application from a listening socket of its own.

Python runs one thread at a time in a process, so a second core needs a second process. The sockets share the address
(SO_REUSEPORT), so that the kernel deals new connections out evenly; from one shared socket, the process that wakes first takes
all that wait, and kept-open connections then stay with it. The parent holds the address and the database (the embedded server
lives as long as it), starts the workers, starts one again that died, and ends them all at its own end.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from jiehuan.store.database import Database

log = structlog.get_logger("jiehuan.api")

_AGAIN_AFTER = 1.0
"""Seconds before a worker that died is started again, so that one that cannot start does not eat the machine."""


def serve_with(
    database: Database,
    listener: socket.socket,
    workers: int,
    *,
    started: Callable[[], None],
    trust_proxy: str,
    verbose: bool,
) -> None:
    """Serve with so many processes until Ctrl-C or SIGTERM; ``started`` is called when all of them answer.

    ``listener``, which found the address free, is closed: a socket that nobody accepts from would be dealt connections too.
    """
    address, family = listener.getsockname(), listener.family
    listener.close()
    holder = _shared(family, address)
    context = multiprocessing.get_context("spawn")
    ending = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ending.set()

    def begin() -> BaseProcess:
        ready = context.Event()
        told = (family, address, database.home, database.dsn, trust_proxy, verbose, ready)
        process = context.Process(target=_work, args=told, daemon=False)
        process.start()
        readies.append(ready)
        return process

    readies: list[Any] = []
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    running = [begin() for _ in range(workers)]
    try:
        while not ending.is_set() and not all(ready.is_set() for ready in readies):
            if not all(process.is_alive() for process in running):
                log.error("a worker could not start")
                return
            time.sleep(0.02)
        if not ending.is_set():
            started()
        while not ending.is_set():
            wait([process.sentinel for process in running], timeout=0.2)
            for place, process in enumerate(running):
                if not process.is_alive() and not ending.is_set():
                    log.error("a worker died and is started again", exit=process.exitcode)
                    time.sleep(_AGAIN_AFTER)
                    running[place] = begin()
    finally:
        for process in running:
            if process.is_alive():
                process.terminate()
        for process in running:
            process.join(20)
        for each, handler in before.items():
            signal.signal(each, handler)
        holder.close()


def _shared(family: int, address: Any) -> socket.socket:
    """A socket on an address that others may be bound to as well."""
    mine = socket.socket(family, socket.SOCK_STREAM)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    mine.bind(address)
    return mine


def _work(family: int, address: Any, home: Path, dsn: str, trust_proxy: str, verbose: bool, ready: Any) -> None:
    """One worker: its own connections and threads on its own socket."""
    from jiehuan.api.app import create_app
    from jiehuan.api.logs import set_up_logs
    from jiehuan.api.server import BACKLOG, run
    from jiehuan.store.database import open_database

    set_up_logs(verbose=verbose)
    with open_database(home, dsn, upgrade=False) as database:
        app = create_app(database)
        with _shared(family, address) as listener:
            listener.listen(BACKLOG)
            run(app, listener, started=ready.set, trust_proxy=trust_proxy)
