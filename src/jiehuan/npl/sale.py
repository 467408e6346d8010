"""The sale tape: the rows a buyer bids on, checked against the law of the day, as Excel or CSV, without personal data.

Rows (mappings) need ``loan_id, class, status, dpd, outstanding_fen, drawn_on, principal_fen``; ``region,
product, rate, months, interest_fen, penalty_fen, last_payment_on, limitation_ends_on, judged, disputed`` and the
parameters' features are optional. Names, numbers of documents and telephones are refused, not dropped: a tape goes to strangers.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from jiehuan.law import Rule, law_on
from jiehuan.npl.params import Params, priors
from jiehuan.npl.routes import NON_PERFORMING
from jiehuan.npl.valuation import value
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.money import MAX_FEN, format_yuan

COLUMNS = (
    ("claim", "债权编号", 22), ("class", "五级分类", 12), ("dpd", "逾期天数", 9), ("drawn_on", "放款日", 11),
    ("product", "产品", 14), ("region", "地区", 12), ("principal", "放款本金", 13), ("outstanding", "未偿本金", 13),
    ("interest", "未偿利息", 12), ("penalty", "未偿罚息", 12), ("last_payment_on", "最后还款日", 11),
    ("limitation_ends_on", "诉讼时效届满", 12), ("judged", "已判决", 8), ("value", "估值", 12), ("low", "估值下限", 12),
    ("high", "估值上限", 12),
)  # fmt: skip
PERSONAL = frozenset(
    {"name", "id_number", "phone", "mobile", "email", "address", "borrower_name", "id_card", "employer"}
)
_NEEDED = ("loan_id", "class", "status", "dpd", "outstanding_fen", "drawn_on", "principal_fen")


@dataclass(frozen=True, slots=True)
class SaleTape:
    """The checked tape: rows ready to write, totals in fen, rows left out with the reason, the rule it rests on.

    ``loan_ids`` are the lender's own numbers of ``rows``, in order; they are not on the tape.
    """

    on: date
    lender_type: str
    rows: tuple[Mapping[str, Any], ...]
    left_out: tuple[Problem, ...]
    balance_fen: int
    value_fen: int
    low_fen: int
    high_fen: int
    rule: Rule
    parameters: str
    loan_ids: tuple[str, ...]

    def csv(self) -> bytes:
        """UTF-8 with a byte-order mark, so that Excel reads the Chinese; one heading line."""
        import csv

        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow([name for name, _, _ in COLUMNS])
        writer.writerows([_inert(row[name]) for name, _, _ in COLUMNS] for row in self.rows)
        return b"\xef\xbb\xbf" + written.getvalue().encode()

    def xlsx(self) -> bytes:
        """Three sheets: summary with the law, the claims, the rows left out. The same tape gives the same bytes."""
        return _xlsx(self)

    def as_document(self) -> dict[str, Any]:
        """Totals and checks as plain values, money in yuan."""
        return {
            "on": self.on.isoformat(),
            "loans": len(self.rows),
            "balance": format_yuan(self.balance_fen),
            "value": format_yuan(self.value_fen),
            "low": format_yuan(self.low_fen),
            "high": format_yuan(self.high_fen),
            "parameters": self.parameters,
            "citation": self.rule.citation,
            "left_out": [problem.as_dict() for problem in self.left_out],
        }


def tape(rows: Sequence[Mapping[str, Any]], on: date, lender_type: str, params: Params | None = None) -> SaleTape:
    """Check and value the rows for sale on ``on``.

    Refused, with the article, where no law lets this lender sell that day (micro-lenders never; the pilot has an end) or
    where no row is fit. Left out, each with its reason: not non-performing, off the book, disputed, doubled, malformed.
    InputError when columns are missing or a column holds personal data.
    """
    params = params or priors()
    rule = _may_sell(on, lender_type)
    _check_columns(rows)
    kept: list[Mapping[str, Any]] = []
    left_out: list[Problem] = []
    balance = middle = low = high = 0
    seen: dict[str, None] = {}
    for n, row in enumerate(rows, 1):
        try:
            fault = _unfit(row, n, seen, rule)
            if fault:
                left_out.append(fault)
                continue
            made, amounts = _row(row, n, params)
        except InputError as error:
            left_out.extend(error.problems)
            continue
        seen[str(row["loan_id"])] = None
        kept.append(made)
        balance, middle, low, high = balance + amounts[0], middle + amounts[1], low + amounts[2], high + amounts[3]
    if not kept:
        raise Refused(left_out or Problem("tape", "", "has no rows", "give the claims to sell"))
    return SaleTape(
        on, lender_type, tuple(kept), tuple(left_out), balance, middle, low, high, rule, params.source, tuple(seen)
    )


def _may_sell(on: date, lender_type: str) -> Rule:
    rule = law_on(on, lender_type).rule("npl_transfer")
    if rule is None:
        reason = f"no rule lets a lender of type {lender_type} sell non-performing loans on {on}"
        raise Refused(
            Problem("lender_type", lender_type, reason, "check the date, or the law book", zh="当日无允许转让的规则")
        )
    if not rule.value["seller"]:
        mend = "restructure, litigate or write off instead"
        raise Refused(Problem("lender_type", lender_type, rule.en, mend, citation=rule.citation, zh=rule.zh))
    return rule


def _check_columns(rows: Sequence[Mapping[str, Any]]) -> None:
    present = {key for row in rows for key in row}
    problems = [
        Problem("tape", name, "no such column", f"give {', '.join(_NEEDED)}")
        for name in _NEEDED
        if rows and name not in present
    ]
    problems += [
        Problem("tape", name, "is personal data, which a sale tape must not hold", "leave the column out")
        for name in sorted(present & PERSONAL)
    ]
    if problems:
        raise InputError(problems)


def _unfit(row: Mapping[str, Any], n: int, seen: Mapping[str, None], rule: Rule) -> Problem | None:
    where, loan_id = f"tape row {n}", str(row.get("loan_id") or "")
    if not loan_id:
        return Problem(f"{where}, loan_id", "", "is missing", "give an id")
    if loan_id in seen:
        return Problem(f"{where}, loan_id", loan_id, "is on the tape already", "leave one out")
    if row.get("class") not in NON_PERFORMING:
        found, mend = str(row.get("class")), "sell only substandard, doubtful and loss"
        return Problem(f"{where}, class", found, "is not non-performing", mend, rule.citation, "未列入不良")
    if row.get("status") not in ("active", "restructured", "written_off"):
        return Problem(
            f"{where}, status", str(row.get("status")), "is not ours to sell", "leave the row out", zh="不在册"
        )
    if row.get("disputed") is True:
        return Problem(
            f"{where}, disputed", "true", "has an open complaint or dispute", "settle it first", zh="存在争议"
        )
    return None


def _row(row: Mapping[str, Any], n: int, params: Params) -> tuple[dict[str, Any], tuple[int, int, int, int]]:
    where = f"tape row {n}"
    principal, interest, penalty = (
        _amount(row, name, where) for name in ("outstanding_fen", "interest_fen", "penalty_fen")
    )
    if principal <= 0:
        raise InputError(Problem(f"{where}, outstanding_fen", str(principal), "nothing is owed", "leave the row out"))
    dpd = _amount(row, "dpd", where)
    balance = principal + interest + penalty
    features = {name: row[name] for name in params.features if name in row} | dict(row.get("features") or {})
    found = value(balance, dpd, features, params)
    dates = {name: row.get(name) for name in ("drawn_on", "last_payment_on", "limitation_ends_on")}
    made = {
        # A number of the tape's own: the lender finds the loan by it, a reader of the tape does not.
        "claim": "C" + hashlib.sha256(str(row["loan_id"]).encode()).hexdigest()[:16],
        "class": row["class"],
        "dpd": dpd,
        "product": str(row.get("product") or ""),
        "region": str(row.get("region") or ""),
        "principal": format_yuan(_amount(row, "principal_fen", where)),
        "outstanding": format_yuan(principal),
        "interest": format_yuan(interest),
        "penalty": format_yuan(penalty),
        "judged": "是" if row.get("judged") is True else "否",
        "value": format_yuan(found.value_fen),
        "low": format_yuan(found.low_fen),
        "high": format_yuan(found.high_fen),
        **{name: parse_date(day, f"{where}, {name}").isoformat() if day else "" for name, day in dates.items()},
    }
    return made, (balance, found.value_fen, found.low_fen, found.high_fen)


def _amount(row: Mapping[str, Any], name: str, where: str) -> int:
    """A cell in fen or days; one odd cell makes a CSV's column text, so whole numbers written as text are taken."""
    found = row.get(name)
    if found is None or found == "":
        return 0
    text = str(found).strip().removesuffix(".0").removesuffix(".00")
    if isinstance(found, bool) or not (text.isascii() and text.isdigit()) or int(text) > MAX_FEN:
        raise InputError(Problem(f"{where}, {name}", str(found)[:80], "not a whole number from 0 up", "mend the row"))
    return int(text)


