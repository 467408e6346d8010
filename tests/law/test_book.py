"""The law book: each rule of the project's law list on both sides of its dates, and a loader that lets no fault pass."""

import copy
import json
import pickle
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.law import LENDER_TYPES, law_on, law_version, rule_history, rule_ids
from jiehuan.law import book as book_module
from jiehuan.law.rule import read_rule
from jiehuan.units.calendar import next_working_day
from jiehuan.units.errors import InputError

MAINLAND = ("bank", "consumer_finance_company", "micro_lender")
DAY = timedelta(days=1)

NONE = None
FIXTURES: list[tuple[str, str, str, Any]] = [
    # rule, lender, day, value
    ("cost_cap", "bank", "2025-09-30", NONE),
    ("cost_cap", "bank", "2025-10-01", 240_000),
    ("cost_cap", "micro_lender", "2025-12-18", NONE),
    ("cost_cap", "micro_lender", "2025-12-19", 240_000),
    ("cost_cap", "consumer_finance_company", "2025-10-01", 240_000),
    ("cost_cap", "other", "2026-06-01", NONE),
    ("lpr_cap_multiple", "micro_lender", "2027-12-30", NONE),
    ("lpr_cap_multiple", "micro_lender", "2027-12-31", 4),
    ("lpr_cap_multiple", "bank", "2028-01-01", NONE),
    ("lpr_1y", "bank", "2019-08-19", NONE),
    ("lpr_1y", "bank", "2019-08-20", 42_500),
    ("lpr_1y", "bank", "2020-04-19", 40_500),
    ("lpr_1y", "bank", "2020-04-20", 38_500),
    ("lpr_1y", "micro_lender", "2024-10-21", 31_000),
    ("lpr_1y", "bank", "2025-05-19", 31_000),
    ("lpr_1y", "bank", "2025-05-20", 30_000),
    ("lpr_1y", "bank", "2026-11-24", 30_000),
    ("balance_cap", "bank", "2020-07-11", NONE),
    ("balance_cap", "bank", "2020-07-12", 20_000_000),
    ("balance_cap", "bank", "2025-03-13", 20_000_000),
    ("balance_cap", "bank", "2025-03-14", 30_000_000),
    ("balance_cap", "consumer_finance_company", "2024-04-18", 20_000_000),
    ("balance_cap", "consumer_finance_company", "2025-03-14", 20_000_000),
    ("balance_cap", "micro_lender", "2024-12-30", NONE),
    ("balance_cap", "micro_lender", "2024-12-31", 20_000_000),
    ("term_max_months", "bank", "2025-03-13", 60),
    ("term_max_months", "bank", "2025-03-14", 84),
    ("bullet_max_months", "bank", "2026-01-01", 12),
    ("bullet_max_months", "consumer_finance_company", "2026-01-01", NONE),
    ("penalty_uplift_range", "bank", "2026-01-01", {"low": 300_000, "high": 500_000}),
    ("no_upfront_interest", "micro_lender", "2020-12-31", True),
    ("no_upfront_interest", "micro_lender", "2021-01-01", True),
    ("allocation_order", "bank", "2026-01-01", ("costs", "penalty", "interest", "principal")),
    ("classification", "bank", "2023-07-01",
     (("normal", 0), ("special_mention", 1), ("substandard", 91), ("doubtful", 271), ("loss", 361))),
    ("provision_rates", "bank", "2026-01-01",
     {"normal": 10_000, "special_mention": 20_000, "substandard": 250_000, "doubtful": 500_000, "loss": 1_000_000}),
    ("provision_coverage", "bank", "2026-01-01", {"low": 1_200_000, "high": 1_500_000}),
    ("concentration", "micro_lender", "2026-01-01", {"borrower": 100_000, "group": 150_000}),
    ("leverage", "micro_lender", "2026-01-01", {"non_standard": 1_000_000, "standard": 4_000_000}),
    ("joint_partner_min_share", "bank", "2021-12-31", NONE),
    ("joint_partner_min_share", "bank", "2022-01-01", 300_000),
    ("cost_disclosure", "bank", "2026-07-31", NONE),
    ("internet_court_loans", "bank", "2025-10-31", True),
    ("internet_court_loans", "bank", "2025-11-01", False),
    ("limitation_years", "bank", "2017-09-30", 2),
    ("limitation_years", "bank", "2017-10-01", 3),
    ("enforcement_years", "bank", "2026-01-01", 2),
    ("delayed_performance_daily_rate", "bank", "2026-01-01", 175),
    ("answered_calls_per_day", "bank", "2025-02-28", 3),
    ("dials_per_number_per_day", "bank", "2026-01-29", NONE),
    ("dials_per_number_per_day", "bank", "2026-01-30", 6),
    ("contact_record_years", "bank", "2026-01-01", 5),
    ("complaint_days", "bank", "2020-02-29", NONE),
    ("complaint_days", "consumer_finance_company", "2020-03-01", {"simple": 15, "complex": 30, "extension": 30}),
    ("complaint_days", "micro_lender", "2026-01-01", NONE),
    ("kyc_years", "bank", "2024-12-31", 5),
    ("kyc_years", "bank", "2025-01-01", 10),
    ("bureau_negative_years", "bank", "2026-01-01", 5),
    ("card_plan_instalments", "bank", "2026-01-01", 60),
    ("npl_transfer", "bank", "2027-01-01", NONE),
    ("assignment_notice", "bank", "2026-01-01", True),
    ("summary_fee_share", "bank", "2026-01-01", (1, 2)),
    ("payment_order_fee_share", "bank", "2026-01-01", (1, 3)),
    ("limitation_instalments", "bank", "2026-01-01", "last_due"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "lender", "day", "value"), FIXTURES)
