"""The catalogue: malformed entries are told whole; the shipped one is lawful."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from jiehuan.law import law_on
from jiehuan.product import catalogue as catalogue_module
from jiehuan.product import load_catalogue, read_catalogue
from jiehuan.product.lawful import longest_term
from jiehuan.units.errors import InputError


def test_the_shipped_products_differ_by_need_and_are_lawful_in_some_term() -> None:
    catalogue = load_catalogue()
    assert len({product.method for product in catalogue.products}) == 4
    for lender in ("bank", "consumer_finance_company", "micro_lender"):
        law = law_on(date(2026, 9, 1), lender)
        for product in catalogue.products:
            rule = longest_term(product.method, law)
            assert rule is None or max(product.months) <= rule.value


def test_every_mistake_of_a_catalogue_is_told(tmp_path: Path) -> None:
    good = yaml.safe_load(Path(catalogue_module.__file__).with_name("catalogue.yaml").read_text(encoding="utf-8"))
    bad = {
        "a": {**good["short_bullet"], "method": "lottery", "months": [0], "needs": ["luck"], "lenders": ["pawn"]},
        "b": {**good["short_bullet"], "least_fen": 10, "most_fen": 5, "rate_add_ppm": "high", "colour": "red"},
        "c": {"zh": "x"},
        "d": 5,
    }
    with pytest.raises(InputError) as error:
        read_catalogue(bad)
    text = str(error.value)
    for part in ("method", "months", "needs", "lenders", "most_fen", "rate_add_ppm", "colour", "c, method", "d:"):
        assert part in text, part
    with pytest.raises(InputError, match="no products"):
        read_catalogue({})
    with pytest.raises(InputError, match="no such file"):
        load_catalogue(tmp_path / "none.yaml")


def test_the_version_is_what_the_catalogue_says() -> None:
    assert read_catalogue(yaml.safe_load("x: {zh: a, en: a, about_zh: a, about_en: a, method: bullet, months: [1], least_fen: 1, most_fen: 2, "
                                         "rate_add_ppm: 0, most_pd_ppm: 0}")).version != load_catalogue().version  # fmt: skip
    assert load_catalogue().version == load_catalogue().version
