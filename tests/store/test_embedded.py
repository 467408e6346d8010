"""The embedded server starts and stops with its users, and says in a sentence what keeps it from it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jiehuan.store import keeper
from jiehuan.store.embedded import running_pid, start_server
from jiehuan.store.places import made_home
from jiehuan.units.errors import InputError

ROOT = os.geteuid() == 0
HURRY = {"fsync": "off"}

USER = """
import sys, time
from pathlib import Path
from jiehuan.store.embedded import start_server
with start_server(Path(sys.argv[1]), {"fsync": "off"}):
    print("up", flush=True)
    time.sleep(float(sys.argv[2]))
print("down", flush=True)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A home whose data folder was made once; tests copy it or use it as it is."""
    with tempfile.TemporaryDirectory(prefix="jiehuan-test-") as folder:
        home = Path(folder) / "home"
        start_server(home, HURRY).close()
        yield home


@pytest.fixture
def home(cluster: Path) -> Iterator[Path]:
    yield cluster
    assert gone(cluster), "the test left a server behind"


def gone(home: Path, patience: float = 20) -> bool:
    """Whether the server of a home is down, or soon is."""
    deadline = time.monotonic() + patience
    while running_pid(home / "postgres") is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def user(home: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that uses the server of a home; it has said that it is up."""
    words = [sys.executable, "-c", USER, str(home), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "up\n"
    return process


def answer(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT 40 + 2").fetchone()
        assert row
        return int(row[0])


def test_starts_answers_and_stops(home: Path) -> None:
    with start_server(home, HURRY) as server:
        assert answer(server.dsn()) == 42
        assert running_pid(home / "postgres") is not None
    assert running_pid(home / "postgres") is None


def test_a_warm_start_takes_less_than_two_seconds(home: Path) -> None:
    began = time.monotonic()
    with start_server(home, HURRY):
        took = time.monotonic() - began
    assert took < 2


def test_nothing_listens_on_the_network(home: Path) -> None:
    with start_server(home, HURRY) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_the_last_user_stops_it_not_the_first(home: Path) -> None:
    first = start_server(home, HURRY)
    second = start_server(home, HURRY)
    first.close()
    assert answer(second.dsn()) == 42
    second.close()
    assert running_pid(home / "postgres") is None
    second.close()


def test_another_process_shares_it(home: Path) -> None:
    other = user(home, 60)
    pid = running_pid(home / "postgres")
    with start_server(home, HURRY) as server:
        assert running_pid(home / "postgres") == pid
        other.terminate()
        other.wait()
        assert answer(server.dsn()) == 42
    assert running_pid(home / "postgres") is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_user_counts_as_one_that_left(home: Path, how: signal.Signals) -> None:
    other = user(home, 60)
    other.send_signal(how)
    other.wait()
    assert gone(home)


def test_ctrl_c_reaches_the_user_and_not_the_server(home: Path) -> None:
    """A terminal sends SIGINT to the whole foreground group; the user closes cleanly after its work is stopped."""
    words = [sys.executable, "-c", USER.replace("time.sleep(float(sys.argv[2]))", CATCHING), str(home)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout and [process.stdout.readline() for _ in range(2)] == ["up\n", "ready\n"]
    os.killpg(process.pid, signal.SIGINT)
    said = process.stdout.read()
    assert process.wait() == 0
    assert said == "answers after Ctrl-C\ndown\n"


CATCHING = """
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        import psycopg
        with start_server(Path(sys.argv[1])) as again, psycopg.connect(again.dsn()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        print("answers after Ctrl-C", flush=True)
"""


def test_a_server_that_lost_its_keeper_is_adopted_and_stopped(home: Path) -> None:
    other = user(home, 60)
    kept = subprocess.run(["pgrep", "-f", f"keeper.py.*{home}"], capture_output=True, text=True, check=False).stdout
    os.kill(int(kept.split()[0]), signal.SIGKILL)
    other.kill()
    other.wait()
    time.sleep(0.1)
    assert running_pid(home / "postgres") is not None  # an orphan
    with start_server(home, HURRY) as server:
        assert answer(server.dsn()) == 42
    assert gone(home)


def test_after_a_crash_it_recovers(home: Path) -> None:
    with start_server(home) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
        pid = running_pid(home / "postgres")
        assert pid
        os.kill(pid, signal.SIGKILL)
    assert gone(home)
    with start_server(home, HURRY) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_a_stale_pid_file_of_another_process_is_set_aside(home: Path) -> None:
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home}/postgres\n1\n5432\n/tmp\n\n\nready\n")
    assert running_pid(home / "postgres") is None
    with start_server(home, HURRY) as server:
        assert answer(server.dsn()) == 42


@pytest.mark.parametrize("content", ["", "x", "99999999\n"])
def test_a_broken_pid_file_is_set_aside(home: Path, content: str) -> None:
    (home / "postgres" / "postmaster.pid").write_text(content)
    with start_server(home, HURRY) as server:
        assert answer(server.dsn()) == 42


def test_a_long_path_gets_a_socket_elsewhere(cluster: Path, tmp_path: Path) -> None:
    home = tmp_path / ("long" * 20) / "home"
    copy(cluster, home)
    with start_server(home, HURRY) as server:
        assert len(str(server.socket_dir)) < 90
        assert answer(server.dsn()) == 42


def copy(cluster: Path, home: Path) -> None:
    """A copy of the cluster, with its owners."""
    home.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(cluster), str(home)], check=True)


