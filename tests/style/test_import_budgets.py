"""What each process may have in memory after its imports. Light processes start fast and fork small."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from importlib.util import find_spec

import pytest
from repository import ROOT

SOURCE = ROOT / "src/hotplate"

HEAVY = {"fastapi", "httpx", "litestar", "numpy", "PIL", "pydantic", "starlette", "torch", "uvicorn", "rich", "yaml"}
HEAVY |= {"av", "jinja2", "multipart", "python_multipart", "questionary", "requests", "soundfile", "opentelemetry"}

CONTROLS = {"starlette", "uvicorn", "sqlite3", "cryptography"}
"""What control is made of: it has no place in a project that is served, nor in a command's help."""

COMMANDS_OVER_CONTROL = ("deploy", "endpoint", "events", "logs", "revisions", "rollback", "secret", "token", "volume")

BUDGETS = {
    "hotplate": HEAVY
    | CONTROLS
    | {"asyncio", "httptools", "msgspec", "uvloop", "http", "ssl", "subprocess", "inspect", "json"},
    "hotplate.errors": HEAVY | {"asyncio", "msgspec"},
    "hotplate.contract": HEAVY | {"asyncio"},
    "hotplate.edge.status": HEAVY | {"asyncio", "httptools", "uvloop", "msgspec"},
    "hotplate.server.pages": HEAVY,
    "hotplate.cli": {"fastapi", "numpy", "PIL", "pydantic", "torch", "httpx", "asyncio", "questionary"} | CONTROLS,
    "hotplate.cli.run": CONTROLS | {"httpx"},
    "hotplate.server.foreground": CONTROLS | {"httpx"},
    **{f"hotplate.cli.{name}": HEAVY | CONTROLS | {"asyncio", "ssl", "uvloop"} for name in COMMANDS_OVER_CONTROL},
}
"""Module -> what must not be in sys.modules after `import module`."""


PROCESSES = {
    "server": (
        ("edge", "wire", "jobs", "server"),
        HEAVY | {"multiprocessing", "hotplate.dialects", "hotplate.faces", "hotplate.media"},
    ),
    "worker": (("wire", "worker"), HEAVY | {"asyncio", "httptools", "uvloop", "ssl", "multiprocessing"}),
}
"""Process -> the packages that it is made of, and what none of their modules may bring into memory."""

ONLY_WHERE_NEEDED = {
    "hotplate.worker.tasks": "asyncio, for projects with `async def` routes",
    "hotplate.worker.lanes": "asyncio, for their batches",
    "hotplate.server.traces": "opentelemetry, with --traces on",
}
"""Modules with a heavier import of their own, and for whom."""


def modules_of(package: str) -> list[str]:
    """Every module of a package, but those that start something when they are imported."""
    folder = SOURCE / package
    names = [".".join(("hotplate", *path.relative_to(SOURCE).with_suffix("").parts)) for path in folder.rglob("*.py")]
    return sorted({name.removesuffix(".__init__") for name in names if not name.endswith(".__main__")})


def loaded(statement: str) -> set[str]:
    """The modules in memory after a statement, in a fresh interpreter without site-packages' start-up files."""
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def bare() -> set[str]:
    return loaded("pass")


def exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("module", [module for module in BUDGETS if exists(module)])
def test_an_import_stays_light(module, bare):
    new = loaded(f"import {module}") - bare
    assert module in new
    assert {name for name in BUDGETS[module] if name in new} == set()


@pytest.mark.parametrize("process", PROCESSES)
def test_every_module_of_a_process_stays_light(process, bare):
    packages, banned = PROCESSES[process]
    modules = [name for package in packages for name in modules_of(package) if name not in ONLY_WHERE_NEEDED]
    if not modules:
        pytest.skip("this checkout lacks the process")
    new = loaded("; ".join(f"import {name}" for name in modules)) - bare
    assert banned & new == set()


def test_a_heavy_import_is_seen(bare):
    assert "pydantic" in loaded("import pydantic") - bare


def import_ms(statement: str) -> float:
    """Milliseconds of processor time that a statement takes in a fresh interpreter: a busy machine changes little."""
    code = f"import time; s = time.process_time()\n{statement}\nprint((time.process_time() - s) * 1e3)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return float(done.stdout)


@pytest.mark.serial
def test_import_hotplate_takes_less_than_five_milliseconds():
    times = [import_ms("import hotplate") for _ in range(9)]
    assert min(times) < 5.0, f"median {statistics.median(times):.1f} ms"
