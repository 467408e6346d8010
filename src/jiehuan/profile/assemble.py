"""A borrower's profile at the moment of an application: every declared feature from the documents that came with it.

Documents: the application itself, earlier loans (own history), a bank flow, a bureau report, device facts. Each is
optional but the application; what is not known is null, never guessed. A value that cannot be true is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any

from jiehuan.law import Law
from jiehuan.profile.declare import Declaration, Feature, declared_features
from jiehuan.profile.history import history_features, moment_of, read_history
from jiehuan.profile.income import IncomeReport, income_features, read_flow, verify_income
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import half_up, parse_yuan
from jiehuan.units.rates import PPM


@dataclass(frozen=True)
class Profile:
    """Every declared feature of one borrower at one moment, and the income report when there was a bank flow.

    ``features`` maps each declared name to its value or None; ``extra`` holds features that came with the application
    and are not declared here (a lender's own, for its model); ``version`` is the declaration's.
    """

    features: Mapping[str, Any]
    extra: Mapping[str, Any]
    income: IncomeReport | None
    version: str

    @property
    def known(self) -> dict[str, Any]:
        """All that is known by name, declared or not, as a model's row."""
        return {**self.extra, **self.features}


def build_profile(
    document: Mapping[str, Any], at: datetime | date, law: Law | None = None, declaration: Declaration | None = None
) -> Profile:
    """The profile of the borrower in ``document`` as known at ``at``.

    ``document``: ``{amount, months, declared_income?, borrower?: {birth_date?, birth_year?, is_student?,
    identity_verified?, on_block_list?, name?}, earlier_loans?: [...], bank_flow?: [...], bureau?: {...}, device?:
    {...}, features?: {name: value}}``. Raises InputError with every mistake; Refused when the law forbids a declared
    source.
    """
    declaration = declaration or declared_features(law)
    problems: list[Problem] = []
    moment = moment_of(at)
    given = {} if document.get("features") is None else document["features"]
    if not isinstance(given, Mapping):
        raise InputError(Problem("features", str(given)[:80], "not an object", "write names and values"))
    values: dict[str, Any] = {name: given[name] for name in given if name in declaration.features}
    income: IncomeReport | None = None

    def part(name: str, kind: type, read: Any) -> Any:
        found = document.get(name)
        if found is None:
            return None
        if not isinstance(found, kind) or isinstance(found, str):
            wanted = "a list" if kind is Sequence else "an object"
            problems.append(
                Problem(name, str(found)[:80], f"not {wanted}", "look at the example in `jiehuan decide --help`")
            )
            return None
        try:
            return read(found)
        except JiehuanError as error:
            problems.extend(error.problems)
            return None

    values |= _copied(declaration.of_source("application"), _application(document, moment, problems))
    history = declaration.of_source("history")
    loans = part("earlier_loans", Sequence, lambda rows: read_history([_in_fen(row) for row in rows]))
    if loans is not None:
        values |= history_features(loans, moment, history)
    declared = values.get("declared_income_fen")
    income = part(
        "bank_flow", Sequence, lambda rows: verify_income(read_flow(rows).before(moment), declared, _name(document))
    )
    if income is not None:
        values |= _copied(declaration.of_source("bank_flow"), income_features(income))
    for source in ("bureau", "device"):
        found = part(source, Mapping, lambda facts: facts)
        if found is not None:
            values |= _copied(declaration.of_source(source), found)
    problems.extend(_unbelievable(declaration, values))
    problems.extend(_odd(given))
    if problems:
        raise InputError(problems)
    features = {name: values.get(name) for name in declaration.features}
    extra = {name: value for name, value in given.items() if name not in declaration.features}
    return Profile(features, extra, income, declaration.version)


def _application(document: Mapping[str, Any], moment: datetime, problems: list[Problem]) -> dict[str, Any]:
    """The fields of the application form, money in fen."""
    person = {} if document.get("borrower") is None else document["borrower"]
    if not isinstance(person, Mapping):
        problems.append(Problem("borrower", str(person)[:80], "not an object", "write the borrower's fields"))
        person = {}
    form: dict[str, Any] = {
        "months": document.get("months"),
        "apply_hour": moment.hour,
        "apply_weekday": moment.isoweekday(),
    }
    for name, source in (("amount_fen", "amount"), ("declared_income_fen", "declared_income")):
        if document.get(source) is not None:
            try:
                form[name] = parse_yuan(document[source], source)
            except InputError as error:
                problems.extend(error.problems)
    form |= {name: person.get(name) for name in ("is_student", "identity_verified", "on_block_list")}
    form["age"] = _age(person, moment.date(), problems)
    income = form.get("declared_income_fen")
    if income and form.get("amount_fen"):
        form["amount_to_income_ppm"] = half_up(form["amount_fen"] * PPM, income)
    return form


def _age(person: Mapping[str, Any], today: date, problems: list[Problem]) -> int | None:
    if person.get("birth_date"):
        try:
            born = parse_date(person["birth_date"], "borrower, birth_date")
        except InputError as error:
            problems.extend(error.problems)
            return None
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    year = person.get("birth_year")
    if year is None:
        return None
    if not isinstance(year, int) or isinstance(year, bool) or not 1900 <= year <= today.year:
        problems.append(Problem("borrower, birth_year", str(year)[:80], "not a year of birth", "write it like 1990"))
        return None
    return today.year - year


def _copied(features: Sequence[Feature], facts: Mapping[str, Any]) -> dict[str, Any]:
    return {feature.name: facts[feature.field] for feature in features if facts.get(feature.field) is not None}


def _in_fen(record: Any) -> Any:
    """An earlier loan's record with yuan strings (``principal``, ``outstanding``) read as fen."""
    if not isinstance(record, Mapping):
        raise InputError(Problem("earlier_loans", str(record)[:80], "not an object", "write each loan's fields"))
    read = dict(record)
    for name in ("principal", "outstanding"):
        if name in read and f"{name}_fen" not in read:
            read[f"{name}_fen"] = parse_yuan(read[name], f"earlier_loans, {name}")
    return read


def _name(document: Mapping[str, Any]) -> str:
    person = document.get("borrower")
    return str(person.get("name") or "") if isinstance(person, Mapping) else ""


def _odd(given: Mapping[str, Any]) -> list[Problem]:
    """Features that came with the application and are no single, finite value."""
    mend = "give a text, a number, true, false or null"
    return [
        Problem(f"feature {name}", str(value)[:80], "not a single finite value", mend)
        for name, value in given.items()
        if not isinstance(value, (str, int, float, type(None))) or (isinstance(value, float) and not isfinite(value))
    ]


def _unbelievable(declaration: Declaration, values: Mapping[str, Any]) -> list[Problem]:
    """Values of the wrong kind or out of their declared range."""
    problems: list[Problem] = []
    for name, value in values.items():
        feature = declaration.features[name]
        if value is None:
            continue
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = {
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": numeric,
            "boolean": isinstance(value, bool),
            "string": isinstance(value, str),
        }[feature.kind]
        if not right:
            problems.append(Problem(f"feature {name}", str(value)[:80], f"not a {feature.kind}", f"give {feature.en}"))
        elif feature.range and not feature.range[0] <= value <= feature.range[1]:
            low, high = feature.range
            mend = f"give a value from {low} to {high}"
            problems.append(Problem(f"feature {name}", str(value)[:80], "cannot be true", mend))
    return problems
