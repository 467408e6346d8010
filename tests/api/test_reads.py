"""What the console reads: real rows, in the interface's words, filtered, sorted and paged."""

from __future__ import annotations

from datetime import date

import pytest

BOOK_DAY = "2026-06-30"


def good(server, role, path, **params):
    answer = server.get(role, path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_overview_tells_the_book_of_its_day(server):
    told = good(server, "collector", "/api/overview")
    totals = told["totals"]
    assert told["as_of"] == BOOK_DAY
    assert (totals["loans"], totals["active"], totals["borrowers"]) == (7, 7, 7)
    assert totals["principal_drawn"] == "70000.00"
    assert totals["applications"] == {"new": 8}
    assert totals["alerts_open"] >= 50
    assert float(totals["npl_ratio_90"]) > 0
    assert float(totals["overdue_ratio"]) < float(totals["overdue_balance_ratio"])
    assert [month["as_of"] for month in told["months"]][-1] == BOOK_DAY
    assert len(told["months"]) == 6
    assert sum(bucket["loans"] for bucket in told["buckets"]) == 7
    assert {group["name"] for group in told["regions"]} == {"浙江", "江苏"}
    assert sum(float(group["outstanding"]) for group in told["products"]) == pytest.approx(float(totals["outstanding"]))
    assert told["recent"]


def test_overview_agrees_with_the_book_room(server):
    """The same figures from the same rows by the book room's Polars code."""
    import polars as pl
    from sqlalchemy import text

    from jiehuan.book import metrics, read_tape, vintage

    with server.database.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT l.loan_id, l.borrower_id, l.product, l.region, l.lender_type, l.drawn_on, l.principal_fen, l.months,"
                " l.rate_ppm / 1e6::float8 AS rate, l.method, s.as_of, s.outstanding_fen, s.overdue_fen, s.dpd, s.class,"
                " s.status, l.channel FROM book_snapshot s JOIN loan l USING (loan_id)"
            )
        ).mappings()
        tape, problems = read_tape(pl.DataFrame([dict(row) for row in rows], infer_schema_length=None))
    assert not problems
    told = good(server, "auditor", "/api/overview")
    figures = metrics(tape, date.fromisoformat(BOOK_DAY)).row(0, named=True)
    last = told["months"][-1]
    pairs = {
        "overdue_ratio": "overdue_ratio",
        "overdue_balance_ratio": "overdue_balance_ratio",
        "npl_ratio_class": "npl_ratio",
        "npl_ratio_90": "npl90_ratio",
    }
    for ours, theirs in pairs.items():
        assert float(last[ours]) == pytest.approx(figures[theirs], abs=1e-6), ours
        assert float(told["totals"][ours]) == pytest.approx(figures[theirs], abs=1e-6), ours
    for threshold, name in ((1, "m1_ratio"), (31, "over30_ratio")):
        expected = {
            (row["vintage"].strftime("%Y-%m"), row["mob"]): row["rate"]
            for row in vintage(tape, threshold=threshold).iter_rows(named=True)
        }
        ours = {(row["drawn"], row["age"]): float(row[name]) for row in told["vintages"]}
        assert ours == pytest.approx(expected, abs=1e-6)


def test_applications_list_and_one(server):
    page = good(server, "risk", "/api/applications", sort="amount", size=3)
    assert page["total"] == 8
    assert len(page["items"]) == 3
    one = page["items"][0]
    assert (one["amount"], one["outcome"], one["pd"]) == ("10000.00", "approve", "0.031200")
    assert one["name"].startswith("王") and "小" not in one["name"]
    assert good(server, "risk", "/api/applications", sort="-points", outcome="approve")["total"] == 8
    assert good(server, "risk", "/api/applications", outcome="refuse")["items"] == []
    assert [row["application_id"] for row in good(server, "risk", "/api/applications", search="ap-7")["items"]] == [
        "ap-7"
    ]
    whole = good(server, "risk", "/api/applications/ap-1")
    assert whole["decisions"][0]["reasons"][0]["zh"] == "收入稳定"
    assert whole["decisions"][0]["law_checks"][0]["ok"] is True
    assert whole["borrower"]["phone"] == "138****8001"
    assert whole["contract"]["contract_id"] == "ct-1"
    assert whole["loan_id"] == "ln-1"
    assert "id_number" not in str(whole)


