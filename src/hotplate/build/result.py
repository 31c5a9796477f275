"""What a build made, and what went wrong in one, as JSON: for `-o json` and for whoever reads the progress lines."""

from __future__ import annotations

import re
from typing import Any

from hotplate.build.make import Built
from hotplate.dialects.base import Project
from hotplate.errors import HotplateError, ProjectError, SettingError


def facts(built: Built, project: Project, name: str = "") -> dict[str, Any]:
    """A revision for programs. `name` is the endpoint's name that was asked for."""
    revision = built.revision
    return {
        "revision": revision.digest,
        "name": endpoint_name(built, project, name),
        "reused": built.reused,
        "seconds": round(built.seconds, 3),
        "environment": revision.environment,
        "python": revision.python,
        "dialect": revision.dialect,
        "entry": revision.entry,
        "api": revision.contract.name or "",
        "root": revision.root,
        "store_assets": revision.store_assets,
        "notes": list(built.notes),
        "warnings": list(revision.contract.warnings),
    }


def endpoint_name(built: Built, project: Project, name: str = "") -> str:
    """What to call the endpoint: as asked, as the project says, else as its folder is called."""
    found = name or built.revision.name or built.revision.contract.name or project.root.resolve().name
    return name or plain_name(found) or "project"


def plain_name(text: str) -> str:
    """What a name becomes in a URL."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def failure(error: HotplateError) -> dict[str, Any]:
    """An error for programs."""
    found: dict[str, Any] = {"code": error.code, "message": error.message}
    if isinstance(error, ProjectError):
        found |= {"file": error.file, "line": error.line, "hint": error.hint, "trace": error.trace}
    if isinstance(error, SettingError):
        found |= {"file": error.source, "line": None, "hint": error.hint, "trace": ""}
    return found
