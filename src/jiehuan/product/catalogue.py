"""The products a lender offers, in YAML: method, terms, bounds, what each needs and what it is made for.

A malformed catalogue is refused whole, with every mistake named: a product half understood would be offered wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.law.rule import LENDER_TYPES
from jiehuan.loan.terms import MAX_MONTHS
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import derived_id
from jiehuan.units.rates import PPM
from jiehuan.units.yaml_file import read_yaml

METHODS = ("equal_instalment", "equal_principal", "interest_only", "bullet", "sculpted")
NEEDS = ("verified_income", "pay_day", "own_history")

_WORDS = ("zh", "en", "about_zh", "about_en", "method")
_NUMBERS = ("least_fen", "most_fen", "rate_add_ppm", "most_pd_ppm")
_LISTS = ("needs", "purposes", "lenders")


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the catalogue; see ``catalogue.yaml`` for what each field means."""

    id: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    method: str
    months: tuple[int, ...]
    least_fen: int
    most_fen: int
    rate_add_ppm: int
    most_pd_ppm: int
    needs: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    lenders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All products of a lender, in the order of the file; ``version`` is the hash of what they say."""

    products: tuple[Product, ...]
    version: str

    def product(self, product_id: str) -> Product | None:
        """The product with that id, or None."""
        return next((product for product in self.products if product.id == product_id), None)


@cache
def load_catalogue(path: Path | None = None) -> Catalogue:
    """The shipped catalogue, or a lender's own. Raises InputError naming every mistake."""
    path = path or Path(__file__).with_name("catalogue.yaml")
    return read_catalogue(read_yaml(path, example="src/jiehuan/product/catalogue.yaml"), path.name)


def read_catalogue(raw: Any, place: str = "catalogue") -> Catalogue:
    """A catalogue from its document. Raises InputError naming every mistake."""
    if not isinstance(raw, Mapping) or not raw:
        raise InputError(Problem(place, "", "no products", "write an entry for each product"))
    problems = [problem for name, entry in raw.items() for problem in _wrong(f"{place}, {name}", entry)]
    if problems:
        raise InputError(problems)
    products = tuple(_product(str(name), entry) for name, entry in raw.items())
    return Catalogue(products, derived_id("ct", raw)[3:19])


def _product(name: str, entry: Mapping[str, Any]) -> Product:
    values: dict[str, Any] = {key: entry[key] for key in (*_WORDS, *_NUMBERS)}
    values |= {key: tuple(entry.get(key) or ()) for key in _LISTS}
    return Product(name, months=tuple(sorted(entry["months"])), **values)


def _wrong(place: str, entry: Any) -> Iterator[Problem]:
    if not isinstance(entry, Mapping):
        yield Problem(place, "", "not an entry", f"give {', '.join((*_WORDS, 'months', *_NUMBERS))}")
        return
    allowed = {*_WORDS, *_NUMBERS, *_LISTS, "months"}
    for key in entry.keys() - allowed:
        yield Problem(f"{place}, {key}", "", "unknown word", f"use {', '.join(sorted(allowed))}")
    for key in (*_WORDS, "months", *_NUMBERS):
        if key not in entry:
            yield Problem(f"{place}, {key}", "", "is missing", f"give {key}")
    yield from _wrong_values(place, entry)


def _wrong_values(place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    if entry.get("method", METHODS[0]) not in METHODS:
        yield Problem(f"{place}, method", str(entry["method"]), "not a method", f"write one of {', '.join(METHODS)}")
    months = entry.get("months", [1])
    if not isinstance(months, list) or not months or not all(_whole(n) and 1 <= n <= MAX_MONTHS for n in months):
        yield Problem(
            f"{place}, months", str(months)[:80], "not a list of terms", f"write months from 1 to {MAX_MONTHS}"
        )
    for key in _NUMBERS:
        value = entry.get(key, 0)
        low = -PPM if key == "rate_add_ppm" else 0
        if not _whole(value) or value < low:
            yield Problem(f"{place}, {key}", str(value)[:80], "not a whole number in bounds", f"write at least {low}")
    least, most = entry.get("least_fen", 1), entry.get("most_fen", 1)
    if _whole(least) and _whole(most) and not 1 <= least <= most:
        yield Problem(
            f"{place}, most_fen", str(most), "not above least_fen, or least_fen below 1", "swap or raise them"
        )
    for key, choices in (("needs", NEEDS), ("lenders", LENDER_TYPES), ("purposes", ())):
        found = entry.get(key) or []
        if not isinstance(found, list) or (choices and not set(found) <= set(choices)):
            yield Problem(
                f"{place}, {key}", str(found)[:80], "not known", f"write a list of {', '.join(choices) or 'words'}"
            )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
