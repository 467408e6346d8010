"""What a worker has done and how far it is behind, as numbers; also in Prometheus' text form."""

from __future__ import annotations

import threading
from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "messages": "Messages read from the events topic",
    "events_taken": "Events that the signal engine took",
    "events_repeated": "Events that had been taken before",
    "alerts": "Alerts raised",
    "dead_letters": "Messages and events parked with a reason",
    "batches": "Transactions of the consumer",
    "batch_seconds": "Seconds spent in them",
    "inbox_events": "Events taken or sent on from the inbox",
    "relayed": "Messages relayed from the outbox",
    "days_closed": "Days closed",
    "partitions": "Partitions owned",
    "lag": "Messages that wait in the partitions owned",
    "delay_seconds": "Seconds from a message's time stamp to its commit, the oldest of the last batch",
    "failures": "Steps that failed and were tried again",
}
"""Every number, with its meaning."""

GAUGES = {"partitions", "lag", "delay_seconds"}


class Metrics:
    """Numbers by name; safe for several threads."""

    def __init__(self) -> None:
        self._values: dict[str, float] = dict.fromkeys(NAMES, 0.0)
        self._lock = threading.Lock()

    def add(self, name: str, number: float) -> None:
        """Add to a counter."""
        with self._lock:
            self._values[name] += number

    def set(self, name: str, number: float) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[name] = number

    def as_dict(self) -> dict[str, float]:
        """All numbers as they stand."""
        with self._lock:
            return {name: round(value, 3) for name, value in self._values.items()}

    def as_text(self) -> str:
        """In Prometheus' text form."""
        lines: list[str] = []
        for name, value in self.as_dict().items():
            gauge = name in GAUGES
            full = f"jiehuan_worker_{name}" + ("" if gauge else "_total")
            lines += [
                f"# HELP {full} {NAMES[name]}",
                f"# TYPE {full} {'gauge' if gauge else 'counter'}",
                f"{full} {value:g}",
            ]
        return "\n".join(lines) + "\n"
