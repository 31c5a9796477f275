"""`hotplate --help` answers at once, and `hotplate run` reaches the server with next to nothing imported."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

HEAVY = {"rich", "questionary", "httpx", "pydantic", "yaml", "numpy", "asyncio", "subprocess", "uvloop"}
HEAVY |= {
    "shutil",
    "tempfile",
    "logging",
    "ssl",
    "email",
    "http",
    "difflib",
    "json",
    "hotplate.client",
    "hotplate.media",
}

START = """
import sys
from types import ModuleType
for name in ("hotplate.server", "hotplate.dialects.registry"):
    sys.modules[name] = module = ModuleType(name)
sys.modules["hotplate.dialects.registry"].detect = lambda project, dialect: None
sys.modules["hotplate.server"].run = lambda **arguments: seen.update(sys.modules) or 0
seen = {}
before = set(sys.modules)
from hotplate.cli import main
code = main(sys.argv[1:])
new = sorted(set(seen or sys.modules) - before)
import json
print(json.dumps([code, new]))
"""


def started(tmp_path, *words):
    command = [sys.executable, "-c", START, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    return set(modules)


def test_run_reaches_the_server_with_few_imports(tmp_path):
    modules = started(tmp_path, "run", "--port", "9", "-e", "A=1", ".")
    assert "hotplate.config.resolve" in modules
    assert modules & HEAVY == set()
    ours = {name for name in modules if name.startswith("hotplate.cli.")}
    assert ours == {
        "hotplate.cli.entry_point",
        "hotplate.cli.image_flags",
        "hotplate.cli.opening",
        "hotplate.cli.parsing",
        "hotplate.cli.routes",
        "hotplate.cli.run",
    }


def test_a_project_file_costs_yaml_and_nothing_else(tmp_path):
    (tmp_path / "hotplate.yaml").write_text("port: 9\n")
    modules = started(tmp_path, "run")
    assert modules & HEAVY - {"difflib", "json"} == {"yaml"}


def test_help_imports_no_command(tmp_path):
    modules = started(tmp_path, "--help")
    assert {name for name in modules if name.startswith("hotplate.")} == {"hotplate.cli", "hotplate.cli.console"}
    assert modules & (HEAVY | {"argparse", "dataclasses", "pathlib"}) == set()


@pytest.mark.serial
def test_help_takes_less_than_a_fifth_of_a_second(tmp_path):
    command = [sys.executable, "-c", "from hotplate.cli import main; main(['--help'])"]
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.2
