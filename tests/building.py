"""A project folder and a home for revisions, for tests that build: with the real uv, and small packages from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from hotplate.build.make import Built, Options, make
from hotplate.deployment.home import Home
from hotplate.dialects.opening import open_project

SERVICE = """
from hotplate import Service


class Model(Service):
    def infer(self, prompt: str) -> str:
        return prompt
"""


class Site:
    """A project and a home, and builds of the one in the other."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        self.home = Home(folder / "home")
        self.steps: list[tuple[str, str]] = []

    def write(self, name: str, text: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).removeprefix("\n"))
        return path

    def service(self, head: str = "", **files: str) -> None:
        self.write("service.py", dedent(head) + SERVICE)
        for name, text in files.items():
            self.write(name, text)

    def build(self, *paths: str, root: Path | None = None, home: Home | None = None, **options: object) -> Built:
        (built,) = self.build_all(*paths, root=root, home=home, **options)
        return built

    def build_all(
        self, *paths: str, root: Path | None = None, home: Home | None = None, **options: object
    ) -> list[Built]:
        opened = open_project([str(root or self.root), *paths])
        how = Options(**options)  # pyright: ignore[reportArgumentType]
        return make(opened, home=home or self.home, options=how, progress=lambda *step: self.steps.append(step))

    def files(self, built: Built) -> list[str]:
        root = Path(built.revision.root)
        found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return sorted(name for name in found if "__pycache__" not in name)

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `python -m …` in the project's folder, with this home."""
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.root,
            env={**os.environ, "HOTPLATE_HOME": str(self.home.root)},
            capture_output=True,
            text=True,
            check=check,
            timeout=110,
        )

    def leftovers(self) -> list[str]:
        """What lies in the home besides whole revisions and environments."""
        folders = (self.home.revisions, self.home.environments)
        return [path.name for folder in folders for path in folder.glob(".building-*")]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
