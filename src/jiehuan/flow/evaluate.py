"""The decision on one application as a pure function: profile, score, affordability, policy, offers, law checks.

Nothing is loaded and nothing is saved here: ``flow/decide.py`` does that around it, and ``jiehuan decide FILE`` calls
it on a file. The result carries every input and version, so that the same document gives the same decision again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from jiehuan.flow.line_terms import CODE, LineTerms, line_reason, read_line, within_line
from jiehuan.law import Law, law_on
from jiehuan.law.cost_cap import cost_cap
from jiehuan.policy import Policy, PolicyResult, compile_policy, default_policy, explain, run, what_if
from jiehuan.product import Asked, Capacity, Catalogue, Menu, load_catalogue, offers
from jiehuan.product.lawful import Check, offer_checks
from jiehuan.profile import affordability as cash
from jiehuan.profile.assemble import Profile, build_profile
from jiehuan.profile.history import countable
from jiehuan.profile.plans import PlanWish
from jiehuan.units.days import CHINA, parse_date
from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import PPM, format_rate, parse_rate

if TYPE_CHECKING:
    from jiehuan.score import Model

MAX_TERM = 60


@dataclass(frozen=True, slots=True)
class _Found:
    """All that a decision rests on."""

    asked: Request
    profile: Profile
    law: Law
    decided: PolicyResult
    menu: Menu
    values: Mapping[str, Any]
    pd_ppm: int | None
    points: int | None
    score_reasons: list[dict[str, Any]]
    carried: cash.Affordability | None
    line: LineTerms | None
    policy_rate_ppm: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """The application's own words, read: money in fen, the instant it was made."""

    amount_fen: int
    months: int
    lender_type: str
    at: datetime | date
    product: str
    purpose: str

    @property
    def on(self) -> date:
        """The day of the application."""
        return self.at.date() if isinstance(self.at, datetime) else self.at


def evaluate(
    document: Mapping[str, Any],
    *,
    model: Model | None = None,
    policy: Policy | None = None,
    catalogue: Catalogue | None = None,
    explain_change: bool = False,
    trace: bool = False,
) -> dict[str, Any]:
    """Decide one application document; return the decision document.

    ``document``: ``{on | applied_at, lender_type, amount, months, product?, purpose?, declared_income?, pay_day?,
    living_costs?, obligations?, borrower?, earlier_loans?, credit_line?: {limit, rate, outstanding}, bank_flow?,
    bureau?, device?, features?, score?: {pd, points}}`` (``profile.assemble`` says what the parts hold). A line cuts
    the limit to what is free of it, and the price to its own. A model scores the profile's features; without one,
    ``score`` is taken as given. ``explain_change`` adds the nearest changes that would lead to approval; they can also
    be asked for later, from the decision's own inputs (``change_of``). ``trace`` lets the engine decide, which tells the
    rows that matched; else the compiled policy does, with equal results and a hundred times as fast. Raises InputError
    with every mistake, Refused when the policy itself fails.
    """
    asked = read_request(document)
    policy = policy or default_policy()
    catalogue = catalogue or load_catalogue()
    law = law_on(asked.on, asked.lender_type)
    profile = build_profile(document, asked.at, law)
    line = read_line(document)
    pd_ppm, points, score_reasons = _scored(document, profile, model)
    cap = cost_cap(law)
    dearest = cap.ppm if cap else cash.parameters().rate_without_cap_ppm
    carried = _affordability(document, asked, profile, dearest)
    values = policy_values(asked, profile, law, pd_ppm, carried)
    decided = run(policy, values) if trace else compile_policy(policy).run(values)
    policy_rate = decided.rate_ppm
    decided = within_line(decided, line)
    menu = _menu(asked, decided, profile, catalogue, law, pd_ppm, carried, line)
    found = _Found(
        asked, profile, law, decided, menu, values, pd_ppm, points, score_reasons, carried, line, policy_rate
    )
    told = _document(found)
    if (menu.offers or menu.left_out) and asked.product and asked.product not in {product.id for product in catalogue.products}:
        unknown = {"zh": "产品目录中没有此产品", "en": "the catalogue has no such product"}
        told["left_out"].append({"product": asked.product[:80], "code": "unknown_product", **unknown})
    told["versions"] = {
        "policy": decided.version,
        "law": law.version,
        "features": profile.version,
        "catalogue": catalogue.version,
        "model": None if model is None else str(model.fitted.get("id") or model.kind),
    }
    if explain_change:
        told["what_would_change"] = change_of(told, policy)
    return told


