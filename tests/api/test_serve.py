"""The real command in a real process: starts, answers, logs without personal data, stops what it started."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from jiehuan.api.server import listen
from jiehuan.units.errors import InputError


@pytest.fixture
def started(database_env):
    """``jiehuan serve --port 0 --json --verbose`` on the test's database: (process, address)."""
    command = [sys.executable, "-m", "jiehuan", "serve", "--port", "0", "--json", "--verbose"]
    env = {**os.environ, **database_env, "PYTHONUNBUFFERED": "1"}
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    told = ""
    while "}" not in told:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told += line
    assert time.monotonic() - began < 120, "serving starts by itself"
    yield process, json.loads(told)
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_serve_answers_and_stops_cleanly(started, cli, database_env):
    process, told = started
    assert told["accounts"] == 0
    added = cli("user", "add", "wang", "--role", "risk", "--json", env=database_env)
    assert added.returncode == 0, added.stderr
    password = json.loads(added.stdout)["password"]
    with httpx.Client(base_url=told["address"], timeout=20) as client:
        assert client.get("/api/ready").json()["status"] == "ok"
        token = client.post("/api/session", json={"login": "wang", "password": password}).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/loans", params={"search": "13812345678"}).json()["total"] == 0
        assert client.get("/api/borrowers/13812345678").status_code == 404
        with client.stream("GET", "/api/alerts/live") as stream:
            assert stream.status_code == 200
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            list(stream.iter_lines())  # the open stream is ended by the server
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - asked < 60
    assert process.returncode == 0, err
    for secret in ("13812345678", token, password, "wang"):
        assert secret not in err, f"{secret} in the log"
    lines = [json.loads(line) for line in err.splitlines()]
    routes = {line.get("route") for line in lines}
    assert {"/api/session", "/api/loans", "/api/borrowers/{borrower_id}"} <= routes
    assert "Traceback" not in err
    assert out == ""


def test_sigterm_stops_it_too(started):
    process, _ = started
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_taken_port_is_said_at_once_with_the_mend(cli, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = cli("serve", "--port", port, env={"JIEHUAN_HOME": str(tmp_path / "home")})
    assert done.returncode == 1
    assert re.search(rf"--port '{port}': is in use by another program; .*--port {port + 1}", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists(), "nothing was started"


def test_a_host_that_is_none_of_ours(cli, tmp_path):
    done = cli("serve", "--host", "192.0.2.1", "--port", 0, env={"JIEHUAN_HOME": str(tmp_path / "home")})
    assert done.returncode == 2 and "not an address of this machine" in done.stderr
    with pytest.raises(InputError, match="not an address"):
        listen("no such host", 0)


def test_user_add_reads_the_password_or_makes_one(cli, database_env):
    given = cli(
        "user",
        "add",
        "li.lei",
        "--role",
        "collector",
        "--password-stdin",
        env=database_env,
        stdin="a long sentence of his\n",
    )
    assert given.returncode == 0 and "password" not in given.stdout
    made = cli("user", "add", "han", "--role", "admin", "--name", "韩梅梅", env=database_env)
    assert made.returncode == 0 and "shown once" in made.stdout
    twice = cli("user", "add", "han", "--role", "admin", env=database_env)
    assert twice.returncode == 1 and "taken" in twice.stderr
    short = cli("user", "add", "han3", "--role", "king", "--password-stdin", env=database_env, stdin="short\n")
    assert (
        short.returncode == 2
        and "12 characters" in short.stderr
        and "not a role" in short.stderr
        and "short\n" not in short.stdout
    )


@pytest.mark.parametrize("words", [("serve",), ("user", "add")])
def test_help_has_an_example(cli, words):
    done = cli(*words, "--help")
    assert done.returncode == 0 and f"Example: jiehuan {' '.join(words)}" in done.stdout


@pytest.fixture
def two_workers(database_env):
    """``jiehuan serve --workers 2`` on the test's database: (process, address)."""
    command = [sys.executable, "-m", "jiehuan", "serve", "--port", "0", "--json", "--workers", "2"]
    env = {**os.environ, **database_env, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    told = ""
    while "}" not in told:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told += line
    yield process, json.loads(told)["address"]
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_several_workers_serve_one_address_and_one_that_dies_is_replaced(two_workers):
    process, address = two_workers
    children = workers_of(process.pid)
    assert len(children) == 2
    os.kill(children[0], signal.SIGKILL)
    until = time.monotonic() + 60
    while not (len(workers_of(process.pid)) == 2 and children[0] not in workers_of(process.pid)):
        assert time.monotonic() < until, "the worker was not replaced"
        time.sleep(0.1)
    for _ in range(4):
        assert httpx.get(f"{address}/api/ready", timeout=60).status_code == 200
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_kept_open_connections_are_shared_out_evenly(two_workers):
    process, address = two_workers
    before = [sockets_of(pid) for pid in workers_of(process.pid)]
    clients = [httpx.Client(base_url=address, timeout=60) for _ in range(20)]
    for client in clients:
        assert client.get("/api/ready").status_code == 200
    gained = [sockets_of(pid) - old for pid, old in zip(workers_of(process.pid), before, strict=True)]
    assert sum(gained) >= 20 and abs(gained[0] - gained[1]) <= 4, gained  # a worker opens one to its database too
    for client in clients:
        client.close()


def test_workers_end_when_their_parent_was_killed(two_workers):
    process, address = two_workers
    children = workers_of(process.pid)
    process.kill()
    process.wait()
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < until, "workers stay behind that nobody can reach"
        time.sleep(0.1)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/api/ready", timeout=5)


def sockets_of(pid):
    """How many sockets a process has open."""
    return sum(str(file.readlink()).startswith("socket:") for file in Path(f"/proc/{pid}/fd").iterdir())


def workers_of(parent):
    """The processes of a server that were made by multiprocessing's spawn."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            above = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if above == parent and "spawn_main" in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return found
