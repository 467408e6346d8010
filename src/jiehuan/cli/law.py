"""``jiehuan law``: what the law says on a day, and whether draws, products, contacts and limits keep it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, read_json, show_facts, show_json
from jiehuan.units.errors import InputError, Problem, Refused

if TYPE_CHECKING:
    from datetime import date

    from jiehuan.law import History, Rule
    from jiehuan.law.checks import Breach

_ON = typer.Option(None, "--on", metavar="D", help="The day, YYYY-MM-DD; default today.", show_default=False)
_LENDER = typer.Option(
    None, "--lender", metavar="T", help="bank, consumer_finance_company, micro_lender or other.", show_default=False
)


def register(app: typer.Typer) -> None:
    """Add the ``law`` commands."""
    group = typer.Typer(help="The law as dated, cited data: show it, list it, check against it.", no_args_is_help=True)
    group.command("show", help=_show.__doc__)(_show)
    group.command("list", help=_list.__doc__)(_list)
    group.command("check", help=_check.__doc__)(_check)
    app.add_typer(group, name="law")


def _show(
    rule: str = typer.Argument(..., metavar="RULE", help="The rule's id, like cost_cap.", show_default=False),
    on: str | None = _ON,
    lender: str | None = _LENDER,
    as_json: bool = JSON_FLAG,
) -> None:
    """One rule as it stands on a day, with its value, dates, citation and grade. Exit 1 when none is in force.

    Example: jiehuan law show cost_cap --on 2026-01-01 --lender bank
    """
    from jiehuan.law import LENDER_TYPES, law_on, rule_history

    day = _day(on)
    history = rule_history(rule)
    asked = [lender] if lender is not None else list(LENDER_TYPES)
    in_force = _distinct(law_on(day, kind).rule(rule) for kind in asked)
    if not in_force:
        where = f"{rule} for a {lender}" if lender else rule
        raise Refused(Problem(where, day.isoformat(), "no such rule is in force on that day", _spans(history, asked)))
    if as_json:
        rows = [{"on": day.isoformat(), **one.as_dict()} for one in in_force]
        show_json(rows[0] if lender is not None else rows)
        return
    for place, one in enumerate(in_force):
        if place:
            typer.echo("")
        show_facts({
            "rule": f"{one.id}  {one.zh_name} / {one.en_name}",
            "lenders": ", ".join(one.lenders),
            "value": one.text,
            "unit": one.unit,
            "in force": f"{one.valid_from} to {one.valid_to or 'further notice'}",
            "says": one.zh,
            "": one.en,
            "citation": one.law_zh,
            " ": one.law_en,
            "grade": f"{one.grade} ({one.source})",
        })  # fmt: skip


def _list(on: str | None = _ON, lender: str | None = _LENDER, as_json: bool = JSON_FLAG) -> None:
    """Every rule of the law book; with --on or --lender those in force on that day for that lender.

    Example: jiehuan law list --on 2026-01-01 --lender micro_lender
    """
    from jiehuan.law import LENDER_TYPES, law_on, rule_history, rule_ids

    if on is None and lender is None:
        histories = [rule_history(rule_id) for rule_id in rule_ids()]
        if as_json:
            show_json([{"id": one.id, "zh_name": one.zh_name, "en_name": one.en_name, "unit": one.unit,
                        "values": [rule.as_dict() for rule in one.rules]} for one in histories])  # fmt: skip
            return
        for one in histories:
            typer.echo(f"{one.id:<32}{one.zh_name} / {one.en_name}")
        return
    day = _day(on)
    kinds = [lender] if lender is not None else list(LENDER_TYPES)
    rules = _distinct(one for kind in kinds for one in law_on(day, kind).rules())
    rules.sort(key=lambda one: (one.id, one.lenders))
    if as_json:
        show_json([{"on": day.isoformat(), **one.as_dict()} for one in rules])
        return
    for rule in rules:
        lenders = "" if lender is not None else f" [{', '.join(rule.lenders)}]"
        typer.echo(f"{rule.id:<32}{_short(rule.text):<42}{rule.valid_from}  {rule.grade}  {rule.zh_name}{lenders}")


def _check(
    file: Path = typer.Argument(..., metavar="FILE", help="JSON (- for standard input), or a table.", show_default=False),
    on: str | None = typer.Option(
        None, "--on", metavar="D", help="Check by the law of this day; default each draw's or contact's own day.",
        show_default=False,
    ),
    lender: str | None = _LENDER,
    as_json: bool = JSON_FLAG,
) -> None:
    """Draws, products, contact logs or a lender's limits against the law: the breaches. Exit 1 when there are any, or when some of
    a file's rows could not be read; 2 when nothing could.

    FILE holds one object or a list. A draw has the keys of "loan replay"; a contact has debtor_id, at, channel; a
    product has methods and months but no principal; a lender has net_assets. {"kind": …} says it where that is not
    clear.

    Example: jiehuan law check examples/loan_overdue.json --on 2026-01-01
    """
    from jiehuan.units.days import parse_date

    broken: list[Problem] = []
    documents = _documents(file, broken)
    breaches, unread, read = _checked(documents, str(file), parse_date(on, "--on") if on else None, lender)
    problems = [*broken, *unread]
    if as_json:
        rows = [found.as_dict() for found in breaches]
        faults = {"error": "InputError", "problems": [one.as_dict() for one in problems], "breaches": rows}
        show_json(faults if problems else rows)
    else:
        for found in breaches:
            typer.echo(f"{found.id}: {found.where}: found {found.found}, allowed {found.allowed}")
            typer.echo(f"  {found.zh}\n  {found.en}\n  {found.law_zh}\n  {found.law_en} (grade {found.grade})")
        typer.echo(f"breaches: {len(breaches)}" if breaches else "no breach found")
    if problems:
        typer.echo("\n".join(map(str, problems)), err=True)
    if problems and not read:
        raise typer.Exit(2)
    if breaches or problems:
        raise typer.Exit(1)


def _documents(file: Path, broken: list[Problem]) -> list[Any]:
    from jiehuan.units.tables import SUFFIXES, read_table

    if SUFFIXES.get(file.suffix.lower(), "json") != "json":
        return read_table(file, refused=broken).to_dicts()
    document = read_json(file)
    return document if isinstance(document, list) else [document]


def _checked(
    documents: list[Any], where: str, on: date | None, lender: str | None
) -> tuple[list[Breach], list[Problem], int]:
    """Each document by its kind, the contacts of the file together as one log; faulty ones never lose the good ones. Breaches,
    problems, and how many draws, products, lenders and contacts could be checked."""
    from jiehuan.law.checks import check_contacts, read_contacts

    breaches: list[Breach] = []
    problems: list[Problem] = []
    log: dict[str, list[Mapping[str, Any]]] = {}
    read = 0
    for place, document in enumerate(documents, start=1):
        label = where if len(documents) == 1 else f"{where} {place}"
        try:
            kind = _kind(document, label)
            owner = _lender(document, lender, label, "bank" if kind == "contact" else None)
            if kind == "contact":
                log.setdefault(owner, []).append({"contact_id": f"row {place}"} | {k: v for k, v in document.items() if v is not None})
            elif kind == "log":
                log.setdefault(owner, []).extend(document["contacts"])
            else:
                breaches += _CHECKS[kind](document, owner, on, label)
                read += 1
        except InputError as error:
            problems.extend(error.problems)
    for owner, rows in log.items():
        contacts, faults = read_contacts(rows, where)
        problems.extend(faults)
        read += len(contacts)
        breaches += check_contacts(contacts, owner, on=on)
    return breaches, problems, read


def _kind(document: Any, where: str) -> str:
    if not isinstance(document, Mapping):
        raise InputError(Problem(where, str(document)[:80], "not an object", "write a draw, a contact or a product"))
    kind = document.get("kind")
    if kind in _KINDS:
        return str(kind)
    if isinstance(document.get("contacts"), list):
        return "log"
    if "at" in document and ("channel" in document or "action" in document):
        return "contact"
    if "principal" in document or "principal_fen" in document or "drawn_on" in document:
        return "draw"
    if "net_assets" in document or "net_assets_fen" in document:
        return "lender"
    if "methods" in document or "method" in document or "months" in document:
        return "product"
    raise InputError(Problem(where, "", "neither a draw, a contact, a product nor a lender", f"add kind: {', '.join(_KINDS)}"))


def _lender(document: Mapping[str, Any], lender: str | None, where: str, default: str | None) -> str:
    owner = document.get("lender_type") or lender or default
    if not isinstance(owner, str):
        raise InputError(Problem(f"{where}, lender_type", "", "missing", "give lender_type, or --lender"))
    return owner


def _draw(document: Mapping[str, Any], lender: str, on: date | None, where: str) -> list[Breach]:
    """The cost from the loan's own schedule, so that odd periods and sculpted instalments count as they are."""
    from jiehuan.law import law_on
    from jiehuan.law.checks import check_draw
    from jiehuan.loan import make_schedule, read_terms

    terms = read_terms({"lender_type": lender, **document}, where)
    draw = {**document, "lender_type": lender}
    try:
        own = make_schedule(terms).apr
    except InputError as error:
        if not terms.fees:  # fees that eat up the principal have no rate; the check says so
            raise error from None
    else:
        draw["apr"] = own if document.get("apr") is None else max(own, _number(document["apr"], f"{where}, apr"))
    return check_draw(draw, law_on(on or terms.drawn_on, lender), where)


