"""``jiehuan collect``: the day's work list, what contacts changed, and contact rules over a log."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, end_with, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

_LENDER = typer.Option("micro_lender", "--lender", help="bank, consumer_finance_company, micro_lender or other.")
_SHOWN = 12


def register(app: typer.Typer) -> None:
    """Add the ``collect`` commands."""
    group = typer.Typer(
        help="Collection: work lists under capacity and contact rules, effects, checks.", no_args_is_help=True
    )
    group.command("plan", help=_plan.__doc__)(_plan)
    group.command("learn", help=_learn.__doc__)(_learn)
    group.command("check", help=_check.__doc__)(_check)
    app.add_typer(group, name="collect")


def _plan(
    accounts: Path = typer.Argument(
        ..., metavar="ACCOUNTS", help="Overdue accounts: Parquet, CSV or JSON.", show_default=False
    ),
    capacity: Path | None = typer.Option(
        None, "--capacity", help="Capacity (YAML); default the one that ships.", show_default=False
    ),
    on: str = typer.Option(
        ..., "--on", help="The day, or the instant with its offset, of the plan.", show_default=False
    ),
    out: Path = typer.Option(
        ..., "--out", help="Where the work list goes (.csv, .parquet, .json).", show_default=False
    ),
    responses: Path | None = typer.Option(
        None, "--responses", help="What `collect learn` wrote; default assumed responses.", show_default=False
    ),
    seed: int = typer.Option(1, "--seed", help="Names the experiment: the same seed keeps each debtor in its arm."),
    lender: str = _LENDER,
    as_json: bool = JSON_FLAG,
) -> None:
    """The day's work list: whom to contact, how and when, for the most recovered under capacity and contact rules. Exit 1 when
    rows were left out.

    Example: jiehuan collect plan examples/collect/accounts.csv --on 2026-11-24 --out plan.csv
    """
    from jiehuan.collect.capacity import load_capacity
    from jiehuan.collect.plan import plan
    from jiehuan.collect.response import load_responses
    from jiehuan.law import law_on
    from jiehuan.units.days import CHINA
    from jiehuan.units.tables import read_table, write_table

    at = _instant(on)
    broken: list[Problem] = []
    law = law_on(at.astimezone(CHINA).date(), lender)
    table = read_table(accounts, refused=broken)
    made = plan(table, load_capacity(capacity), at, seed, law, load_responses(responses))
    refused = [*broken, *made.refused]
    frame = made.frame()
    write_table(frame, out)
    counts = dict(frame.group_by("action").len().sort("len", descending=True).iter_rows())
    arms = dict(frame.group_by("arm").len().sort("arm").iter_rows())
    if as_json:
        show_json(
            {
                "items": frame.height, "expected_gain_fen": made.value_fen, "bound_fen": made.bound_fen, "gap": made.gap,
                "actions": counts, "arms": arms, "used": {name: {"used": u, "of": c} for name, (u, c) in made.used.items()},
                "price_per_unit_yuan": made.prices, "refused": [problem.as_dict() for problem in refused], "out": str(out),
            }
        )  # fmt: skip
        end_with(refused, as_json=True)
        return
    show_facts(
        {
            "accounts in the plan": frame.height, "expected gain": f"{made.value_fen / 100:,.2f} yuan",
            "gap to the optimum": f"at most {made.gap:.4%}", "arms": ", ".join(f"{name} {n}" for name, n in arms.items()), "written to": out,
        }
    )  # fmt: skip
    rows = [(name, f"{u} of {c}", f"{made.prices[name]:,.2f}") for name, (u, c) in made.used.items()]
    show_table("", ("capacity", "used", "worth of one more, yuan"), rows)
    shown = [
        (
            i.account_id,
            i.action,
            f"{i.at:%m-%d %H:%M}" if i.at else "",
            f"{i.expected_gain_fen / 100:,.2f}",
            i.reason["en"],
        )
        for i in made
    ]
    show_table("", ("account", "action", "at", "gain", "why"), shown[:_SHOWN])
    end_with(refused, as_json=False)


def _learn(
    log: Path = typer.Argument(
        ..., metavar="LOG", help="What was done and what came in: Parquet, CSV or JSON.", show_default=False
    ),
    out: Path = typer.Option(
        ..., "--out", help="The folder for responses.json, model.json and evidence.json.", show_default=False
    ),
    outcome: str | None = typer.Option(
        None, "--outcome", help="A column of 0 and 1; default whether anything was recovered.", show_default=False
    ),
    exclude: str = typer.Option("", "--exclude", help="Columns not to learn from, with commas.", show_default=False),
    as_json: bool = JSON_FLAG,
) -> None:
    """What contacts changed, against the holdout, with intervals; and a model of who responds, tested out of fold. Exit 1 when
    rows were left out.

    Effects need the columns arm, intended, dpd, overdue_fen, recovered_fen; without a holdout only the model is fitted, and that is said.

    Example: jiehuan collect learn examples/collect/log.csv --out responses
    """
    import polars as pl

    from jiehuan.collect.learn import fit_model, learned_responses, measure_effects, readable_rows
    from jiehuan.collect.response import load_responses
    from jiehuan.units.tables import read_table

    broken: list[Problem] = []
    frame, unread = readable_rows(read_table(log, refused=broken), str(log))
    problems = [*broken, *unread]
    if outcome is None:
        if "recovered_fen" not in frame.columns:
            raise InputError(Problem(f"{log}, recovered_fen", "", "missing column", "name the outcome with --outcome"))
        outcome = "recovered"
        frame = frame.with_columns((pl.col("recovered_fen") > 0).cast(pl.Int64).alias(outcome))
    assumed = load_responses()
    effects, untold = [], ""
    if {"arm", "recovered_fen"} <= set(frame.columns):
        effects = measure_effects(frame, assumed, str(log))
    else:
        untold = "no effects: the log has no arm and recovered_fen, so nothing can be compared with a holdout"
    model, evidence = fit_model(frame, outcome, [name.strip() for name in exclude.split(",") if name.strip()])
    try:
        out.mkdir(parents=True, exist_ok=True)
        if effects:
            _write(out / "responses.json", learned_responses(frame, effects, assumed))
        _write(out / "model.json", model.as_dict())
        _write(
            out / "evidence.json",
            {"model": evidence.as_dict(), "effects": [effect.as_dict() for effect in effects], "note": untold},
        )
    except OSError as error:
        raise InputError(
            Problem(str(out), "", f"can't be written: {error.strerror}", "name a folder that can")
        ) from None
    if as_json:
        show_json(
            {
                "model": evidence.as_dict(),
                "effects": [effect.as_dict() for effect in effects],
                "note": untold,
                "out": str(out),
                "refused": [problem.as_dict() for problem in problems],
            }
        )
        end_with(problems, as_json=True)
        return
    show_facts(
        {
            "contacts": evidence.n, "responded": f"{evidence.responded:.2%}",
            "AUC out of fold": f"{evidence.auc:.4f} ({evidence.auc_low:.4f} to {evidence.auc_high:.4f})",
            "Brier": f"{evidence.brier:.4f} (of the mean {evidence.brier_of_mean:.4f})", "calibration slope": f"{evidence.calibration_slope:.2f}",
            "best tenth responded": f"{evidence.top_tenth:.2%}", "left out": ", ".join(evidence.left_out) or "none", "written to": out,
        }
    )  # fmt: skip
    if untold:
        typer.echo(untold)
    rows = [
        (
            e.action,
            e.bucket,
            f"{e.n_treated} / {e.n_holdout}",
            "too few" if e.effect is None else f"{e.effect:+.2%} ({e.low:+.2%} to {e.high:+.2%})",
        )
        for e in effects
    ]
    if rows:
        show_table(
            "effect on the share recovered, treated less held out", ("action", "age", "debtors", "95 % interval"), rows
        )
    end_with(problems, as_json=False)


_NEEDED = (("debtor_id", "borrower_id", "account_id"), ("at",), ("channel", "action"))
"""The columns without which no contact can be judged, each under any of its names."""


def _check(
    log: Path = typer.Argument(
        ..., metavar="LOG", help="Contacts that were made: Parquet, CSV or JSON.", show_default=False
    ),
    lender: str = _LENDER,
    as_json: bool = JSON_FLAG,
) -> None:
    """Contacts that broke a rule (quiet hours, calls and dials a day, third persons), with citation. Exit code 1 if any, or when rows could not
    be read.

    Example: jiehuan collect check examples/collect/contacts.csv
    """
    from jiehuan.collect.contact import check_contacts, read_contacts
    from jiehuan.law import law_on
    from jiehuan.units.days import CHINA
    from jiehuan.units.tables import read_table

    broken: list[Problem] = []
    table = read_table(log, refused=broken)
    lacking = [names[0] for names in _NEEDED if not set(names) & set(table.columns)]
    if lacking:
        raise InputError(
            [Problem(f"{log}, {name}", "", "missing column", f"add the column {name}") for name in lacking]
        )
    contacts, unread = read_contacts(table.iter_rows(named=True), str(log))
    problems = [*broken, *unread]
    last = max((contact.at for contact in contacts), default=None)
    breaches = check_contacts(contacts, law_on(last.astimezone(CHINA).date(), lender)) if last is not None else []
    if as_json:
        show_json(
            {
                "contacts": len(contacts), "breaches": [breach.as_row() for breach in breaches],
                "unreadable": [problem.as_dict() for problem in problems],
            }
        )  # fmt: skip
    else:
        show_facts({"contacts": len(contacts), "breaches": len(breaches)})
        for breach in breaches[:_SHOWN]:
            typer.echo(f"{breach.contact_id}  {breach.rule}  {breach.zh}  {breach.en}  ({breach.citation})")
        if len(breaches) > _SHOWN:
            typer.echo(f"... and {len(breaches) - _SHOWN} more; --json prints all")
    end_with(problems, as_json=as_json)
    if breaches:
        raise typer.Exit(1)


def _instant(text: str) -> datetime:
    """A day (from its first hour) or an instant; the plan moves to the next hour in which contacts may be made."""
    from jiehuan.units.days import CHINA

    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(), CHINA)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            Problem("--on", text[:80], "neither a day nor an instant", "write 2026-11-24 or 2026-11-24T09:30:00+08:00")
        ) from None
    if at.tzinfo is None:
        raise InputError(Problem("--on", text[:80], "time zone missing", "write the offset, like +08:00"))
    return at


def _write(path: Path, value: Any) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    beside.replace(path)
