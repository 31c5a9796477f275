"""Podman with a storage of the tests' own, in a folder that goes at the end. Containers are in the host's network, or
in none: so nothing of the machine's firewall is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import images
from support.engine_rig import BASE

HELPERS = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/local/lib/podman", "/usr/local/libexec/podman")
_STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "{root}/data"\nrunroot = "{root}/run"\n'
_ENGINE = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{root}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{root}/networks"
"""


def reason() -> str:
    """Why there can be no Podman here; empty: there can."""
    if os.geteuid() != 0:
        return "Podman with a storage of the tests' own needs root"
    if not shutil.which("podman") or not any(Path(folder, "netavark").exists() for folder in HELPERS):
        return "needs Podman: sudo apt-get install podman netavark"
    return "" if images.available() else images.REASON


@dataclass
class Podman:
    """`environ` leads its command to the storage, and away from every Docker."""

    root: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "CONTAINERS_STORAGE_CONF": str(self.root / "storage.conf"),
            "CONTAINERS_CONF": str(self.root / "containers.conf"),
            "DOCKER_HOST": f"unix://{self.root}/no-docker.sock",
        }

    def ask(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["podman", *words], env={**os.environ, **self.environ}, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0 or not check, f"podman {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()


@contextmanager
def podman() -> Iterator[Podman]:
    root = Path(tempfile.mkdtemp(prefix="hpp-", dir="/tmp"))
    (root / "storage.conf").write_text(_STORAGE.format(root=root))
    (root / "containers.conf").write_text(_ENGINE.format(root=root))
    rig = Podman(root)
    try:
        rig.ask("import", "--quiet", str(images.base_rootfs()), f"localhost/{BASE}")
        yield rig
    finally:
        rig.ask("rm", "--all", "--force", "--volumes", check=False)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{root}/"):
                subprocess.run(["umount", "--lazy", place], capture_output=True)
        shutil.rmtree(root, ignore_errors=True)
