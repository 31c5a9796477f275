"""`proximl.proximl`: the client. Its jobs are endpoints on this machine; nothing else of the platform is here."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from proximl._store import LocalStore
from proximl.exceptions import ProxiMLException
from proximl.jobs import Jobs

_ELSEWHERE = ("datasets", "models", "checkpoints", "volumes", "gpu_types", "environments", "projects", "cloudbender")


class ProxiML:
    """The client.

    Args:
        **kwargs: as there. `config_dir` (or PROXIML_CONFIG_DIR, else `~/.proximl`) is where jobs are remembered, and
            `project` (or PROXIML_PROJECT, else its config.json) what they carry. User and key are not needed. With
            PROXIML_LOCAL=run in the environment an endpoint is a `hotplate run` of its own, and not `hotplate up`'s.
    """

    def __init__(self, **kwargs: Any) -> None:
        given = kwargs.get("config_dir") or os.environ.get("PROXIML_CONFIG_DIR") or "~/.proximl"
        self._folder = Path(given).expanduser()
        config = _read(self._folder / "config.json")
        self.domain_suffix: str = kwargs.get("domain_suffix") or os.environ.get("PROXIML_DOMAIN_SUFFIX") or "proximl.ai"
        self.active_project: str | None = (
            kwargs.get("project") or os.environ.get("PROXIML_PROJECT") or config.get("project")
        )
        self.jobs = Jobs(self, LocalStore(self._folder / "local-jobs", _place()))

    @property
    def project(self) -> str | None:
        """The active project."""
        return self.active_project

    def set_active_project(self, project_uuid: str) -> None:
        """Remember the project for later clients."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / "config.json").write_text(json.dumps({"project": project_uuid}))

    def __getattr__(self, name: str) -> Any:
        if name in _ELSEWHERE:
            raise ProxiMLException(
                f"There are no {name} on this machine: Hotplate serves endpoints (client.jobs) alone."
            )
        raise AttributeError(f"'ProxiML' object has no attribute {name!r}")


def _place() -> str:
    place = os.environ.get("PROXIML_LOCAL") or "up"
    if place not in ("up", "run"):
        raise ProxiMLException(f"PROXIML_LOCAL is up or run, not {place!r}.")
    return place


def _read(file: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]
