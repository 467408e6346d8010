"""``jiehuan score``: fit a model, apply it, show it, check it on new outcomes, compare two, watch it drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

    from jiehuan.score.model import Model

_DIR = typer.Argument(..., metavar="DIR", help="Folder that `score fit` wrote.", show_default=False)
_DATA = typer.Argument(..., metavar="DATA", help="A table: Parquet, CSV or JSON.", show_default=False)

BATCH = 100_000
"""Rows scored and written together: as many as `units.tables` writes in a row group, so that none is cut."""


def register(app: typer.Typer) -> None:
    """Add the ``score`` commands."""
    group = typer.Typer(
        help="Scorecards and boosted models: fit, apply, report, check, compare, drift, pair.", no_args_is_help=True
    )
    for name, run in (
        ("fit", _fit),
        ("apply", _apply),
        ("report", _report),
        ("check", _check),
        ("compare", _compare),
        ("drift", _drift),
        ("pair", _pair),
    ):
        group.command(name, help=run.__doc__)(run)
    app.add_typer(group, name="score")


def _fit(
    data: Path = _DATA,
    target: str = typer.Option(
        ...,
        "--target",
        help="Column of the outcome: 0/1, true/false or two labels; null where not known.",
        show_default=False,
    ),
    kind: str = typer.Option("scorecard", "--kind", help="scorecard or boosted."),
    out: Path = typer.Option(
        ..., "--out", help="Folder for model.json, metrics.json, the card and its pictures.", show_default=False
    ),
    time: str | None = typer.Option(
        None, "--time", help="Column of the application's date: out-of-time check, stability.", show_default=False
    ),
    exclude: str = typer.Option("", "--exclude", metavar="C,..", help="Columns to leave out.", show_default=False),
    features: str = typer.Option("", "--features", metavar="C,..", help="Use only these columns.", show_default=False),
    event: str | None = typer.Option(
        None, "--event", help="The label that is the event, where that is not plain.", show_default=False
    ),
    borrower: str | None = typer.Option(
        None, "--id", help="Column naming the borrower: folds never part one.", show_default=False
    ),
    weight: str | None = typer.Option(None, "--weight", help="Column of row weights.", show_default=False),
    groups: str = typer.Option(
        "", "--groups", metavar="C,..", help="Columns by which fairness is measured.", show_default=False
    ),
    settings: Path | None = typer.Option(
        None,
        "--settings",
        help="YAML: changes of the defaults; also specials, monotone and labels by column.",
        show_default=False,
    ),
    rejects: Path | None = typer.Option(
        None, "--rejects", help="Table of rejected applicants, for reject inference.", show_default=False
    ),
    reject_method: str = typer.Option("fuzzy", "--reject-method", help="fuzzy, parcelling or augmentation."),
    seed: int = typer.Option(20_260_701, "--seed", help="Same data and seed, same model."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Fit a model and write it with its metrics, warnings, card and pictures. Every figure is of rows the model had not seen.

    Example: jiehuan score fit examples/score/loans.csv --target bad --kind scorecard --out models/first --time applied_on
    """
    with progress("reading", 12) as advance:
        from jiehuan.score import fit
        from jiehuan.score.model_files import read_changes, read_frame

        changes = read_changes(settings)
        extra = {name: changes.pop(name) for name in ("specials", "monotone", "labels") if name in changes}
        model = fit(
            read_frame(data), target, kind, time, _names(exclude), borrower, event=event, features=_names(features) or None, weight=weight,
            groups=_names(groups), rejects=read_frame(rejects) if rejects else None, reject_method=reject_method, settings=changes, seed=seed,
            advance=lambda text: advance(1, description=text), **extra,
        )  # fmt: skip
        files = _write(model, out)
    if as_json:
        show_json(
            {
                "kind": model.kind,
                "event": model.event,
                "metrics": model.metrics,
                "warnings": model.warnings,
                "files": [str(one) for one in files],
            }
        )
        return
    show_facts(_facts(model))
    _show_warnings(model.warnings)
    typer.echo(f"wrote {', '.join(one.name for one in files)} to {out}")


