"""The house's own rules: documents that run, commands that explain themselves, files that name no host, set-up that speaks."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer

import jiehuan
from jiehuan.cli.main import build

ROOT = Path(__file__).resolve().parents[2]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(jiehuan.__path__, "jiehuan.")]
    return [name for name in found if "migrations" not in name and not name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    module: ModuleType = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0, name


def commands() -> Iterator[tuple[str, str]]:
    """Every command with its help text."""

    def walk(command: object, words: list[str]) -> Iterator[tuple[str, str]]:
        inside = getattr(command, "commands", None)
        if inside:
            for name, child in inside.items():
                yield from walk(child, [*words, name])
        else:
            yield " ".join(words), str(getattr(command, "help", ""))

    yield from walk(typer.main.get_command(build()), [])


@pytest.mark.parametrize(("command", "help_text"), list(commands()))
def test_every_command_shows_an_example(command: str, help_text: str) -> None:
    assert re.search(rf"jiehuan {command}\b", help_text), f"`jiehuan {command} --help` shows no example"


def documented() -> list[str]:
    """The commands that README and tutorial tell a newcomer to run, but those that serve or take minutes."""
    lines = [
        line.strip()
        for page in (ROOT / "README.md", ROOT / "docs" / "tutorial" / "first-lender.md")
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.match(r"(JIEHUAN_HOME=\S+ )?\./run\b", line.strip())
    ]
    words = [re.sub(r"\s+#.*", "", re.sub(r"^(JIEHUAN_HOME=\S+ )?\./run", "", line)).strip() for line in lines]
    return sorted({line for line in words if line and not line.startswith("demo")})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.mark.parametrize("words", documented())
def test_what_the_documents_say_runs(cli: Cli, home: Path, words: str) -> None:
    done = cli(*words.split(), cwd=_checkout(home), env={"JIEHUAN_HOME": str(home / "home"), "JIEHUAN_DSN": ""})
    assert done.returncode == ends_with(words), done.stdout + done.stderr


def ends_with(line: str) -> int:
    """The example's contacts break rules, and some rows of its tape are refused, on purpose."""
    return 1 if "collect check" in line or "examples/tape" in line else 0


def how_to_lines() -> list[tuple[str, str]]:
    """Every command line of the how-to pages, with its page."""
    return [
        (page.name, re.sub(r"\s+#.*", "", line).strip())
        for page in sorted((ROOT / "docs" / "how-to").glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s{4,}jiehuan \w", line)
    ]


@pytest.mark.parametrize(("page", "line"), how_to_lines())
def test_a_how_to_names_commands_and_options_that_exist(page: str, line: str) -> None:
    words = line.split()[1:]
    command = typer.main.get_command(build())
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", None), f"{page}: {line}"
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, f"{page}: {line}"


@pytest.mark.parametrize(
    "page", ["collect-within-the-rules.md", "dispose-of-bad-loans.md", "go-to-court.md", "import-a-tape.md"]
)
def test_a_how_to_runs_from_top_to_bottom(cli: Cli, tmp_path: Path, page: str) -> None:
    env = {"JIEHUAN_HOME": str(tmp_path / "home"), "JIEHUAN_DSN": ""}
    for name, line in how_to_lines():
        if name == page:
            done = cli(*line.split()[1:], cwd=_checkout(tmp_path), env=env)
            assert done.returncode == ends_with(line), line + done.stdout + done.stderr


def _checkout(home: Path) -> Path:
    """A folder with the files that documents name, so that what commands write stays out of the project."""
    folder = home / "checkout"
    if not folder.exists():
        folder.mkdir()
        for name in ("examples", "mappings"):
            (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "requirements-data.lock",
        "pyproject.toml",
        "web/package.json",
        "web/.npmrc",
        "tools/set_up.py",
    ],
)
def test_no_file_of_the_set_up_names_a_host(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|index-url|find-links|extra-index|registry\s*=", text), name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-data.lock"])
def test_a_lock_has_a_hash_for_every_requirement(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    required = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert required and all("--hash=sha256:" in line for line in required)


def copy_of_set_up(folder: Path) -> Path:
    """A project of nothing but its set-up, for what goes wrong there."""
    for name in ("run", "requirements.lock", "requirements-data.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tools", folder / "tools")
    return folder / "run"


def start(run: Path, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], "HOME": str(run.parent), "JIEHUAN_PYTHON": sys.executable}
    return subprocess.run(
        [str(run), "--help"], capture_output=True, text=True, env={**kept, **env}, timeout=300, check=False
    )


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    run = copy_of_set_up(tmp_path)
    (tmp_path / ".venv").write_text("in the way")
    done = start(run)
    assert done.returncode == 2
    assert "copy the project to a folder you may write to" in done.stderr


def test_a_machine_without_python_is_told_which(tmp_path: Path) -> None:
    run = copy_of_set_up(tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dirname", "find", "head", "cat", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = start(run, PATH=str(tools), JIEHUAN_PYTHON="")
    assert done.returncode == 2
    assert "Python 3.11 or newer" in done.stderr


def test_no_network_at_set_up_is_said(tmp_path: Path) -> None:
    run = copy_of_set_up(tmp_path)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = start(run, **nowhere)
    assert done.returncode == 2
    assert "is the package index reachable" in done.stderr
