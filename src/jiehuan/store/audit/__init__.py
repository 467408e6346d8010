"""The audit: everything that must always hold, checked on live data. ``jiehuan audit`` prints it; CI plants each fault.

All checks read one snapshot of the database, so that work going on meanwhile does not disturb them. A room above adds its own
with ``register`` (the reproduction of decisions, for one).
"""

from jiehuan.store.audit.run import audit, register
from jiehuan.store.audit.tally import Audit, Finding, Tally

__all__ = ["Audit", "Finding", "Tally", "audit", "register"]