def _inert(cell: Any) -> Any:
    """Text that a spreadsheet would run as a formula, marked as text."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _xlsx(made: SaleTape) -> bytes:
    import xlsxwriter

    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    book.set_properties({"title": "NPL sale tape", "created": datetime(made.on.year, made.on.month, made.on.day)})  # noqa: DTZ001
    bold = book.add_format({"bold": True, "bg_color": "#EEF2F6", "border": 1, "text_wrap": True, "valign": "vcenter"})
    money = book.add_format({"num_format": "#,##0.00"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    summary = book.add_worksheet("汇总 Summary")
    summary.set_column(0, 0, 26)
    summary.set_column(1, 1, 80)
    facts: list[tuple[str, Any]] = [
        ("基准日 As of", made.on.isoformat()),
        ("笔数 Claims", len(made.rows)),
        ("债权总额（元） Claimed", made.balance_fen / 100),
        ("估值（元） Value", made.value_fen / 100),
        ("估值区间（元） Interval", f"{format_yuan(made.low_fen)} - {format_yuan(made.high_fen)}"),
        ("估值参数 Parameters", made.parameters),
        ("依据 Law", f"{made.rule.zh} {made.rule.en}"),
        ("出处 Citation", made.rule.citation),
        ("受让方 Buyer", "不得再次转让 may not resell" if not made.rule.value["resale"] else ""),
        ("剔除 Left out", len(made.left_out)),
    ]
    for line, (name, shown) in enumerate(facts):
        summary.write(line, 0, name, bold)
        summary.write(line, 1, shown, money if isinstance(shown, float) else wrap)
    claims = book.add_worksheet("债权 Claims")
    claims.freeze_panes(1, 1)
    for column, (name, zh, width) in enumerate(COLUMNS):
        claims.set_column(column, column, width)
        claims.write(0, column, f"{zh}\n{name}", bold)
    numeric = {"principal", "outstanding", "interest", "penalty", "value", "low", "high"}
    for line, row in enumerate(made.rows, 1):
        for column, (name, _, _) in enumerate(COLUMNS):
            if name in numeric:
                claims.write_number(line, column, float(row[name]), money)
            elif isinstance(row[name], int):
                claims.write_number(line, column, row[name])
            else:
                claims.write_string(line, column, str(row[name]))
    claims.autofilter(0, 0, len(made.rows), len(COLUMNS) - 1)
    checks = book.add_worksheet("剔除 Left out")
    checks.set_column(0, 0, 28)
    checks.set_column(1, 3, 40)
    for column, name in enumerate(("位置 Where", "值 Value", "原因 Reason", "依据 Citation")):
        checks.write(0, column, name, bold)
    for line, problem in enumerate(made.left_out, 1):
        for column, shown in enumerate(
            (problem.where, problem.value, f"{problem.zh} {problem.reason}".strip(), problem.citation)
        ):
            checks.write_string(line, column, shown)
    book.close()
    return written.getvalue()