def test_values_on_both_sides_of_their_dates(rule: str, lender: str, day: str, value: Any) -> None:
    assert law_on(date.fromisoformat(day), lender).value(rule) == value


def test_structured_values() -> None:
    law = law_on(date(2026, 8, 1), "bank")
    days = law.value("court_days")
    assert days is not None
    assert [days[k] for k in ("docket", "serve", "answer", "small_claims", "summary", "ordinary", "appeal", "public_notice")] == [
        7, 5, 15, 60, 90, 180, 15, 30,
    ]  # fmt: skip
    assert [days[f"payment_order_{k}"] for k in ("accept", "issue", "objection")] == [5, 15, 15]
    assert law.value("cost_disclosure")["confirmed"] is True
    assert law.value("quiet_hours")["from"] == "22:00" and law.value("quiet_hours")["to"] == "08:00"
    assert law.value("third_party_contact") == {"failed_tries": 3, "message_only": True, "mention_debt": False}
    zhejiang = law.value("small_claims")["provinces"]["zhejiang"]
    assert (zhejiang["mandatory"], zhejiang["agreed"]) == (5_432_300, 21_729_000)
    observation = law.value("restructure_observation")
    assert (observation["months"], observation["instalments"], observation["again_class"]) == (12, 2, "substandard")
    assert "social_network" in law.value("forbidden_data")
    assert law_on(date(2026, 1, 1), "micro_lender").value("student_loans")["allowed"] is False
    assert law_on(date(2026, 1, 1), "micro_lender").value("npl_transfer")["seller"] is False


@pytest.mark.parametrize(
    ("claim_yuan", "fee_yuan"), [(9_000, 50), (10_000, 50), (20_000, 300), (50_000, 1_050), (100_000, 2_300), (200_000, 4_300)]
)
def test_court_fee_brackets_give_the_fees_of_the_measures(claim_yuan: int, fee_yuan: int) -> None:
    fee, below = 0, 0
    brackets = law_on(date(2026, 1, 1), "bank").value("court_fee")
    assert brackets is not None
    for upper, ppm, fixed in brackets:
        part = min(claim_yuan * 100, upper or 10**15) - below
        if part <= 0:
            break
        fee += fixed + part * ppm // 1_000_000
        below = upper
    assert fee == fee_yuan * 100


