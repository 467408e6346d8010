"""``jiehuan book``: metrics, vintages, roll rates and the decomposition of the NPL ratio, from tapes in files.

Each command leaves out rows that cannot be used, tells them and then ends with 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, end_with, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

_VINTAGES = 6
"""What fits 80 columns."""

_TAPE = typer.Argument(..., metavar="TAPE", help="The tape: Parquet, CSV or JSON.", show_default=False)
_OUT = typer.Option(None, "--out", help="Also write the table to this file (.csv, .parquet, .json).")


def register(app: typer.Typer) -> None:
    """Add the ``book`` commands."""
    group = typer.Typer(
        help="Portfolio statistics from tapes: metrics, vintages, roll rates, decomposition.", no_args_is_help=True
    )
    group.command("metrics", help=_metrics.__doc__)(_metrics)
    group.command("vintage", help=_vintage.__doc__)(_vintage)
    group.command("roll", help=_roll.__doc__)(_roll)
    group.command("decompose", help=_decompose.__doc__)(_decompose)
    group.command("report", help=_report.__doc__)(_report)
    app.add_typer(group, name="book")


def _metrics(
    tape: Path = _TAPE,
    on: str = typer.Option(None, "--on", help="The day; default the tape's last.", show_default=False),
    by: list[str] = typer.Option([], "--by", help="Group by this column (region, product, channel …); repeatable."),
    out: Path | None = _OUT,
    as_json: bool = JSON_FLAG,
) -> None:
    """Balances, overdue, buckets, NPL on both bases, provisions and coverage of a day. Exit 1 when rows were left out.

    Example: jiehuan book metrics examples/book/june.csv --on 2026-06-30 --by region
    """
    from jiehuan import book

    problems: list[Problem] = []
    frame = _read(tape, problems)
    figures = book.metrics(frame, _day(on, frame), by or None)
    _write(figures, out)
    rows = [_plain(row) for row in figures.to_dicts()]
    if as_json:
        show_json({"metrics": rows, "left_out": _told(problems)})
    else:
        for row in rows:
            show_facts(row)
            typer.echo("")
    end_with(problems, as_json=as_json)


def _vintage(
    tapes: list[Path] = typer.Argument(..., metavar="TAPE...", help="One stack of snapshots or a tape a month."),
    threshold: int = typer.Option(31, "--threshold", min=1, help="Least days past due that count as bad."),
    by: str = typer.Option("amount", "--by", help="amount or count."),
    ever: bool = typer.Option(False, "--ever", help="A loan that once was bad stays counted."),
    base: str = typer.Option("all", "--base", help="all loans of a vintage, or observed: those seen in that month."),
    out: Path | None = _OUT,
    as_json: bool = JSON_FLAG,
) -> None:
    """How each month's lending ages: the share past due by months on book. Exit 1 when rows were left out.

    Example: jiehuan book vintage examples/book/stack.csv --threshold 31 --ever
    """
    import polars as pl

    from jiehuan import book

    problems: list[Problem] = []
    frames = [_read(path, problems) for path in tapes]
    found = book.vintage(pl.concat(frames, how="diagonal_relaxed"), threshold=threshold, by=by, ever=ever, base=base)
    _write(found, out)
    if as_json:
        show_json(
            {"threshold": threshold, "by": by, "ever": ever, "base": base, "vintage": found.to_dicts(), "left_out": _told(problems)}
        )  # fmt: skip
        end_with(problems, as_json=True)
        return
    drawn = sorted({row["vintage"] for row in found.to_dicts()})[-_VINTAGES:]
    rates = {(row["vintage"], row["mob"]): row["rate"] for row in found.to_dicts()}
    rows = [
        [mob, *(_percent(rates.get((month, mob))) for month in drawn)]
        for mob in sorted({mob for month, mob in rates if month in drawn})
    ]
    title = f"{threshold}+ days past due by {by}, by months on book; the latest {len(drawn)} months of drawing"
    show_table(title, ["month", *(month.strftime("%Y-%m") for month in drawn)], rows)
    end_with(problems, as_json=False)


def _roll(
    before: Path = typer.Argument(..., metavar="TAPE_A", help="The earlier tape (or a stack, alone)."),
    after: Path | None = typer.Argument(None, metavar="[TAPE_B]", help="The later tape."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Where each bucket's balance went: roll, cure and stay rates, and the whole matrix. Exit 1 when rows were left out.

    With one stack of snapshots, all neighbouring months are pooled.

    Example: jiehuan book roll examples/book/may.csv examples/book/june.csv
    """
    from jiehuan import book

    problems: list[Problem] = []
    frame = _read(before, problems)
    if after is None and frame["as_of"].n_unique() < 2:
        mend = "give the later tape too, or a stack of snapshots"
        raise InputError(Problem(f"{before}, as_of", str(frame["as_of"].n_unique()), "dates on it", mend))
    found = book.roll(frame, _read(after, problems)) if after else book.roll_months(frame)
    if as_json:
        show_json(found.as_dict() | {"left_out": _told(problems)})
        end_with(problems, as_json=True)
        return
    matrix = found.matrix.to_dicts()
    ends = [name for name in matrix[0] if name.startswith("M") or any(row[name] for row in matrix)]
    ends = [name for name in ends if name not in {"bucket", "loans", "opening_fen"}]
    show_table(
        "where each bucket's balance went",
        ["from", "opening", *ends],
        [
            [row["bucket"], f"{row['opening_fen'] // 100:,}", *(_share(row[end], row["opening_fen"]) for end in ends)]
            for row in matrix
        ],
    )
    rates = found.rates.to_dicts()
    names = [name for name in rates[0] if name.endswith("_rate")]
    heads = [name.removesuffix("_rate") for name in names]
    show_table(
        "rates", ["bucket", *heads], [[row["bucket"], *(_percent(row[name]) for name in names)] for row in rates]
    )
    end_with(problems, as_json=False)


