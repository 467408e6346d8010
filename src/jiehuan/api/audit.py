"""The audit on demand: do the books balance, is each state the fold of its events, is the chain whole, were the rules kept."""

from __future__ import annotations

import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

from fastapi import APIRouter, Query

from jiehuan.api.access import Store
from jiehuan.api.errors import TooMany
from jiehuan.api.shapes import ProblemOut, Record
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/audit", tags=["audit"])

_ONE_AT_A_TIME = threading.Lock()


class FindingOut(Record):
    """What one check found: what must hold, how many things it looked at, how many faults, the first of them in words."""

    check: str
    zh: str
    en: str
    counted: int
    faults: int
    problems: list[ProblemOut]


class AuditOut(Record):
    """All checks on one snapshot of the database; ``ok`` when none found a fault."""

    ok: bool
    findings: list[FindingOut]


@router.get("")
def run_audit(
    database: Store,
    share: Annotated[float, Query(ge=0, le=1, description="The part of loans that is replayed; 1 is all.")] = 0.1,
) -> AuditOut:
    """Run every check. One audit runs at a time (429 otherwise); on a large book leave ``share`` small, or use the command."""
    from jiehuan.store.audit import audit

    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise TooMany(Problem("audit", "", "an audit is running", "wait until it has ended"), 10)
    try:
        if find_spec("jiehuan.flow.audit_checks"):
            import_module("jiehuan.flow.audit_checks")  # adds the checks that need the flow
        findings = [FindingOut.model_validate(found.as_document()) for found in audit(database, share=share)]
    finally:
        _ONE_AT_A_TIME.release()
    return AuditOut(ok=not any(found.faults for found in findings), findings=findings)
