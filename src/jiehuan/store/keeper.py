"""The process that keeps one embedded PostgreSQL running for as long as anyone uses it.

A small program, run by path with ``python -I -S keeper.py``; its one argument is JSON: ``home`` (the folder of the
locks), ``command`` (the server's words) or ``adopt`` (the pid of a server that lost its keeper), ``log``, ``grace``
(seconds).

Every user of the server holds a shared lock on ``postgres.users.lock`` for as long as it lives; the kernel drops the
lock of a process that is killed. The keeper waits for the exclusive lock. When it gets it, nobody is left: it stops the
server and goes, holding the lock until the server is down, so that a newcomer waits and then starts afresh. In a
session of its own, it does not see the terminal's Ctrl-C. Standard library only: it starts in about 20 ms.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

USERS_LOCK = "postgres.users.lock"
KEEPER_LOCK = "postgres.keeper.lock"


class Ended(BaseException):
    """The server went by itself, or this process was asked to go."""


def main(order: dict[str, Any]) -> int:
    """Start or adopt the server, wait until nobody uses it, stop it."""
    home = Path(order["home"])
    mine = os.open(home / KEEPER_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    if not taken(mine, patience=5):
        return 0  # another keeper is at it
    users = os.open(home / USERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)

    child: subprocess.Popen[bytes] | None = None
    if "adopt" in order:
        pid = int(order["adopt"])
        wait_beside(users, pid)
    else:
        with Path(order["log"]).open("ab") as log:
            child = subprocess.Popen(order["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        pid = child.pid
        wait_above(users, child)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop(pid, child, float(order.get("grace", 60)))
    return 0


def taken(lock: int, patience: float) -> bool:
    """Take a lock that others hold for a blink when they look whether there is a keeper."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def wait_above(users: int, child: subprocess.Popen[bytes]) -> None:
    """Sleep until nobody uses the server, or it went, or this process was asked to go."""

    def ended(_signal: int, _frame: object) -> None:
        raise Ended

    try:
        signal.signal(signal.SIGTERM, ended)
        signal.signal(signal.SIGCHLD, ended)
        if child.poll() is None:
            fcntl.flock(users, fcntl.LOCK_EX)
    except Ended:
        pass
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def wait_beside(users: int, pid: int) -> None:
    """The same for a server that is no child of ours: look five times a second."""
    while alive(pid):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.2)
        else:
            return


def stop(pid: int, child: subprocess.Popen[bytes] | None, grace: float) -> None:
    """Fast shutdown (open transactions are rolled back), then immediate, then kill."""
    for how, patience in ((signal.SIGINT, grace), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if child is not None:
                if child.poll() is not None:
                    return
            elif not alive(pid):
                return
            time.sleep(0.005)


def alive(pid: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
