"""What a worker of a revision is told to load: its first frame, wherever it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hotplate.server.process import Stage
from hotplate.wire.layout import spec_frame

if TYPE_CHECKING:
    from hotplate.deployment.records import Revision


def revision_frame(
    revision: Revision,
    *,
    name: str,
    root: str,
    slots: int | None,
    traces: bool,
    id_prefix: str,
    environment: Mapping[str, str],
    stage: Stage = "",
) -> bytes:
    """The frame. `root` is where the worker finds the revision's files, `name` the endpoint's, if it has no other."""
    spec = {
        "root": root,
        "dialect": revision.dialect,
        "entry": revision.entry,
        "targets": list(revision.targets),
        "service_module": revision.service_module,
        "service_class": revision.service_class,
        "faces": list(revision.faces),
        "options": dict(revision.options),
        "name": revision.name or name,
        "description": revision.description,
        "slots": slots,
        "id_prefix": id_prefix,
        "errand": None,
        "enter": True,
        "template": stage,
        "traces": traces,
        "env": dict(environment),
    }
    return spec_frame(json.dumps(spec).encode())
