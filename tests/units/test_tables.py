"""Tables in files: nothing a person wrote is lost, and an unreadable file says what, where and how to mend it."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiehuan.units import table_reading
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.tables import read_batches, read_table, require_columns, scan, write_batches, write_table
from jiehuan.units.text_columns import whole

FORMATS = ("parquet", "csv", "tsv", "json", "ndjson")

FRAME = pl.DataFrame(
    {
        "loan_id": ["0012", "0007", None],
        "amount_fen": [1, 2**62, None],
        "rate": [0.18, None, 1e-9],
        "name": ['张三, "小"\n二行', "x", None],
        "drawn_on": [date(2026, 1, 31), None, date(2024, 2, 29)],
        "at": [datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC), None, None],
        "noted": [datetime(2026, 1, 1, 1, 2, 3), None, None],  # noqa: DTZ001 - a column without zone
        "student": [True, False, None],
    }
)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path)
    return str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"book.{suffix}"
    write_table(FRAME, path)
    back = read_table(path)
    assert back.schema == FRAME.schema
    assert back.equals(FRAME)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "no temporary file stays"


def test_csv_types_are_told_from_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = ["id,padded,card,mixed,amount,when,at,flag,empty"]
    rows += [
        f"{n},{n:04d},6222021234567890{n:03d},{n},916.80,2026-01-31,2026-01-31T10:00:00+08:00,true," for n in range(500)
    ]
    rows += ["500,x,99999999999999999999,abc,1,2026-02-28,2026-01-31T02:00:00Z,False,"]
    path.write_text("\n".join(rows))
    frame = read_table(path)
    assert frame.schema == {
        "id": pl.Int64, "padded": pl.String, "card": pl.String, "mixed": pl.String, "amount": pl.Float64, "when": pl.Date,
        "at": pl.Datetime("us", "UTC"), "flag": pl.Boolean, "empty": pl.String,
    }  # fmt: skip
    assert frame["padded"][7] == "0007" and frame["card"][500] == "9" * 20
    assert frame["at"][0] == frame["at"][500] == datetime(2026, 1, 31, 2, tzinfo=UTC)
    assert frame["flag"].to_list() == [True] * 500 + [False]


@pytest.mark.parametrize(
    "words", ["007", "+5", "1e400", "nan", "inf", "1.5.2", "2026-02-30", "12345678901234567.5", "- 5"]
)
def test_what_would_lose_something_as_a_number_stays_text(tmp_path: Path, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"x,y\n{words},1\n")
    frame = read_table(path)
    assert frame.schema["x"] == pl.String and frame["x"][0] == words


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "empty file"),
        ("t.csv", b"\n\n", "empty file"),
        ("t.csv", b"a,b\n1,2\n3\n4,5\n", "line 3: 1 fields where the header has 2"),
        ("t.csv", b"a,b\n1,2,3\n", "line 2: 3 fields where the header has 2"),
        ("t.csv", b'a,b\n1,2\n1,"x\n2,y\n', "line 3: malformed CSV"),
        ("t.csv", b"a,b,a\n1,2,3\n", "line 1 'a': a column's name appears twice"),
        ("t.csv", b"a,,c\n1,2,3\n", "column 2: has no name"),
        ("t.csv", "a,b\n1,2\n张三,3\n".encode("gb18030"), "line 3: not UTF-8 text at byte 1; it reads as GB18030"),
        ("t.csv", "姓名,b\n1,2\n".encode("gb18030"), "line 1: not UTF-8"),
        ("t.json", b'[{"a":1},{"a":}]', "line 1 column 15: malformed JSON"),
        ("t.json", b'{"a":1}', "not an array of rows"),
        ("t.json", b'[{"a":1},7]', "row 2: not an object"),
        ("t.json", b'[{"a":NaN}]', "NaN is not a JSON value"),
        ("t.json", b"[" * 100_000, "JSON"),
        ("t.ndjson", b'{"a":1}\n\n{"a":\n', "line 3 column 1: malformed JSON"),
        ("t.ndjson", b'{"a":1}\n[1]\n', "line 2: not an object"),
        ("t.ndjson", b'{"a":1}\n{"a":"\xff"}\n', "line 2: not UTF-8"),
        ("t.parquet", b"not parquet at all", "broken or not of its suffix"),
        ("t.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", "broken or not of its suffix"),
    ],
)
def test_malformed_files_say_where_and_why(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert said in refusal(path) and str(path) in refusal(path)


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(FRAME, path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "broken" in refusal(path)


def test_paths_that_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "loans.csv").write_text("a\n1\n")
    assert "no such file; did you mean loans.csv?" in refusal(tmp_path / "loan.csv")
    assert "is a folder" in refusal(tmp_path)
    assert "not a table's suffix; use .parquet" in refusal(tmp_path / "book.xls")


def test_a_byte_order_mark_windows_lines_and_quoted_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffa,b\r\n1,"x\ny"\r\n'.encode())
    assert read_table(path).rows() == [(1, "x\ny")]


def test_json_keeps_nested_values_as_text_and_missing_keys_as_null(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(
        '[{"a":1,"when":"2026-01-31"},{"a":2.5,"evidence":{"k":[1,"二"]}},{"a":null,"id":"007","mixed":1},{"mixed":"x"}]'
    )
    frame = read_table(path)
    assert frame["a"].to_list() == [1.0, 2.5, None, None]
    assert frame["when"].dtype == pl.Date and frame["id"][2] == "007"
    assert frame["evidence"][1] == '{"k":[1,"二"]}'
    assert frame["mixed"].to_list() == [None, None, "1", "x"]


def test_columns_are_chosen_and_missing_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(FRAME, path)
    assert read_table(path, ["rate", "loan_id"]).columns == ["rate", "loan_id"]
    with pytest.raises(InputError, match="column loan_ids: missing; did you mean loan_id"):
        read_table(path, ["loan_ids"])
    with pytest.raises(InputError) as caught:
        require_columns(["a", "b"], ["a", "c", "d"], "t.csv")
    assert len(caught.value.problems) == 2, "all missing columns are told at once"


@pytest.mark.parametrize("suffix", FORMATS)
def test_batches_have_one_schema_and_all_rows(tmp_path: Path, suffix: str) -> None:
    whole = pl.DataFrame({"n": range(1000), "late": [None] * 999 + ["word"], "half": [k / 2 for k in range(1000)]})
    path = tmp_path / f"t.{suffix}"
    assert write_batches([whole[:300], whole[300:]], path) == 1000
    pieces = list(read_batches(path, 128))
    assert len({str(piece.schema) for piece in pieces}) == 1
    assert max(len(piece) for piece in pieces) <= 128
    assert pl.concat(pieces).equals(whole)
    assert scan(path).select(pl.col("n").sum()).collect().item() == 499_500


@pytest.mark.parametrize("suffix", ("csv", "ndjson"))
def test_files_too_large_to_keep_are_read_twice_with_the_same_answer(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"t.{suffix}"
    write_table(FRAME, path)
    monkeypatch.setattr(table_reading, "_KEPT", 0)
    assert read_table(path).equals(FRAME)


@pytest.mark.parametrize("suffix", ("parquet", "csv", "tsv"))
def test_a_table_without_rows_keeps_its_columns(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    write_table(FRAME.clear(), path)
    assert read_table(path).columns == FRAME.columns and read_table(path).is_empty()
    assert len(list(read_batches(path, 10))) == 1


def test_parquet_looks_for_repeats_in_texts_but_not_in_floats(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(pl.DataFrame({"share": [0.5, 0.5, 0.25], "name": ["a", "a", "b"]}), path)
    kept = pq.ParquetFile(path).metadata.row_group(0)
    assert [kept.column(place).has_dictionary_page for place in (0, 1)] == [False, True]
    write_table(pl.DataFrame({"share": [0.5, None]}), path)
    assert read_table(path)["share"].to_list() == [0.5, None]


def test_writing_refuses_what_it_cannot_do_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(FRAME, path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="holds lists or structures"):
        write_table(pl.DataFrame({"x": [[1, 2]]}), path)

    def pieces():  # type: ignore[no-untyped-def]
        yield FRAME
        yield FRAME.rename({"rate": "price"})

    with pytest.raises(InputError, match=r"price.*rate.*other columns"):
        write_batches(pieces(), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    with pytest.raises(InputError, match="may not be written"):
        write_table(FRAME, path / "no" / "t.csv")
    with pytest.raises(InputError, match="nothing to write"):
        write_batches([], path)


VALUES = st.one_of(
    st.none(), st.text(max_size=6), st.integers(-(10**20), 10**20).map(str), st.floats().map(str), st.dates().map(str),
    st.sampled_from(["true", "FALSE", "0.10", "1.", ".5", "-0", "00", "1e5", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00"]),
)  # fmt: skip


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_no_csv_value_is_lost_whatever_type_is_told(tmp_path: Path, values: list[str | None]) -> None:
    """Text stays as it was; an integer's text is the text; a float is the nearest to what was written."""
    path = tmp_path / "t.csv"
    text = [
        None if value is None or value == "" else value.replace("\r", "").replace("\x00", "") or None
        for value in values
    ]
    text = [value.encode("utf-8", "ignore").decode() or None if value else None for value in text]
    pl.DataFrame({"n": range(len(text)), "x": text}, {"n": pl.Int64, "x": pl.String}).write_csv(path)
    back = read_table(path)["x"]
    assert len(back) == len(text)
    for was, now in zip(text, back.to_list(), strict=True):
        if was is None:
            assert now is None
        elif back.dtype == pl.String:
            assert now == was
        elif back.dtype == pl.Int64:
            assert str(now) == was
        elif back.dtype == pl.Float64:
            assert now == float(was)
        elif back.dtype == pl.Boolean:
            assert str(now).lower() == was.lower()
        elif back.dtype == pl.Date:
            assert now.isoformat() == was
        else:
            assert now == datetime.fromisoformat(was)


