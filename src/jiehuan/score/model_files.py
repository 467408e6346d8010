"""Reading what a fit needs and what it left: a folder with a model, a settings file, a table. Reads only; the command writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.score.model import Model
from jiehuan.score.two_scores import FORMAT, TwoScores
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.yaml_file import read_yaml

if TYPE_CHECKING:
    import polars as pl


def load(folder: Path) -> Model | TwoScores:
    """The model or pair in a folder that ``score fit`` or ``score pair`` wrote, with its metrics and warnings."""
    if not folder.is_dir():
        raise InputError(
            Problem(str(folder), "", "no such folder", "give the folder that `jiehuan score fit --out` wrote")
        )
    document = _json(folder / "model.json")
    beside = _json(folder / "metrics.json") if (folder / "metrics.json").exists() else {}
    if isinstance(document, dict) and document.get("format") == FORMAT:
        return TwoScores.from_document(document, beside.get("metrics"))
    return Model.from_document(document, beside.get("metrics"), beside.get("warnings", ()))


def load_model(folder: Path) -> Model:
    """The model in a folder. Raises InputError when it holds a pair of scores."""
    found = load(folder)
    if isinstance(found, TwoScores):
        raise InputError(
            Problem(
                str(folder),
                "",
                "holds a pair of scores, not one model",
                "use `jiehuan score apply`, or a folder of `score fit`",
            )
        )
    return found


def read_frame(path: Path) -> pl.DataFrame:
    """A table by suffix; in text formats, columns of long decimals as numbers (see ``decimals``)."""
    from jiehuan.units.tables import read_table

    frame = read_table(path)
    if path.suffix in (".parquet", ".pq"):
        return frame
    return decimals(frame, [name for name in frame.columns if _has_point(frame.get_column(name))])


def decimals(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The same table with those of ``columns`` that hold a decimal number in every row, written as text, turned into numbers.

    A CSV's floats of full length stay text on reading, lest a digit be lost; a score needs them as numbers all the same.
    """
    import polars as pl

    decimal = r"^[+-]?\d*\.?\d+([eE][+-]?\d+)?$"
    found = []
    for name in columns:
        if name in frame.columns and frame.schema[name] == pl.String:
            known = frame.get_column(name).drop_nulls()
            if known.head(100).str.contains(decimal).all() and known.str.contains(decimal).all():
                found.append(pl.col(name).cast(pl.Float64))
    return frame.with_columns(found)


def _has_point(column: pl.Series) -> bool:
    """Whether a text column has a decimal point somewhere: whole numbers kept as text are ids."""
    import polars as pl

    return bool(
        column.dtype == pl.String and column.null_count() < len(column) and column.str.contains(".", literal=True).any()
    )


def read_changes(path: Path | None) -> dict[str, Any]:
    """A YAML file of settings (``defaults.yaml``) with, beside them, ``specials``, ``monotone`` and ``labels`` by column."""
    if path is None:
        return {}
    found = read_yaml(path, example="src/jiehuan/score/defaults.yaml")
    if found is not None and not (
        isinstance(found, dict) and all(isinstance(section, dict) for section in found.values())
    ):
        raise InputError(
            Problem(str(path), "", "not sections of names and values", "write it like src/jiehuan/score/defaults.yaml")
        )
    return found or {}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            Problem(str(path), "", "no such file", "give the folder that `jiehuan score fit --out` wrote")
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(
            Problem(str(path), "", f"may not be read: {error}", "fit the model again, or restore the file")
        ) from None
