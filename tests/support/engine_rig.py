"""A Docker engine of the tests' own: its data, its socket and its processes lie in a folder that goes at the end.

It has no bridge and touches no firewall, so it needs nothing of the machine but root; containers are in the host's
network, or in none.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import images

START_S = 60.0
BASE = "hotplate-test/base:1"
CERTIFICATES = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")


def reason() -> str:
    """Why there can be no engine here; empty: there can."""
    if os.geteuid() != 0:
        return "an engine of the tests' own needs root"
    missing = [name for name in ("dockerd", "docker", "containerd") if shutil.which(name, path=_path()) is None]
    if missing:
        return f"needs {', '.join(missing)}: sudo apt-get install docker.io"
    return "" if images.available() else images.REASON


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@dataclass
class Rig:
    """The engine. `environ` leads its command to it."""

    root: Path
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        return self.root / "docker.sock"

    @property
    def environ(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.root / "config")}

    def docker(self, *words: str, timeout_s: float = 120.0, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", *words], env={**os.environ, **self.environ}, capture_output=True, text=True, timeout=timeout_s
        )
        if check and done.returncode:
            raise AssertionError(f"docker {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def containers(self) -> list[str]:
        return self.docker("ps", "--all", "--format", "{{.Names}}").split()

    def base(self) -> str:
        """The base image, imported once."""
        if not self.docker("image", "ls", "--quiet", BASE):
            self.docker("import", str(images.base_rootfs()), BASE)
        return BASE


@contextmanager
def engine() -> Iterator[Rig]:
    root = Path(tempfile.mkdtemp(prefix="hpd-", dir="/tmp"))  # short: sockets lie below it
    log = (root / "log").open("wb")
    process = subprocess.Popen(
        [
            "dockerd",
            *("--data-root", str(root / "data"), "--exec-root", str(root / "exec")),
            *("--pidfile", str(root / "pid"), "--host", f"unix://{root}/docker.sock"),
            *("--bridge=none", "--iptables=false", "--ip6tables=false"),
        ],
        env={**os.environ, "PATH": _path()},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    rig = Rig(root, process)
    try:
        (root / "config").mkdir()
        until = time.monotonic() + START_S
        while not rig.docker("version", "--format", "{{.Server.Version}}", check=False):
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"dockerd did not start:\n{(root / 'log').read_text()[-3000:]}")
            time.sleep(0.1)
        yield rig
    finally:
        for name in rig.containers() if process.poll() is None else ():
            rig.docker("rm", "--force", "--volumes", name, check=False)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{root}/"):
                subprocess.run(["umount", "--lazy", place], capture_output=True)
        shutil.rmtree(root, ignore_errors=True)
