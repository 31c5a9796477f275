"""From nothing to an answer: init, run, and the scaffold's own request."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

for needed in ("server", "client", "dialects.registry"):
    pytest.importorskip(f"hotplate.{needed}")

COMMAND = [sys.executable, "-c", "import sys; from hotplate.cli import main; sys.exit(main())"]


def hotplate(folder, *words):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
    done = subprocess.run(
        [*COMMAND, *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_hello_world(tmp_path):
    assert "Initialized project in hello-world." in hotplate(tmp_path, "init", "--yes").stdout
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    request = f"{sys.executable} test_request.py --endpoint http://127.0.0.1:{port}"
    done = hotplate(tmp_path / "hello-world", "run", "--port", str(port), "--command", request)
    assert done.stdout.startswith("{'output': 'Hello world!', 'analytics': {")
    assert "RUNNING" not in done.stderr, "without -l the program has the output to itself"


def test_invoke_finds_the_endpoint_that_runs_it(tmp_path):
    hotplate(tmp_path, "init", "--yes", "--path", ".")
    invoke = f'{sys.executable} -c "import sys; from hotplate.cli import main; sys.exit(main())" invoke prompt=Hi'
    done = hotplate(tmp_path, "run", "--port", "0", "-l", "--log-format", "text", "--command", invoke)
    assert done.stdout.endswith("Hi\n")
    assert 'POST /infer HTTP/1.1" 200' in done.stdout + done.stderr, "-l shows each call"


def test_inspect_reads_it_and_loads_it(tmp_path):
    hotplate(tmp_path, "init", "--yes", "--path", ".")
    for more in ((), ("--load",)):
        seen = hotplate(tmp_path, "inspect", *more).stdout
        assert "Entry    service:HelloService\n" in seen
        assert "POST /infer  infer  service.py:" in seen
        assert "    prompt  str\n  → str\n" in seen
