"""Fixtures that every room shares: the real data, the command line, the browser. What is absent is skipped loudly.

``JIEHUAN_REQUIRE`` (words: chromium, data) turns the skip into a failure; CI sets it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def absent(what: str, reason: str) -> None:
    if what in os.environ.get("JIEHUAN_REQUIRE", "").split():
        pytest.fail(f"{what} is required here but absent: {reason}")
    pytest.skip(f"{what} is absent: {reason}")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; it is no part of the project (JIEHUAN_DATA names another place)."""
    folder = Path(os.environ.get("JIEHUAN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        absent("data", f"no folder {folder}; name one in JIEHUAN_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the machine's Chromium."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        absent("chromium", "no chromium on PATH; on Debian: apt-get install chromium fonts-noto-cjk")
    assert found
    return found


Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cli() -> Cli:
    """``cli("loan", "replay", path)`` runs the real command in a process of its own."""

    def run(*words: object, cwd: Path | None = None, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jiehuan", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=cwd, input=stdin, env={**os.environ, **(env or {})}, check=False, timeout=600
        )

    return run