def _apply(
    folder: Path = _DIR,
    data: Path = _DATA,
    out: Path = typer.Option(
        ..., "--out", help="Table to write: the rows with pd, points and reason codes added.", show_default=False
    ),
    reasons: int = typer.Option(4, "--reasons", min=0, max=20, help="Reason codes a row; 0 for none."),
    prefix: str = typer.Option("", "--prefix", help="Put before the names of the added columns.", show_default=False),
    as_json: bool = JSON_FLAG,
) -> None:
    """Score every row of a table: adds pd, points and reason_1 to reason_4. Rows go through in batches, so size does not matter.

    With a folder of `score pair` it adds pd, ability, willingness (points) and kind.

    Example: jiehuan score apply models/first examples/score/loans.csv --out scored.parquet
    """
    from jiehuan.score.model_files import decimals, load
    from jiehuan.score.two_scores import TwoScores
    from jiehuan.units.tables import read_batches, write_batches

    model = load(folder)
    numbers = (
        [] if data.suffix in (".parquet", ".pq") else [one.column for one in model.inputs if one.reading == "number"]
    )
    tally: dict[str, float] = {"rows": 0}
    unseen: dict[str, int] = {}

    def scored(advance: Any) -> Iterator[pl.DataFrame]:
        for piece in read_batches(data, BATCH):
            frame = decimals(piece, numbers)
            if isinstance(model, TwoScores):
                added = model.score(frame)
            else:
                added = _scores(model, frame, reasons)
                for name, number in model.unseen(frame).items():
                    unseen[name] = unseen.get(name, 0) + number
            added = added.rename({name: f"{prefix}{name}" for name in added.columns})
            if clash := [name for name in added.columns if name in piece.columns]:
                mend = "rename it, or use --prefix score_"
                raise InputError([Problem(f"{data} column {name}", "", "is there already", mend) for name in clash])
            tally["rows"] += frame.height
            for name in (f"{prefix}pd", f"{prefix}points"):
                if name in added.columns:
                    tally[name] = tally.get(name, 0.0) + float(added.get_column(name).sum())
            advance(frame.height)
            yield piece.hstack(added)

    with progress("scoring") as advance:
        write_batches(_ahead(scored(advance)), out)
    rows = int(tally.pop("rows"))
    means = {f"mean_{name.removeprefix(prefix)}": total / rows if rows else None for name, total in tally.items()}
    if as_json:
        show_json({"rows": rows, **means, "unseen_categories": unseen, "out": str(out)})
        return
    typer.echo(
        f"scored {rows} rows"
        + "".join(f", {name.replace('_', ' ')} {mean:.4g}" for name, mean in means.items() if mean is not None)
    )
    for name, number in unseen.items():
        typer.echo(f"note: {name}: {number} rows hold a category that the fit did not know; they are scored as 'other'")
    typer.echo(f"wrote {out}")


