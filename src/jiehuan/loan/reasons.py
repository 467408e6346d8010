"""Why an event is refused, in words: what, where, and how to mend it."""

from __future__ import annotations

from jiehuan.loan import layout
from jiehuan.loan.events import Event
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan

_REASONS: dict[int, tuple[str, str, str]] = {
    layout.BEFORE_DRAWING: ("takes effect before the loan is drawn", "correct its day", "生效日早于放款日"),
    layout.NO_TARGET: ("reverses an event that does not exist", "name an event of this loan", "所冲正的事件不存在"),
    layout.REVERSED_TWICE: ("reverses an event that is already reversed", "leave it out", "所冲正的事件已被冲正"),
    layout.REVERSES_REVERSAL: (
        "reverses a reversal",
        "record the reversed event again under a new id",
        "不得冲正一笔冲正",
    ),
    layout.REVERSED_EARLY: (
        "reverses an event that had not happened or was not known by then",
        "date it on or after the event it reverses",
        "冲正早于被冲正事件的发生日或获知日",
    ),
    layout.LOAN_SETTLED: (
        "the loan is settled: nothing is owed that day",
        "return the money, or correct the day",
        "贷款已结清",
    ),
    layout.ABOVE_OUTSTANDING: ("is more than the loan owes", "use a settlement", "金额超过尚欠款项"),
    layout.SETTLED_SHORT: (
        "is less than what settles the loan that day",
        "record it as a repayment or a prepayment",
        "金额不足以结清",
    ),
    layout.ABOVE_DUE: (
        "is more than there is to waive",
        "waive at most what is owed of that part",
        "减免金额超过该项尚欠金额",
    ),
    layout.ALREADY_DUE: ("accelerates a loan whose principal is all due", "leave it out", "本金已全部到期"),
    layout.ALREADY_WRITTEN_OFF: ("writes off a loan that is written off", "leave it out", "贷款已核销"),
    layout.NOT_WRITTEN_OFF: ("recovers on a loan that is not written off", "record it as a repayment", "贷款未核销"),
    layout.ABOVE_CREDIT: ("is more than the credit balance", "refund at most the credit balance", "退款超过多还余额"),
    layout.SHAPE_TOO_THIN: (
        "has a cash flow whose instalment does not cover the interest of its month",
        "give thin months a larger flow, or use interest_only",
        "现金流不足以覆盖当期利息",
    ),
    layout.NO_PRINCIPAL: ("restructures a loan without principal", "waive or collect what is left", "贷款已无本金"),
    layout.RESTRUCTURES_WRITTEN_OFF: (
        "restructures a loan that is written off",
        "reverse the write-off first",
        "贷款已核销，不得重组",
    ),
}


def refusal(event: Event, verdict: int) -> Problem:
    """The problem that a refused event's verdict stands for."""
    reason, mend, zh = _REASONS[verdict]
    shown = event.kind if event.amount_fen is None else f"{event.kind} {format_yuan(event.amount_fen)}"
    return Problem(f"event {event.id} on {event.on}", shown, reason, mend, zh=zh)


def reason_of(verdict: int) -> tuple[str, str, str]:
    """Reason, mend and reason in Chinese of a verdict, for a table of refused loans."""
    return _REASONS[verdict]