def test_every_value_is_cited_graded_and_said_in_both_languages() -> None:
    """The files on disk, all of them, through the loader that refuses what is not."""
    assert len(rule_ids()) >= 40
    for rule_id in rule_ids():
        for rule in rule_history(rule_id).rules:
            assert rule.law_zh and rule.law_en and rule.zh and rule.en and rule.grade in "ABCD"
            assert ("平台默认" in rule.law_zh) == (rule.source == "house"), rule_id
            if rule.source == "house":
                assert rule.grade == "D"
            json.dumps(rule.as_dict())
            assert rule.text


def test_what_the_kernel_needs_is_in_force_on_any_day_for_anyone() -> None:
    for lender in LENDER_TYPES:
        for year in range(1990, 2061, 5):
            law = law_on(date(year, 2, 28), lender)
            for rule in ("allocation_order", "classification", "provision_rates", "restructure_observation"):
                assert law.value(rule) is not None, (rule, lender, year)


def test_lpr_is_published_monthly_on_the_20th_or_the_next_working_day() -> None:
    rules = rule_history("lpr_1y").rules
    months = [(rule.valid_from.year, rule.valid_from.month) for rule in rules]
    assert months == sorted(set(months)) and len(months) == (2026 - 2019) * 12 + 6 - 8 + 1
    for rule in rules:
        assert rule.valid_from == next_working_day(rule.valid_from.replace(day=20))
        assert 20_000 < rule.value <= 42_500 and rule.value % 500 == 0
    assert all(b.value <= a.value for a, b in pairwise(rules)), "it only fell in these years"


