"""The programs that the bench needs from the system, and the machine that it runs on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from bench.records import BenchError

PACKAGES = {"wrk": "wrk", "nginx": "nginx-light"}
"""Program -> Debian package that has it."""


def require(*programs: str) -> None:
    """Stop with the command that installs what is missing."""
    missing = [program for program in programs if not find(program)]
    if missing:
        packages = " ".join(PACKAGES[program] for program in missing)
        raise BenchError(
            f"Missing on this machine: {', '.join(missing)}. On Debian or Ubuntu: sudo apt-get install {packages}"
        )


def find(program: str) -> str | None:
    """Where a program is. sbin is looked into as well: nginx lives there, and it is not on every user's PATH."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"]))


def version(program: str) -> str:
    """The version that a program tells of itself, or an empty string."""
    found = find(program)
    if not found:
        return ""
    done = subprocess.run([found, "-v"], capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return match.group() if match else ""


def machine() -> dict[str, str | int | float]:
    """What the figures depend on: processor, cores, memory, kernel, Python."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory_kb = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory_kb.group(1)) / 1e6, 1) if memory_kb else 0,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "wrk": version("wrk"),
    }
