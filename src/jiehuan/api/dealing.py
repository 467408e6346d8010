"""Connections dealt out: one process accepts them, and each goes to the serving process that has the fewest open.

Python runs one thread at a time in a process, so what counts is that each process gets its share. The kernel cannot see to that:
from one shared listening socket the process that wakes first takes all that wait, and sockets that share a port (SO_REUSEPORT) get
connections by a hash, some processes twice as many as others. A connection changes hands whole, as an open file over a Unix socket,
so the serving process sees the caller's address and the accepting one sees nothing of what is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, MutableSequence
from typing import Any

_LOOK_UP = 0.2
"""Seconds after which who waits for a connection looks whether it should end."""

_HAND_OVER = 1.0
"""Seconds that a serving process has to take a connection before another is tried."""


class Dealer:
    """Accepts on a listening socket in a thread of its own, and deals to the desks that are open."""

    def __init__(self, listener: socket.socket, open_at: MutableSequence[int]) -> None:
        """``open_at``: the number of open connections by desk, in memory that the serving processes share and keep right."""
        self._listener = listener
        self._open_at = open_at
        self._desks: dict[int, socket.socket] = {}
        self._moving = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._deal, name="dealer", daemon=True)

    def open_desk(self, place: int) -> socket.socket:
        """A new desk, in place of an earlier one there: the end that its serving process takes connections from."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.settimeout(_HAND_OVER)
        self.close_desk(place)
        with self._moving:
            self._open_at[place] = 0
            self._desks[place] = ours
        return theirs

    def close_desk(self, place: int) -> None:
        """Deal no more there."""
        with self._moving:
            desk = self._desks.pop(place, None)
            if desk is not None:
                desk.close()

    def start(self) -> None:
        """Begin to accept."""
        self._listener.settimeout(_LOOK_UP)
        self._thread.start()

    def end(self) -> None:
        """Accept no more; the desks stay open, so that what was dealt is served to its end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def _deal(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # the caller is gone already, or no more files may be open now
                self._ended.wait(0.01)
                continue
            with connection:
                while not self._hand_over(connection) and not self._ended.wait(0.02):
                    pass  # no desk is open: one that died is being opened again

    def _hand_over(self, connection: socket.socket) -> bool:
        """Whether one of the desks, the least busy first, took the connection."""
        with self._moving:
            for place, desk in sorted(self._desks.items(), key=lambda each: self._open_at[each[0]]):
                try:
                    socket.send_fds(desk, [b"c"], [connection.fileno()])
                except OSError:  # it died, or does not take anything
                    continue
                self._open_at[place] += 1
                return True
        return False


def take_from(
    desk: socket.socket, protocol: Callable[[], asyncio.Protocol], gone: Callable[[], None]
) -> Callable[[], None]:
    """Serve what is dealt to a desk on the running loop; returns what stops it. ``gone`` is called when the dealer is gone."""
    loop = asyncio.get_running_loop()
    desk.setblocking(False)
    opening: set[asyncio.Task[Any]] = set()

    def take() -> None:
        try:
            said, files, _, _ = socket.recv_fds(desk, 1, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            said, files = b"", []
        if not said:
            stop()
            gone()
        for file in files:
            connection = socket.socket(fileno=file)
            connection.setblocking(False)
            with contextlib.suppress(OSError):  # a caller that has hung up
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(_open(connection))
            opening.add(task)
            task.add_done_callback(opening.discard)

    async def _open(connection: socket.socket) -> None:
        try:
            await loop.connect_accepted_socket(protocol, connection)
        except OSError:
            connection.close()

    def stop() -> None:
        loop.remove_reader(desk.fileno())

    loop.add_reader(desk.fileno(), take)
    return stop
