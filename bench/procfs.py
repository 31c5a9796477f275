"""What Linux tells about processes: who belongs to a server, what CPU and memory they used, how busy the cores were."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/PID/stat. `cpu_s` has the children that it has already waited for in it."""

    pid: int
    parent: int
    session: int
    started: int
    cpu_s: float
    zombie: bool


def process(pid: int) -> Process | None:
    """Read one process, or None where it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The name stands in brackets and may hold anything, brackets and blanks too.
    fields = text[text.rindex(")") + 2 :].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        cpu_s=sum(int(field) for field in fields[11:15]) / TICKS_PER_S,
        zombie=fields[0] in "ZX",
    )


def tree(root: int) -> list[Process]:
    """Every process of a server: the one that was started, what descends from it, and what stayed in its session."""
    everyone = [found for entry in PROC.iterdir() if entry.name.isdigit() and (found := process(int(entry.name)))]
    members = {found.pid for found in everyone if found.pid == root or found.session == root}
    while True:
        more = {found.pid for found in everyone if found.parent in members} - members
        if not more:
            return [found for found in everyone if found.pid in members]
        members |= more


def command(pid: int) -> bytes:
    """What a process calls itself; nothing where it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def cpu_s(processes: Iterable[Process]) -> float:
    """User and system time of all of them together, in seconds."""
    return sum(found.cpu_s for found in processes)


def run_s(pid: int) -> float:
    """What the threads of one process have run, in seconds, to the nanosecond: `cpu_s` counts in hundredths.

    Threads and children that have ended are not in it; 0 where the process is gone.
    """
    total_ns = 0
    for task in (PROC / str(pid) / "task").glob("*/schedstat"):
        try:
            total_ns += int(task.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total_ns / 1e9


def pss_mb(processes: Iterable[Process]) -> float:
    """Proportional set size of all of them together, in MB: memory that is shared counts once."""
    total_kb = 0
    for found in processes:
        try:
            text = (PROC / str(found.pid) / "smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total_kb += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total_kb * 1024 / 1e6


def busy_s(cores: Iterable[int]) -> float:
    """How long these cores have worked since boot, in seconds, for anyone at all (a hypervisor's theft counts)."""
    wanted = {f"cpu{core}" for core in cores}
    total = 0
    for line in (PROC / "stat").read_text().splitlines():
        name, *numbers = line.split()
        if name in wanted:
            user, nice, system, _idle, _wait, hard, soft, stolen = (int(number) for number in numbers[:8])
            total += user + nice + system + hard + soft + stolen
    return total / TICKS_PER_S
