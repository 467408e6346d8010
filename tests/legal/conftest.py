"""The example case, and the values of a contract, as the documents' tests use them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from jiehuan.loan import make_schedule, read_terms

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "legal" / "case.json"


@pytest.fixture
def document() -> dict[str, Any]:
    """The shipped example case, a fresh copy."""
    return copy.deepcopy(json.loads(EXAMPLE.read_text(encoding="utf-8")))


@pytest.fixture
def contract() -> dict[str, Any]:
    """The values of a contract over 10,000 yuan at 18 % for 12 months, with a guarantee fee."""
    terms = {
        "lender_type": "consumer_finance_company",
        "principal": "10000.00",
        "rate": "0.18",
        "months": 12,
        "method": "equal_instalment",
        "drawn_on": "2026-08-31",
        "penalty_uplift": "0.3",
        "fees": [{"on": "2026-09-30", "amount": "100.00", "kind": "guarantee"}],
    }
    return {
        "contract_no": "JH-2026-000123",
        "signed_on": "2026-08-31",
        "place": "浙江省杭州市",
        "lender_type": "consumer_finance_company",
        "lender": {
            "name": "示例消费金融有限公司",
            "code": "91330000MA00EXAMPLE",
            "address": "杭州",
            "phone": "400-000-0000",
        },
        "borrower": {"name": "张某某", "id_number": "330102199001010000", "address": "绍兴", "phone": "13800000000"},
        "product": "循环消费贷",
        "terms": terms,
        "schedule": make_schedule(read_terms(terms)).as_document(),
        "disbursement_account": "示例银行 6222",
    }
