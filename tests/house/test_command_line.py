"""What holds for every command: an example on each page of help, JSON alone for machines, inputs that stay what they were."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from jiehuan.cli.main import build

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def pages(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from pages(child, (*words, name))


ALL = list(pages(typer.main.get_command(build())))


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) or "jiehuan" for words, _ in ALL])
def test_each_page_of_help_shows_an_example_and_each_command_speaks_json(
    words: tuple[str, ...], command: object
) -> None:
    told = f"{getattr(command, 'help', '')} {getattr(command, 'epilog', '')}"
    assert f"Example: jiehuan {' '.join(words)}".rstrip() in " ".join(told.split())
    options = [name for parameter in getattr(command, "params", []) for name in parameter.opts]
    assert hasattr(command, "commands") or "--json" in options


@pytest.mark.parametrize(
    ("line", "reason", "mend"),
    [
        ("schedule --json", "Missing option '--principal'", "see jiehuan schedule --help"),
        ("loan replay x.json --json --of 1", "No such option: --of", "see jiehuan loan replay --help"),
        ("loan nothing --json", "No such command 'nothing'", "see jiehuan loan --help"),
        ("nothing --json", "No such command 'nothing'", "see jiehuan --help"),
    ],
)
def test_wrong_usage_is_json_for_machines_too(cli: Cli, line: str, reason: str, mend: str) -> None:
    done = cli(*line.split())
    assert done.returncode == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["reason"].startswith(reason) and problem["mend"] == mend


@pytest.mark.parametrize("stuck", [False, True])
def test_an_input_is_never_written_over(cli: Cli, tmp_path: Path, stuck: bool) -> None:
    book = tmp_path / "book.csv"
    book.write_text(
        "loan_id,lender_type,principal,rate,months,method,drawn_on\nA,bank,100.00,0.18,2,bullet,2026-01-05\n"
    )
    before, other = book.read_bytes(), tmp_path / "." / "book.csv"
    out = (f"--out={other}",) if stuck else ("--out", str(other))
    done = cli("loan", "day-end", str(book), "--on", "2026-06-30", *out)
    assert done.returncode == 2 and "is an input of this command; name another file" in done.stderr
    assert book.read_bytes() == before
