"""The portfolio report: one page a head of risk looks at, and the tables behind it, as PDF and as one HTML file.

Both are set from the same figures document (``figures``); the HTML holds its pictures in itself and loads nothing.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from jiehuan.legal.typeset import typeset
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem

HERE = Path(__file__).parent / "documents"

_TILES = (
    ("outstanding_fen", "贷款余额（元）", "Balance"),
    ("loans", "在账笔数", "Loans"),
    ("overdue_balance_ratio", "逾期率", "Overdue"),
    ("npl_ratio", "不良率（五级）", "NPL, five-class"),
    ("npl90_ratio", "不良率（90天+）", "NPL, 90+"),
    ("coverage_ratio", "拨备覆盖率", "Coverage"),
    ("fpd_rate", "首期违约率", "First payment default"),
    ("average_rate", "平均利率", "Average rate"),
)


def report(figures: Mapping[str, Any]) -> tuple[bytes, str]:
    """The report of a figures document: (PDF, HTML). Raises InputError when a part it needs is missing."""
    missing = [name for name in ("on", "totals", "series", "vintage", "regions", "products") if name not in figures]
    if missing:
        raise InputError([Problem("figures", name, "is missing", "make them with book.figures") for name in missing])
    pictures = _pictures(figures)
    on = parse_date(figures["on"], "figures, on")
    values = _values(figures)
    pdf = typeset(HERE / "report.typ", values | {"pictures": [svg for _, svg in pictures]}, on)
    return pdf, _html(values, [(name, svg) for name, svg in pictures])


def _pictures(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    from jiehuan.book import pictures  # matplotlib takes half a second to load, and only reports need it

    made = [
        ("Overdue and NPL ratios", pictures.series_picture(figures["series"])),
        ("Balance", pictures.balance_picture(figures["series"])),
        ("Vintages", pictures.vintage_picture(figures["vintage"], int(figures.get("threshold", 31)))),
        ("Overdue buckets", pictures.bucket_picture(figures["totals"])),
    ]
    if figures.get("roll"):
        made.append(("Roll matrix", pictures.roll_picture(figures["roll"])))
    if figures.get("decomposition"):
        made.append(("Why the NPL ratio moved", pictures.cause_picture(figures["decomposition"])))
    made.append(("NPL by region", pictures.group_picture(figures["regions"], "地区不良率", "NPL by region")))
    made.append(("NPL by product", pictures.group_picture(figures["products"], "产品不良率", "NPL by product")))
    return made


def _values(figures: Mapping[str, Any]) -> dict[str, Any]:
    totals, before = figures["totals"], figures.get("previous") or {}
    return {
        "lender": figures.get("lender", ""),
        "on": str(figures["on"]),
        "tiles": [
            {"zh": zh, "en": en, "value": _shown(name, totals.get(name)), "change": _change(name, totals, before)}
            for name, zh, en in _TILES
        ],
        "regions": [_group(row) for row in figures["regions"]],
        "products": [_group(row) for row in figures["products"]],
        "causes": [
            {"zh": cause["zh"], "en": cause["en"], "points": f"{100 * cause['effect']:+.3f}", "loans": cause["loans"]}
            for cause in (figures.get("decomposition") or {"causes": []})["causes"]
        ],
        "outcomes": [
            {
                "zh": group["zh"],
                "en": group["en"],
                "facts": [{key: str(fact[key]) for key in ("zh", "en", "value")} for fact in group["facts"]],
            }
            for group in figures.get("outcomes", ())
        ],
    }


def _group(row: Mapping[str, Any]) -> dict[str, str]:
    names = ("loans", "outstanding_fen", "overdue_balance_ratio", "npl_ratio", "npl90_ratio", "fpd_rate")
    return {"name": str(row["name"]) or "-"} | {name: _shown(name, row.get(name)) for name in names}


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith("_fen"):
        return f"{value / 100:,.0f}"
    return f"{100 * value:.2f}%" if isinstance(value, float) else f"{value:,}"


def _change(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    old, new = before.get(name), now.get(name)
    if old is None or new is None:
        return ""
    if isinstance(new, float):
        return f"{100 * (new - old):+.2f} pp"
    return f"{100 * (new - old) / old:+.1f}%" if old else ""


def _html(values: Mapping[str, Any], pictures: Sequence[tuple[str, str]]) -> str:
    tiles = "".join(
        f'<div class="tile"><b>{_text(t["value"])}</b><span>{_text(t["zh"])}<small>{_text(t["en"])}</small></span>'
        f"<i>{_text(t['change'])}</i></div>"
        for t in values["tiles"]
    )
    images = "".join(
        f'<img alt="{_text(name)}" src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
        for name, svg in pictures
    )
    head = ("", "笔数 Loans", "余额 Balance", "逾期率 Overdue", "不良率 NPL", "90天以上 90+", "首期违约 FPD")
    tables = "".join(
        _table(title, head, [list(row.values()) for row in rows])
        for title, rows in (("地区 Regions", values["regions"]), ("产品 Products", values["products"]))
    )
    causes = [[f"{c['zh']} {c['en']}", c["points"], c["loans"]] for c in values["causes"]]
    outcomes = "".join(
        _table(f"{g['zh']} {g['en']}", (), [[f"{f['zh']} {f['en']}", f["value"]] for f in g["facts"]])
        for g in values["outcomes"]
    )
    return Template((HERE / "report.html").read_text(encoding="utf-8")).substitute(
        lender=_text(values["lender"]),
        on=_text(values["on"]),
        tiles=tiles,
        pictures=images,
        tables=tables,
        causes=_table("不良率变动归因（百分点） Why the NPL ratio moved", (), causes) if causes else "",
        outcomes=outcomes,
    )


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    top = "<tr>" + "".join(f"<th>{_text(cell)}</th>" for cell in head) + "</tr>" if head else ""
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<section><h2>{_text(title)}</h2><table>{top}{body}</table></section>"


def _text(value: object) -> str:
    return html.escape(str(value))
