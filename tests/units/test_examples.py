"""The examples in the docstrings of units and law are true."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "name",
    ["units.calendar", "units.days", "units.ids", "units.irr", "units.money", "units.personal", "units.rates", "units.tables", "units.text_columns",
     "law.book", "law.breach", "law.checks"],
)  # fmt: skip
def test_examples_in_docstrings(name: str) -> None:
    found = doctest.testmod(import_module(f"jiehuan.{name}"))
    assert found.attempted > 0 and found.failed == 0
