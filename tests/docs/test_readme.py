"""The README does what it says. Blocks are marked in their first line:

```python file=NAME     is written to a file
```sh serve             starts a server, which is ended by the next one
```sh run               is run and must succeed, as is ```python run
```text output          is what the block before it prints; … stands for anything
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)(?: +([^\n]*))?\n(.*?)^```$", re.M | re.S)
MARKS = {"run", "serve", "output"}


@dataclass(frozen=True)
class Block:
    language: str
    mark: str
    text: str


def blocks(text: str) -> list[Block]:
    return [Block(language, mark.strip(), body) for language, mark, body in FENCE.findall(text)]


README = blocks((ROOT / "README.md").read_text("utf-8"))


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, pattern.strip().split("…"))), text.strip(), re.S) is not None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def server(command: str, folder: Path, env: dict[str, str], port: int) -> Iterator[None]:
    """Run a server until the block ends. Raises AssertionError, with its output, where it does not get ready."""
    with (folder / "server.log").open("w+") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command.strip()}"], cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + 30
            while not ready(port):
                assert process.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < until, Path(log.name).read_text()
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def play(sequence: list[Block], folder: Path) -> int:
    """Do what the blocks say, in order, with another port; give how many were run."""
    port = free_port()
    env = {**os.environ, "HOTPLATE_PORT": str(port), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    running = None
    printed = ""
    ran = 0
    try:
        for block in sequence:
            text = block.text.replace("localhost:8080", f"127.0.0.1:{port}")
            if block.mark.startswith("file="):
                (folder / block.mark.removeprefix("file=")).write_text(block.text, "utf-8")
            elif block.mark == "serve":
                if running:
                    running.__exit__(None, None, None)
                running = server(text, folder, env, port)
                running.__enter__()
            elif block.mark == "run":
                program = [sys.executable, "-c", text] if block.language == "python" else ["bash", "-euc", text]
                done = subprocess.run(program, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
                assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
                printed = done.stdout
                ran += 1
            elif block.mark == "output":
                assert matches(block.text, printed), f"expected:\n{block.text}\nprinted:\n{printed}"
    finally:
        if running:
            running.__exit__(None, None, None)
    return ran


def test_every_mark_is_known():
    unknown = {block.mark for block in README} - MARKS - {""}
    assert {mark for mark in unknown if not mark.startswith("file=")} == set()


@pytest.mark.parametrize("block", [block for block in README if block.language == "python"], ids=lambda b: b.mark)
def test_every_python_block_compiles(block):
    compile(block.text, block.mark or "README.md", "exec")


@pytest.mark.skipif(
    not all(map(find_spec, ("hotplate.cli", "hotplate.client", "hotplate.worker"))),
    reason="this checkout has no command, client or worker yet",
)
def test_the_readme_does_what_it_says(tmp_path):
    assert play(README, tmp_path) >= 5


def test_a_wrong_output_is_found(tmp_path):
    sequence = blocks("```sh run\necho one two\n```\n\n```text output\none …\n```\n")
    assert play(sequence, tmp_path) == 1
    with pytest.raises(AssertionError):
        play([sequence[0], Block("text", "output", "two …\n")], tmp_path)
    with pytest.raises(AssertionError):
        play([Block("sh", "run", "false\n")], tmp_path)
