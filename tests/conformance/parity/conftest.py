"""One running server for each dialect and model, started when a test first asks and shared by all that do."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.parity.projects import PROJECTS
from tests.serving import Server, serve, write_project


class Servers:
    """Starts servers, and remembers where each one's model notes its calls."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self._root, self._stack = root, stack
        self._running: dict[tuple[str, ...], Server] = {}

    def folder(self, dialect: str, model: str) -> Path:
        folder = self._root / dialect / model / "parity"
        return folder if folder.exists() else write_project(folder, PROJECTS[dialect][model].files)

    def get(self, dialect: str, model: str = "main", *more: str) -> Server:
        key = (dialect, model, *more)
        if key not in self._running:
            folder = self.folder(dialect, model)
            targets = PROJECTS[dialect][model].targets or (folder,)
            running = serve(*targets, *more, cwd=folder, env={"CALLS": str(self.calls(dialect))})
            self._running[key] = self._stack.enter_context(running)
        return self._running[key]

    def calls(self, dialect: str) -> Path:
        """The file with one byte for each call that reached the main model."""
        self.folder(dialect, "main")
        return self._root / dialect / "calls"

    def reached(self, dialect: str) -> int:
        calls = self.calls(dialect)
        return calls.stat().st_size if calls.exists() else 0


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("parity"), stack)
