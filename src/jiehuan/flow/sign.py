"""Sign: the applicant takes one of the offers; cost sheet and contract are made, shown and kept.

The terms of the contract are the offer's, drawn on the day of signing; they are checked against the law of that day
and against the borrower's credit line as it stands by then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.lender import lender_of
from jiehuan.flow.line_draws import must_fit_line
from jiehuan.flow.person import identity_of
from jiehuan.legal.documents import contract_pdf, cost_sheet_pdf
from jiehuan.loan import make_schedule, read_terms
from jiehuan.product import load_catalogue
from jiehuan.store import tables
from jiehuan.store.decisions import last_decision
from jiehuan.store.files import put_file
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id

PDF = "application/pdf"


def sign(connection: Connection, vault: Vault, application_id: str, at: datetime, offer: int = 0) -> dict[str, Any]:
    """Sign offer number ``offer`` of the approved application; ids of contract and files. Signing twice signs once."""
    application = connection.execute(
        select(tables.application).where(tables.application.c.application_id == application_id).with_for_update()
    ).one_or_none()
    if application is None:
        raise Refused(Problem("application_id", application_id, "no such application", "check the id"))
    kept = connection.execute(
        select(tables.contract).where(tables.contract.c.application_id == application_id)
    ).one_or_none()
    if kept is not None:
        return {
            "contract_id": kept.contract_id,
            "contract_file": kept.contract_file,
            "cost_sheet_file": kept.cost_sheet_file,
        }
    if application.status != "approved":
        mend = "only an approved application can be signed"
        raise Refused(Problem("application", application_id, f"is {application.status}", mend))
    chosen = _offer(connection, application_id, offer)
    must_fit_line(connection, application.borrower_id, chosen)
    on = at.astimezone(CHINA).date()
    document = {**chosen["terms"], "drawn_on": on.isoformat()}
    if not chosen.get("first_due_fixed"):
        document.pop("first_due", None)
    terms = read_terms(document, f"offer {offer}")
    contract_id = derived_id("ct", application_id)
    values = _values(connection, vault, application, chosen, terms.as_document(), contract_id, on)
    values["schedule"] = make_schedule(terms).as_document()
    contract_file = put_file(
        connection,
        contract_pdf(values),
        kind="contract",
        name=f"{contract_id}.pdf",
        media_type=PDF,
        subject=application_id,
    )
    cost_sheet_file = put_file(
        connection, cost_sheet_pdf(values), kind="cost_sheet", name=f"{contract_id}-cost.pdf", media_type=PDF,
        subject=application_id,
    )  # fmt: skip
    connection.execute(
        insert(tables.contract).values(
            contract_id=contract_id, application_id=application_id, terms=terms.as_document(), contract_file=contract_file,
            cost_sheet_file=cost_sheet_file, signed_at=at,
        )
    )  # fmt: skip
    connection.execute(
        update(tables.application)
        .where(tables.application.c.application_id == application_id)
        .values(status="signed", product=chosen["product"])
    )
    note(connection, at, "borrower", "signed", application_id, {"contract": contract_id})
    return {"contract_id": contract_id, "contract_file": contract_file, "cost_sheet_file": cost_sheet_file}


def _offer(connection: Connection, application_id: str, number: int) -> dict[str, Any]:
    offers = connection.execute(last_decision(application_id, tables.decision.c.offers)).scalar_one_or_none()
    if not offers or not 0 <= number < len(offers):
        raise Refused(Problem("offer", str(number), "there is no such offer", f"one of 0 to {len(offers or ()) - 1}"))
    chosen: dict[str, Any] = offers[number]
    return chosen


def _values(
    connection: Connection,
    vault: Vault,
    application: Any,
    offer: dict[str, Any],
    terms: dict[str, Any],
    contract_id: str,
    on: Any,
) -> dict[str, Any]:
    lender, person = lender_of(connection), identity_of(connection, vault, application.borrower_id)
    product = next((p for p in load_catalogue().products if p.id == offer["product"]), None)
    purposes = connection.execute(select(tables.setting.c.value).where(tables.setting.c.key == "purposes")).scalar()
    return {
        "contract_no": contract_id,
        "signed_on": on,
        "place": lender["region"],
        "lender_type": application.lender_type,
        "lender": {
            "name": lender["name_zh"], "code": lender["registration_number"], "address": lender["address_zh"],
            "phone": lender["phone"],
        },
        "borrower": {
            "name": person["name"], "id_number": person["id_number"], "address": person["region"], "phone": person["phone"],
            "email": person["email"],
        },
        "product": f"{product.zh} {product.en}" if product else offer["product"],
        "purpose": (purposes or {}).get(application.purpose, application.purpose),
        "terms": terms,
        "court": lender["court_zh"],
    }  # fmt: skip
