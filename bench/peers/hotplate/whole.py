"""All of `hotplate up`, control and dashboard too, with the hello service: `python whole.py PORT`.

The endpoint is public. What this process starts ends with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Start it, deploy, and wait for a signal."""
    os.environ["HOTPLATE_HOME"] = str(Path("home").absolute())
    hotplate = [sys.executable, "-m", "hotplate.cli"]
    up = subprocess.Popen([*hotplate, "up", "--port", sys.argv[1], "--control-port", "0"])
    signal.signal(signal.SIGTERM, lambda *_: up.terminate())
    words = ("--name", "hello", "--min-replicas", "1", "--max-replicas", "1", "--visibility", "public")
    while up.poll() is None and not Path("home/run/supervisor.json").is_file():
        try:
            up.wait(0.1)
        except subprocess.TimeoutExpired:
            pass
    subprocess.run([*hotplate, "deploy", str(HERE / "hello"), *words], check=True)
    return up.wait()


if __name__ == "__main__":
    sys.exit(main())
