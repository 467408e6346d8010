"""The report's pictures as SVG (matplotlib, text as paths), labelled in Chinese and English.

Each function takes a part of the figures document and gives an SVG, the same for the same figures. Where the machine has
no Chinese font the labels are English alone.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jiehuan.book.metrics import BUCKET_COLUMNS
from jiehuan.book.roll import ENDS
from jiehuan.book.tape import BUCKETS
from jiehuan.legal.typeset import lettering

INK, GREY, GRID = "#1f2933", "#5f6b76", "#d9e0e7"
BLUE, AMBER, RED, GREEN = "#1f6fb2", "#d98c1f", "#c0392b", "#2e8b57"
_HEAT = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#bcd7ef", "#1f6fb2"])
_TURN = threading.Lock()  # matplotlib's settings are one per process


def series_picture(series: Sequence[Mapping[str, Any]]) -> str:
    """Overdue and NPL ratios on both bases, by date."""

    def draw(ax: Axes) -> None:
        days = _days(series)
        lines = (
            ("overdue_balance_ratio", AMBER, "-", _both("逾期率", "overdue")),
            ("npl_ratio", RED, "-", _both("不良率（五级）", "NPL, five-class")),
            ("npl90_ratio", BLUE, "--", _both("90天以上", "over 90 days")),
        )
        for name, colour, style, label in lines:
            ax.plot(
                days,
                [_times100(row[name]) for row in series],
                color=colour,
                label=label,
                lw=1.6,
                ls=style,
                marker="o",
                ms=2.5,
            )
        ax.set_ylabel("%")
        _headroom(ax)
        ax.legend(loc="upper left", frameon=False, fontsize=6.5)
        _date_axis(ax)

    return _svg(draw, _both("逾期率与不良率", "Overdue and NPL ratios"))


def balance_picture(series: Sequence[Mapping[str, Any]]) -> str:
    """The balance on the book, by date, in millions of yuan (or ten thousands, for a small book)."""
    largest = max((row["outstanding_fen"] for row in series), default=0)
    unit, zh, en = (10**8, "百万元", "million yuan") if largest >= 10**9 else (10**6, "万元", "10,000 yuan")

    def draw(ax: Axes) -> None:
        days = _days(series)
        ax.fill_between(days, [row["outstanding_fen"] / unit for row in series], color=BLUE, alpha=0.25, lw=0)
        ax.plot(days, [row["outstanding_fen"] / unit for row in series], color=BLUE, lw=1.6, marker="o", ms=2.5)
        ax.set_ylabel(_both(zh, en))
        ax.set_ylim(bottom=0)
        _date_axis(ax)

    return _svg(draw, _both("贷款余额", "Balance"))


def vintage_picture(rows: Sequence[Mapping[str, Any]], threshold: int, most: int = 8) -> str:
    """One curve a month of drawing (the latest ``most``): the share ever past ``threshold`` by months on book."""

    def draw(ax: Axes) -> None:
        months = sorted({str(row["vintage"]) for row in rows})[-most:]
        for place, month in enumerate(months):
            curve = sorted((row["mob"], _times100(row["rate"])) for row in rows if str(row["vintage"]) == month)
            shade = 0.25 + 0.75 * place / max(1, len(months) - 1)
            ax.plot(
                [mob for mob, _ in curve], [rate for _, rate in curve], color=mpl.colormaps["viridis"](1 - shade), lw=1.4,
                marker="o", ms=2, label=month[:7],
            )  # fmt: skip
        ax.set_xlabel(_both("账龄（月）", "months on book"))
        ax.set_ylabel("%")
        _headroom(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if months:
            ax.legend(loc="upper left", frameon=False, fontsize=6, ncols=2)

    return _svg(draw, _both(f"账龄曲线（曾逾期{threshold}+天）", f"Vintages, ever {threshold}+ days"))


def bucket_picture(totals: Mapping[str, Any]) -> str:
    """The overdue buckets as shares of the balance."""

    def draw(ax: Axes) -> None:
        names = BUCKETS[1:]
        whole = totals["outstanding_fen"] or 1
        shares = [100 * totals[BUCKET_COLUMNS[name]] / whole for name in names]
        bars = ax.bar(names, shares, color=["#f2c879", AMBER, "#cf6a32", RED], width=0.6)
        ax.bar_label(bars, fmt="%.2f%%", fontsize=7, padding=2)
        ax.grid(visible=False, axis="x")
        ax.set_ylabel(_both("占余额 %", "% of balance"))
        ax.margins(y=0.18)

    return _svg(draw, _both("逾期分布", "Overdue buckets"))


def roll_picture(found: Mapping[str, Any]) -> str:
    """The roll matrix: of each opening bucket's balance, where it is at the end."""

    def draw(ax: Axes) -> None:
        rows = found["matrix"]
        ends = [end for end in ENDS if end in BUCKETS or any(row[end] for row in rows)]
        cells = [[row[end] / row["opening_fen"] if row["opening_fen"] else 0.0 for end in ends] for row in rows]
        ax.imshow(cells, cmap=_HEAT, vmin=0, vmax=1, aspect="auto")
        for y, line in enumerate(cells):
            for x, share in enumerate(line):
                if share:
                    ax.text(
                        x,
                        y,
                        f"{100 * share:.0f}%",
                        ha="center",
                        va="center",
                        fontsize=7,
                        color="white" if share > 0.6 else INK,
                    )
        ax.set_xticks(range(len(ends)), [_END_NAMES.get(end, end) if lettering().chinese else end for end in ends])
        ax.set_yticks(range(len(rows)), [row["bucket"] for row in rows])
        ax.set_ylabel(_both("上期", "opening"))
        ax.set_xlabel(_both("本期", "closing"))
        ax.grid(False)
        ax.tick_params(length=0)

    return _svg(draw, _both("迁徙矩阵（占期初）", "Roll matrix, % of opening"))


