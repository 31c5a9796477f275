"""Two `hotplate up` with one PostgreSQL, as on two hosts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postgres_server import PostgresServer

from tests.behaviour.up.test_the_supervisor_keeps_things_running import hotplate, up
from tests.fleet import Fleet


@dataclass
class Pair:
    """`roots` are their homes; `port` of each stays what it is when it is started again."""

    database: PostgresServer
    roots: tuple[Path, Path]
    fleets: list[Fleet]

    @property
    def one(self) -> Fleet:
        return self.fleets[0]

    @property
    def two(self) -> Fleet:
        return self.fleets[1]

    @property
    def admin(self) -> dict[str, str]:
        return {"authorization": f"Bearer {(self.roots[0] / 'admin-token').read_text().strip()}"}

    def run(self, server: int, *words: str, code: int = 0) -> Any:
        """A command at one of the servers, with JSON for an answer where it gives that."""
        done = hotplate(self.roots[server], *words, timeout_s=100)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout + done.stderr

    def revision(self, server: int, name: str) -> str:
        """What a server gives calls of an endpoint to."""
        found = self.fleets[server].of(name)
        return found["traffic"][0]["revision"] if found.get("traffic") else ""


def kill(root: Path) -> None:
    """End everything of a home at once, as a host that loses its power does."""
    said = json.loads((root / "run/supervisor.json").read_text())
    for pid in (said["pid"], *filter(None, said["children"].values())):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@contextmanager
def pair() -> Iterator[Pair]:
    """Two homes of one key, both up."""
    folder = Path(tempfile.mkdtemp(prefix="hp-"))  # short: Unix sockets lie in it
    database = PostgresServer()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(database.remove)
        one, two = folder / "1", folder / "2"
        fleets = [stack.enter_context(up(one, "--store", database.url))]
        two.mkdir(mode=0o700)
        shutil.copy(one / "key", two / "key")
        fleets.append(stack.enter_context(up(two, "--store", database.url)))
        yield Pair(database, (one, two), fleets)
