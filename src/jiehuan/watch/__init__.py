"""Signals declared once, the window engine, rules and alerts.

``load_signals`` reads a declaration, ``Engine`` judges events against it, live (``process``) and in replay (``replay``) by the same
compiled step. The compiled part is loaded at the first event, not at import.
"""

from jiehuan.watch.declare import DEFAULT_SIGNALS, Declaration, Feature, Rule, Stream, load_signals, read_signals
from jiehuan.watch.engine import Columns, Engine, Replayed
from jiehuan.watch.event import TICK, Alert, Event, read_event

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