def change_of(decided: Mapping[str, Any], policy: Policy) -> list[dict[str, Any]]:
    """What would change a decision: the nearest changes of its own policy inputs that lead to approval."""
    if decided["outcome"] == "approve":
        return []
    return [way.as_document() for way in what_if(policy, decided["inputs"]["policy"])]


def read_request(document: Mapping[str, Any]) -> Request:
    """The words of the application. Raises InputError naming every field that is wrong."""
    if not isinstance(document, Mapping):
        raise InputError(Problem("application", str(document)[:80], "not an object", "write a JSON object"))
    problems: list[Problem] = []
    amount, at = 0, date.min
    try:
        amount = parse_yuan(document.get("amount"), "amount", minimum=1)
    except InputError as error:
        problems.extend(error.problems)
    try:
        at = _moment(document)
    except InputError as error:
        problems.extend(error.problems)
    months = document.get("months")
    if not isinstance(months, int) or isinstance(months, bool) or not 1 <= months <= MAX_TERM:
        problems.append(
            Problem("months", str(months), f"not a whole number from 1 to {MAX_TERM}", "write a number like 12")
        )
    lender_type = document.get("lender_type")
    try:
        law_on(date(2026, 1, 1), str(lender_type))
    except InputError as error:
        problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    words = {name: str(document.get(name) or "") for name in ("product", "purpose")}
    return Request(amount, int(months or 0), str(lender_type), at, **words)


