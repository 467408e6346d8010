"""More than one process behind one address: each serves the whole application, and connections are dealt out among them.

Python runs one thread at a time in a process, so a second core needs a second process. The parent holds the address and the
database (the embedded server lives as long as it), deals out connections (``dealing``), starts the workers, starts one again that
died, and ends them all at its own end; workers whose parent was killed end by themselves.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
import threading
import time
from collections.abc import Callable, MutableSequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from jiehuan.api.dealing import Dealer
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
    """Serve with so many processes until Ctrl-C or SIGTERM; ``started`` is called when all of them answer."""
    context = multiprocessing.get_context("spawn")
    ending = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ending.set()

    def begin(place: int) -> BaseProcess:
        ready = context.Event()
        with dealer.open_desk(place) as desk:
            told = (desk, place, open_at, database.home, database.dsn, trust_proxy, verbose, ready)
            process = context.Process(target=_work, args=told, daemon=False)
            process.start()
        readies.append(ready)
        return process

    open_at = context.RawArray("i", workers)
    dealer = Dealer(listener, open_at)
    readies: list[Any] = []
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    running = [begin(place) for place in range(workers)]
    try:
        while not ending.is_set() and not all(ready.is_set() for ready in readies):
            if not all(process.is_alive() for process in running):
                log.error("a worker could not start")
                return
            time.sleep(0.02)
        if not ending.is_set():
            dealer.start()
            started()
        while not ending.is_set():
            wait([process.sentinel for process in running], timeout=0.2)
            for place, process in enumerate(running):
                if not process.is_alive() and not ending.is_set():
                    dealer.close_desk(place)
                    log.error("a worker died and is started again", exit=process.exitcode)
                    time.sleep(_AGAIN_AFTER)
                    running[place] = begin(place)
    finally:
        dealer.end()
        for process in running:
            if process.is_alive():
                process.terminate()
        for process in running:
            process.join(20)
        for each, handler in before.items():
            signal.signal(each, handler)


def _work(
    desk: socket.socket,
    place: int,
    open_at: MutableSequence[int],
    home: Path,
    dsn: str,
    trust_proxy: str,
    verbose: bool,
    ready: Any,
) -> None:
    """One worker: its own connections and threads; callers come over its desk, whose count of open connections it keeps right."""
    from jiehuan.api.app import create_app
    from jiehuan.api.logs import set_up_logs
    from jiehuan.api.server import Desk, run
    from jiehuan.store.database import open_database

    def count(connections: int) -> None:
        open_at[place] = connections

    set_up_logs(verbose=verbose)
    with desk, open_database(home, dsn, upgrade=False) as database:
        run(create_app(database), Desk(desk, count), started=ready.set, trust_proxy=trust_proxy)
