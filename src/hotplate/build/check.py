"""Checks a revision before it gets its name: a worker of its environment loads its files, and tells the contract."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import structs

from hotplate.authoring import ENDPOINT_VARIABLE
from hotplate.config.settings import Settings
from hotplate.contract import Contract
from hotplate.dialects.base import Match, Project
from hotplate.errors import ProjectError
from hotplate.server import describe

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


def check(project: Project, match: Match, settings: Settings, files: Path, python: str) -> Contract:
    """Load what lies in `files` once and give its contract.

    Raises:
        ProjectError: it does not load. Names of files are those of the author's folder.
    """
    name = project.endpoint_name
    env = {ENDPOINT_VARIABLE: name, **settings.env}
    staged = structs.replace(project, root=files, env=env)
    try:
        contract = describe(staged, match, _with_env(settings, env), python)
    except ProjectError as error:
        raise _at_home(error, files, project.root) from None
    if contract.name == files.name and not project.name:
        # A folder's name is no part of a revision; whoever serves it has a name for it.
        return structs.replace(contract, name="")
    return contract


def _with_env(settings: Settings, env: dict[str, str]) -> Settings:
    from dataclasses import replace

    return replace(settings, env=env)


def _at_home(error: ProjectError, files: Path, root: Path) -> ProjectError:
    """Say where in the author's folder it happened, and what to do for a build."""

    def named(text: str) -> str:
        return text.replace(str(files.resolve()), str(root)).replace(str(files), str(root))

    missing = _MISSING.search(error.message)
    hint = error.hint
    if missing is not None and not (hint or "").startswith("did you mean"):
        hint = (
            f"A revision has the packages that its project lists, and no others: list the one that has {missing[1]} in "
            "requirements.txt. If it is a module of your own, look whether a pattern leaves it out."
        )
    return ProjectError(
        named(error.message),
        file=error.file,
        line=error.line,
        hint=named(hint) if hint else None,
        trace=named(error.trace),
    )
