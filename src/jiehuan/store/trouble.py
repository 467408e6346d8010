"""What can keep the embedded server from starting, each as a sentence with its mend."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from jiehuan.units.errors import InputError, Problem

AFRESH = "restore it from a backup, or move it away to begin with an empty one"
ELSEWHERE = "name a folder that you may write to in JIEHUAN_HOME"


def explained(data: Path, said: str, log: Path) -> InputError:
    """PostgreSQL's own complaint."""
    found = [line for line in said.splitlines() if re.search(r"FATAL|PANIC|error:|could not", line)]
    message = found[-1].split(":  ", 1)[-1].strip().removeprefix("initdb: ").removeprefix("error: ") if found else ""
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return full(data)
    if "could not look up effective user ID" in said:
        return no_account(data)
    if "Read-only file system" in said or "Permission denied" in said:
        return InputError(Problem(str(data), "", message, ELSEWHERE))
    reason = f"PostgreSQL does not start on it: {message or said.strip()[-300:] or 'it said nothing'}"
    return InputError(Problem(str(data), "", reason, f"{AFRESH}; the log is {log}"))


def unwritable(folder: Path, error: OSError) -> InputError:
    """A folder or file that the operating system does not let us write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return full(folder)
    return InputError(Problem(str(folder), "", f"cannot be written: {error.strerror or error}", ELSEWHERE))


def full(folder: Path) -> InputError:
    """No room on the disk."""
    mend = "free at least 100 MB there, or name another folder in JIEHUAN_HOME"
    return InputError(Problem(str(folder), "", "the disk is full", mend))


def damaged(data: Path) -> InputError:
    """A folder with something in it that is no data folder."""
    reason = "not a PostgreSQL data folder, or a damaged one (no PG_VERSION)"
    return InputError(Problem(str(data), "", reason, AFRESH))


def other_version(data: Path, theirs: str, ours: str) -> InputError:
    """Data of another major version, which PostgreSQL does not read."""
    mend = f"dump it with PostgreSQL {theirs} and load it into a new home, or name such a server in JIEHUAN_DSN"
    return InputError(Problem(str(data), theirs, f"made by PostgreSQL {theirs}; this is PostgreSQL {ours}", mend))


def no_account(folder: Path) -> InputError:
    """No account that PostgreSQL may run under."""
    reason = "PostgreSQL needs an account with an entry in /etc/passwd (as root: postgres or nobody)"
    mend = "add one, or name a running server in JIEHUAN_DSN"
    return InputError(Problem(str(folder), f"uid {os.geteuid()}", reason, mend))


def no_entry(folder: Path, name: str) -> InputError:
    """Root started us, and the account that the server must run under gets nowhere."""
    reason = f"root may not run PostgreSQL, and the account {name} may not enter this folder"
    mend = "keep the project and JIEHUAN_HOME where others may enter (/opt, /srv), or run as another user than root"
    return InputError(Problem(str(folder), "", reason, mend))


def no_socket(home: Path) -> InputError:
    """No folder for the socket."""
    mend = "set TMPDIR to a folder with a short path that you own"
    return InputError(Problem(str(home), "", "no place for a socket: its path may have 107 bytes", mend))