def _decompose(
    before: Path = typer.Argument(..., metavar="TAPE_A", help="The earlier tape."),
    after: Path = typer.Argument(..., metavar="TAPE_B", help="The later tape."),
    basis: str = typer.Option("class", "--basis", help="class (substandard and worse) or dpd90."),
    by: str = typer.Option("", "--by", help="Show the change of mix over this column apart (region, product …)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Split the change of the NPL ratio between two tapes by cause; the parts add up exactly. Exit 1 when rows were left out.

    Growth is shown apart: it dilutes the ratio without making a loan better.

    Example: jiehuan book decompose examples/book/may.csv examples/book/june.csv --by region
    """
    from jiehuan import book

    problems: list[Problem] = []
    found = book.decompose(_read(before, problems), _read(after, problems), basis=basis, by=by or None)
    if as_json:
        show_json(found.as_dict() | {"left_out": _told(problems)})
        end_with(problems, as_json=True)
        return
    rows = [
        [
            _short(cause.zh, "（"),
            _short(cause.en, " ("),
            _points(float(cause.effect)),
            cause.loans,
            _yuan(cause.npl_fen),
        ]
        for cause in found.causes
    ]
    change = float(found.after - found.before)
    rows.append(["合计", "Change", _points(change), "", ""])
    show_table(
        f"NPL ratio ({basis}) {_percent(float(found.before))} -> {_percent(float(found.after))}, in percentage points",
        ["原因", "cause", "points", "loans", "NPL"],
        rows,
    )
    end_with(problems, as_json=False)


def _report(
    tapes: list[Path] = typer.Argument(..., metavar="TAPE...", help="One stack of snapshots or a tape a month."),
    on: str = typer.Option(None, "--on", help="The day; default the last.", show_default=False),
    lender: str = typer.Option("", "--lender", help="Name of the lender, for the head of the page."),
    out: Path = typer.Option(..., "--out", help="Folder for report.pdf and report.html.", show_default=False),
    as_json: bool = JSON_FLAG,
) -> None:
    """The portfolio report as PDF and HTML: totals, ratios, vintages, roll matrix, causes, regions, products. Exit 1 when rows were
    left out.

    Example: jiehuan book report examples/book/stack.csv --lender Example --out report
    """
    import polars as pl

    from jiehuan import book

    problems: list[Problem] = []
    stack = pl.concat([_read(path, problems) for path in tapes], how="diagonal_relaxed")
    made = book.figures(stack, _day(on, stack), lender=lender)
    pdf, page = book.report(made)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.pdf").write_bytes(pdf)
        (out / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        mend = "name a folder you may write"
        raise InputError(Problem(str(out), "", f"could not be written: {error.strerror}", mend)) from None
    if as_json:
        show_json({**made, "left_out": _told(problems)})
    else:
        typer.echo(f"{out / 'report.pdf'}\n{out / 'report.html'}")
    end_with(problems, as_json=as_json)


def _read(path: Path, left_out: list[Problem]) -> pl.DataFrame:
    """The good rows of a tape; the others are told in ``left_out``."""
    from jiehuan import book
    from jiehuan.units.tables import read_table

    frame = read_table(path, refused=left_out)
    good, problems = book.read_tape(frame, str(path))
    left_out += problems
    return good


def _told(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [problem.as_dict() for problem in problems]


def _day(on: str | None, frame: pl.DataFrame) -> Any:
    from jiehuan.units.days import parse_date

    if on:
        return parse_date(on, "--on")
    last = frame["as_of"].max()
    if last is None:
        raise InputError(Problem("tape", "", "has no rows", "give a tape with loans on it"))
    return last


def _write(frame: pl.DataFrame, out: Path | None) -> None:
    if out is not None:
        from jiehuan.units.tables import write_table

        write_table(frame, out)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Fen as yuan strings under a name without ``_fen``; ratios with six places."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_fen"):
            shown[name.removesuffix("_fen")] = _yuan(value)
        elif isinstance(value, float):
            shown[name] = f"{value:.6f}"
        else:
            shown[name] = value
    return shown


def _yuan(fen: int) -> str:
    from jiehuan.units.money import format_yuan

    return format_yuan(fen)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}%"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if part else ""


def _short(name: str, mark: str) -> str:
    """A cause's name without its explanation in brackets; a bucket after it stays."""
    return name.split(mark)[0]


def _points(value: float) -> str:
    return f"{100 * value:+.4f}"
