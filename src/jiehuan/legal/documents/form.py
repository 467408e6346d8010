"""The words of a pleading: sections of labelled rows, filled from a case; the PDF and the editable file share them.

Texts are in ``pleading.yaml``; this module computes the fields they name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jiehuan.legal.case import Case
from jiehuan.legal.documents.contract import METHODS
from jiehuan.legal.grounds import ground
from jiehuan.legal.reading import grouped, percent
from jiehuan.legal.words import yuan_in_capitals
from jiehuan.units.money import half_up
from jiehuan.units.rates import parse_rate


@dataclass(frozen=True, slots=True)
class FormRow:
    """One row: its label in both languages and its text."""

    zh: str
    en: str
    text: str


@dataclass(frozen=True, slots=True)
class FormSection:
    """A titled group of rows."""

    zh: str
    en: str
    rows: tuple[FormRow, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A whole pleading: title, what it is about, sections, the court it goes to, who signs, when."""

    zh: str
    en: str
    subject: str
    sections: tuple[FormSection, ...]
    court: str
    signed_by: str
    on: date

    def as_values(self) -> dict[str, Any]:
        """Plain values for the template."""
        sections = [
            {"zh": s.zh, "en": s.en, "rows": [{"zh": r.zh, "en": r.en, "text": r.text} for r in s.rows]}
            for s in self.sections
        ]
        return {
            "zh": self.zh, "en": self.en, "subject": self.subject, "sections": sections, "court": self.court,
            "signed_by": self.signed_by, "on": self.on,
        }  # fmt: skip


def pleading_form(case: Case) -> Form:
    """The element-style statement of claim, or for a payment order the application for it."""
    texts = form_texts()
    if case.kind == "payment_order":
        order = texts["payment_order"]
        return _form(case, order["title"], "", order["sections"])
    return _form(case, texts["title"], texts["subtitle"][case.law.lender_type], texts["sections"])


@cache
def form_texts() -> Mapping[str, Any]:
    """The texts of ``pleading.yaml``."""
    found: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("pleading.yaml").read_text(encoding="utf-8"))
    return found


def _form(case: Case, title: Mapping[str, str], subject: str, sections: Sequence[Mapping[str, Any]]) -> Form:
    fields = case_fields(case)
    filled = tuple(
        FormSection(
            section["zh"],
            section["en"],
            tuple(
                FormRow(row["zh"], row["en"], row["text"].format(**fields))
                for row in section["rows"]
                if not ("when" in row and not fields[row["when"]]) and not ("unless" in row and fields[row["unless"]])
            ),
        )
        for section in sections
    )
    court = case.court if case.court_named else "＿＿＿＿＿＿＿＿人民法院"
    return Form(title["zh"], title["en"], subject, filled, court, case.parties["lender"]["name"], case.on)


