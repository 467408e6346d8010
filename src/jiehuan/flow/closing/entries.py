"""What a day adds to the journals of loans that columns carried: interest that fell due, and changed provisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
from sqlalchemy import Connection, text

from jiehuan.flow.closing.positions import Before, Cells, Positions
from jiehuan.ledger import Entry, Funding, post_interest, provision_entry, read_funding
from jiehuan.loan.position import Q_NEXT_I, Q_PROVISION
from jiehuan.store.bulk import Slim, slim_id, tell, tell_two


def joint_loans(connection: Connection) -> dict[str, Funding]:
    """The funding of all joint loans."""
    rows = connection.execute(_JOINT)
    return {loan_id: funding for loan_id, said in rows if (funding := read_funding({"funding": said}, loan_id))}


def day_entries(
    positions: Positions,
    before: Before,
    changed: Cells,
    due: Cells,
    leave: set[str],
    joint: Mapping[str, Funding],
    on: date,
) -> dict[str, list[Slim]]:
    """Entries by loan. ``changed``: places whose line may differ; ``due``: those on which interest fell due plainly;
    ``leave``: loans whose journal is made otherwise. ``joint`` loans post the lender's own share and the partners'.
    """
    found: dict[str, list[Slim]] = {}
    ids, day = positions.ids, on.isoformat()
    movement = f"interest:{day}"
    for at, fen in zip(due.tolist(), before.cell(due, Q_NEXT_I, 0).tolist(), strict=True):
        if fen:
            loan_id = ids[at]
            if loan_id in joint:
                found[loan_id] = [slim(post_interest(loan_id, on, fen, joint[loan_id]))]
            else:
                lines = tell_two("interest_receivable", "interest_income", fen)
                found[loan_id] = [Slim(slim_id(loan_id, movement, 0), movement, "", "interest", day, day, lines)]
    old, new = before.provision[changed], positions.cells[changed, Q_PROVISION]
    other = np.flatnonzero(old != new)
    for at, was, now in zip(changed[other].tolist(), old[other].tolist(), new[other].tolist(), strict=True):
        loan_id = ids[at]
        if loan_id in leave:
            continue
        if loan_id in joint:
            funding = joint[loan_id]
            entry = provision_entry(loan_id, on, funding.own_of(was), funding.own_of(now))
            if entry is not None:
                found.setdefault(loan_id, []).append(slim(entry))
            continue
        up, down = ("impairment_loss", "loss_allowance") if now > was else ("loss_allowance", "impairment_loss")
        fen = abs(now - was)
        identity = slim_id(loan_id, "provision", day, was, now)
        found.setdefault(loan_id, []).append(Slim(identity, "", "", "provision", day, day, tell_two(up, down, fen)))
    return found


def slim(entry: Entry) -> Slim:
    """An entry that undoes nothing, for the bulk way."""
    return Slim(
        entry.entry_id, entry.movement_id, entry.event_id, entry.kind, entry.effective.isoformat(), entry.known.isoformat(),
        tell(entry.lines),
    )  # fmt: skip


_JOINT = text("SELECT loan_id, terms->'funding' FROM loan WHERE terms ? 'funding'")
