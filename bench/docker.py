"""A Docker engine of the bench's own and a small base image, made of Debian's packages: nothing is pulled.

The engine is started when it is first asked for and ended with the bench. It has no bridge and leaves the firewall
alone; containers are in the host's network, or in none.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import tools
from bench.cores import pinned
from bench.environments import CACHE
from bench.records import BenchError

START_S = 60.0
LONG_S = 600.0
BASE = "hotplate-bench/base:1"
SUITE = "bookworm"
_GZIP = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Docker:
    """The engine. `environ` leads its command, and Hotplate, to it."""

    root: Path
    pid: int

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables for who is to use it."""
        certificates = os.environ.get("SSL_CERT_FILE", "")
        return {
            "DOCKER_HOST": f"unix://{self.root}/docker.sock",
            "DOCKER_CONFIG": str(self.root / "config"),
            "DOCKER_BUILDKIT": "0",
            "HOTPLATE_BASE_IMAGE": BASE,
            "HOTPLATE_BUILD_NETWORK": "host",
            "HOTPLATE_DOCKER_NETWORK": "none",
            **({"HOTPLATE_CERTIFICATES": certificates} if certificates else {}),
        }

    def ask(self, *words: str, given: Path | None = None) -> str:
        """Run a command of the engine. Raises BenchError."""
        with (given or Path(os.devnull)).open("rb") as source:
            environ = {**os.environ, **self.environ}
            argv = ["docker", *words]
            done = subprocess.run(argv, env=environ, stdin=source, capture_output=True, text=True, timeout=LONG_S)
        if done.returncode:
            raise BenchError(f"docker {words[0]} failed:\n{done.stderr[-1500:]}")
        return done.stdout.strip()


@functools.cache
def engine(core: int) -> Docker:
    """The engine, on one core with all that it runs. Raises BenchError where there can be none."""
    missing = [name for name in ("dockerd", "docker", "mmdebstrap") if not tools.find(name)]
    if missing or os.geteuid():
        raise BenchError("Containers are measured as root, with: apt-get install docker.io mmdebstrap")
    root = Path(tempfile.mkdtemp(prefix="bench-docker-", dir="/tmp"))  # short: sockets lie below it
    places = ("--data-root", str(root / "data"), "--exec-root", str(root / "exec"), "--pidfile", str(root / "pid"))
    network = ("--host", f"unix://{root}/docker.sock", "--bridge=none", "--iptables=false", "--ip6tables=false")
    with (root / "log").open("wb") as log, pinned({core}):
        argv = [tools.find("dockerd") or "dockerd", *places, *network]
        popen = subprocess.Popen(
            argv,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    atexit.register(_end, root, popen)
    (root / "config").mkdir()
    found = Docker(root, popen.pid)
    deadline = time.monotonic() + START_S
    while True:
        try:
            found.ask("version")
            break
        except BenchError:
            if popen.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    found.ask("import", str(base_root()), BASE)
    return found


def base_root() -> Path:
    """The base image's root folder as a tar, made once."""
    target = CACHE / "base.tar"
    if not target.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        beside = CACHE / ".making-base.tar"
        beside.unlink(missing_ok=True)
        options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
        argv = ["mmdebstrap", "--quiet", "--variant=apt", "--mode=root", "--include=ca-certificates,python3", *options]
        done = subprocess.run([*argv, SUITE, str(beside)], capture_output=True, text=True, timeout=LONG_S)
        if done.returncode:
            raise BenchError(f"The base image cannot be made:\n{done.stderr[-1500:]}")
        beside.replace(target)
    return target


def base_layout(folder: Path) -> Path:
    """The base as a folder in OCI's image layout, for the builder that needs no engine."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with base_root().open("rb") as file:
        layer = hashlib.file_digest(file, "sha256").hexdigest()
    shutil.copyfile(base_root(), blobs / layer)
    machine = {"architecture": _GZIP[os.uname().machine], "os": "linux"}
    config = _put(blobs, {**machine, "config": {}, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]}})
    kind = "application/vnd.oci.image"
    size = base_root().stat().st_size
    part = {"mediaType": f"{kind}.layer.v1.tar", "digest": f"sha256:{layer}", "size": size}
    described = {"mediaType": f"{kind}.config.v1+json", **config}
    made = _put(
        blobs, {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": described, "layers": [part]}
    )
    entry = {"mediaType": f"{kind}.manifest.v1+json", **made, "platform": machine}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def _put(blobs: Path, document: object) -> dict[str, object]:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def _end(root: Path, popen: subprocess.Popen[bytes]) -> None:
    found = Docker(root, popen.pid)
    try:
        if names := found.ask("ps", "--all", "--quiet").split():
            found.ask("rm", "--force", "--volumes", *names)
    except BenchError:
        pass
    popen.send_signal(signal.SIGTERM)
    try:
        popen.wait(30)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        place = line.split()[1]
        if place.startswith(f"{root}/"):
            subprocess.run(["umount", "--lazy", place], capture_output=True)
    shutil.rmtree(root, ignore_errors=True)