def group_picture(rows: Sequence[Mapping[str, Any]], zh: str, en: str) -> str:
    """NPL ratio by region or product, the largest balances on top."""

    def draw(ax: Axes) -> None:
        shown = list(rows)[::-1]
        names = [str(row["name"]) or "-" for row in shown]
        places = range(len(shown))
        bars = ax.barh(places, [_times100(row["npl_ratio"]) for row in shown], color=RED, height=0.6)
        ax.bar_label(bars, fmt="%.2f%%", fontsize=6.5, padding=2)
        ax.set_yticks(places, names)
        ax.grid(visible=False, axis="y")
        ax.margins(x=0.18)
        ax.set_xlabel("%")

    return _svg(draw, _both(zh, en))


def cause_picture(found: Mapping[str, Any]) -> str:
    """The decomposition as a staircase from the old ratio to the new."""

    def draw(ax: Axes) -> None:
        steps = [cause for cause in found["causes"] if abs(cause["effect"]) > 5e-7]
        names = [_both("期初", "before"), *(_both(step["zh"].split("（")[0], "") or step["en"] for step in steps)]
        names = names if lettering().chinese else ["before", *(step["en"].split(" (")[0] for step in steps)]
        level = 100 * found["before"]
        bottoms, heights, colours = [0.0], [level], [GREY]
        for step in steps:
            effect = 100 * step["effect"]
            bottoms.append(min(level, level + effect))
            heights.append(abs(effect))
            colours.append(RED if effect > 0 else GREEN)
            level += effect
        bars = ax.barh(
            range(len(names) + 1),
            [*heights, 100 * found["after"]],
            left=[*bottoms, 0.0],
            color=[*colours, GREY],
            height=0.62,
        )
        labels = ["", *(f"{100 * step['effect']:+.2f}" for step in steps), ""]
        labels[0], labels[-1] = f"{100 * found['before']:.2f}%", f"{100 * found['after']:.2f}%"
        ax.bar_label(bars, labels=[*labels[: len(bars)]], fontsize=6.5, padding=2)
        ax.set_yticks(range(len(names) + 1), [*names, _both("期末", "after")], fontsize=6.5)
        ax.invert_yaxis()
        ax.grid(visible=False, axis="y")
        ax.margins(x=0.15)
        ax.set_xlabel(_both("不良率 %", "NPL ratio %"))

    return _svg(draw, _both("不良率变动归因", "Why the NPL ratio moved"))


_END_NAMES = {"settled": "结清", "written_off": "核销", "sold": "转让", "gone": "无去向"}


def _svg(draw: Callable[[Axes], None], title: str, width: float = 3.55, height: float = 2.05) -> str:
    with _TURN, mpl.rc_context(_settings()):
        figure = Figure(figsize=(width, height), layout="constrained")
        ax = figure.add_subplot()
        draw(ax)
        ax.set_title(title, fontsize=8, loc="left", color=INK)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        return written.getvalue()


def _headroom(ax: Axes) -> None:
    """Room above the curves for the legend."""
    ax.set_ylim(0, 1.45 * ax.get_ylim()[1])


def _days(series: Sequence[Mapping[str, Any]]) -> list[float]:
    return [float(date2num(date.fromisoformat(str(row["on"])))) for row in series]  # type: ignore[no-untyped-call]


def _date_axis(ax: Axes) -> None:
    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


@cache
def _settings() -> Any:
    family = ["DejaVu Sans"]
    file = lettering().sans_file
    if file is not None:
        font_manager.fontManager.addfont(str(file))
        family.append(font_manager.get_font(str(file)).family_name)
    return {
        "font.family": family, "font.size": 7, "axes.edgecolor": GREY, "axes.labelcolor": GREY, "xtick.color": GREY,
        "ytick.color": GREY, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.5, "axes.axisbelow": True,
        "svg.fonttype": "path", "svg.hashsalt": "jiehuan", "axes.unicode_minus": False,
    }  # fmt: skip


def _both(zh: str, en: str) -> str:
    return f"{zh}  {en}".strip() if lettering().chinese else en


def _times100(value: float | None) -> float:
    return float("nan") if value is None else 100 * value
