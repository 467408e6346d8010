"""More than one process behind one address: each serves the whole application from the same listening socket.

Python runs one thread at a time in a process, so a second core needs a second process. The parent holds the database (the
embedded server lives as long as it), starts the workers, starts one again that died, and ends them all at its own end.
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
    """Serve with so many processes until Ctrl-C or SIGTERM; ``started`` is called when the first of them answers."""
    context = multiprocessing.get_context("spawn")
    ending = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ending.set()

    def begin() -> BaseProcess:
        ready = context.Event()
        told = (listener, database.home, database.dsn, trust_proxy, verbose, ready)
        process = context.Process(target=_work, args=told, daemon=False)
        process.start()
        readies.append(ready)
        return process

    readies: list[Any] = []
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    running = [begin() for _ in range(workers)]
    try:
        while not ending.is_set() and not any(ready.is_set() for ready in readies):
            if not any(process.is_alive() for process in running):
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
        listener.close()


def _work(listener: socket.socket, home: Path, dsn: str, trust_proxy: str, verbose: bool, ready: Any) -> None:
    """One worker: its own connections and threads on the shared socket."""
    from jiehuan.api.app import create_app
    from jiehuan.api.logs import set_up_logs
    from jiehuan.api.server import run
    from jiehuan.store.database import open_database

    set_up_logs(verbose=verbose)
    with open_database(home, dsn, upgrade=False) as database:
        run(create_app(database), listener, started=ready.set, trust_proxy=trust_proxy)