def case_fields(case: Case) -> dict[str, str]:
    """Every field that the texts may name, as text; what is absent is empty."""
    claim, terms, state = case.claim, case.terms, case.state
    upfront = sum(fee.amount_fen for fee in terms.fees if fee.on <= terms.drawn_on)
    matured = case.on >= case.last_due
    paid = [
        move.effective
        for move in state.movements
        if move.kind in {"repayment", "prepayment"} and move.amounts.get("cash")
    ]
    fields = {f"{name}_{key}": text for name, texts in case.parties.items() for key, text in texts.items()}
    fields |= {key: text for key, text in case.parties["contract"].items() if key != "court"}
    fields |= {
        "agreed_court": case.parties["contract"]["court"],
        "place_text": f"，签订地{case.parties['contract']['place']}" if case.parties["contract"]["place"] else "",
        "agent_name": case.parties["lender"]["agent_name"],
        "agent_firm": case.parties["lender"]["agent_firm"],
        "agent_phone": case.parties["lender"]["agent_phone"],
        "agent_powers": case.parties["lender"]["agent_powers"] or "一般代理",
        "on": case.on.isoformat(),
        "principal": grouped(claim.principal_fen),
        "principal_capitals": yuan_in_capitals(claim.principal_fen),
        "interest": grouped(claim.interest_fen),
        "penalty": grouped(claim.penalty_fen),
        "costs": grouped(claim.costs_fen),
        "costs_claimed": "yes" if claim.costs_fen else "",
        "total": grouped(claim.total_fen),
        "total_capitals": yuan_in_capitals(claim.total_fen),
        "lent": grouped(terms.principal_fen),
        "received": grouped(terms.principal_fen - upfront),
        "drawn_on": terms.drawn_on.isoformat(),
        "last_due": state.schedule[-1].due.isoformat(),
        "months": str(terms.months),
        "rate": percent(terms.rate_ppm),
        "uplift": percent(terms.plan.penalty_uplift_ppm),
        "penalty_rate": percent(claim.penalty_ppm),
        "apr": percent(half_up(parse_rate(state.apr), 100) * 100),
        "method_zh": METHODS[terms.method][0],
        "paid_principal": grouped(terms.principal_fen - state.principal_outstanding_fen),
        "paid_interest": grouped(sum(row.paid_interest_fen for row in state.schedule)),
        "last_payment": max(paid).isoformat() if paid else "无",
        "default_since": claim.since.isoformat() if claim.since else case.on.isoformat(),
        "dpd": str(state.dpd),
        "matured": "√ 是　□ 否" if matured else "□ 是　√ 否",
        "fee": grouped(case.fee.fee_fen),
        "fee_law": case.fee.citation_zh,
        "grounds_law": ground("claim").law_zh,
        "court_ground": ground("contract_court").zh,
        "court_law": ground("contract_court").law_zh,
        "order_law": ground("payment_order").law_zh,
        "service_agreed": "yes" if case.service_agreed else "",
        "preservation": "yes" if case.preservation else "",
        "remarks": case.remarks or "无",
        "evidence_count": str(len(case.evidence)),
        "demands": _demands(case),
        "limitation": _limitation(case),
        "method": _method(case),
        "forward": _forward(case),
    }
    return fields | _acceleration(case)


def _method(case: Case) -> str:
    claim = case.claim
    return (
        f"利息按合同年利率 {percent(case.terms.rate_ppm)}% 计至各期应还日"
        f"{'，未到期部分计至 ' + case.on.isoformat() if claim.whole else ''}；"
        f"罚息以逾期本金为基数，自逾期之日起按年利率 {percent(claim.penalty_ppm)}%、每年 365 日按日计算，"
        f"总额一次四舍五入至分，不计复利；详见欠款计算明细"
    )


def _forward(case: Case) -> str:
    limit = (
        f"，以不超过年利率 {percent(case.claim.forward_ppm)}% 为限（{case.claim.ceiling.law_zh}）"
        if case.claim.ceiling
        else ""
    )
    return (
        f"自 {case.on.isoformat()} 次日起至实际清偿之日止，以尚欠本金 {grouped(case.claim.principal_fen)} 元为基数，"
        f"按年利率 {percent(case.claim.forward_ppm)}% 计算的罚息{limit}"
    )


def _demands(case: Case) -> str:
    if not case.demands:
        return "尚未书面催告，以起诉状副本送达为催告"
    shown = "；".join(
        f"{day.isoformat()} {channel}{'，' + detail if detail else ''}" for day, channel, detail in case.demands
    )
    return f"已催告 {len(case.demands)} 次：{shown}。"


def _limitation(case: Case) -> str:
    found = next(deadline for deadline in case.deadlines if deadline.kind == "limitation")
    since = "最后一期履行期限届满之日" if found.after == "last_due" else "最近一次中断之日"
    return f"未超过。自{since}（{found.since.isoformat()}）起算，至 {found.due_on.isoformat()} 届满（{found.citation.split(';')[0]}）"


def _acceleration(case: Case) -> dict[str, str]:
    if not case.claim.whole:
        return {"accelerated": "", "not_accelerated": "仅主张已到期部分，保留就未到期部分另行主张的权利"}
    if case.on >= case.state.schedule[-1].due and not case.state.accelerated:
        return {"accelerated": "", "not_accelerated": "借款期限已届满，全部到期"}
    called = [move.effective for move in case.state.movements if move.kind == "accelerate"]
    if called:
        return {
            "accelerated": f"原告于 {max(called).isoformat()} 依合同提前到期条款宣布借款提前到期。",
            "not_accelerated": "",
        }
    said = "依合同提前到期条款，原告以起诉状（申请书）宣布借款提前到期，副本送达之日为提前到期日。"
    return {"accelerated": said, "not_accelerated": ""}