@settings(max_examples=200)
@given(st.sampled_from(rule_ids()), st.sampled_from(LENDER_TYPES), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_rule_answers_for_exactly_its_days(rule_id: str, lender: str, day: date) -> None:
    holding = [
        rule
        for rule in rule_history(rule_id).rules
        if lender in rule.lenders and rule.valid_from <= day and (rule.valid_to is None or day <= rule.valid_to)
    ]
    assert len(holding) <= 1
    assert law_on(day, lender).rule(rule_id) is (holding[0] if holding else None)


def test_unknown_rules_and_lenders_are_refused_with_near_names() -> None:
    with pytest.raises(InputError, match="did you mean cost_cap"):
        law_on(date(2026, 1, 1), "bank").value("cost_kap")
    with pytest.raises(InputError, match="use one of bank"):
        law_on(date(2026, 1, 1), "banks")


def test_the_shared_book_cannot_be_changed_in_place() -> None:
    rates = law_on(date(2026, 1, 1), "bank").value("provision_rates")
    assert rates is not None
    changes = [lambda: rates.update(loss=0), lambda: rates.pop("loss"), lambda: rates.__setitem__("loss", 0), rates.clear]
    for change in changes:
        with pytest.raises(TypeError, match="not changed in place"):
            change()
    assert pickle.loads(pickle.dumps(rates)) == rates == copy.copy(rates)
    assert law_on(date(2026, 1, 1), "bank") is law_on(date(2026, 1, 1), "bank")


def test_the_version_is_a_hash_of_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = law_version()
    assert len(version) == 12 and law_on(date(2026, 1, 1), "bank").version == version
    for path in book_module.RULES.rglob("*.yaml"):
        copied = tmp_path / path.relative_to(book_module.RULES)
        copied.parent.mkdir(exist_ok=True)
        copied.write_bytes(path.read_bytes())
    monkeypatch.setattr(book_module, "RULES", tmp_path)
    for cached in (book_module._paths, book_module.law_version):
        cached.cache_clear()
    try:
        assert law_version() == version
        changed = tmp_path / "cost" / "cost_cap.yaml"
        changed.write_text(changed.read_text().replace("240000", "240001"))
        law_version.cache_clear()
        assert law_version() != version
    finally:
        monkeypatch.undo()
        for cached in (book_module._paths, book_module.law_version):
            cached.cache_clear()


def test_importing_the_law_reads_no_rule_and_needs_no_heavy_library() -> None:
    code = "import sys, jiehuan.law.checks; sys.exit(any(m in sys.modules for m in ('yaml', 'numpy', 'polars', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


GOOD = """
id: demo_rule
zh_name: 示例
en_name: Example
unit: ppm
source: regulation
grade: B
law_zh: 《某法》第一条
law_en: Some Law, art. 1
zh: 一句话。
en: One sentence.
values:
  - {valid_from: 2020-01-01, valid_to: 2020-12-31, lenders: [bank, micro_lender], value: 1}
  - {valid_from: 2021-01-01, lenders: [bank], value: {a: [1, 2]}}
  - {valid_from: 2021-01-01, valid_to: 2021-06-30, lenders: [micro_lender], not_in_force: true}
  - {valid_from: 2021-07-01, lenders: [micro_lender], value: 3}
"""


def test_the_good_document_is_read() -> None:
    history = read_rule(yaml.safe_load(GOOD), "demo")
    assert history.on(date(2020, 12, 31), "bank").value == 1  # type: ignore[union-attr]
    assert history.on(date(2021, 1, 1), "bank").value == {"a": (1, 2)}  # type: ignore[union-attr]
    assert history.on(date(2021, 6, 30), "micro_lender") is None
    assert history.on(date(2021, 7, 1), "micro_lender").value == 3  # type: ignore[union-attr]
    assert history.on(date(2019, 12, 31), "bank") is None and history.on(date(2021, 1, 1), "other") is None


PLANTED = [
    ("law_zh: 《某法》第一条\n", "", "no citation"),
    ("law_en: Some Law, art. 1\n", 'law_en: " "\n', "no citation"),
    ("zh: 一句话。\n", "", "no sentence"),
    ("en: One sentence.\n", "", "no sentence"),
    ("grade: B\n", "grade: E\n", "not a grade"),
    ("grade: B\n", "", "not a grade"),
    ("source: regulation\n", "source: gossip\n", "not a source"),
    ("unit: ppm\n", "", "unit'?: missing"),
    ("valid_from: 2021-07-01", "valid_from: 2021-07-02", "leaves a gap"),
    ("valid_from: 2021-07-01", "valid_from: 2021-06-30", "overlaps"),
    ("valid_from: 2021-01-01, lenders: [bank], value", "valid_from: 2020-06-01, lenders: [bank], value", "overlaps"),
    ("valid_to: 2020-12-31, ", "", "overlaps"),
    ("valid_to: 2020-12-31", "valid_to: 2019-12-31", "not a date from valid_from on"),
    ("valid_from: 2020-01-01", "valid_from: soon", "not a date"),
    ("lenders: [bank], value", "lenders: [banks], value", "not lender types"),
    ("lenders: [bank], value", "lenders: [], value", "not lender types"),
    ("value: 3", "vlaue: 3", "unknown key"),
    ("value: 3", "value: 3, not_in_force: true", "either value or not_in_force"),
    ("values:", "valeus:", "values'?: missing"),
]


@pytest.mark.parametrize(("was", "planted", "said"), PLANTED)
def test_a_planted_fault_fails_the_loader(was: str, planted: str, said: str) -> None:
    assert was in GOOD
    with pytest.raises(InputError, match=said):
        read_rule(yaml.safe_load(GOOD.replace(was, planted, 1)), "demo")


def test_all_faults_of_a_file_are_told_at_once() -> None:
    broken = GOOD.replace("grade: B\n", "").replace("law_zh: 《某法》第一条\n", "")
    with pytest.raises(InputError) as caught:
        read_rule(yaml.safe_load(broken), "demo")
    assert len(caught.value.problems) == 8


def test_files_that_are_no_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.yaml").write_text("id: two\n" + GOOD.split("\n", 2)[2])
    (tmp_path / "a" / "broken.yaml").write_text("id: [")
    monkeypatch.setattr(book_module, "RULES", tmp_path)
    book_module._paths.cache_clear()
    rule_history.cache_clear()
    try:
        with pytest.raises(InputError, match="id and file name differ"):
            rule_history("one")
        with pytest.raises(InputError, match="malformed YAML"):
            rule_history("broken")
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "one.yaml").write_text("")
        book_module._paths.cache_clear()
        with pytest.raises(InputError, match="share a name"):
            rule_ids()
    finally:
        monkeypatch.undo()
        book_module._paths.cache_clear()
        rule_history.cache_clear()


def test_mainland_days_count() -> None:
    assert set(MAINLAND) | {"other"} == set(LENDER_TYPES)