def test_importing_the_module_does_not_import_polars() -> None:
    code = "import sys, jiehuan.units.tables; sys.exit('polars' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write_table(FRAME, tmp_path / "new" / "er" / "t.csv")
    assert read_table(tmp_path / "new" / "er" / "t.csv").height == 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "t.csv",
            b'a,b\n1,2\n3\n"x\ny",5\n6,7,8\n9,1\n',
            ["row 2: 1 fields where the header has 2", "row 4: 3 fields"],
        ),
        ("t.tsv", b"a\tb\n1\t2\n3\nx\t5\n9\t1\n", ["row 2: 1 fields"]),
        ("t.json", b'[{"a":1,"b":2},7,{"a":"x","b":5},{"a":9,"b":1}]', ["row 2: not an object"]),
        (
            "t.ndjson",
            b'{"a":1,"b":2}\n[1]\n{"a":\n{"a":"x","b":5}\n{"a":9,"b":1}\n',
            ["line 2: not an object", "line 3 column 1: malformed"],
        ),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_rows_that_are_no_rows_cost_only_themselves_where_a_list_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, told: list[str], large: bool
) -> None:
    if large:  # such a file is read twice, and told of once
        monkeypatch.setattr(table_reading, "_KEPT", 0)
    path = tmp_path / name
    path.write_bytes(content)
    refused: list[Problem] = []
    frame = read_table(path, refused=refused)
    assert frame["b"].to_list() == [2, 5, 1]
    assert len(refused) == len(told) and all(part in str(one) for part, one in zip(told, refused, strict=True))
    with pytest.raises(InputError):
        read_table(path)


