"""Signals declared once, the window engine, rules and alerts.

``load_signals`` reads a declaration, ``Engine`` judges events against it, live (``process``) and in replay (``replay``) by the same
compiled step. The compiled part is loaded at the first event, not at import.
"""

from jiehuan.watch.declare import Declaration, Feature, Rule, Stream
from jiehuan.watch.engine import Columns, Engine, Replayed
from jiehuan.watch.event import TICK, Alert, Event, read_event
from jiehuan.watch.load import DEFAULT_SIGNALS, load_signals, read_signals

__all__ = [
    "DEFAULT_SIGNALS",
    "TICK",
    "Alert",
    "Columns",
    "Declaration",
    "Engine",
    "Event",
    "Feature",
    "Replayed",
    "Rule",
    "Stream",
    "load_signals",
    "read_event",
    "read_signals",
]