def test_pages_do_not_overlap_and_miss_nothing(server):
    seen = []
    for page in range(1, 5):
        told = good(server, "risk", "/api/alerts", page=page, size=17, sort="severity")
        seen += [row["alert_id"] for row in told["items"]]
    assert len(seen) == told["total"] == len(set(seen)) == 60


@pytest.mark.parametrize(
    ("path", "filters", "ids"),
    [
        ("/api/loans", {"overdue": True, "sort": "loan_id"}, ["ln-1", "ln-2", "ln-4"]),
        ("/api/loans", {"search": "ln-3"}, ["ln-3"]),
        ("/api/loans", {"search": "%"}, []),
        ("/api/loans", {"region": "江苏", "sort": "loan_id"}, ["ln-0", "ln-3", "ln-6"]),
        ("/api/loans", {"borrower_id": "bo-5"}, ["ln-5"]),
        ("/api/loans", {"status": "settled"}, []),
    ],
)
def test_loans_are_filtered(server, path, filters, ids):
    assert [row["loan_id"] for row in good(server, "risk", path, **filters)["items"]] == ids


def test_one_loan_whole(server):
    told = good(server, "collector", "/api/loans/ln-1")
    assert told["state"]["on"] == BOOK_DAY
    assert told["state"]["dpd"] > 90
    assert told["state"]["grade"] == "substandard"
    assert sum(float(row["principal"]) for row in told["schedule"]) == pytest.approx(10000)
    assert len(told["schedule"]) == 12
    assert told["events"] == []
    for entry in told["journal"]:
        debit = sum(float(line["debit"]) for line in entry["lines"])
        assert debit == pytest.approx(sum(float(line["credit"]) for line in entry["lines"])) and debit > 0
    assert told["alerts"] and told["work"] and told["cases"] and told["contacts"] and told["promises"]
    assert [paper["kind"] for paper in told["files"]] == ["pleading", "contract"] or {
        p["kind"] for p in told["files"]
    } == {
        "pleading",
        "contract",
    }
    paid = good(server, "risk", "/api/loans/ln-0")
    assert paid["state"]["dpd"] == 0
    assert [event["kind"] for event in paid["events"]] == ["repayment"] * 5
    assert paid["events"][0]["amount"] == "916.80"


def test_a_loan_on_an_earlier_day_is_what_it_was(server):
    then = good(server, "risk", "/api/loans/ln-0", on="2026-02-10")
    assert then["state"]["principal_outstanding"] == "9233.20"
    assert good(server, "risk", "/api/loans/ln-1", on="2026-01-11")["state"]["dpd"] == 0
    assert server.get("risk", "/api/loans/ln-1", params={"on": "2026-01-10"}).status_code == 422
    assert server.get("risk", "/api/loans/ln-1", params={"on": "9999-01-01"}).status_code == 422


def test_cases_put_the_missed_deadline_first(server):
    page = good(server, "legal", "/api/cases")
    assert [row["case_id"] for row in page["items"]] == ["ca-2", "ca-1"]
    assert page["items"][0]["missed"] is True
    assert page["items"][0]["next_deadline"] == "2026-06-15"
    assert [row["case_id"] for row in good(server, "legal", "/api/cases", missed=False)["items"]] == ["ca-1"]
    case = good(server, "legal", "/api/cases/ca-2")
    assert [row["missed"] for row in case["deadlines"]] == [True, False]


def test_the_work_of_a_day(server):
    page = good(server, "collector", "/api/work", size=5)
    assert page["day"] == BOOK_DAY
    assert page["total"] == 39, "what is held out is not shown"
    gains = [float(row["expected_gain"]) for row in page["items"]]
    assert gains == sorted(gains, reverse=True)
    assert page["items"][0]["dpd"] > 0
    assert good(server, "collector", "/api/work", day="2026-06-29")["total"] == 0
    assert good(server, "risk", "/api/work", holdout=True)["total"] == 40
    assert good(server, "collector", "/api/work/wi-3")["reason"] == {"zh": "逾期", "en": "overdue"}


