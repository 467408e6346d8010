"""The model card: what the model is for, what it was fitted on, how good it is, what to beware of. Markdown, and HTML with pictures.

After Mitchell et al., *Model Cards for Model Reporting* (2019).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from jiehuan.score.scorecard import Scorecard

if TYPE_CHECKING:
    from jiehuan.score.model import Model

Grid = tuple[Sequence[str], list[Sequence[object]]]
Section = tuple[str, list[str], Grid | None]


def card_markdown(model: Model) -> str:
    """The card as Markdown; pictures are linked as ``roc.png`` and so on."""
    lines = [f"# Model card: {model.target}, {model.kind}", ""]
    for title, texts, table in _sections(model):
        lines += [f"## {title}", ""]
        lines += [*(f"- {text}" for text in texts), ""] if texts else []
        if table:
            header, rows = table
            lines += ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
            lines += [
                "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
                for row in rows
            ]
            lines.append("")
    lines += ["## Pictures", "", *(f"![{name}]({name}.png)" for name in ("roc", "ks", "calibration", "points")), ""]
    return "\n".join(lines)


def card_html(model: Model, pictures: Mapping[str, bytes]) -> str:
    """The card as one HTML page that needs no other file; ``pictures`` are PNG by name."""
    body = [f"<h1>Model card: {escape(model.target)}, {model.kind}</h1>"]
    for title, texts, table in _sections(model):
        body.append(f"<h2>{escape(title)}</h2>")
        if texts:
            body.append("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>")
        if table:
            header, rows = table
            head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
            cells = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
            body.append(f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>")
    body.append("<h2>Pictures</h2><div class=pictures>")
    for name, picture in pictures.items():
        body.append(f'<img alt="{escape(name)}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">')
    style = (
        "body{font:15px/1.55 system-ui,'Noto Sans CJK SC',sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
        "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #d8dee6}table{border-collapse:collapse;font-size:13px}"
        "th,td{padding:.25rem .6rem;border-bottom:1px solid #e6eaef;text-align:left;font-variant-numeric:tabular-nums}"
        ".wide{overflow-x:auto}.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}img{width:100%}"
    )
    title = escape(f"{model.target}, {model.kind}")
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{style}</style>{''.join(body)}</div></html>\n"


def _sections(model: Model) -> Iterable[Section]:
    fitted, metrics = model.fitted, model.metrics
    yield "What it is", _what(model), None
    texts = [
        f"{fitted['rows']} labelled rows, {fitted['events']} events ({fitted['events'] / fitted['rows']:.2%})",
        f"{fitted['unlabelled']} rows without an outcome left out",
    ]
    if fitted.get("time"):
        texts.append(f"time of the application: {fitted['time']}")
    if fitted.get("id"):
        texts.append(f"rows of one {fitted['id']} are never parted between fitting and checking")
    if fitted["excluded"]:
        texts.append("columns left out: " + ", ".join(f"{one['column']} ({one['why']})" for one in fitted["excluded"]))
    yield "Data", texts, None
    yield (
        "How good it is",
        _notes(model),
        (("measure", "out of fold", "interval", "out of time", "interval", "in sample"), _quality(metrics)),
    )
    yield "Warnings", [] if model.warnings else ["none"], _warnings(model) if model.warnings else None
    yield (
        "Calibration",
        [],
        (
            ("band", "rows", "predicted", "observed", "95 % interval"),
            [
                (
                    place + 1,
                    band["rows"],
                    f"{band['predicted']:.4f}",
                    f"{band['observed']:.4f}",
                    f"{band['low']:.4f} to {band['high']:.4f}",
                )
                for place, band in enumerate(metrics["calibration"])
            ],
        ),
    )
    yield (
        "Features",
        [],
        (("feature", "IV", "AUC alone", "trend", "in the model", "CSI"), _features(metrics["features"])),
    )
    if isinstance(model.scorer, Scorecard):
        yield (
            "Points",
            [
                f"{model.scaling.points:g} points at odds of {model.scaling.odds:g} to 1; {model.scaling.pdo:g} points double the odds"
            ],
            _points(model.scorer),
        )
    if metrics.get("periods"):
        header = ("from", "to", "rows", "event rate", "predicted", "AUC", "PSI")
        yield "Over time", [], (header, [
            (one["from"], one["to"], one["rows"], f"{one['event_rate']:.4f}", f"{one['predicted']:.4f}", f"{one['auc']:.3f}", f"{one['psi']:.3f}")
            for one in metrics["periods"]
        ])  # fmt: skip
    if metrics.get("fairness"):
        titles = ("column", "group", "rows", "event rate", "predicted", "AUC", "approved", "impact ratio")
        yield "Fairness by group", ["approved: share at a cut-off that approves 80 % of all"], (titles, [
            (one["column"], one["group"], one["rows"], f"{one['event_rate']:.4f}", f"{one['predicted']:.4f}", f"{one['auc']:.3f}",
             f"{one['approved']:.3f}", f"{one['impact_ratio']:.2f}")
            for one in metrics["fairness"]
        ])  # fmt: skip
    if told := metrics.get("rejects"):
        yield "Rejected applicants", [
            f"{told['rows']} rejected applicants bear on the fit by {told['method']}; nobody has seen their outcomes",
            f"their mean probability is {told['mean_pd']:.4f}; it would be {told['mean_pd_without']:.4f} had they been left out",
            "no figure here can tell whether that helped: their true outcomes are unknown, and all metrics are of accepted rows",
            "the literature finds little gain (Crook and Banasik 2004); a small share approved at random would tell",
        ], None  # fmt: skip
    yield "Limits", [
        "Measured on applicants who were accepted and whose outcome is known; others may differ.",
        "A probability ages: watch drift (`jiehuan score drift`) and fit again when the PSI passes 0.25.",
        "Reasons say what moved the score, not what caused the outcome.",
    ], None  # fmt: skip


def _what(model: Model) -> list[str]:
    kinds = {
        "scorecard": "a scorecard: monotone optimal bins, non-negative logistic regression on WOE, bins refitted given the others, points",
        "boosted": f"boosted trees: LightGBM, {model.fitted['rounds']} trees, monotone where the data bear it out, calibrated on out-of-fold scores",
    }
    return [
        kinds[model.kind],
        f"it gives the probability that {model.target} is {model.event} (the other outcome: {model.fitted['other']}), points, and reason codes",
        "intended for decisions on unsecured consumer micro-loans from the population it was fitted on, with human review on request (PIPL art. 24)",
        f"{len(model.inputs)} features; seed {model.fitted['seed']}: the same data give the same model",
    ]


def _notes(model: Model) -> list[str]:
    folds = model.metrics["out_of_fold"]
    texts = [
        f"{folds['folds']} folds; binning, selection, early stopping and calibration are repeated inside each",
    ]
    if later := model.metrics.get("out_of_time"):
        texts.append(
            f"out of time: fitted on {later['fitted_rows']} earlier rows, checked on {later['rows']} from {later['from']}"
        )
    texts.append(f"rounded points alone reach an AUC of {model.metrics['points']['auc']:.4f}")
    return texts


def _quality(metrics: Mapping[str, Any]) -> list[Sequence[object]]:
    folds, later, inside = metrics["out_of_fold"], metrics.get("out_of_time") or {}, metrics["in_sample"]
    names = {
        "auc": "AUC", "gini": "Gini", "ks": "KS", "brier": "Brier", "log_loss": "log loss",
        "calibration_slope": "calibration slope", "calibration_intercept": "calibration intercept",
    }  # fmt: skip
    rows: list[Sequence[object]] = []
    for name, title in names.items():
        spans = [
            f"{one['intervals'][name][0]:.4f} to {one['intervals'][name][1]:.4f}"
            if name in one.get("intervals", {})
            else ""
            for one in (folds, later)
        ]
        rows.append(
            (
                title,
                f"{folds[name]:.4f}",
                spans[0],
                f"{later[name]:.4f}" if later else "",
                spans[1],
                f"{inside[name]:.4f}",
            )
        )
    return rows


def _warnings(model: Model) -> Grid:
    return ("code", "column", "what", "说明", "mend"), [
        (one["code"], one["column"], one["en"], one["zh"], one["mend"]) for one in model.warnings
    ]


def _features(rows: Sequence[Mapping[str, Any]]) -> list[Sequence[object]]:
    found: list[Sequence[object]] = []
    for row in rows:
        inside = "no"
        if "coefficient" in row:
            inside = f"{row['coefficient']:.3f} (± {row['error']:.3f}), effect {row['effect']:.3f}"
        elif "gain" in row:
            inside = f"{row['splits']:.0f} splits"
        found.append(
            (
                row["name"],
                f"{row['iv']:.4f}",
                f"{row['auc']:.3f}",
                row["trend"],
                inside,
                f"{row['csi']:.3f}" if "csi" in row else "",
            )
        )
    return found


def _points(card: Scorecard) -> Grid:
    rows: list[Sequence[object]] = []
    for table, points in zip(card.bins, card.point_tables, strict=True):
        for part, worth in zip(table.bins, points, strict=True):
            if part.rows or part.kind in ("missing", "other"):
                rows.append(
                    (table.name, part.label, f"{part.rows:.0f}", f"{part.rate:.4f}", f"{part.woe:.3f}", str(worth))
                )
    return ("feature", "bin", "rows", "event rate", "WOE", "points"), rows
