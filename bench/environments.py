"""An environment of its own for each peer, made on demand under .cache/bench from its locked requirements."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from bench.records import BenchError

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
PEERS = ROOT / "bench" / "peers"


def python(peer: str) -> Path:
    """The interpreter of a peer's environment, whether made already or not."""
    return CACHE / peer / "bin" / "python"


def ensure(peer: str) -> Path:
    """Make a peer's environment if it is missing or its requirements changed. Gives its interpreter."""
    requirements = PEERS / peer / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp = CACHE / peer / ".requirements"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python(peer)
    print(f"installing {peer} into {CACHE.relative_to(ROOT) / peer} …", file=sys.stderr, flush=True)
    uv = _uv()
    shutil.rmtree(CACHE / peer, ignore_errors=True)
    _run(uv, "venv", "--quiet", "--python", sys.executable, str(CACHE / peer))
    _run(uv, "pip", "install", "--quiet", "--python", str(python(peer)), "--requirement", str(requirements))
    stamp.write_text(wanted)
    return python(peer)


def version(peer: str, distribution: str) -> str:
    """The version of a package in a peer's environment."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    done = subprocess.run([str(python(peer)), "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise BenchError("uv is missing. Run `make setup`, then `make bench`.")
    return found


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"`{' '.join(argv)}` failed:\n{done.stderr.strip()}")