def _ahead(pieces: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same pieces; while one is written the next is read and scored."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, pieces, None)
        while (piece := waiting.result()) is not None:
            waiting = pool.submit(next, pieces, None)
            yield piece


def _scores(model: Model, frame: pl.DataFrame, reasons: int) -> pl.DataFrame:
    import polars as pl

    chance, points = model.scores(frame)
    columns = [pl.Series("pd", chance), pl.Series("points", points)]
    if reasons:
        codes = model.reason_codes(frame, reasons)
        columns += [pl.Series(f"reason_{place + 1}", code, pl.String) for place, code in enumerate(codes)]
    return pl.DataFrame(columns)


def _report(
    folder: Path = _DIR,
    as_json: bool = JSON_FLAG,
) -> None:
    """Show a model: its card with metrics, warnings, features and points.

    Example: jiehuan score report models/first
    """
    from jiehuan.score.model_files import load_model

    model = load_model(folder)
    if as_json:
        show_json(
            {
                "kind": model.kind,
                "target": model.target,
                "event": model.event,
                "fitted": model.fitted,
                "metrics": model.metrics,
                "warnings": model.warnings,
            }
        )
        return
    from jiehuan.score.card import card_markdown

    typer.echo(card_markdown(model))


def _check(
    folder: Path = _DIR,
    data: Path = _DATA,
    target: str | None = typer.Option(
        None, "--target", help="Column of the outcome; default: the model's.", show_default=False
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """Measure a model on rows with an outcome that it was not fitted on: AUC, KS, Brier, calibration, with intervals.

    Example: jiehuan score check models/first examples/score/loans.csv
    """
    from jiehuan.score import evaluate
    from jiehuan.score.model_files import load_model, read_frame

    model = load_model(folder)
    frame, events = _labelled(model, read_frame(data), target)
    measured = evaluate(events, model.predict(frame))
    if as_json:
        show_json(measured)
        return
    show_facts(_measured_facts(measured))


def _compare(
    champion: Path = typer.Argument(..., metavar="CHAMPION", help="Folder of the model in use.", show_default=False),
    challenger: Path = typer.Argument(
        ..., metavar="CHALLENGER", help="Folder of the model that would replace it.", show_default=False
    ),
    data: Path = _DATA,
    target: str | None = typer.Option(
        None, "--target", help="Column of the outcome; default: the champion's.", show_default=False
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """Champion against challenger on rows that neither was fitted on: paired differences with intervals, and a verdict.

    Example: jiehuan score compare models/first models/first examples/score/loans.csv
    """
    from jiehuan.score import compare
    from jiehuan.score.model_files import load_model, read_frame

    old, new = load_model(champion), load_model(challenger)
    frame, events = _labelled(old, read_frame(data), target)
    found = compare(events, old.predict(frame), new.predict(frame))
    if as_json:
        show_json(found)
        return
    rows = [
        (
            name,
            f"{found['champion'][name]:.4f}",
            f"{found['challenger'][name]:.4f}",
            f"{one['value']:+.4f}",
            f"{one['interval'][0]:+.4f} to {one['interval'][1]:+.4f}",
            one["better"],
        )
        for name, one in found["difference"].items()
    ]
    show_table(
        f"{found['champion']['rows']} rows, verdict: {found['verdict']}",
        ("measure", "champion", "challenger", "difference", "95 % interval", "better"),
        rows,
    )


def _drift(
    folder: Path = _DIR,
    data: Path = _DATA,
    as_json: bool = JSON_FLAG,
) -> None:
    """How far a table has moved from the rows of the fit: PSI of the score, CSI of every feature. No outcome is needed.

    Example: jiehuan score drift models/first examples/score/loans.csv
    """
    from jiehuan.score import drift
    from jiehuan.score.model_files import load_model, read_frame

    model, frame = load_model(folder), read_frame(data)
    if not frame.height:
        raise InputError(Problem(str(data), "", "the table has no rows", "give the rows whose drift is asked"))
    found = drift(model, frame)
    if as_json:
        show_json(found)
        return
    mean = f"mean pd {found['mean_pd']:.4f} (event rate at the fit {found['fitted_rate']:.4f})"
    typer.echo(f"{found['rows']} rows: PSI {found['psi']:.4f}, {found['verdict']}, {mean}")
    show_table(
        "",
        ("feature", "CSI", "verdict", "unseen"),
        [(one["name"], f"{one['csi']:.4f}", one["verdict"], one["unseen"]) for one in found["features"]],
    )


def _pair(
    data: Path = _DATA,
    target: str = typer.Option(..., "--target", help="Column of the outcome.", show_default=False),
    ability: str = typer.Option(
        ..., "--ability", metavar="C,..", help="Columns of cash flow: what they can pay.", show_default=False
    ),
    willingness: str = typer.Option(
        ..., "--willingness", metavar="C,..", help="Columns of behaviour: how they paid.", show_default=False
    ),
    out: Path = typer.Option(..., "--out", help="Folder for model.json and metrics.json.", show_default=False),
    time: str | None = typer.Option(None, "--time", help="Column of the application's date.", show_default=False),
    event: str | None = typer.Option(None, "--event", help="The label that is the event.", show_default=False),
    borrower: str | None = typer.Option(None, "--id", help="Column naming the borrower.", show_default=False),
    settings: Path | None = typer.Option(
        None, "--settings", help="YAML: changes of the defaults; also labels.", show_default=False
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """Fit ability and willingness as two scores: whether they can pay, and whether they pay as people of that ability do.

    Example: jiehuan score pair examples/score/loans.csv --target bad --ability income,dscr --willingness late_share,days_late --out models/pair
    """
    from jiehuan.score import fit_two
    from jiehuan.score.model_files import read_changes, read_frame

    changes = read_changes(settings)
    labels = changes.pop("labels", None)
    pair = fit_two(
        read_frame(data), target, _names(ability), _names(willingness), time=time, id=borrower, event=event, labels=labels, settings=changes
    )  # fmt: skip
    files = _write_files(out, {"metrics.json": {"metrics": pair.metrics}, "model.json": pair.as_document()})
    if as_json:
        show_json(
            {"event": pair.event, "metrics": pair.metrics, "cuts": pair.cuts, "files": [str(one) for one in files]}
        )
        return
    told = pair.metrics
    show_facts({
        "event": f"{pair.target} is {pair.event}",
        "AUC, ability alone": f"{told['ability']['auc']:.4f}",
        "AUC, both": f"{told['both']['auc']:.4f} (one scorecard of all columns: {told['one_card']['auc']:.4f})",
        "AUC of willingness": "within thirds of ability, worst first: " + ", ".join(f"{one:.3f}" for one in told["willingness_auc"][::-1]),
        "correlation": f"{told['correlation']:.3f} between the two",
        "low below": f"{pair.cuts[0]:.0f} points of ability, {pair.cuts[1]:.0f} of willingness",
    })  # fmt: skip
    typer.echo(f"wrote {', '.join(one.name for one in files)} to {out}")


def _labelled(model: Model, frame: pl.DataFrame, target: str | None) -> tuple[pl.DataFrame, Any]:
    import polars as pl

    from jiehuan.score.target import read_outcome

    outcome = read_outcome(frame, target or model.target, model.event)
    return frame.filter(pl.Series(outcome.labelled)), outcome.events


def _write(model: Model, out: Path) -> list[Path]:
    from jiehuan.score.card import card_html, card_markdown
    from jiehuan.score.figures import figures

    pictures = figures(model)
    return _write_files(out, {
        "metrics.json": {"metrics": model.metrics, "warnings": model.warnings},
        "card.md": card_markdown(model).encode(),
        "card.html": card_html(model, pictures).encode(),
        **{f"{name}.png": picture for name, picture in pictures.items()},
        "model.json": model.as_document(),
    })  # fmt: skip


def _write_files(out: Path, contents: Mapping[str, Any]) -> list[Path]:
    """Write bytes, or anything else as JSON, each file whole or not at all."""
    import json

    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            part = out / f".{name}.part"
            part.write_bytes(
                content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False, indent=1).encode()
            )
            part.replace(out / name)
    except OSError as error:
        raise InputError(
            Problem(str(out), "", f"may not be written: {error.strerror or error}", "name a folder you may write to")
        ) from None
    return [out / name for name in contents]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _facts(model: Model) -> dict[str, object]:
    fitted, later = model.fitted, model.metrics.get("out_of_time")
    facts: dict[str, object] = {
        "kind": model.kind,
        "event": f"{model.target} is {model.event} (not {fitted['other']})",
        "rows": f"{fitted['rows']}, {fitted['events']} events ({fitted['events'] / fitted['rows']:.2%})",
        "features": f"{len(model.inputs)} of {len(model.metrics['features'])} looked at",
    }
    for title, measured in (("out of fold", model.metrics["out_of_fold"]), ("out of time", later)):
        if measured:
            facts |= {
                f"{name}, {title}": value
                for name, value in _measured_facts(measured).items()
                if name not in ("rows", "events")
            }
    return facts


def _measured_facts(measured: Mapping[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {"rows": measured["rows"], "events": measured["events"]}
    for name, title in (("auc", "AUC"), ("gini", "Gini"), ("ks", "KS"), ("brier", "Brier"), ("log_loss", "log loss")):
        span = measured.get("intervals", {}).get(name)
        facts[title] = f"{measured[name]:.4f}" + (f" ({span[0]:.4f} to {span[1]:.4f})" if span else "")
    facts["calibration"] = (
        f"slope {measured['calibration_slope']:.3f}, intercept {measured['calibration_intercept']:.3f}"
    )
    return facts


def _show_warnings(warnings: Sequence[Mapping[str, Any]]) -> None:
    for one in warnings:
        place = f"{one['column']}: " if one["column"] else ""
        typer.echo(f"warning ({one['code']}) {place}{one['en']}" + (f"; {one['mend']}" if one["mend"] else ""))
