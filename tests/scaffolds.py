"""Serves a scaffold as a user does: its requirements in an environment of their own, then `hotplate run`."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers import CACHE, UV
from tests.serving import Server, serve

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "src/hotplate/scaffolds"
START_S = 120.0

OFFLINE = ("face-detection", "ocr", "speech-to-text")
"""The scaffolds whose models come inside packages. Their requirements fit into one environment."""


def offline_python() -> Path:
    """Give the interpreter of the environment that the offline scaffolds share."""
    return environment("scaffolds", OFFLINE)


def environment(name: str, scaffolds: Sequence[str], *, with_pip: Sequence[str] = ()) -> Path:
    """Give the interpreter of `.cache/peers/NAME`, which holds this checkout and the scaffolds' requirements.

    Made on first use (this needs PyPI), and again when what goes into it changes. `with_pip` are packages that
    pip must install first, where uv would choose other builds of them.
    """
    folder, python = CACHE / name, CACHE / name / "bin/python"
    requirements = [FOLDER / scaffold / "requirements.txt" for scaffold in scaffolds]
    texts = [file.read_text() for file in (*requirements, ROOT / "pyproject.toml", ROOT / "uv.lock")]
    wanted = hashlib.sha256("\0".join([sys.version, str(ROOT), *with_pip, *texts]).encode()).hexdigest()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes that start together make it once
        stamp = folder / ".made-of"
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        if not python.exists():
            tool([sys.executable, "-m", "venv", folder] if with_pip else [UV, "venv", "-p", sys.executable, folder])
        if with_pip:
            tool([python, "-m", "pip", "install", "--disable-pip-version-check", *with_pip])
        pins = folder / "pins.txt"
        tool([UV, "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes", "-o", pins])
        tool([UV, "pip", "install", "-p", python, "-c", pins, "-e", ROOT, *(f"-r{file}" for file in requirements)])
        stamp.write_text(wanted)
    return python


def tool(command: Sequence[str | Path]) -> None:
    """Run a command in the checkout; on failure show all that it said."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


def project(scaffold: str, folder: Path) -> Path:
    """Copy a scaffold's files into `folder`, as `hotplate init` does."""
    return Path(shutil.copytree(FOLDER / scaffold, folder / scaffold, ignore=shutil.ignore_patterns("__pycache__")))


@contextmanager
def served(folder: Path, python: str | Path = sys.executable, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Serve a project in an environment; give the server once its model is loaded."""
    with serve(folder, python=str(python), env=env, wait=False) as server:
        server.wait_ready(START_S)
        yield server


def infer(server: Server, **inputs: object) -> object:
    """POST the inputs to /infer and give the `output` of the answer."""
    reply = server.post("/infer", inputs, timeout_s=100)
    assert reply.status == 200, reply.body
    return reply.json()["output"]


def run_test_request(folder: Path, server: Server, python: str | Path = sys.executable, *args: str | Path) -> str:
    """Run the project's own test_request.py against the server; give what it printed."""
    command = [python, "test_request.py", "--endpoint", server.url, *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
