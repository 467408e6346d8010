"""CAMT.053 (ISO 20022, BankToCustomerStatement), versions .02 to .13: the fields that servicing needs.

Parsed without entities: a file with a document type is refused, so that nothing outside it is read and nothing in it
expands. An entry that is a batch becomes one line a transaction when their amounts come to the entry's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from xml.etree.ElementTree import Element, ParseError, fromstring

from jiehuan.flow.statements.statement import Line, RefusedRow, Statement
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import parse_yuan

_SPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(\d\d)\Z")
_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
_CODECS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "us-ascii": "ascii",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
}
_NO_REFERENCE = {"", "NOTPROVIDED", "NONREF"}


def read_camt(content: bytes, where: str, account: str = "") -> list[Statement]:
    """The statements of a file. Raises InputError when it is no CAMT.053 or cannot be parsed safely."""
    root = _parse(content, where)
    version = _SPACE.match(root.tag[1:].partition("}")[0]) if root.tag.startswith("{") else None
    if version is None or not 2 <= int(version[1]) <= 13:
        mend = "export a CAMT.053 statement (camt.053.001.02 to .13)"
        raise InputError(Problem(where, root.tag[:80], "not a CAMT.053 document", mend))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    found = [
        _statement(one, f"{where} statement {n}", account) for n, one in enumerate(root.iterfind(".//Stmt"), start=1)
    ]
    if not found:
        raise InputError(Problem(where, "", "holds no statement", "check the export"))
    return found


def _parse(content: bytes, where: str) -> Element:
    declared = _ENCODING.match(content[:200])
    name = declared[1].decode().lower() if declared else "utf-8"
    try:
        text = content.decode(_CODECS[name])
    except (KeyError, UnicodeDecodeError):
        raise InputError(Problem(where, name, "not text in a known encoding", "save it as UTF-8")) from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(
            Problem(where, "<!DOCTYPE", "a statement has no document type", "ask the bank for a plain export")
        )
    try:
        return fromstring(re.sub(r"\A\s*<\?xml[^>]*\?>", "", text, count=1))  # noqa: S314 - no document type, no entity
    except ParseError as error:
        line, column = error.position
        raise InputError(
            Problem(f"{where} line {line} column {column}", "", "malformed XML", "export it again")
        ) from None


def _statement(stmt: Element, where: str, account: str) -> Statement:
    faults: list[Problem] = []
    balances: dict[str, int] = {}
    days: list[date] = []
    currency = _text(stmt, "Acct/Ccy")
    for bal in stmt.iterfind("Bal"):
        code = _text(bal, "Tp/CdOrPrtry/Cd")
        try:
            fen = parse_yuan(_text(bal, "Amt"), f"{where}, balance {code}")
        except InputError as error:
            faults.extend(error.problems)
            continue
        balances.setdefault(code, -fen if _text(bal, "CdtDbtInd") == "DBIT" else fen)
        amount = bal.find("Amt")
        currency = currency or (amount.get("Ccy", "") if amount is not None else "")
        day = _day(bal, "Dt", where)
        if code == "CLBD" and day:
            days.append(day)
    name = account or _text(stmt, "Acct/Id/IBAN") or _text(stmt, "Acct/Id/Othr/Id")
    reference = _text(stmt, "Id")
    if not name:
        faults.append(Problem(f"{where}, Acct", "", "names no account", "give --account"))
    if not reference:
        faults.append(Problem(f"{where}, Id", "", "missing", "ask the bank for statements with a number"))
    if faults:
        raise InputError(faults)
    lines: list[Line] = []
    refused: list[RefusedRow] = []
    for n, entry in enumerate(stmt.iterfind("Ntry"), start=1):
        for one in _entry(entry, n, f"{where} entry {n}", currency):
            lines.append(one) if isinstance(one, Line) else refused.append(one)
    closed_on = max(days or [line.on for line in lines], default=date(1970, 1, 1))
    opening = balances.get("OPBD", balances.get("PRCD"))
    return Statement(
        name,
        reference[:200],
        "camt.053",
        currency,
        closed_on,
        opening,
        balances.get("CLBD"),
        tuple(lines),
        tuple(refused),
    )


def _entry(entry: Element, n: int, where: str, currency: str) -> Iterator[Line | RefusedRow]:
    reference = _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status and status != "BOOK":
        yield RefusedRow(
            n, reference, Problem(f"{where}, Sts", status[:20], "is not booked yet", "it comes again when it is")
        )
        return
    try:
        amount = _amount(entry, where, currency)
        on = _day(entry, "ValDt", where) or _day(entry, "BookgDt", where)
    except InputError as error:
        yield RefusedRow(n, reference, error.problems[0])
        return
    sign = -1 if _text(entry, "CdtDbtInd") == "DBIT" else 1
    if on is None:
        yield RefusedRow(n, reference, Problem(f"{where}, ValDt", "", "has no date", "ask the bank"), sign * amount)
        return
    details = list(entry.iterfind("NtryDtls/TxDtls"))
    amounts = [_detail_amount(one, currency) for one in details]
    reference = reference or f"{on.isoformat()}:{n}:{sign * amount}"
    if len(details) > 1 and None not in amounts and sum(filter(None, amounts)) == amount:
        for place, (one, part) in enumerate(zip(details, amounts, strict=True), start=1):
            yield _line(n, f"{reference}/{place}", on, sign * (part or 0), [one], entry)
    else:
        yield _line(n, reference, on, sign * amount, details, entry)


def _line(n: int, reference: str, on: date, amount: int, details: list[Element], entry: Element) -> Line:
    own = details[0] if len(details) == 1 else None
    end_to_end = _text(own, "Refs/EndToEndId") if own is not None else ""
    texts = [_text(entry, "AddtlNtryInf")]
    for one in details:
        texts += [
            found.text or ""
            for path in ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "AddtlTxInf")
            for found in one.iterfind(path)
        ]
    account, payer = "", ""
    if own is not None:
        account = _text(own, "RltdPties/CdtrAcct/Id/Othr/Id") or _text(own, "RltdPties/CdtrAcct/Id/IBAN")
        payer = _text(own, "RltdPties/DbtrAcct/Id/Othr/Id") or _text(own, "RltdPties/DbtrAcct/Id/IBAN")
    known = None if end_to_end.upper() in _NO_REFERENCE else end_to_end[:200]
    return Line(n, reference[:200], on, amount, known, tuple(text for text in texts if text), account, payer)


def _amount(entry: Element, where: str, currency: str) -> int:
    own = entry.find("Amt")
    named = own.get("Ccy", "") if own is not None else ""
    if named and currency and named != currency:
        raise InputError(
            Problem(f"{where}, Amt", named[:10], f"not the account's currency, {currency}", "ask the bank")
        )
    text = _text(entry, "Amt")
    whole, _, decimals = text.partition(".")
    return parse_yuan(f"{whole}.{decimals.rstrip('0')}".rstrip("."), f"{where}, Amt", minimum=1)


def _detail_amount(detail: Element, currency: str) -> int | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        found = detail.find(path)
        if found is not None and found.get("Ccy", currency) == currency:
            try:
                return parse_yuan(found.text or "", minimum=1)
            except InputError:
                return None
    return None


def _day(element: Element, name: str, where: str) -> date | None:
    text = _text(element, f"{name}/Dt") or _text(element, f"{name}/DtTm")[:10]
    return parse_date(text, f"{where}, {name}") if text else None


def _text(element: Element, path: str) -> str:
    found = element.find(path)
    return (found.text or "").strip() if found is not None else ""
