"""The server: admits, queues and hands requests to workers, and keeps the workers alive. It runs no user code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hotplate.config.settings import Settings
    from hotplate.contract import Contract
    from hotplate.dialects.base import Match, Project

__all__ = ["describe", "run", "set_up", "store_assets"]


def run(
    *, project: Project, match: Match, settings: Settings, command: str | None = None, python: str | None = None
) -> int:
    """Serve a project in the foreground until a signal ends it. Gives the exit status.

    With `command`, that command is run once the project is ready, and its end is the server's end. `python` is the
    interpreter of a revision's environment, where the project is one's files.
    """
    from hotplate.server.foreground import run as run_server

    return run_server(project, match, settings, command, python)


def describe(project: Project, match: Match, settings: Settings, python: str | None = None) -> Contract:
    """Load a project in a worker of its own and give its whole contract. Raises ProjectError.

    `python` is the interpreter of a revision's environment, where the project is one's files.
    """
    from hotplate.server.errand import describe as describe_project

    return describe_project(project, match, settings, python)


def store_assets(
    project: Project, match: Match, settings: Settings, python: str | None = None
) -> tuple[Contract, Path]:
    """Run a project's `store_assets` in a worker of its own; give its contract and its volume. Raises UserError."""
    from hotplate.server.errand import store_assets as store_assets_of

    return store_assets_of(project, match, settings, python)


def set_up(project: Project, match: Match, settings: Settings, python: str | None = None) -> None:
    """Load a project in a worker of its own and run its `setup`, for what that leaves on the disk. Raises UserError."""
    from hotplate.server.errand import set_up as set_up_project

    set_up_project(project, match, settings, python)
