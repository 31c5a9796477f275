"""A PostgreSQL server of the machine's own package, with every flush on, for peers that keep their jobs there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cores import pinned
from bench.records import BenchError
from bench.servers import HOST, free_port

BINARIES = Path("/usr/lib/postgresql")


def binaries() -> Path:
    """Where the newest server's programs are."""
    found = sorted(BINARIES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise BenchError("Missing on this machine: PostgreSQL. On Debian or Ubuntu: sudo apt-get install postgresql")
    return found[-1].parent


def command(*words: str | Path) -> list[str]:
    """A command of PostgreSQL's, which refuses to be run by root."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    return [*as_user, str(binaries() / words[0]), *map(str, words[1:])]


@contextmanager
def running(core: int) -> Iterator[tuple[str, int]]:
    """A server on one core, in a folder of its own, for as long as the block. Gives its database's URL and its pid."""
    folder = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, port = folder / "data", free_port()
        _run(command("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync"))
        options = f"-p {port} -c listen_addresses={HOST} -k {folder} -c fsync=on -c synchronous_commit=on"
        with pinned({core}):
            _run(command("pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"))
        try:
            pid = int((data / "postmaster.pid").read_text().split()[0])
            yield f"postgresql://bench@{HOST}:{port}/postgres", pid
        finally:
            _run(command("pg_ctl", "-D", data, "-m", "immediate", "stop"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise BenchError(f"`{' '.join(argv)}` failed with status {done.returncode}")
