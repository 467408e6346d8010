"""The commands as a user runs them: files, figures, warnings, refusals and exit codes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from jiehuan.cli.main import main
from jiehuan.cli.score import _ahead
from jiehuan.units.errors import InputError, Problem

Cli = Callable[..., Any]


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """``here("score", "report", "first")`` runs the command in the folder, in this process (starting one takes a second)."""
    monkeypatch.chdir(folder)

    def run(*words: str) -> Done:
        code = 0
        try:
            main(list(words))
        except SystemExit as left:
            code = int(left.code or 0)
        return Done(code, *capsys.readouterr())

    return run


FILES = {"model.json", "metrics.json", "card.md", "card.html", "roc.png", "ks.png", "calibration.png", "points.png"}


@pytest.fixture(scope="module")
def folder(cli: Cli, applications: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with loans.csv, later.parquet and a fitted model in ``first``."""
    where = tmp_path_factory.mktemp("score")
    applications.head(5000).write_csv(where / "loans.csv")
    applications.tail(1000).write_parquet(where / "later.parquet")
    fitted = cli(
        "score",
        "fit",
        "loans.csv",
        "--target",
        "bad",
        "--time",
        "applied_on",
        "--exclude",
        "noise",
        "--groups",
        "job",
        "--out",
        "first",
        cwd=where,
    )
    assert fitted.returncode == 0, fitted.stderr
    assert fitted.stderr == ""
    assert "out of fold" in fitted.stdout
    assert "out of time" in fitted.stdout
    assert "warning (excluded) borrower_id" in fitted.stdout
    return where


def test_fit_writes_all_files(folder: Path) -> None:
    assert {path.name for path in (folder / "first").iterdir()} == FILES
    told = json.loads((folder / "first" / "metrics.json").read_text(encoding="utf-8"))
    assert told["metrics"]["out_of_fold"]["auc"] > 0.6
    assert told["metrics"]["fairness"]
    assert (
        "noise" not in json.loads((folder / "first" / "model.json").read_text(encoding="utf-8"))["fitted"]["settings"]
    )


def test_apply_adds_pd_points_and_reasons(here: Callable[..., Done], folder: Path) -> None:
    from jiehuan.score import Model

    done = here("score", "apply", "first", "later.parquet", "--out", "scored.parquet", "--json")
    assert done.returncode == 0, done.stderr
    scored, later = pl.read_parquet(folder / "scored.parquet"), pl.read_parquet(folder / "later.parquet")
    assert scored.columns == [*later.columns, "pd", "points", "reason_1", "reason_2", "reason_3", "reason_4"]
    assert scored.select(later.columns).equals(later)
    model = Model.from_document(json.loads((folder / "first" / "model.json").read_text(encoding="utf-8")))
    assert scored["pd"].to_numpy() == pytest.approx(model.predict(later))
    assert set(scored["reason_1"].drop_nulls()) <= {f"R_{one.name.upper().replace('.', '_')}" for one in model.inputs}
    assert json.loads(done.stdout)["rows"] == 1000


def test_apply_notes_unseen_categories_and_guards_columns(here: Callable[..., Done], folder: Path) -> None:
    later = pl.read_parquet(folder / "later.parquet")
    later.with_columns(job=pl.lit("astronaut"), pd=pl.lit(0.5)).write_csv(folder / "odd.csv")
    clash = here("score", "apply", "first", "odd.csv", "--out", "out.csv")
    assert clash.returncode == 2
    assert "column pd: is there already; rename it, or use --prefix score_" in clash.stderr
    assert not (folder / "out.csv").exists()
    done = here("score", "apply", "first", "odd.csv", "--out", "out.csv", "--prefix", "score_", "--reasons", "1")
    assert done.returncode == 0, done.stderr
    assert "note: job: 1000 rows hold a category" in done.stdout
    assert pl.read_csv(folder / "out.csv").columns[-3:] == ["score_pd", "score_points", "score_reason_1"]


def test_apply_refuses_what_it_cannot_score(here: Callable[..., Done], folder: Path) -> None:
    later = pl.read_parquet(folder / "later.parquet")
    later.drop("income", "job").write_csv(folder / "short.csv")
    done = here("score", "apply", "first", "short.csv", "--out", "no.csv", "--json")
    assert done.returncode == 2
    assert [problem["where"] for problem in json.loads(done.stdout)["problems"]] == ["column income", "column job"]
    later.with_columns(income=pl.lit("much")).write_csv(folder / "words.csv")
    done = here("score", "apply", "first", "words.csv", "--out", "no.csv")
    assert done.returncode == 2
    assert "column income 'much'" in done.stderr
    (folder / "latin.csv").write_bytes("income,job\n1,caf\xe9\n".encode("latin-1"))
    done = here("score", "apply", "first", "latin.csv", "--out", "no.csv")
    assert done.returncode == 2
    assert "UTF-8" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "no.csv").exists()


def test_report_check_drift(here: Callable[..., Done], folder: Path) -> None:
    report = here("score", "report", "first")
    assert report.returncode == 0
    assert report.stdout.startswith("# Model card: bad, scorecard")
    told = json.loads(here("score", "report", "first", "--json").stdout)
    assert told["metrics"]["out_of_fold"]["rows"] == 5000
    checked = json.loads(here("score", "check", "first", "later.parquet", "--json").stdout)
    assert checked["rows"] == 1000
    assert abs(checked["auc"] - told["metrics"]["out_of_fold"]["auc"]) < 0.07
    moved = json.loads(here("score", "drift", "first", "later.parquet", "--json").stdout)
    assert moved["verdict"] == "calm"
    assert "PSI" in here("score", "drift", "first", "later.parquet").stdout


