"""Running uv (https://docs.astral.sh/uv/), and making of its failures what an author can act on."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hotplate.errors import DiskFull, IndexUnreachable, PackagesRefused, PlatformError

TIMEOUT_S = 3600.0
_KEPT_OUT = ("HOTPLATE_", "UV_PROJECT", "UV_WORKING", "UV_PYTHON", "CONDA_", "PYTHON")
_NO_NETWORK = re.compile(
    r"Failed to fetch|error sending request|dns error|tcp connect error|[Cc]onnection refused|timed out"
)
_NO_ROOM = re.compile(r"No space left on device|os error 28|Disk quota exceeded")

_FLAG = re.compile(r"with the `--([a-z-]+)` command-line flag")


class Failed(Exception):
    """uv ended with an error. `said` is its explanation."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """Run uv and give its output.

    It sees no token of ours and no environment of the shell's: what is installed must depend on the project alone. Its
    own settings (UV_DEFAULT_INDEX, uv.toml, …) count.

    Raises:
        DiskFull, IndexUnreachable: what the machine lacks.
        Failed: uv says no, for another reason.
    """
    from uv import find_uv_bin

    command = [find_uv_bin(), *map(str, words), "--no-progress", "--color", "never"]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment(),
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise PackagesRefused(f"uv {words[0]} did not end within {TIMEOUT_S / 60:g} minutes.") from None
    except OSError as error:
        raise PlatformError(f"uv cannot be started: {error}.") from error
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    said = done.stderr.decode("utf-8", "replace").strip()
    if _NO_ROOM.search(said):
        raise DiskFull
    if _NO_NETWORK.search(said):
        raise IndexUnreachable(f"The package index gives no answer: {explain(said)}")
    raise Failed(explain(said))


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What uv, and what it builds, may see of this process's variables."""
    given = os.environ if environ is None else environ
    kept = {name: value for name, value in given.items() if not name.startswith(_KEPT_OUT) and name != "VIRTUAL_ENV"}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never"}


def explain(said: str) -> str:
    """uv's explanation without its decoration: warnings gone, causes joined, its flags as the variables of that name.

    Its command line is not the author's to change; each flag that it advises is a variable as well.
    """
    said = _FLAG.sub(lambda flag: f"with {_variable(flag[1])}=true in the environment", said)
    lines = [line.strip() for line in said.splitlines()]
    parts = [re.sub(r"^(error|cause): ", "", line) for line in lines if line and not line.startswith("warning:")]
    return "\n".join(parts) or "uv ended without a word"


def _variable(flag: str) -> str:
    return f"UV_{flag.upper().replace('-', '_')}"