def test_another_versions_data_are_named(cluster: Path, tmp_path: Path) -> None:
    copy(cluster, tmp_path / "home")
    (tmp_path / "home" / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(InputError, match=r"made by PostgreSQL 16; this is PostgreSQL 18.*dump it"):
        start_server(tmp_path / "home")


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"no PG_VERSION.*restore it"):
        start_server(tmp_path)
    assert (tmp_path / "postgres" / "letter.txt").read_text() == "dear"


def test_corrupt_data_are_said_with_the_log(cluster: Path, tmp_path: Path) -> None:
    copy(cluster, tmp_path / "home")
    (tmp_path / "home" / "postgres" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(InputError, match=r"does not start on it.*postgres.log"):
        start_server(tmp_path / "home")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written.*JIEHUAN_HOME"):
        start_server(tmp_path / "file" / "home")


@pytest.mark.skipif(not ROOT, reason="only root may mount a small disk")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount")
    try:
        with pytest.raises(InputError, match=r"the disk is full.*free at least"):
            start_server(tmp_path / "home")
        assert not list((tmp_path / "home").glob("postgres*new*"))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(not ROOT, reason="only root may mount a read-only disk")
def test_a_read_only_disk_is_said(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount")
    try:
        with pytest.raises(InputError, match="Read-only file system"):
            start_server(tmp_path)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(not ROOT, reason="as another user the server runs as that user")
@pytest.mark.parametrize("without_setpcap", [False, True])
def test_as_root_below_a_folder_that_nobody_else_may_enter(without_setpcap: bool) -> None:
    """/root has mode 700. Without CAP_SETPCAP (some sandboxes) the one capability cannot be kept, and copies are used."""
    closed, copies = Path(tempfile.mkdtemp(dir="/root")), Path("/var/lib/jiehuan")
    copies_before = copies.exists()
    prelude = "import ctypes; assert ctypes.CDLL(None).prctl(24, 8, 0, 0, 0) == 0\n" if without_setpcap else ""
    program = (
        prelude
        + (
            "import os, sys\n"
            "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1], *sys.argv[2:]])\n"  # the bounding set counts from here
        )
    )
    try:
        words = [sys.executable, "-c", program, USER, str(closed / "home"), "0"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.stdout == "up\ndown\n", done.stderr
        assert closed.stat().st_mode & 0o777 == 0o700
        assert (closed / "home" / "postgres").is_symlink() == without_setpcap
        assert gone(closed / "home")
    finally:
        aside = (closed / "home" / "postgres").resolve()
        shutil.rmtree(closed)
        if without_setpcap:
            shutil.rmtree(aside.parent if copies_before else copies)


@pytest.mark.skipif(not ROOT, reason="needs two users")
def test_an_ordinary_user_needs_no_root_and_root_can_join() -> None:
    with tempfile.TemporaryDirectory(prefix="jiehuan-test-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        words = [python_for_nobody(), "-c", USER, str(home), "60"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=PLAIN, **AS_NOBODY)
        assert process.stdout and process.stdout.readline() == "up\n"
        with start_server(home) as server:
            assert answer(server.dsn()) == 42
            process.terminate()
            process.wait()
            assert answer(server.dsn()) == 42
        assert gone(home)


NOBODY = 65534
AS_NOBODY: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
PLAIN = {
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PATH": os.environ["PATH"],
}


def python_for_nobody() -> str:
    """A Python that another user may run; ours may lie below /root."""
    fit = f"import sys, jiehuan; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            if subprocess.run([python, "-c", fit], env=PLAIN, check=False, cwd="/", **AS_NOBODY).returncode == 0:
                return python
        except OSError:
            continue
    pytest.skip("the account nobody may run no Python here")


def test_many_starts_at_once_make_one_server(cluster: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", USER, str(cluster), "0.3"], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in processes] == ["up\ndown\n"] * 4
    assert gone(cluster)


def test_many_look_at_one_home_at_once(tmp_path: Path) -> None:
    """Each tries whether it may write there, and none takes another's trace for its own."""
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(made_home, [tmp_path / "home"] * 2_000)) == {(tmp_path / "home").resolve()}


def test_the_keeper_needs_nothing_of_ours() -> None:
    """It must start quickly and outlive whatever the platform imports."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='seen'); print([m for m in sys.modules if m.startswith('jiehuan')])"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(Path(keeper.__file__))], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