def test_a_boosted_challenger_with_settings_and_labels(here: Callable[..., Done], folder: Path) -> None:
    (folder / "settings.yaml").write_text(
        "boosted: {max_rounds: 60}\nevaluation: {folds: 3, bootstrap: 50}\nmonotone: {income: -1}\nlabels: {income: {zh: 月收入, en: income}}\n",
        encoding="utf-8",
    )
    done = here(
        "score",
        "fit",
        "loans.csv",
        "--target",
        "bad",
        "--kind",
        "boosted",
        "--settings",
        "settings.yaml",
        "--out",
        "second",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"] == "boosted"
    document = json.loads((folder / "second" / "model.json").read_text(encoding="utf-8"))
    assert document["boosted"]["text"].startswith("tree")
    assert next(one["monotone"] for one in document["boosted"]["features"] if one["input"]["name"] == "income") == -1
    compared = here("score", "compare", "first", "second", "later.parquet", "--json")
    assert json.loads(compared.stdout)["verdict"] in ("champion", "challenger", "unclear")
    assert "verdict" in here("score", "compare", "first", "second", "later.parquet").stdout


def test_labels_of_the_target_and_the_event(here: Callable[..., Done], folder: Path) -> None:
    random = np.random.default_rng(1)
    frame = pl.DataFrame({"x": random.normal(size=400), "y": random.choice(["1", "2"], 400)})
    frame.write_csv(folder / "two.csv")
    unclear = here("score", "fit", "two.csv", "--target", "y", "--out", "two")
    assert unclear.returncode == 2
    assert "say --event 1 or --event 2" in unclear.stderr
    assert not (folder / "two").exists()
    done = here("score", "fit", "two.csv", "--target", "y", "--event", "2", "--out", "two", "--json")
    assert json.loads(done.stdout)["event"] == "2"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["fit", "loans.csv", "--target", "worse", "--out", "x"], 2, "no such column"),
        (["fit", "none.csv", "--target", "bad", "--out", "x"], 2, "none.csv"),
        (["fit", "loans.csv", "--target", "bad", "--out", "x", "--settings", "none.yaml"], 2, "none.yaml"),
        (["report", "nowhere"], 2, "no such folder"),
        (["apply", "first", "later.parquet", "--out", "x.docx"], 2, "x.docx"),
    ],
)
def test_wrong_usage_is_said_in_one_line(
    here: Callable[..., Done], folder: Path, words: list[str], code: int, said: str
) -> None:
    done = here("score", *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_copy_of_the_target_is_a_refusal_not_wrong_usage(here: Callable[..., Done], folder: Path) -> None:
    pl.read_csv(folder / "loans.csv").with_columns(again="bad").write_csv(folder / "leaky.csv")
    done = here("score", "fit", "leaky.csv", "--target", "bad", "--out", "x")
    assert done.returncode == 1
    assert "--exclude again" in done.stderr


def test_a_pair_of_scores_is_fitted_and_applied(here: Callable[..., Done], folder: Path) -> None:
    sides = ["--ability", "income,job", "--willingness", "months_known,owns,born"]
    done = here("score", "pair", "loans.csv", "--target", "bad", "--time", "applied_on", *sides, "--out", "pair")
    assert done.returncode == 0, done.stderr
    assert "AUC of willingness" in done.stdout
    applied = here("score", "apply", "pair", "later.parquet", "--out", "two.parquet", "--json")
    assert json.loads(applied.stdout)["rows"] == 1000
    assert pl.read_parquet(folder / "two.parquet").columns[-4:] == ["pd", "ability", "willingness", "kind"]
    assert "pair of scores" in here("score", "report", "pair").stderr
    shared = here(
        "score", "pair", "loans.csv", "--target", "bad", "--ability", "income", "--willingness", "income", "--out", "no"
    )
    assert shared.returncode == 2


def test_floats_of_full_length_in_a_csv_are_numbers(
    here: Callable[..., Done], folder: Path, applications: pl.DataFrame
) -> None:
    """17 digits stay text in a strict reading of a CSV; a score needs the number."""
    third = applications.head(1500).with_columns(income=pl.col("income") / 3)
    third.write_csv(folder / "long.csv")
    done = here("score", "fit", "long.csv", "--target", "bad", "--out", "long", "--json")
    assert done.returncode == 0, done.stderr
    features = {row["name"] for row in json.loads(done.stdout)["metrics"]["features"]}
    assert "income" in features
    assert here("score", "apply", "long", "long.csv", "--out", "long_scored.csv").returncode == 0


def test_pieces_made_ahead_come_in_order_and_so_does_what_goes_wrong() -> None:
    def pieces() -> Iterator[pl.DataFrame]:
        for number in range(4):
            yield pl.DataFrame({"n": [number]})
        raise InputError(Problem("row 5", "", "not a number", "mend it"))

    found: list[int] = []
    with pytest.raises(InputError, match="row 5"):
        found.extend(piece.item() for piece in _ahead(pieces()))
    assert found == [0, 1, 2, 3]
    some = _ahead(pieces())
    assert next(some).item() == 0
    some.close()
