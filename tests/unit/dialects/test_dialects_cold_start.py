"""Loading a hello project is on the way of every cold start: it must not bring in what only some projects need."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVICE = """
from {home} import Service

class HelloService(Service):
    def setup(self): print("Setting up.")
    def infer(self, prompt: str, times: int = 1, tags: list[str] | None = None) -> str: return prompt
"""
FUNCTION = "def predict(prompt: str, times: int = 1) -> str: return prompt"

LOAD = """
import sys
from pathlib import Path
from hotplate import compat
compat.install()
from hotplate.dialects import registry
from hotplate.dialects.base import Match, Project
match = Match(dialect={dialect!r}, entry={entry!r}, evidence=())
loaded = registry.get({dialect!r}).load(Project(root=Path({root!r}), targets={targets!r}), match)
assert loaded.calls[0].function("hi") == "hi"
print(*sys.modules)
"""

HEAVY = {"pydantic", "pydantic_core", "asyncio", "numpy", "PIL", "httpx", "difflib", "subprocess", "logging"}


@pytest.mark.parametrize(
    ("file", "text", "dialect", "entry", "targets"),
    [
        ("service.py", SERVICE.format(home="hotplate"), "service", "service:HelloService", ()),
        ("service.py", SERVICE.format(home="octoai.service"), "service", "service:HelloService", ()),
        ("model.py", FUNCTION, "function", "model:predict", ("model.py:predict",)),
    ],
)
def test_a_hello_project_loads_nothing_heavy(folder, file, text, dialect, entry, targets):
    folder.write(file, text)
    code = LOAD.format(dialect=dialect, entry=entry, targets=targets, root=str(folder.root))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert not HEAVY & modules
    reading = {"hotplate.dialects.syntax", "hotplate.dialects.text_signature", "hotplate.dialects.service_text"}
    assert not reading & modules
    assert not {name for name in modules if name.startswith("hotplate.contract.")} - {"hotplate.contract.types"}
