"""From a recorded revision back to what a worker is told to load: nothing has to be found out again."""

from __future__ import annotations

from pathlib import Path

from hotplate.deployment.records import Revision
from hotplate.dialects.base import Match, Project


def recorded(revision: Revision) -> tuple[Project, Match]:
    """The project of a revision, and how its dialect found it."""
    project = Project(
        root=Path(revision.root),
        targets=revision.targets,
        service_module=revision.service_module,
        service_class=revision.service_class,
        faces=revision.faces,
        env=revision.env,
        options=revision.options,
        name=revision.name,
        description=revision.description,
    )
    match = Match(dialect=revision.dialect, entry=revision.entry, evidence=(), store_assets=revision.store_assets)
    return project, match
