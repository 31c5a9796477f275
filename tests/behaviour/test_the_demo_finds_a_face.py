"""`make demo` serves the face detector, shows what it finds, and says why when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(600)  # the first run installs OpenCV


def run_demo(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "examples/demo.py"],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )


def test_it_prints_the_box_and_saves_the_picture(tmp_path):
    picture = ROOT / "demo-output/faces.jpg"
    picture.unlink(missing_ok=True)
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "$ hotplate run" in done.stdout
    assert "1 face(s)" in done.stdout
    assert "demo-output/faces.jpg" in done.stdout
    with Image.open(picture) as saved:
        assert saved.size == (512, 512)


def test_it_says_why_it_failed(tmp_path):
    done = run_demo(tmp_path, HOTPLATE_HOST="203.0.113.1")
    assert done.returncode == 1
    assert "The demo failed: " in done.stderr
    assert "203.0.113.1" in done.stderr
    assert "Traceback" not in done.stderr
