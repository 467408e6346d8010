"""Runs all checks on one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from jiehuan.store.audit.contacts import check_contact_rules
from jiehuan.store.audit.entries import check_chain, check_entries, check_seals
from jiehuan.store.audit.keeping import check_files, check_guards, check_keys
from jiehuan.store.audit.loans import check_loans
from jiehuan.store.audit.personal import check_personal
from jiehuan.store.audit.suspense import check_suspense
from jiehuan.store.audit.tally import Audit, Finding
from jiehuan.store.database import Database
from jiehuan.units.errors import InputError, Problem

Check = Callable[[Audit], Iterable[Finding]]

_CHECKS: dict[str, Check] = {
    "guards": check_guards,
    "entries": check_entries,
    "chain": check_chain,
    "seals": check_seals,
    "keys": check_keys,
    "loans": check_loans,
    "suspense": check_suspense,
    "files": check_files,
    "contacts": check_contact_rules,
    "personal": check_personal,
}


def register(name: str, check: Check) -> None:
    """Add a check of a room above; a name that is there is replaced."""
    _CHECKS[name] = check


def audit(
    database: Database,
    *,
    share: float = 1.0,
    only: Sequence[str] = (),
    advance: Callable[[float], None] = lambda steps: None,
) -> list[Finding]:
    """Run the checks (``only``: some of them by name) and return what each found.

    ``share``: the part of loans that is replayed (1: all), chosen by their ids. ``advance`` is called with loans done.
    Raises InputError for a name that is no check.
    """
    unknown = [name for name in only if name not in _CHECKS]
    if unknown:
        mend = f"use {', '.join(_CHECKS)}"
        raise InputError([Problem("check", name, "no such check", mend) for name in unknown])
    with database.connect() as opened:
        connection = opened.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, stream_results=True, yield_per=5_000
        )
        given = Audit(connection, database.home, share, advance)
        return [found for name, check in _CHECKS.items() if not only or name in only for found in check(given)]
