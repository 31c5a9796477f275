from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import write_project

from tests.fleet import Fleet, serve_fleet

ECHO = {
    "model.py": """
import os, sys, time


def predict(text: str, seconds: float = 0.0) -> str:
    if text == "die":
        os._exit(3)
    if text == "print":
        print("said", os.environ.get("PASSWORD", ""), flush=True)
        print("warned", file=sys.stderr, flush=True)
    if text.startswith("env "):
        return os.environ.get(text[4:], "")
    time.sleep(seconds)
    return f"v1 {text}"
""",
    "hotplate.yaml": "functions: [model.py:predict]\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "model", ECHO)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with serve_fleet(tmp_path / "home") as running:
        yield running
