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


class PostgresServer:
    """One server, which can be stopped and started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hotplate-pg-", dir="/tmp"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.data = self.folder / "data"
        initdb = command("initdb", "-D", self.data, "-U", "hotplate", "-A", "trust", "-E", "UTF8", "--no-sync")
        subprocess.run(initdb, check=True, capture_output=True, cwd="/")
        self.url = f"postgresql://hotplate@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c shared_buffers=16MB -c fsync=off"
        subprocess.run(
            command("pg_ctl", "-D", self.data, "-w", "-o", options, "-l", self.folder / "log", "start"),
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        subprocess.run(command("pg_ctl", "-D", self.data, "-m", "immediate", "stop"), capture_output=True, cwd="/")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def server_url() -> str:
    """Start a server, once, and give the URL of its database."""
    server = PostgresServer()
    atexit.register(server.remove)
    return server.url


def fresh_database() -> str:
    """The URL of a database that has no schema of ours."""
    import psycopg

    url = server_url()
    name = f"test_{os.urandom(6).hex()}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return url.rpartition("/")[0] + f"/{name}"
