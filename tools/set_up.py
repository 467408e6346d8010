"""Make .venv from requirements.lock, build the console when its source changed, install the project in place.

Run by ./run and ./test with whatever Python 3.11+ the machine has; uses the standard library only.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-data.lock")


def main() -> int:
    """Set up; 0 when ready, 2 with a sentence when it cannot be."""
    try:
        VENV.mkdir(exist_ok=True)
        probe = VENV / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        say(f"cannot set up in {ROOT}: {error.strerror}; copy the project to a folder you may write to.")
        return 2
    lock = hashlib.sha256(b"".join(path.read_bytes() for path in LOCKS)).hexdigest()
    if not installed_as(lock):
        say("setting up: installing the pinned libraries (once, a minute or two) …")
        try:
            if not usable():
                venv.create(VENV, with_pip=True, clear=True)
        except (subprocess.CalledProcessError, OSError) as error:
            say(f"cannot make a virtual environment: {error}; on Debian install the package python3-venv.")
            return 2
        if not all(pip("install", "--require-hashes", "--no-deps", "-r", str(path)) for path in LOCKS):
            say("the libraries could not be installed: is the package index reachable? Nothing else needs the network later.")
            return 2
        (VENV / ".lock-installed").write_text(lock)
    if not pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)):
        say("the project itself could not be installed; the lines above say why.")
        return 2
    (VENV / ".ready").write_text(str(ROOT))
    return 0


def installed_as(lock: str) -> bool:
    """Whether the environment was made from this very lock file, in this very place."""
    marker = VENV / ".lock-installed"
    return marker.exists() and marker.read_text() == lock and usable()


def usable() -> bool:
    """Whether the environment runs from this place (a folder that was moved or copied has scripts that point elsewhere)."""
    where = "import sys; print(sys.prefix)"
    try:
        done = subprocess.run([str(BIN / "python"), "-c", where], capture_output=True, text=True, check=False)
        script = (BIN / "pip").read_text(errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return False
    return done.stdout.strip() == str(VENV) and str(VENV) in script


def pip(*words: str) -> bool:
    """Run pip in the environment, quietly; show what it said only when it failed."""
    command = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "-q", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout)
    return done.returncode == 0


def say(sentence: str) -> None:
    """Print a line for the person who waits."""
    print(f"jiehuan: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
