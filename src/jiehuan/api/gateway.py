"""The door for payment gateways: no login, only a signature; it takes payments and shows nothing of the book.

``X-Timestamp`` is the sender's time in Unix seconds, ``X-Signature`` the hex HMAC-SHA256 of ``TIMESTAMP.BODY``. An unknown
gateway, a wrong signature and an old timestamp get the same answer. A payment that fits no loan is taken and held.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, ValidationError
from sqlalchemy import Connection

from jiehuan.api.access import Keys, Store
from jiehuan.api.clock import act_day
from jiehuan.api.errors import NotLoggedIn
from jiehuan.api.shapes import Body, Plain, Record, YuanIn
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import parse_yuan

router = APIRouter(prefix="/api/gateway", tags=["gateway"])

EARLIEST = date(2000, 1, 1)


class PaymentIn(Body):
    """One payment that the gateway took. ``event_id`` is the gateway's and never used twice; ``reference`` is the payment's
    end-to-end reference, by which the bank's statement is known to tell of the same money.
    """

    event_id: Annotated[Plain, Field(min_length=1, max_length=200)]
    amount: YuanIn
    paid_on: date
    currency: Literal["CNY"] = "CNY"
    reference: Annotated[Plain, Field(max_length=200)] | None = None
    loan_id: Annotated[Plain, Field(max_length=200)] = ""
    virtual_account: Annotated[Plain, Field(max_length=64)] = ""
    payer: Annotated[Plain, Field(max_length=64)] = ""


class Taken(Record):
    """``outcome``: posted, suspense (held until a person says whose it is) or matched (the bank told of it before).

    ``repeated``: this event came before, and this is its first answer.
    """

    receipt_id: str
    outcome: str
    reason: str
    repeated: bool


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PaymentIn.model_json_schema()}},
    }
}


@router.post("/{name}/payments", status_code=201, openapi_extra=_BODY)
async def post_payment(
    database: Store,
    vault: Keys,
    request: Request,
    response: Response,
    name: Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")],
    timestamp: Annotated[str, Header(alias="X-Timestamp", max_length=20)] = "",
    signature: Annotated[str, Header(alias="X-Signature", max_length=100)] = "",
) -> Taken:
    """Take a signed payment message: 201 when it is new, 200 with the first answer when it came before.

    Same event id with other content: 409. Unknown loan: taken, in suspense.
    """
    from jiehuan.flow.gateway_events import is_signed, secrets_of

    content = await request.body()
    known = await run_in_threadpool(secrets_of, database.home, name)
    if not is_signed(known, timestamp, content, signature, time.time()):
        reason = "not signed by a gateway that is known here, or not of now"
        raise NotLoggedIn(Problem("header X-Signature", "", reason, "check the secret and the clock"))
    taken = await run_in_threadpool(_take, database, vault, name, content)
    response.status_code = 200 if taken.repeated else 201
    return taken


def _take(database: Database, vault: Vault, name: str, content: bytes) -> Taken:
    from jiehuan.flow.gateway_events import Payment, take_payment

    try:
        told = PaymentIn.model_validate_json(content)
    except ValidationError as error:
        problems = [
            Problem("body " + " ".join(str(part) for part in found["loc"]), "", str(found["msg"]), "see /docs")
            for found in error.errors(include_input=False, include_url=False)[:50]
        ]
        raise InputError(problems) from None
    amount = parse_yuan(told.amount, "body amount", minimum=1)

    def act(connection: Connection) -> dict[str, Any]:
        today = act_day(connection)
        if not EARLIEST <= told.paid_on <= today:
            reason = f"not between {EARLIEST} and today ({today})"
            raise InputError(Problem("body paid_on", str(told.paid_on), reason, "send the day of the payment"))
        payment = Payment(
            told.event_id, amount, told.paid_on, told.reference or None, told.loan_id, told.virtual_account, told.payer
        )
        return take_payment(connection, vault, name, payment, today)

    return Taken(**database.transact(act))
