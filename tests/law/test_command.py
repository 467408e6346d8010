"""``jiehuan law`` as a person and as a machine meet it, and the page that tells of the law book."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]

DRAW: dict[str, Any] = {"lender_type": "bank", "principal": "10000.00", "rate": "0.36", "months": 12,
                        "method": "equal_instalment", "drawn_on": "2026-01-05"}  # fmt: skip


def put(folder: Path, document: Any, name: str = "file.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def check(cli: Cli, folder: Path, document: Any, *words: str) -> tuple[int, Any]:
    done = cli("law", "check", put(folder, document), "--json", *words)
    return done.returncode, json.loads(done.stdout)


def test_show_gives_the_rule_with_its_citation(cli: Cli) -> None:
    done = cli("law", "show", "cost_cap", "--on", "2026-01-01", "--lender", "bank", "--json")
    rule = json.loads(done.stdout)
    assert done.returncode == 0
    assert (rule["id"], rule["value"], rule["text"], rule["valid_from"], rule["grade"]) == ("cost_cap", 240_000, "24%", "2025-10-01", "B")
    assert "金规〔2025〕9号" in rule["citation"]["zh"] and "Jingui [2025] No. 9" in rule["citation"]["en"]
    said = cli("law", "show", "cost_cap", "--on", "2026-01-01", "--lender", "bank")
    assert "24%" in said.stdout and "金规〔2025〕9号" in said.stdout


def test_show_before_a_rule_is_in_force_says_when_it_is(cli: Cli) -> None:
    done = cli("law", "show", "cost_cap", "--on", "2025-09-30", "--lender", "bank")
    assert done.returncode == 1 and "2025-10-01 to further notice" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cost_kap", "--lender", "bank"), "did you mean cost_cap"),
        (("cost_cap", "--lender", "banc"), "use one of bank"),
        (("cost_cap", "--on", "2026-02-30"), "write YYYY-MM-DD"),
    ],
)
def test_show_refuses_what_it_does_not_know(cli: Cli, words: tuple[str, ...], said: str) -> None:
    done = cli("law", "show", *words)
    assert done.returncode == 2 and said in done.stderr


def test_list_gives_all_rules_and_those_in_force(cli: Cli) -> None:
    everything = json.loads(cli("law", "list", "--json").stdout)
    in_force = json.loads(cli("law", "list", "--on", "2026-01-01", "--lender", "other", "--json").stdout)
    assert len(everything) >= 40 and 5 < len(in_force) < len(everything)
    assert all(rule["citation"]["zh"] and rule["citation"]["en"] for rule in in_force)


def test_check_a_draw_on_its_own_day_and_on_another(cli: Cli, tmp_path: Path) -> None:
    code, breaches = check(cli, tmp_path, DRAW)
    assert code == 1 and [one["id"] for one in breaches] == ["cost_cap"]
    assert {"id", "citation", "zh", "en", "found", "allowed"} <= set(breaches[0])
    assert check(cli, tmp_path, DRAW, "--on", "2025-09-30") == (0, [])
    assert check(cli, tmp_path, {**DRAW, "rate": "0.24"}) == (0, [])
    said = cli("law", "check", put(tmp_path, DRAW))
    assert said.returncode == 1 and "36%" in said.stdout and "breaches: 1" in said.stdout


def test_check_uses_the_loans_own_schedule(cli: Cli, tmp_path: Path) -> None:
    """A sculpted loan and fees in odd periods have no formula here: the schedule's rate of return counts."""
    sculpted = {**DRAW, "rate": "0.10", "months": 3, "method": "sculpted", "cashflow": ["100", "100", "9000"],
                "fees": [{"on": "2026-02-05", "amount": "600"}]}  # fmt: skip
    code, breaches = check(cli, tmp_path, sculpted)
    assert code == 1 and [one["id"] for one in breaches] == ["cost_cap"]


def test_check_a_list_of_everything(cli: Cli, tmp_path: Path) -> None:
    documents = [
        {**DRAW, "rate": "0.18"},
        {**DRAW, "principal": "300000.01", "rate": "0.1"},
        {"lender_type": "micro_lender", "net_assets": "1000", "largest_borrower": "100.01", "non_standard": "1000.01"},
        {"lender_type": "bank", "method": "bullet", "months": [6, 24], "rate": "0.2"},
        *({"debtor_id": "d", "at": f"2026-03-02T10:0{n}:00", "channel": "call", "answered": True} for n in range(4)),
    ]
    code, breaches = check(cli, tmp_path, documents, "--on", "2026-06-01")
    assert code == 1
    assert [one["id"] for one in breaches] == [
        "balance_cap", "concentration", "leverage", "bullet_max_months", "answered_calls_per_day",
    ]  # fmt: skip
    assert breaches[0]["where"].startswith(str(tmp_path / "file.json") + " 2")
    assert breaches[-1]["where"] == "contact row 8"


def test_check_a_contact_log_as_a_table(cli: Cli, tmp_path: Path) -> None:
    rows = "debtor_id,at,channel,answered\nd1,2026-03-02T22:30:00+08:00,call,true\nd1,2026-03-02T09:00:00+08:00,sms,\n"
    done = cli("law", "check", put(tmp_path, rows, "log.csv"), "--json", "--lender", "micro_lender")
    assert done.returncode == 1 and [one["id"] for one in json.loads(done.stdout)] == ["quiet_hours"]


def test_a_faulty_document_never_loses_the_good_ones(cli: Cli, tmp_path: Path) -> None:
    code, answer = check(cli, tmp_path, [DRAW, {**DRAW, "rate": "36%"}, 7, {"x": 1}])
    assert code == 1 and [one["id"] for one in answer["breaches"]] == ["cost_cap"]
    wheres = " ".join(one["where"] for one in answer["problems"])
    assert all(f"file.json {n}" in wheres for n in (2, 3, 4))


@pytest.mark.parametrize("content", ['{"principal":', "", "[" * 50_000, '"x"', "{}"])
def test_unreadable_files_end_with_2(cli: Cli, tmp_path: Path, content: str) -> None:
    code, answer = check(cli, tmp_path, content)
    assert code == 2 and answer["problems"]


def test_a_missing_lender_is_asked_for(cli: Cli, tmp_path: Path) -> None:
    draw = {key: value for key, value in DRAW.items() if key != "lender_type"}
    code, answer = check(cli, tmp_path, draw)
    assert code == 2 and "--lender" in answer["problems"][0]["mend"]
    assert check(cli, tmp_path, draw, "--lender", "other") == (0, [])


def test_the_law_page_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "write_law_page.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
