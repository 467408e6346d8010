"""Under which account the embedded PostgreSQL runs, and how a command becomes that account.

PostgreSQL refuses to run as root, and rightly. When root starts the platform (a container, a clone below /root) the
server runs as the owner of the home folder, or as ``postgres`` or ``nobody``. That account often cannot enter the
folders on the way to the data and the binaries (/root has mode 700). Nothing is opened up for it: the process keeps one
capability across the change of user, the right to enter folders (CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where
containers withhold the first). The securebit NO_SETUID_FIXUP makes access(2) honour it (PostgreSQL asks access(2) about
its own binary). Linux manuals: capabilities(7), prctl(2).

This file is also a small program, run by path with ``python -I -S``: ``account.py UID GID CAPABILITY COMMAND…`` becomes
the account and executes the command. Standard library only.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
NO_CAPABILITY = -1

_PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 28, 47, 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account and the one capability it keeps (``NO_CAPABILITY``: none needed)."""

    name: str
    uid: int
    gid: int
    capability: int = NO_CAPABILITY

    def words(self) -> list[str]:
        """The words to put before a command so that it runs as this account."""
        python = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
        return [*python, str(self.uid), str(self.gid), str(self.capability)]


def account_for(home: Path) -> Account | None:
    """The account for a server whose home is ``home`` (which exists); None when this process is not root.

    The home's owner, unless that is root; then ``postgres``, then ``nobody``. Raises LookupError when there is none.
    """
    if os.geteuid() != 0:
        return None
    owner = home.stat().st_uid
    if owner != 0:
        try:
            entry = pwd.getpwuid(owner)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
        except KeyError:
            pass  # an owner without an entry, as in a mounted folder; initdb needs one with an entry
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LookupError("no account postgres or nobody in /etc/passwd")


def able(account: Account, folder: Path, binary: Path) -> Account | None:
    """The account with the least capability that enters ``folder`` and runs ``binary -V``; None when none is enough."""
    for capability in (NO_CAPABILITY, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        candidate = Account(account.name, account.uid, account.gid, capability)
        enter = 'cd "$1" && exec "$2" -V'
        command = [*candidate.words(), "/bin/sh", "-c", enter, "sh", str(folder), str(binary)]
        tried = subprocess.run(command, capture_output=True, check=False, cwd="/")
        if tried.returncode == 0:
            return candidate
    return None


def become(uid: int, gid: int, capability: int) -> None:
    """Turn this process into the account for good. Raises OSError when the kernel does not allow it."""
    os.setgroups([])
    if capability == NO_CAPABILITY:
        os.setgid(gid)
        os.setuid(uid)
        return
    import ctypes
    import struct

    libc = ctypes.CDLL(None, use_errno=True)

    def must(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    must(libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    os.setgid(gid)
    os.setuid(uid)
    only = 1 << capability
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    must(libc.capset(header, struct.pack("=6I", only, only, only, 0, 0, 0)))
    must(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606
