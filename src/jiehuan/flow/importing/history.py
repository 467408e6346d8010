"""What each imported loan's borrower looked like when they applied: features of their earlier loans in the same tape.

The features are declared once in ``profile/features.yaml``; here they are computed for the whole tape at once.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from jiehuan.flow.importing.gather import Gathered, GatheredLoan
from jiehuan.loan import make_schedule
from jiehuan.profile.batch import history_frame
from jiehuan.profile.declare import declared_features
from jiehuan.units.days import CHINA


def history_of(gathered: Gathered) -> dict[str, dict[str, Any]]:
    """Own-history features by the tape's loan key, for loans and for undecided rows; empty when nobody borrowed twice."""
    import polars as pl

    asked, records = [], []
    borrowers: dict[str, int] = {}
    for key, loan in gathered.loans.items():
        fields = loan.row.fields
        borrowers[fields["borrower_id"]] = borrowers.get(fields["borrower_id"], 0) + 1
        asked.append((key, fields["borrower_id"], datetime.combine(fields["drawn_on"], time(12), CHINA)))
        records.append(_record(loan))
    for key, row in gathered.undecided.items():
        borrower = row.fields["borrower_id"]
        asked.append((key, borrower, datetime.combine(row.fields["drawn_on"], time(12), CHINA)))
        borrowers[borrower] = borrowers.get(borrower, 0) + 1
    if not records or max(borrowers.values(), default=0) < 2:
        return {}
    features = declared_features().of_source("history")
    frame = history_frame(
        pl.DataFrame(asked, schema=["application_id", "borrower_id", "at"], orient="row"),
        pl.DataFrame(records),
        features,
    )
    names = [name for name in frame.columns if name != "application_id"]
    return {row["application_id"]: {name: row[name] for name in names} for row in frame.iter_rows(named=True)}


def _record(loan: GatheredLoan) -> dict[str, Any]:
    """A loan as ``profile`` reads earlier loans: dates of drawing, dues, first repayment and end."""
    fields, lines = loan.row.fields, make_schedule(loan.terms).instalments
    paid = [event.on for event in loan.events if event.kind == "repayment"]
    settled = loan.state is not None and loan.state.status == "settled"
    return {
        "borrower_id": fields["borrower_id"],
        "drawn_on": loan.terms.drawn_on,
        "due_on": lines[-1].due,
        "settled_on": max(paid) if settled and paid else None,
        "principal_fen": loan.terms.principal_fen,
        "outstanding_fen": loan.state.principal_outstanding_fen if loan.state else loan.terms.principal_fen,
        "first_due_on": lines[0].due,
        "first_repaid_on": min(paid, default=None),
    }
