"""`hotplate run --command CMD`: run a command against the server once it is ready."""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path


async def run_command(command: str, url: str) -> int:
    """Run `command` (split as a shell would, without one) with HOTPLATE_URL set. Gives its exit status."""
    import hotplate.compat

    shims = str(Path(str(hotplate.compat.__file__)).parent / "shims")
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    environment = {**os.environ, "HOTPLATE_URL": url, "PYTHONPATH": os.pathsep.join([*paths, shims])}
    try:
        process = await asyncio.create_subprocess_exec(*shlex.split(command), env=environment)
    except (OSError, ValueError) as error:
        os.write(2, f"The command could not be started: {error}\n".encode())
        return 127
    return await process.wait()
