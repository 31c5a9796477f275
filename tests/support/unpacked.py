"""Runs an image without an engine: its layers unpacked into a folder, and its entry point started there (chroot).

What runs sees the folder as its root, in mount and process namespaces of its own, as the image's user. It shares this
machine's network, on a free port of loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from hotplate.images import documents
from hotplate.images.blobs import Blobs

START_S = 90.0
REASON = "needs root, unshare and chroot"

# The folder is the root of a private tree of mounts, which goes with the process.
_SCRIPT = """
set -e
mount --bind "$1" "$1"
mkdir -p "$1/proc" "$1/dev" "$1/tmp"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
chmod 1777 "$1/tmp"
shift_root="$1"; user="$2"; folder="$3"; shift 3
exec chroot --userspec="$user" "$shift_root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


def available() -> bool:
    return os.geteuid() == 0 and all(shutil.which(name) for name in ("unshare", "chroot"))


def extract(tar: tarfile.TarFile, to: Path, how: str, **more: bool) -> None:
    """Unpack all of it. Debian 12's Python has no filters yet."""
    tar.extractall(to, **({"filter": how} if hasattr(tarfile, "data_filter") else {}), **more)


def unpack(manifest: bytes, blobs: Blobs, to: Path) -> dict:
    """Unpack an image into a new folder; gives its configuration."""
    to.mkdir()
    found = documents.read_manifest(manifest, "it")
    for layer in found.layers:
        with tarfile.open(blobs.path(layer.digest)) as tar:
            extract(tar, to, "fully_trusted", numeric_owner=True)
    return json.loads(blobs.read(found.config.digest))


@contextmanager
def running(root: Path, configuration: dict, log: Path, **env: str) -> Iterator[str]:
    """Run an unpacked image's entry point as long as this lasts. Gives its URL when it is healthy."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    settings = configuration["config"]
    given = dict(each.split("=", 1) for each in settings["Env"])
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    words += ["sh", "-c", _SCRIPT, "sh", str(root), settings["User"], settings["WorkingDir"], *settings["Entrypoint"]]
    with log.open("wb") as file:
        process = subprocess.Popen(
            words,
            env={**given, "PORT": str(port), "HOTPLATE_HOST": "127.0.0.1", **env},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_S
        while True:
            assert process.poll() is None and time.monotonic() < until, log.read_text()[-4000:]
            try:
                if httpx.get(f"{url}/healthcheck", trust_env=False, timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait(30)
