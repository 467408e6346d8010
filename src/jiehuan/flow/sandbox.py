"""A sandbox of a credit bureau: a small HTTP server on this machine for tests, demos and trying out a source's file.

Its reports are made from a hash of the person asked about, so that the same person always has the same report; it knows
nobody. ``fail`` in the question asks for a fault: ``slow``, ``broken``, ``down``.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def report_of(person: str) -> dict[str, Any]:
    """The made-up report of a person: most are sound, one in eight is overdue somewhere."""
    seed = hashlib.sha256(person.encode()).digest()
    overdue = seed[0] % 8 == 0
    return {
        "report": {
            "overdue": {"amount": f"{seed[1] * 40 + 100}.00" if overdue else "0.00"},
            "worst_24m": seed[2] % 5 if overdue else seed[2] % 2,
            "queries": {"last_3_months": seed[3] % 8},
            "lenders": {"open": seed[4] % 5},
        }
    }


class _Bureau(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer one question."""
        try:
            length = min(int(self.headers.get("content-length") or 0), 100_000)
            asked = json.loads(self.rfile.read(length) or b"{}")
            person, fault = str(asked.get("person") or ""), asked.get("fail")
        except (ValueError, AttributeError):
            self._say(400, {"error": "not understood"})
            return
        if not person:
            self._say(422, {"error": "whom?"})
        elif fault == "down":
            self._say(503, {"error": "down"})
        elif fault == "broken":
            self._raw(200, b"<html>")
        else:
            if fault == "slow":
                time.sleep(1.0)
            self._say(200, report_of(person))

    def log_message(self, *_: object) -> None:
        """Say nothing: questions hold personal data."""

    def _say(self, status: int, document: dict[str, Any]) -> None:
        self._raw(status, json.dumps(document).encode())

    def _raw(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that hung up is no news."""


@contextmanager
def bureau_sandbox(port: int = 0) -> Iterator[str]:
    """Run the sandbox on 127.0.0.1 (port 0: any free one) while the block runs; yields its URL."""
    server = _Server(("127.0.0.1", port), _Bureau)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/report"
    finally:
        server.shutdown()
        server.server_close()
