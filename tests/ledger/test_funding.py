"""Funding partners: read from the loan's document, with every fault named."""

from __future__ import annotations

import pytest

from jiehuan.ledger import Funding, apportion, read_funding
from jiehuan.units.errors import InputError


def test_read_and_written_back() -> None:
    document = {"funding": [{"partner": "BANK_A", "share": "0.700000"}]}
    funding = read_funding(document)
    assert funding == Funding(("BANK_A",), (700_000,))
    assert funding.own_ppm == 300_000
    assert funding.as_document() == document["funding"]
    assert read_funding({}) is None


@pytest.mark.parametrize(
    ("funding", "words"),
    [
        ("BANK_A", "not a list"),
        (["BANK_A"], "not an object"),
        ([{"share": "0.5"}], "not a name"),
        ([{"partner": "A:B", "share": "0.5"}], "not a name"),
        ([{"partner": "A", "share": "0.2"}, {"partner": "A", "share": "0.2"}], "named twice"),
        ([{"partner": "A", "share": "0"}], "not above 0"),
        ([{"partner": "A", "share": "70"}], "share"),
        ([{"partner": "A", "share": "0.6"}, {"partner": "B", "share": "0.5"}], "above 1 in total"),
    ],
)
def test_faults_are_named(funding: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_funding({"funding": funding})


def test_weights_must_be_weights() -> None:
    for weights in ([0, 0], [-1, 2]):
        with pytest.raises(ValueError, match="weights"):
            apportion(1, weights)
