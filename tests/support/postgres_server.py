"""A real PostgreSQL server of the machine's own package, in a temporary folder, for the tests of one process."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
REASON = "needs PostgreSQL's server: sudo apt-get install postgresql"


def installed() -> bool:
    return bool(BINARIES)


def command(*words: str | Path) -> list[str]:
    """A command of PostgreSQL's, which refuses to be run by root."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    return [*as_user, str(BINARIES[-1] / words[0]), *map(str, words[1:])]


@functools.cache
def server_url() -> str:
    """Start a server, once, and give the URL of its database."""
    folder = Path(tempfile.mkdtemp(prefix="hotplate-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    data = folder / "data"
    quiet = {"check": True, "capture_output": True, "cwd": "/"}
    subprocess.run(command("initdb", "-D", data, "-U", "hotplate", "-A", "trust", "-E", "UTF8"), **quiet)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c shared_buffers=16MB -c fsync=off"
    log = folder / "log"
    subprocess.run(
        command("pg_ctl", "-D", data, "-w", "-o", options, "-l", log, "start"),
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def stop() -> None:
        subprocess.run(command("pg_ctl", "-D", data, "-m", "immediate", "stop"), capture_output=True, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return f"postgresql://hotplate@127.0.0.1:{port}/postgres"


def fresh_database() -> str:
    """The URL of a database that has no schema of ours."""
    import psycopg

    url = server_url()
    name = f"test_{os.urandom(6).hex()}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return url.rpartition("/")[0] + f"/{name}"