def test_words_as_codes_or_bytes_are_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": ["江苏", None]}).with_columns(
        pl.col("a").cast(pl.Categorical).alias("b"), pl.col("a").cast(pl.Binary).alias("c")
    ).write_parquet(path)
    frame = read_table(path)
    assert set(frame.dtypes) == {pl.String} and frame["c"].to_list() == frame["b"].to_list() == ["江苏", None]
    pl.DataFrame({"c": [b"\xff\xfe"]}).write_parquet(path)
    with pytest.raises(InputError, match="broken or not of its suffix"):
        read_table(path)


def test_whole_numbers_of_any_column() -> None:
    nothing = [None, None]
    for column, found in (
        (pl.Series(["-5", "1.2"]), [-5, None]),
        (pl.Series([2.0, float("nan")]), [2, None]),
        (pl.Series([float("inf"), 1e30]), nothing),
        (pl.Series([Decimal("7.00"), Decimal("7.10")]), [7, None]),
        (pl.Series([2**64 - 1, 3], dtype=pl.UInt64), [None, 3]),
        (pl.Series([True, False]), nothing),
        (pl.Series([date(2026, 1, 1)] * 2), nothing),
        (pl.Series([[1], [2]]), nothing),
        (pl.Series([{"a": 1}, None]), nothing),
        (pl.Series(["9" * 30, ""]), nothing),
    ):
        assert whole(column).to_list() == found and whole(column).dtype == pl.Int64
