"""A real registry on loopback for tests: Debian's `docker-registry`, which lets in who has the password."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PROGRAM = "docker-registry"
REASON = "needs Debian's registry: sudo apt-get install docker-registry"
USERNAME = "ann"
PASSWORD = "open sesame"
_HTPASSWD = f"{USERNAME}:$2b$04$q.JsvXv0v9umrg/K6XCf7u27Vqi89dL9exXlrjcmHeKDF01WWRpGe\n"
START_S = 30.0


@dataclass(frozen=True)
class RegistryServer:
    """A registry that runs. `host` is what names of images begin with."""

    host: str
    folder: Path

    def get(self, path: str, **more: object) -> httpx.Response:
        """Look into it as its owner."""
        return httpx.get(f"http://{self.host}{path}", auth=(USERNAME, PASSWORD), trust_env=False, **more)

    def tags(self, repository: str) -> list[str]:
        """Every tag of a repository."""
        answer = self.get(f"/v2/{repository}/tags/list")
        return (answer.json().get("tags") or []) if answer.status_code == 200 else []


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


@contextmanager
def registry_server(*, closed: bool = True, storage: Path | None = None) -> Iterator[RegistryServer]:
    """Run a registry as long as this lasts. `closed`: only with USERNAME and PASSWORD."""
    folder = Path(tempfile.mkdtemp(prefix="hotplate-registry-"))
    port = _free_port()
    (folder / "htpasswd").write_text(_HTPASSWD)
    (folder / "config.yml").write_text(_configuration(storage or folder / "storage", folder, port, closed=closed))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", str(folder / "config.yml")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        server = RegistryServer(f"127.0.0.1:{port}", folder)
        until = time.monotonic() + START_S
        while True:
            assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            try:
                if server.get("/v2/").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def _configuration(storage: Path, folder: Path, port: int, *, closed: bool) -> str:
    auth = f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}\n" if closed else ""
    return (
        "version: 0.1\n"
        "log: {level: warn}\n"
        f"storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n" + auth
    )


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
