"""A case against one borrower: what is claimed, by which road, before which court, by when; ready for its documents.

``case(document)`` reads the file that ``legal pack`` and ``legal deadlines`` take. Its keys:

===================  ===========================================================================================
``case_id``, ``on``  name of the case, and the day to which amounts are computed
``lender_type``      bank, consumer_finance_company or micro_lender
``lender``           name, code, address, phone, representative, title; agent? (name, firm, phone, powers)
``borrower``         name, id_number, phone, address; registered_address?, email?, employer?, sex?, birth?, nation?
``contract``         contract_no, signed_on; place?, court?, service_agreed? (default true), repayment_account?
``loan``             the ``loan replay`` document with its events
``province``         key of the law book's small-claims table, such as ``zhejiang``; optional
``court``            the court to file with; optional
``accelerate``       whether everything is claimed (default true) or what is due alone
``disputed``, ``servable``, ``small_claims_agreed``, ``preservation``   optional, for the choice of the road
``procedure``        optional: the road, in place of the recommended one
``demands``          a list of on, channel, detail?
``events``           what happened in the case: a list of on, kind (see ``deadlines``)
``evidence``         further pieces: a list of name, source, proves, original?
===================  ===========================================================================================

Money inside is fen. Amounts come from replaying the loan, so that a pleading never differs from the book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from jiehuan.law import Law, law_on
from jiehuan.legal.claim import Claim, claim_of
from jiehuan.legal.deadlines import EVENTS, CaseEvent, Deadline, deadlines, read_events
from jiehuan.legal.fees import CourtFee
from jiehuan.legal.grounds import ground
from jiehuan.legal.procedure import Road, chosen, roads
from jiehuan.legal.reading import Reader
from jiehuan.loan import LoanState, Terms, read_terms, replay
from jiehuan.loan import read_events as read_loan_events
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.money import format_yuan


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece: its name, where it comes from, what it proves, and whether the original is at hand."""

    name: str
    source: str
    proves: str
    original: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A case as read and computed. ``parties`` holds the texts of the document; ``road`` the procedure in use.

    ``court`` is a name only when ``court_named``; else it says which court the law means, and the lawyer fills it in.
    """

    case_id: str
    on: date
    law: Law
    parties: Mapping[str, Mapping[str, str]]
    terms: Terms
    state: LoanState
    claim: Claim
    roads: tuple[Road, ...]
    road: Road
    court: str
    court_named: bool
    court_law: str
    last_due: date
    demands: tuple[tuple[date, str, str], ...]
    events: tuple[CaseEvent, ...]
    deadlines: tuple[Deadline, ...]
    evidence: tuple[Evidence, ...]
    service_agreed: bool
    preservation: bool
    remarks: str

    @property
    def kind(self) -> str:
        """payment_order or litigation."""
        return "payment_order" if self.road.procedure == "payment_order" else "litigation"

    @property
    def fee(self) -> CourtFee:
        """The fee of the road in use."""
        return self.road.fee

    def as_document(self) -> dict[str, Any]:
        """Plain values: the choice with all roads, amounts by part, fee, court, deadlines."""
        return {
            "case_id": self.case_id,
            "on": self.on.isoformat(),
            "kind": self.kind,
            "procedure": self.road.procedure,
            "court": self.court,
            "amounts": self.claim.as_document(),
            "claim": format_yuan(self.claim.total_fen),
            "fee": format_yuan(self.fee.fee_fen),
            "fee_citation": {"zh": self.fee.citation_zh, "en": self.fee.citation_en},
            "roads": [road.as_document() for road in self.roads],
            "deadlines": [deadline.as_document() for deadline in self.deadlines],
            "evidence": [piece.name for piece in self.evidence],
            "law_version": self.law.version,
        }


def case(document: Mapping[str, Any]) -> Case:
    """Read a case document and work it out.

    Raises InputError with every fault in it; Refused where nothing is owed, where all is claimed though no instalment
    is past due, where no mainland court law binds the lender (type other), or where the named road is not open.
    """
    read = Reader(document, "case")
    lender_type, on = read.text("lender_type"), read.day("on")
    case_id = read.text("case_id")
    parties = _parties(read)
    demands = tuple((row.day("on"), row.text("channel"), row.text("detail", "")) for row in read.rows("demands"))
    evidence = tuple(
        Evidence(row.text("name"), row.text("source", ""), row.text("proves"), row.flag("original"))
        for row in read.rows("evidence")
    )
    found_events = [event for event in document.get("events") or [] if isinstance(event, Mapping)]
    loan = document.get("loan")
    read.problems.extend(_faults(lambda: read_terms(loan, "case, loan")))
    read.problems.extend(_faults(lambda: read_events(found_events, "case, events")))
    flags = {name: read.flag(name) for name in ("disputed", "small_claims_agreed", "preservation")}
    servable, accelerate = read.flag("servable", True), read.flag("accelerate", True)
    read.finish()
    assert isinstance(loan, Mapping)  # noqa: S101 - read_terms has refused anything else
    terms = read_terms(loan, "case, loan")
    state = replay(terms, read_loan_events(loan.get("events") or []), on)
    law = law_on(on, lender_type)
    claim = claim_of(state, terms, law, whole=accelerate)
    if claim.total_fen <= 0:
        raise Refused(Problem(f"case {case_id}", "", f"nothing is owed on {on}", "close the case", zh="截至该日无欠款"))
    if claim.whole and claim.since is None and not state.accelerated:
        mend = "wait until an instalment is past due, or claim with accelerate: false what else is owed"
        raise Refused(
            Problem(
                f"case {case_id}",
                "",
                f"no instalment is past due on {on}",
                mend,
                zh="截至该日无逾期款项，不得主张全部提前到期",
            )
        )
    open_roads = roads(
        claim.total_fen,
        law,
        province=read.text("province", ""),
        disputed=flags["disputed"],
        servable=servable,
        due=not accelerate or state.accelerated or on >= state.schedule[-1].due,
        small_claims_agreed=flags["small_claims_agreed"],
    )
    road = _road(open_roads, read.text("procedure", ""))
    court, court_named, court_law = _court(road, parties["contract"]["court"], read.text("court", ""))
    events = read_events([*found_events, *({"on": day, "kind": "demand"} for day, _, _ in demands)], "case, events")
    last_due = state.schedule[-1].due
    if accelerate and state.accelerated:
        last_due = min(last_due, *(row.due for row in state.schedule if row.kind == "accelerated"))
    return Case(
        case_id, on, law, parties, terms, state, claim, open_roads, road, court, court_named, court_law, last_due, demands, events,
        deadlines(events, last_due=last_due, lender_type=lender_type, procedure=road.procedure),
        (*_own_evidence(parties, demands), *evidence),
        read.flag("contract.service_agreed", True), flags["preservation"], read.text("remarks", ""),
    )  # fmt: skip


def _parties(read: Reader) -> dict[str, dict[str, str]]:
    lender = {
        name: read.text(f"lender.{name}") for name in ("name", "code", "address", "phone", "representative", "title")
    }
    borrower = {name: read.text(f"borrower.{name}") for name in ("name", "id_number", "phone", "address")}
    contract = {name: read.text(f"contract.{name}") for name in ("contract_no", "signed_on")}
    read.day("contract.signed_on")
    return {
        "lender": lender
        | {f"agent_{name}": read.text(f"lender.agent.{name}", "") for name in ("name", "firm", "phone", "powers")}
        | {"service_address": read.text("lender.service_address", lender["address"])}
        | {"service_name": read.text("lender.service_name", lender["name"])},
        "borrower": borrower
        | {name: read.text(f"borrower.{name}", "") for name in ("email", "employer", "sex", "birth", "nation")}
        | {"registered_address": read.text("borrower.registered_address", borrower["address"])},
        "contract": contract
        | {name: read.text(f"contract.{name}", "") for name in ("place", "court", "repayment_account")},
    }


def _faults(act: Any) -> tuple[Problem, ...]:
    try:
        act()
    except InputError as error:
        return error.problems
    return ()


def _road(found: tuple[Road, ...], wanted: str) -> Road:
    if not wanted:
        return chosen(found)
    road = next((road for road in found if road.procedure == wanted), None)
    if road is None:
        mend = "use one of " + ", ".join(road.procedure for road in found)
        raise InputError(Problem("case, procedure", wanted, "not a procedure", mend))
    if not road.open:
        mend = f"use {chosen(found).procedure}"
        raise Refused(Problem("case, procedure", wanted, road.en, mend, citation=road.citation, zh=road.zh))
    return road


def _court(road: Road, agreed: str, named: str) -> tuple[str, bool, str]:
    if road.procedure == "payment_order":
        key = "payment_order_court"  # the debtor's own court, whatever was agreed
        agreed = ""
    else:
        key = "agreed_court" if agreed else "contract_court"
    found = ground(key)
    return named or agreed or found.zh, bool(named or agreed), found.law_zh


def _own_evidence(
    parties: Mapping[str, Mapping[str, str]], demands: tuple[tuple[date, str, str], ...]
) -> tuple[Evidence, ...]:
    """What the platform itself has on every loan."""
    number = parties["contract"]["contract_no"]
    pieces = [
        Evidence(
            f"《个人消费借款合同》（{number}）及电子签名验证报告",
            "原告系统",
            "借款合同关系成立，约定的金额、期限、利率、罚息和送达地址",
        ),
        Evidence("《贷款综合融资成本明示表》", "原告系统", "签约前已明示并经被告确认综合融资成本"),
        Evidence("放款支付凭证", "支付机构或银行", "原告已将借款足额划入被告本人账户"),
        Evidence("还款计划表和还款明细", "原告系统", "被告的还款情况和逾期时间"),
        Evidence("欠款计算明细", "原告系统", "各项请求金额的计算过程"),
        Evidence("被告身份信息", "原告系统", "被告主体资格"),
    ]
    if demands:
        shown = "、".join(f"{day.isoformat()} {channel}" for day, channel, _ in demands)
        pieces.append(Evidence(f"催收记录（{shown}）", "原告系统", "原告已催告，诉讼时效中断"))
    return tuple(pieces)


__all__ = ["EVENTS", "Case", "Evidence", "case"]