def test_the_other_lists(server):
    assert good(server, "risk", "/api/lines")["items"][0]["new_limit"] == "5000.00"
    assert good(server, "risk", "/api/lines", direction="up")["total"] == 0
    assert good(server, "risk", "/api/lines/bo-1")["limit"] == "5000.00"
    assert good(server, "risk", "/api/lines/bo-3")["limit"] is None
    assert good(server, "legal", "/api/disposals")["items"][0]["low"] == "1500.00"
    assert good(server, "risk", "/api/reports")["items"][0]["report_id"] == "re-1"
    assert good(server, "risk", "/api/reports/re-1")["figures"] == {"npl": "0.1"}
    assert [row["model_id"] for row in good(server, "risk", "/api/models")["items"]] == ["mo-1", "mo-2"]
    assert good(server, "risk", "/api/models/mo-1")["body"] == {"bins": [1, 2]}
    assert good(server, "risk", "/api/policies/pv-1")["graph"] == {"nodes": [], "edges": []}
    assert good(server, "risk", "/api/imports")["items"][0]["refusals"] == 3
    run = good(server, "risk", "/api/imports/im-1", size=2)
    assert (run["total"], [row["row"] for row in run["items"]]) == (3, [2, 3])
    assert good(server, "auditor", "/api/activity", verb="planned")["total"] == 1
    assert good(server, None, "/api/health")["status"] == good(server, None, "/api/ready")["status"] == "ok"


def test_the_law_of_a_day_with_citations(server):
    told = good(server, "collector", "/api/law", on="2026-06-30", lender="micro_lender")
    cap = next(rule for rule in told["rules"] if rule["id"] == "cost_cap")
    assert cap["value"] == 240000 and cap["citation"]["en"] and cap["sentence"]["zh"]
    history = good(server, "collector", "/api/law/cost_cap")
    assert {lender for rule in history["rules"] for lender in rule["lenders"]} >= {"bank", "micro_lender"}
    assert server.get("risk", "/api/law/no_such_rule").status_code == 404


def test_unmasked_identity_needs_a_role_and_a_purpose_and_is_recorded(server):
    path = "/api/borrowers/bo-1/identity"
    assert server.get("collector", path).status_code == 422, "no purpose"
    answer = server.get("collector", path, params={"purpose": "contact"})
    assert answer.json()["phone"] == "13800138001"
    assert answer.json()["id_number"] is None, "a collector needs no id number"
    assert answer.headers["cache-control"] == "no-store"
    assert server.get("legal", path, params={"purpose": "case"}).json()["id_number"].startswith("11010119900101")
    assert server.get("admin", path, params={"purpose": "audit"}).status_code == 403
    views = good(server, "auditor", "/api/activity", verb="identity_viewed", subject="bo-1")["items"]
    assert {(view["actor"], view["detail"]["purpose"]) for view in views} == {
        ("collector", "contact"),
        ("legal", "case"),
    }


def test_a_person_is_found_by_identity_number_without_a_trace_of_it(server):
    number = "11010119900101003X"
    found = server.send("collector", "POST", "/api/borrowers/search", {"id_number": number}, key=None)
    assert found.json()["borrower"]["borrower_id"] == "bo-3"
    assert number not in found.text
    nobody = server.send("risk", "POST", "/api/borrowers/search", {"id_number": "11010119900101999X"}, key=None)
    assert nobody.json() == {"borrower": None}
    bad = server.send("risk", "POST", "/api/borrowers/search", {"id_number": "11010119900101"}, key=None)
    assert bad.status_code == 422 and "11010119900101" not in bad.text
    searches = good(server, "auditor", "/api/activity", verb="borrower_searched")["items"]
    assert {search["subject"] for search in searches} == {"bo-3", "nobody"} and number not in str(searches)


def test_files_go_to_the_roles_of_their_kind(server):
    files = {row["kind"]: row["file_id"] for row in good(server, "risk", "/api/loans/ln-1")["files"]}
    answer = server.get("risk", f"/api/files/{files['contract']}")
    assert answer.content == b"%PDF-1.7 contract"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert server.get("collector", f"/api/files/{files['contract']}").status_code == 403
    assert server.get("collector", f"/api/files/{files['pleading']}").status_code == 403
    assert (
        server.get("legal", f"/api/files/{files['pleading']}", params={"inline": True})
        .headers["content-disposition"]
        .startswith("inline")
    )
    assert server.get("risk", "/api/files/none").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/applications/x", "/api/loans/x", "/api/borrowers/x", "/api/lines/x", "/api/cases/x", "/api/reports/x",
        "/api/models/x", "/api/policies/x", "/api/imports/x", "/api/nothing", "/api/loans/x/y", "/api",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_in_the_common_shape(server, path):
    answer = server.get("risk", path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"
    assert answer.json()["problems"][0]["reason"]
