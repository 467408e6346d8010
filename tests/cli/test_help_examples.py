"""The examples in the help of commands that work on files run as they are pasted, from the project's folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from jiehuan.cli.main import build, main

ROOT = Path(__file__).parents[2]
ENDS_WITH_1 = {"collect check", "profile affordability"}
"""Checks whose example fails, on purpose."""
ON_FILES = {"book", "collect", "decide", "law", "legal", "line", "loan", "npl", "policy", "profile", "schedule", "score", "watch"}
NEEDS_MORE = {
    "policy propose", "policy approve", "policy refuse", "policy withdraw", "policy versions", "policy list",
    "profile ask", "profile sandbox", "profile sources", "profile batch", "watch fit", "watch apply", "watch use",
    "line log", "line run",
}  # fmt: skip
"""The platform's own rows, a server, or a history of years."""


def examples() -> Iterator[tuple[str, str]]:
    def walk(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        children = getattr(command, "commands", {})
        for name, child in children.items():
            yield from walk(child, (*words, name))
        if not children:
            _, _, example = (getattr(command, "help", "") or "").partition("Example: jiehuan ")
            yield " ".join(words), " ".join(example.partition("\n\n")[0].split())

    for name, line in walk(typer.main.get_command(build()), ()):
        if name.split()[0] in ON_FILES and name not in NEEDS_MORE:
            yield name, line


FOUND = dict(examples())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("examples", "mappings"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ends(line: str) -> int:
    try:
        main(shlex.split(line))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.parametrize("name", sorted(name for name in FOUND if not name.startswith("score")))
def test_an_example_runs_as_it_is_pasted(name: str, folder: Path) -> None:
    line = FOUND[name].replace("/tmp/", f"{folder}/")
    assert ends(line) == (name in ENDS_WITH_1), line


def test_the_examples_of_a_score_run_one_after_the_other(folder: Path) -> None:
    for name in ("fit", "apply", "report", "check", "compare", "drift", "pair"):
        assert ends(FOUND[f"score {name}"]) == 0, name
