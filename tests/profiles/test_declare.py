"""Feature declarations: what is malformed is told whole; what the law forbids is refused with the article."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from jiehuan.law import law_on
from jiehuan.profile.declare import declared_features, load_features, read_features
from jiehuan.units.errors import InputError, Refused

LAW = law_on(date(2026, 9, 1), "micro_lender")


def with_source(data: str) -> dict[str, object]:
    source = {"data": data, "basis": "consent", "zh": "社交", "en": "social"}
    feature = {"source": "social", "kind": "integer", "field": "friends", "zh": "好友数", "en": "friends"}
    return {"sources": {"social": source}, "features": {"friends": feature}}


def test_the_shipped_declaration_is_lawful_for_every_lender() -> None:
    for lender in ("bank", "consumer_finance_company", "micro_lender", "other"):
        assert declared_features(law_on(date(2026, 9, 1), lender)).features


@pytest.mark.parametrize("data", ["social_network", "religion", "unlicensed_bureau", "disease"])
def test_forbidden_data_is_refused_with_the_article(data: str, tmp_path: Path) -> None:
    path = tmp_path / "features.yaml"
    path.write_text(yaml.safe_dump(with_source(data), allow_unicode=True), encoding="utf-8")
    assert load_features(path).features, "without a law only the form is read"
    with pytest.raises(Refused) as error:
        load_features(path, LAW)
    problem = error.value.problems[0]
    assert problem.value == data
    assert "征信业" in problem.citation
    assert problem.zh


def test_the_law_of_the_day_decides() -> None:
    before = law_on(date(2021, 6, 1), "micro_lender")
    declaration = read_features(with_source("social_network"))
    from jiehuan.profile.declare import refuse_forbidden

    refuse_forbidden(declaration, before)
    with pytest.raises(Refused):
        refuse_forbidden(declaration, LAW)


def test_every_mistake_of_a_declaration_is_told_at_once() -> None:
    raw = {
        "sources": {"history": {"data": "own", "basis": "because", "zh": "x", "en": "x"}},
        "features": {
            "a": {"source": "nowhere", "kind": "integer", "field": "a", "zh": "x", "en": "x"},
            "b": {"source": "history", "kind": "integer", "take": "median", "of": "days_late", "zh": "x", "en": "x"},
            "c": {"source": "history", "kind": "integer", "take": "share", "of": "principal_fen", "zh": "x", "en": "x"},
            "d": {"source": "history", "kind": "integer", "take": "count", "last": 0, "zh": "x", "en": "x"},
            "e": {"source": "history", "kind": "tree", "zh": "x"},
            "f": {"source": "history", "kind": "integer", "field": "f", "range": [5, 1], "zh": "x", "en": "x", "colour": "red"},
        },
    }
    with pytest.raises(InputError) as error:
        read_features(raw)
    text = str(error.value)
    for part in ("basis", "nowhere", "median", "principal_fen", "last", "tree", "feature e, en", "range", "colour"):
        assert part in text, part


def test_unreadable_files_name_file_and_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_features(tmp_path / "none.yaml")
    path = tmp_path / "f.yaml"
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(InputError, match="malformed YAML"):
        load_features(path)
    path.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a declaration"):
        load_features(path)


def test_lineage_says_how_each_feature_comes_about() -> None:
    features = declared_features().features
    assert features["on_time_share_last3_ppm"].lineage == "history: share of on_time where settled last 3"
    assert features["bureau_queries_3m"].lineage == "bureau.queries_3m"
    assert all(feature.zh and feature.en and feature.source.basis for feature in features.values())
