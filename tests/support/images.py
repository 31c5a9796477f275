"""A small base image for tests, made on this machine of Debian's own packages: nothing is pulled from a registry.

It is made once (a minute, from Debian's mirror) and kept in the checkout's `.cache/images` under a name that covers
what it is made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from hotplate.images import documents
from hotplate.images.archive import write_archive
from hotplate.images.blobs import Blobs, parts
from hotplate.images.documents import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, Manifest
from hotplate.images.reference import parse

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "images"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3")
OPTIONS = (
    "--variant=apt",
    "--mode=root",
    f"--include={','.join(PACKAGES)}",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale", "info", "lintian")),
)
PYTHON = "3.11"
"""The version of Debian's Python."""
REASON = "needs root and mmdebstrap: sudo apt-get install mmdebstrap"
_EPOCH = "1700000000"
_MADE_OF = hashlib.sha256(repr((SUITE, OPTIONS, _EPOCH)).encode()).hexdigest()[:12]


def available() -> bool:
    """Whether a base can be made here."""
    return os.geteuid() == 0 and shutil.which("mmdebstrap") is not None


def base_rootfs() -> Path:
    """The base as a tar of its root folder, as `docker import` takes it."""
    return _kept(f"debian-{_MADE_OF}.tar", _make_rootfs)


def base_archive() -> Path:
    """The base as an OCI archive, for the builder that needs no engine, and to be pushed to a registry."""
    return _kept(f"debian-{_MADE_OF}.oci.tar", _make_archive)


def _make_archive(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hotplate-base-") as folder:
        blobs = Blobs(Path(folder))
        write_archive(target, parse("localhost/debian:test"), image_of(base_rootfs(), blobs), blobs)


def image_of(rootfs: Path, blobs: Blobs) -> bytes:
    """An image whose one layer is a tar; gives its manifest."""
    inner, outer, size = hashlib.sha256(), hashlib.sha256(), 0
    pack = zlib.compressobj(3, zlib.DEFLATED, 31)
    with blobs.making() as file:
        for data in (*parts(rootfs), b""):
            inner.update(data)
            packed = pack.compress(data) if data else pack.flush()
            outer.update(packed)
            size += file.write(packed)
        blobs.name(file, digest := f"sha256:{outer.hexdigest()}")
    layer = Descriptor(media_type=LAYER_GZIP, digest=digest, size=size)
    settings = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["bash"]}
    config = documents.encode(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{inner.hexdigest()}"]},
        }
    )
    described = Descriptor(media_type=CONFIG, digest=blobs.put(config), size=len(config))
    manifest = documents.encode(Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=(layer,)))
    blobs.put(manifest)
    return manifest


def _make_rootfs(target: Path) -> None:
    subprocess.run(
        ["mmdebstrap", "--quiet", *OPTIONS, SUITE, str(target)],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=900,
    )


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """A file of the cache, made by the first of several processes that want it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / name
    with (CACHE / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            beside = CACHE / f".making-{name}"
            beside.unlink(missing_ok=True)
            make(beside)
            beside.replace(target)
    return target
