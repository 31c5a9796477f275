"""An installation of a test's own: `hotplate` with a HOTPLATE_HOME that is gone afterwards, as is all that runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.tied import undone

PROGRAMS = Path(sys.executable).parent
PATIENCE_S = 110.0
FREE_PORTS = ("--port", "0", "--control-port", "0")


@dataclass
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOTPLATE_", "OCTOAI_"))}
        path = os.pathsep.join([str(PROGRAMS), kept["PATH"]])
        return {**kept, "PATH": path, "NO_COLOR": "1", "HOTPLATE_HOME": str(self.root), **self.variables}

    @property
    def supervisor(self) -> dict[str, Any]:
        return json.loads((self.root / "run" / "supervisor.json").read_text())

    @property
    def admin(self) -> str:
        return (self.root / "admin-token").read_text().strip()

    def run(
        self,
        *words: str,
        folder: Path | None = None,
        code: int | None = 0,
        given: str = "",
        patience_s: float = PATIENCE_S,
    ) -> Done:
        """Run `hotplate WORDS`, and hold it to its exit code unless that is None."""
        program = str(PROGRAMS / "hotplate")
        return self.program(program, *words, folder=folder, code=code, given=given, patience_s=patience_s)

    def program(
        self,
        *words: str,
        folder: Path | None = None,
        code: int | None = 0,
        given: str = "",
        patience_s: float = PATIENCE_S,
    ) -> Done:
        done = subprocess.run(
            words,
            cwd=folder,
            env=self.environ,
            capture_output=True,
            text=True,
            input=given,
            timeout=patience_s,
            check=False,
        )
        assert code is None or done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return Done(done.returncode, done.stdout, done.stderr)

    def call(self, path: str, body: Any, token: str | None = None) -> tuple[int, Any]:
        """POST to the server."""
        return self.send(path, body, {"Authorization": f"Bearer {token}"} if token else {})

    def send(self, path: str, body: Any, more: dict[str, str]) -> tuple[int, Any]:
        """POST to the server, with headers."""
        headers = {"Content-Type": "application/json", **more}
        request = urllib.request.Request(self.supervisor["url"] + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _said(error.read())


def _said(body: bytes) -> Any:
    """Some dialects' errors are plain text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


@contextmanager
def installation() -> Iterator[Installation]:
    root = Path(tempfile.mkdtemp(prefix="hp-"))  # short: a Unix socket lies in it
    made = Installation(root)
    try:
        with undone([PROGRAMS / "hotplate", "down"], made.environ):
            yield made
    finally:
        if (root / "run" / "supervisor.json").exists():
            made.run("down", code=None)
        shutil.rmtree(root, ignore_errors=True)
