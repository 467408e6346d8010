"""Bad tables at the command line: exit code 2 (1 where a check refuses), and a sentence that names the place and the mend."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from jiehuan.cli.main import main


class Done(NamedTuple):
    code: int
    out: str
    said: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables with one fault each, and a model fitted on the sound one."""
    where = tmp_path_factory.mktemp("bad")
    random = np.random.default_rng(3)
    rows = 1200
    income = random.lognormal(8.0, 0.5, rows)
    bad = (random.random(rows) < 1 / (1 + np.exp(1.5 + 2 * (np.log(income) - 8)))).astype(int)
    sound = pl.DataFrame({"income": income, "job": random.choice(["clerk", "driver"], rows), "bad": bad})
    sound.write_parquet(where / "sound.parquet")
    sound.with_columns(bad=pl.lit(1)).write_csv(where / "one_class.csv")
    sound.with_columns(bad=pl.lit(None, pl.Int64)).write_parquet(where / "empty_target.parquet")
    sound.head(0).write_csv(where / "no_rows.csv")
    sound.with_columns(bad=pl.int_range(rows) < 3).write_csv(where / "three_events.csv")
    sound.with_columns(again=10 - 3 * pl.col("bad")).write_csv(where / "copy.csv")
    sound.with_columns(bad=pl.int_range(rows) % 3).write_csv(where / "three_values.csv")
    sound.select("bad", job=pl.lit("clerk")).write_csv(where / "constant.csv")
    sound.drop("income").write_csv(where / "short.csv")
    sound.with_columns(income=pl.lit("lots")).write_csv(where / "words.csv")
    sound.with_columns(income=pl.concat_list("income", "income")).write_parquet(where / "lists.parquet")
    sound.with_columns(job=pl.lit(0.5)).write_parquet(where / "job_numbers.parquet")
    (where / "latin.csv").write_bytes("income,job,bad\n1.5,caf\xe9,0\n".encode("latin-1"))
    (where / "nothing.csv").write_bytes(b"")
    (where / "broken.parquet").write_bytes(b"PAR1 and no more")
    settings = where / "quick.yaml"
    settings.write_text("evaluation: {folds: 2, bootstrap: 0}\n", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main([
            "score", "fit", str(where / "sound.parquet"), "--target", "bad", "--settings", str(settings), "--out", str(where / "model"),
        ])  # fmt: skip
    assert not left.value.code
    return where


@pytest.fixture
def score(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    monkeypatch.chdir(folder)

    def run(words: str) -> Done:
        with pytest.raises(SystemExit) as left:
            main(["score", *words.split()])
        out, said = capsys.readouterr()
        return Done(int(left.value.code or 0), out, said)

    return run


FIT = [
    ("one_class.csv", 2, "target bad '1': has one value only", "give rows of both outcomes"),
    ("empty_target.parquet", 2, "target bad: holds no value at all", "give the outcome of at least some rows"),
    ("no_rows.csv", 2, "target bad: the table has no rows", "give the outcome of at least some rows"),
    ("three_events.csv", 2, "target bad 'true': only 3 rows with this value", "give more rows"),
    ("three_values.csv", 2, "target bad '0, 1, 2': has 3 values, not two", "give a target of two values"),
    ("copy.csv", 1, "column again", "leave it out: --exclude again"),
    ("constant.csv", 2, "features: no usable column is left", "job: has one value only"),
    ("latin.csv", 2, "latin.csv line 2: not UTF-8 text", "save the file as UTF-8"),
    ("nothing.csv", 2, "nothing.csv: empty file", "a table has at least a header"),
    ("broken.parquet", 2, "broken.parquet", ""),
    ("absent.csv", 2, "absent.csv: no such file", "did you mean constant.csv?"),
    ("sound.parquet --features bad,income", 2, "features bad: the target is among the features", "take it out"),
    ("sound.parquet --rejects short.csv", 2, "rejects, column income: missing", "add the column"),
    ("sound.parquet --rejects no_rows.csv", 1, "rejects: no rows", "leave the option out"),
    ("sound.parquet --rejects latin.csv", 2, "latin.csv line 2: not UTF-8 text", "save the file as UTF-8"),
    ("sound.parquet --rejects sound.parquet --reject-method magic", 2, "reject_method 'magic'", "one of: fuzzy"),
    ("sound.parquet --settings latin.csv", 2, "latin.csv", "UTF-8"),
]


@pytest.mark.parametrize(("words", "code", "place", "mend"), FIT)
@pytest.mark.parametrize("kind", ["scorecard", "boosted"])
def test_a_fit_refuses_and_writes_nothing(
    score: Callable[..., Done], folder: Path, words: str, code: int, place: str, mend: str, kind: str
) -> None:
    done = score(f"fit {words} --target bad --kind {kind} --out none")
    assert done.code == code, done.said
    assert place in done.said
    assert mend in done.said
    assert "Traceback" not in done.said
    assert not (folder / "none").exists()


APPLY = [
    ("short.csv", "column income: missing, but the model needs it", "add the column (number; null where not known)"),
    ("words.csv", "column income 'lots': String where the model was fitted on numbers", "write it as numbers"),
    ("lists.parquet", "column income: List(Float64) where the model was fitted on numbers", "write it as numbers"),
    (
        "job_numbers.parquet",
        "column job '0.5': Float64 where the model was fitted on categories",
        "null where not known",
    ),
    ("latin.csv", "latin.csv line 2: not UTF-8 text", "save the file as UTF-8"),
    ("nothing.csv", "nothing.csv: empty file", "a table has at least a header"),
]


@pytest.mark.parametrize(("words", "place", "mend"), APPLY)
def test_an_application_of_a_model_refuses_and_writes_nothing(
    score: Callable[..., Done], folder: Path, words: str, place: str, mend: str
) -> None:
    done = score(f"apply model {words} --out scored.csv")
    assert done.code == 2, done.said
    assert place in done.said
    assert mend in done.said
    assert "Traceback" not in done.said
    assert not (folder / "scored.csv").exists()


@pytest.mark.parametrize("command", ["check", "drift"])
def test_checks_refuse_the_same_tables(score: Callable[..., Done], command: str) -> None:
    done = score(f"{command} model short.csv")
    assert done.code == 2
    assert "column income: missing" in done.said
    assert score("check model one_class.csv").code == 2


def test_nothing_has_no_drift(score: Callable[..., Done], folder: Path) -> None:
    """An empty table has moved nowhere, but it is not calm either."""
    (folder / "nobody.csv").write_text(
        (folder / "short.csv").read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8"
    )
    done = score("drift model nobody.csv")
    assert done.code == 2 and "nobody.csv: the table has no rows; give the rows whose drift is asked" in done.said


def test_a_million_categories_are_told_and_fitted(score: Callable[..., Done], folder: Path) -> None:
    """Too many to tell apart: the frequent ones still count, the rest share a bin."""
    random = np.random.default_rng(4)
    rows = 2_100_000
    number = np.concatenate([np.arange(1_000_000), random.integers(0, 5, rows - 1_000_000)])
    bad = random.random(rows) < np.where(number < 5, 0.05 + 0.05 * number, 0.1)
    frame = pl.DataFrame({"shop": pl.Series(number).cast(pl.String) + "号", "bad": bad.astype(int)})
    frame.write_parquet(folder / "million.parquet")
    done = score("fit million.parquet --target bad --settings quick.yaml --out million")
    assert done.code == 0, done.said
    assert "warning (categories) shop: 1000000 categories; the 200 most frequent are judged" in done.out
    assert "group them into fewer kinds" in done.out
    assert (
        json.loads((folder / "million" / "metrics.json").read_text(encoding="utf-8"))["metrics"]["out_of_fold"]["auc"]
        > 0.53
    )
    done = score("apply million sound.parquet --out scored.csv")
    assert done.code == 2
    assert "column shop: missing" in done.said
