"""The worker: what runs beside the API. Each part is a loop in a thread of its own; a signal stops all of them after their batch.

A part whose database or broker does not answer says so once, waits a little longer each time, and goes on by itself. A part
that fails for any other reason stops the whole worker, so that whoever runs it sees it.
"""

from __future__ import annotations

import os
import socket
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError

from jiehuan.scale.broker import BrokerAway
from jiehuan.scale.metrics import Metrics
from jiehuan.units.errors import InputError, Problem, Refused

log = structlog.get_logger("jiehuan.worker")

LONGEST_WAIT = 10.0
"""Seconds between two tries, at most, while something does not answer."""


@dataclass
class Part:
    """One loop: ``step`` does what waits and says how much it was; ``idle`` seconds pass when it was nothing.
    ``behind``: whether something waits although a step found nothing."""

    name: str
    step: Callable[[], int]
    idle: float
    close: Callable[[], None] = lambda: None
    behind: Callable[[], bool] = lambda: False


@dataclass
class Worker:
    """Runs its parts until ``stop``, or until nothing waits (``once``)."""

    parts: list[Part]
    metrics: Metrics = field(default_factory=Metrics)
    stop: threading.Event = field(default_factory=threading.Event)
    failed: list[str] = field(default_factory=list)

    def run(self, *, once: bool = False) -> None:
        """Run all parts and wait for their end; ``failed`` names those that broke."""
        threads = [
            threading.Thread(target=self._loop, args=(part, once), name=part.name, daemon=True) for part in self.parts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # with a limit, so that signals are heard

    def _loop(self, part: Part, once: bool) -> None:
        wait, quiet_rounds = 0.5, 0
        try:
            while not self.stop.is_set():
                try:
                    done = part.step()
                except (DBAPIError, psycopg.OperationalError, BrokerAway, OSError) as error:
                    self.metrics.add("failures", 1)
                    what = "the broker" if isinstance(error, BrokerAway) else "the database"
                    why = str(getattr(error, "orig", None) or error).strip().splitlines()
                    log.warning(
                        f"{what} does not answer", part=part.name, again_in=wait, why=why[0][:200] if why else ""
                    )
                    self.stop.wait(wait)
                    wait = min(LONGEST_WAIT, wait * 2)
                    continue
                wait = 0.5
                quiet_rounds = 0 if done else quiet_rounds + 1
                if once and quiet_rounds > 2 and not part.behind():
                    return
                if not done:
                    self.stop.wait(part.idle)
        except Exception as error:
            self.failed.append(part.name)
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("part failed", part=part.name, kind=type(error).__name__, at=f"{place.name}:{place.lineno}")
            self.stop.set()
        finally:
            try:
                part.close()
            except Exception as error:
                log.warning("part did not close", part=part.name, kind=type(error).__name__)


def own_name() -> str:
    """How this process is called in the table of places: machine and process."""
    return f"{socket.gethostname()[:60]}/{os.getpid()}"


def serve_metrics(where: str, metrics: Metrics) -> ThreadingHTTPServer:
    """Tell the metrics at ``HOST:PORT`` in Prometheus' form, until ``shutdown`` is called. Raises Refused for a taken port."""
    host, _, port = where.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise InputError(Problem("--metrics", where, "not HOST:PORT", "write 127.0.0.1:9464"))

    class Told(BaseHTTPRequestHandler):
        """GET anything: the numbers."""

        def do_GET(self) -> None:
            """Answer with the numbers."""
            body = metrics.as_text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), Told)
    except OSError as error:
        raise Refused(
            Problem("--metrics", where, f"can't listen there: {error.strerror}", "take another port")
        ) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
