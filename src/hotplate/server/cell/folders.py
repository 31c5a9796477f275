"""The folders that a replica for a remote server is told of, on the machine where it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hotplate.authoring import OUTPUT_VARIABLE


def with_folders(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables, once the folders that they name are here. A training's may be another one where that place cannot
    be had on this machine."""
    volume, output = environment.get("HOTPLATE_VOLUME_PATH"), environment.get(OUTPUT_VARIABLE)
    if volume:
        Path(volume).mkdir(mode=0o700, parents=True, exist_ok=True)
    if not output:
        return dict(environment)
    try:
        Path(output).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        output = tempfile.mkdtemp(prefix="hotplate-output-")
    return {**environment, OUTPUT_VARIABLE: output}
