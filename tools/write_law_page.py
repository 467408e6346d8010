"""Write docs/reference/law.md from the law book and the holiday data; ``--check`` says whether it is fresh (exit 1: not).

Usage: python tools/write_law_page.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from jiehuan.law import History, Rule, rule_history, rule_ids
from jiehuan.law.book import RULES
from jiehuan.units.calendar import holiday_year, known_years

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "law.md"

AREAS = {
    "cost": "Cost and size of a loan",
    "civil": "Contract and claims",
    "conduct": "Conduct towards borrowers",
    "prudential": "Prudential rules",
    "procedure": "Civil procedure",
    "data": "Data and decisions",
}

INTRO = """\
# The law book

<!-- Written by tools/write_law_page.py from src/jiehuan/law/rules and src/jiehuan/units/holidays.yaml. Do not edit. -->

Every cap, order, quiet hour, fee and deadline that jiehuan uses is a dated rule with a citation. The code holds none of
them. A change of law is a change of a file under `src/jiehuan/law/rules`, and any past day can be asked for its own law.

```console
$ jiehuan law show cost_cap --on 2026-01-01 --lender bank     # one rule on a day; exit 1 when none is in force
$ jiehuan law list --on 2026-01-01 --lender micro_lender      # all rules in force
$ jiehuan law check draw.json --on 2026-01-01                 # breaches of a draw, a product, a contact log, limits
```

```python
from datetime import date
from jiehuan.law import law_on
from jiehuan.law.checks import check_draw

law = law_on(date(2026, 1, 1), "bank")
law.value("cost_cap")      # 240000: ppm a year
check_draw({"principal": "10000", "rate": "0.36", "months": 12, "method": "equal_instalment"}, law)
```

**Lenders.** `bank`, `consumer_finance_company`, `micro_lender`, and `other`: outside mainland law, where only house
defaults apply.

**Dates.** `from` is the first day in force, `to` the last one. Values of one lender may not overlap or leave a gap.

**Grades.** A: the statute's text was read. B: reported by secondary sources. C, D: from memory, to be verified before
anybody relies on it. `house` marks this platform's own default where the law is silent: no law is cited for it as binding.

**Units.** Amounts are fen, rates and shares ppm (240000 is 24 %).

**What `law check` reads.** One JSON object or a list.

| document | keys |
|---|---|
| draw | `lender_type, principal, rate, months, method, drawn_on` |
| | where known `first_due, fees [{on, amount, kind}], penalty_uplift, allocation, received, apr` |
| | where known `borrower_balance` (before the draw), `group_balance, net_assets, student, second_source` |
| | where known `partner_share, cost_sheet_confirmed` |
| product | `lender_type, method(s), months, rate(s)` (the highest counts), `most, penalty_uplift, students, data` |
| | `upfront_fee, monthly_fee`: shares of principal |
| contact log | rows of `debtor_id, at, channel` |
| | where known `contact_id, number, answered` or `status, to` (`debtor`, `third_person`) |
| | where known `mentioned_debt, consent, lender_type` |
| lender | `lender_type, net_assets`, where known `largest_borrower, largest_group, non_standard, standard` |

The cost of a draw is the largest of its contract rate, the rate of return with its fees before rounding, and the caller's
own `apr` less what rounding to the fen explains. A fee taken on the day of drawing lowers what is received below the
principal and so breaks `no_upfront_interest`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRO, *_rules(), *_holidays()]) + "\n"


def _rules() -> Iterator[str]:
    folders = {path.stem: path.parent.name for path in RULES.rglob("*.yaml")}
    if set(folders.values()) != set(AREAS):
        raise SystemExit("name every folder of rules in AREAS")
    for folder, title in AREAS.items():
        yield f"## {title}\n"
        for rule_id in rule_ids():
            if folders[rule_id] == folder:
                yield from _rule(rule_history(rule_id))


def _rule(history: History) -> Iterator[str]:
    yield f"### `{history.id}`\n"
    yield f"{history.zh_name} · {history.en_name}. Unit: {history.unit}.\n"
    if history.note:
        yield f"{history.note}\n"
    yield "| from | to | lenders | value | grade | source |"
    yield "|---|---|---|---|---|---|"
    runs = list(_runs(history.rules))
    for first, last in runs:
        cells = [first.valid_from, last.valid_to or "", ", ".join(first.lenders), first.text, first.grade, first.source]
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
    yield ""
    said: dict[tuple[str, str, str, str], list[str]] = {}
    for first, _ in runs:
        said.setdefault((first.zh, first.en, first.law_zh, first.law_en), []).append(str(first.valid_from))
    for (zh, en, law_zh, law_en), starts in said.items():
        since = f"From {', '.join(dict.fromkeys(starts))}: " if len(said) > 1 else ""
        yield f"- {since}{zh} {en}<br>*{law_zh}*<br>*{law_en}*"
    yield ""


def _runs(rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Rule]]:
    """Values that only repeat the one before, as a monthly series does, in one line: the first and last of each run."""
    runs: list[list[Rule]] = []
    for rule in rules:
        same = runs and (rule.value, rule.lenders, rule.law_zh, rule.grade) == (
            runs[-1][-1].value, runs[-1][-1].lenders, runs[-1][-1].law_zh, runs[-1][-1].grade,
        )  # fmt: skip
        if same:
            runs[-1].append(rule)
        else:
            runs.append([rule])
    return ((run[0], run[-1]) for run in runs)


def _holidays() -> Iterator[str]:
    yield "## Public holidays and worked weekends\n"
    years = known_years()
    yield (
        f"From the State Council's yearly notices for {years[0]} to {years[-1]}. In other years only weekends are known to "
        "be free: `jiehuan.units.calendar.known_years()` says which years are known.\n"
    )
    yield "| year | free | worked weekends | grade | notice |"
    yield "|---|---|---|---|---|"
    for number in years:
        year = holiday_year(number)
        if year is None:
            continue
        free = "<br>".join(f"{span.first:%m-%d} to {span.last:%m-%d} {span.zh} {span.en}" for span in year.holidays)
        worked = " ".join(f"{day:%m-%d}" for day in year.working)
        yield f"| {number} | {free} | {worked} | {year.grade} | {year.zh}<br>{year.en} |"


def main() -> int:
    """Write the page, or with ``--check`` compare it."""
    fresh = page()
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == fresh:
            return 0
        print(f"{PAGE.name} is not what the law book says: run python tools/write_law_page.py")
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(fresh, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
