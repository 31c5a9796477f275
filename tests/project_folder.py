"""A project folder under test, for every suite that loads one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from hotplate import compat
from hotplate.config.route_texts import OPTION, of_flags
from hotplate.dialects import registry
from hotplate.dialects.base import Loaded, Match, Project

INFER = "def infer(self, prompt: str) -> str: return prompt\n"


class Folder:
    """A project under test. Each load imports anew."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def project(self, *targets: str, **named: str) -> Project:
        """Functions as targets; a target that is a JSON object is a route to one."""
        routes = [target for target in targets if target.startswith("{")]
        if routes:
            named = {"options": {OPTION: of_flags(routes)}, **named}
        functions = tuple(target for target in targets if target not in routes)
        return Project(root=self.root, targets=functions, **named)

    def match(self, *targets: str, **named: str) -> Match:
        return registry.detect(self.project(*targets, **named))

    def describe(self, *targets: str, **named: str):
        match = self.match(*targets, **named)
        return registry.get(match.dialect).describe(self.project(*targets, **named), match)

    def load(self, *targets: str, **named: str) -> Loaded:
        match = self.match(*targets, **named)
        return registry.get(match.dialect).load(self.project(*targets, **named), match)

    def service(self, body: str = "", head: str = "", infer: str = INFER) -> Loaded:
        """Load a service of one class, whose body comes after its `infer`."""
        self.write_service(body, head, infer)
        return self.load()

    def write_service(self, body: str = "", head: str = "", infer: str = INFER) -> None:
        lines = dedent(infer) + dedent(body)
        inside = "".join(f"    {line}\n" if line.strip() else "\n" for line in lines.splitlines())
        names = "from hotplate import Service, batch, path\n" + dedent(head)
        self.write("service.py", f"{names}\nclass Model(Service):\n{inside}")


@pytest.fixture
def folder(tmp_path: Path):
    modules, search, place, environ = dict(sys.modules), list(sys.path), Path.cwd(), dict(os.environ)
    compat.install()
    yield Folder(tmp_path)
    for name in [name for name in sys.modules if name not in modules]:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]
    sys.path[:] = search
    os.chdir(place)  # a dialect may make the project the working folder, and read its .env
    os.environ.clear()
    os.environ.update(environ)
