"""Work in a forked child that is killed at a moment of one's choice: for the programs that do so again and again.

A parent that forks must hold no connection and no client of a broker, as these do not live through a fork; what is compiled does.
Programs that a test starts by their path find this module by putting the folder ``tests`` into ``sys.path``.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

import psycopg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from jiehuan.store import straight
from jiehuan.store.database import Database

LOST: tuple[type[BaseException], ...] = (DBAPIError, psycopg.OperationalError)
"""What a child raises whose database server was killed."""


def forked(work: Callable[[], object], lost: tuple[type[BaseException], ...] = LOST) -> int:
    """Begin work in a child; its process id. ``lost``: what it raises when its server went away."""
    child = os.fork()
    if child:
        return child
    gc.disable()  # what the parent left over may belong to threads that are not here
    code = 3
    try:
        work()
        code = 0
    except lost:
        code = 2
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ending(status: int) -> str:
    """How a child ended, by what ``os.waitpid`` says."""
    if os.WIFSIGNALED(status):
        return "killed"
    return {0: "finished", 2: "lost its server"}.get(os.WEXITSTATUS(status), "failed")


def in_child(work: Callable[[], object], lost: tuple[type[BaseException], ...] = LOST) -> str:
    """Do work in a child; how it ended."""
    return ending(os.waitpid(forked(work, lost), 0)[1])


def await_server(database: Database) -> None:
    """Wait while the server recovers from a crash."""
    for _ in range(600):
        try:
            with database.connect():
                return
        except DBAPIError:
            database.engine.dispose()
            time.sleep(0.02)


def plant(database: Database, how: str, at: int) -> None:
    """Arrange for this process to be killed at the ``at``-th ``statement``, or just ``before commit`` or ``after commit`` of that
    number; ``server``: the server's process is, at the statement of that number."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def count_server(connection: object, *_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(connection.connection.driver_connection.info.backend_pid, signal.SIGKILL)  # type: ignore[attr-defined]

    if how == "before commit":
        event.listen(database.engine, "commit", count)
    elif how == "after commit":
        commit = database.engine.dialect.do_commit

        def commit_and_count(connection: object) -> None:
            commit(connection)  # type: ignore[arg-type]
            count()

        database.engine.dialect.do_commit = commit_and_count  # type: ignore[method-assign]
    else:
        counting = count_server if how == "server" else count
        event.listen(database.engine, "before_cursor_execute", counting)
        straight.before.append(counting)
