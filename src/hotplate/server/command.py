"""`hotplate run --command CMD`: run a command against the server once it is ready."""

from __future__ import annotations

import asyncio
import os
import shlex

from hotplate.compat.commands import command_environment

PATIENCE_S = 3.0
"""How long a command may take to end when it is asked to."""


async def run_command(command: str, url: str) -> int:
    """Run `command` (split as a shell would, without one) with HOTPLATE_URL set. Gives its exit status.

    When this is cancelled the command is ended too: it would otherwise go on against a server that has gone.
    """
    environment = {**command_environment(os.environ), "HOTPLATE_URL": url}
    try:
        process = await asyncio.create_subprocess_exec(*shlex.split(command), env=environment)
    except (OSError, ValueError) as error:
        os.write(2, f"The command could not be started: {error}\n".encode())
        return 127
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_S)
    except ProcessLookupError:
        pass
    except TimeoutError:
        process.kill()
        await process.wait()