def policy_values(
    asked: Request, profile: Profile, law: Law, pd_ppm: int | None, carried: cash.Affordability | None
) -> dict[str, Any]:
    """What a policy may look at: the profile's features, the score, the cash flow, and the law's bounds of that day."""
    known = dict(profile.known)
    seen = [known[name] for name in ("lenders_now", "bureau_lenders") if known.get(name) is not None]
    known["lenders_now"] = max(seen, default=None)
    cap = cost_cap(law)
    students = law.value("student_loans")
    known |= {
        "amount_fen": asked.amount_fen,
        "months": asked.months,
        "pd_ppm": pd_ppm,
        "affordable_fen": max(carried.affordable_fen, carried.sculpted_fen) if carried else None,
        "law_cost_cap_ppm": cap.ppm if cap else None,
        "law_balance_cap_fen": law.value("balance_cap"),
        "law_students_allowed": students["allowed"] if students else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _moment(document: Mapping[str, Any]) -> datetime | date:
    text = document.get("applied_at")
    if text is None:
        return countable(parse_date(document.get("on"), "on"), "on")
    try:
        moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    except ValueError:
        mend = "write an ISO instant like 2026-09-01T10:00:00+08:00"
        raise InputError(Problem("applied_at", str(text)[:80], "not an instant", mend)) from None
    countable(moment.date(), "applied_at")
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


def _scored(
    document: Mapping[str, Any], profile: Profile, model: Model | None
) -> tuple[int | None, int | None, list[dict[str, Any]]]:
    """Probability in ppm, points and the score's own reasons: from the model, else as the document gives them."""
    if model is not None:
        known = profile.known
        told = model.score_row({column: known.get(column) for column in model.columns})
        return round(told.pd * PPM), told.points, [dict(reason) for reason in told.reasons]
    given = document.get("score") or {}
    if not isinstance(given, Mapping):
        raise InputError(Problem("score", str(given)[:80], "not an object", "write pd and points"))
    points = given.get("points")
    if points is not None and (not isinstance(points, int) or isinstance(points, bool)):
        raise InputError(Problem("score, points", str(points)[:80], "not whole points", "write a number like 620"))
    if given.get("pd") is None:
        return None, points, []
    return parse_rate(given["pd"], "score, pd", maximum_ppm=PPM), points, []


def _affordability(
    document: Mapping[str, Any], asked: Request, profile: Profile, rate_ppm: int
) -> cash.Affordability | None:
    """What the cash flow carries at the dearest lawful rate; None when no income is known."""
    household = household_of(document, profile)
    if household is None:
        return None
    wish = PlanWish(asked.amount_fen, asked.months, rate_ppm, asked.on, asked.lender_type)
    return cash.affordability(household, wish)


def household_of(document: Mapping[str, Any], profile: Profile) -> cash.Household | None:
    """The borrower's month from the profile: verified income where there is a bank flow, declared income else."""
    verified = profile.features.get("verified_income_fen")
    income = verified if verified is not None else profile.features.get("declared_income_fen")
    if income is None:
        return None
    problems: list[Problem] = []

    def amount(name: str) -> int:
        try:
            return parse_yuan(document[name], name) if document.get(name) is not None else 0
        except JiehuanError as error:
            problems.extend(error.problems)
            return 0

    pay_day = document.get("pay_day")
    if pay_day is not None and (not isinstance(pay_day, int) or isinstance(pay_day, bool) or not 1 <= pay_day <= 31):
        problems.append(Problem("pay_day", str(pay_day)[:80], "not a day of the month", "write a number from 1 to 31"))
    report = profile.income
    household = cash.Household(
        income_fen=income,
        verified=verified is not None,
        volatility_ppm=profile.features.get("income_volatility_ppm") or 0,
        obligations_fen=max(amount("obligations"), profile.features.get("obligations_fen") or 0),
        living_fen=amount("living_costs"),
        pay_day=pay_day if pay_day is not None else report.pay_day if report else None,
        seasons=report.seasons if report else {},
    )
    if problems:
        raise InputError(problems)
    return household


def _menu(
    asked: Request,
    decided: PolicyResult,
    profile: Profile,
    catalogue: Catalogue,
    law: Law,
    pd_ppm: int | None,
    carried: cash.Affordability | None,
    line: LineTerms | None,
) -> Menu:
    if decided.outcome == "refuse" or decided.limit_fen is None or decided.rate_ppm is None:
        return Menu((), ())
    features = profile.features
    wish = Asked(
        asked.amount_fen,
        asked.months,
        asked.on,
        asked.lender_type,
        decided.limit_fen,
        decided.rate_ppm,
        pd_ppm,
        asked.purpose,
        features.get("outstanding_fen") or 0,
        bool(features.get("settled_loans")),
        None if line is None else line.rate_ppm,
    )
    capacity = None
    if carried is not None:
        pay_day = carried.wish.first_due if carried.paced else None
        capacity = Capacity(carried.cash_for(MAX_TERM), carried.dscr_floor_ppm, carried.household.verified, pay_day)
    return offers(wish, catalogue, law, capacity)


def _document(found: _Found) -> dict[str, Any]:
    """The decision document: the contract of ``decide``."""
    decided, profile, offered = found.decided, found.profile, found.menu.offers
    chosen = next((offer for offer in offered if offer.product.id == found.asked.product), None)
    chosen = chosen or (offered[0] if offered else None)
    outcome, line = decided.outcome, found.line
    lines = [line_reason(line)] if line is not None and outcome != "refuse" else []
    reasons = [*decided.reasons, *lines]
    if outcome != "refuse" and chosen is None:
        outcome, reasons = "refuse", [*lines, explain("no_offer", found.values)]
    checks: list[Check] = []
    if chosen is not None:
        outstanding = profile.features.get("outstanding_fen") or 0
        checks = offer_checks(chosen.schedule, outstanding, profile.features.get("is_student"), found.law)
    lent = chosen if outcome != "refuse" else None
    told = {
        "outcome": outcome,
        "limit": format_yuan(decided.limit_fen or 0) if lent else None,
        "rate": format_rate(lent.rate_ppm) if lent else None,
        "amount": format_yuan(lent.amount_fen) if lent else None,
        "months": lent.months if lent else None,
        "method": lent.product.method if lent else None,
        "product": lent.product.id if lent else None,
        "pd": None if found.pd_ppm is None else format_rate(found.pd_ppm),
        "points": found.points,
        "reasons": [reason.as_dict() for reason in reasons],
        "score_reasons": found.score_reasons,
        "law_checks": [check.as_document() for check in checks],
        "offers": [offer.as_document() for offer in offered],
        "left_out": [left.as_document() for left in found.menu.left_out],
        "income": profile.income.as_document() if profile.income else None,
        "affordability": cash.as_document(found.carried) if found.carried else None,
        "inputs": {"policy": dict(found.values), "features": dict(profile.features), "extra": dict(profile.extra)},
        "trace": [dict(step) for step in decided.trace],
    }
    if line is not None:  # decisions of those without a line stay word for word what they were
        rate = found.policy_rate_ppm
        told[CODE] = {**line.as_document(), "policy_rate": None if rate is None else format_rate(rate)}
    return told