def _product(document: Mapping[str, Any], lender: str, on: date | None, where: str) -> list[Breach]:
    from jiehuan.law import law_on
    from jiehuan.law.checks import check_product

    return check_product(document, law_on(on or _day(None), lender), where)


def _limits(document: Mapping[str, Any], lender: str, on: date | None, where: str) -> list[Breach]:
    """A lender's concentration and leverage: net_assets, largest_borrower, largest_group, non_standard, standard."""
    from jiehuan.law import law_on
    from jiehuan.law.checks import check_concentration, check_leverage
    from jiehuan.law.reading import Reading

    law = law_on(on or _day(None), lender)
    read = Reading(document, where)
    net_assets = read.must(read.yuan("net_assets"), "net_assets") or 0
    borrower, group = read.yuan("largest_borrower") or 0, read.yuan("largest_group")
    non_standard, standard = read.yuan("non_standard") or 0, read.yuan("standard") or 0
    read.done()
    return [
        *check_concentration(borrower, net_assets, law, group_fen=group, where=where),
        *check_leverage(non_standard, standard, net_assets, law, where=where),
    ]


_CHECKS = {"draw": _draw, "product": _product, "lender": _limits}
_KINDS = ("draw", "contact", "product", "lender")


def _number(value: Any, where: str) -> float:
    from jiehuan.law.reading import Reading

    read = Reading({"apr": value}, where.removesuffix(", apr"))
    number = read.number("apr")
    read.done()
    return number or 0.0


def _distinct(rules: Iterable[Rule | None]) -> list[Rule]:
    """Each rule once: several lenders often share one."""
    return list({id(one): one for one in rules if one is not None}.values())


def _spans(history: History, lenders: list[str]) -> str:
    """When the rule is in force for those lenders."""
    spans = [
        f"{', '.join(one.lenders)}: {one.valid_from} to {one.valid_to or 'further notice'}"
        for one in history.rules
        if set(one.lenders) & set(lenders)
    ]
    return f"in force: {'; '.join(spans)}" if spans else f"it binds only {', '.join(sorted(history.by_lender))}"


def _day(on: str | None) -> date:
    from datetime import datetime

    from jiehuan.units.days import CHINA, parse_date

    return parse_date(on, "--on") if on is not None else datetime.now(CHINA).date()


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
