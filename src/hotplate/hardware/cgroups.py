"""Limits by control groups of version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html), where they may be set.

They may where this process's group was handed to its user (`Delegate=yes` in the unit, or `systemd-run --user --scope
-p Delegate=yes`), or in a container whose group is writable. A group with children limits has no processes of its own,
so this one and its siblings go to a leaf first.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

NEEDED = ("cpu", "memory")
LEAF = "hotplate"
PREFIX = "replica-"
PERIOD_US = 100_000
ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")


class Unavailable(Exception):
    """Groups cannot be used here; the text says why."""


class Group:
    """The group of one replica."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, pid: int) -> None:
        """Put a process into it, with all that it starts from now on. Raises OSError."""
        _write(self.path / "cgroup.procs", str(pid))

    def close(self) -> None:
        """End what is left in it, and remove it. What cannot be removed yet goes with the next `Cgroups`."""
        try:
            if (self.path / "cgroup.kill").exists():
                _write(self.path / "cgroup.kill", "1")
            self.path.rmdir()
        except OSError:
            pass


class Cgroups:
    """The group that replicas' groups are made in."""

    def __init__(self, base: Path) -> None:
        self.base = base
        for left in base.glob(f"{PREFIX}*"):
            Group(left).close()  # of a server that was killed

    @classmethod
    def open(cls, root: Path = ROOT, proc: Path = PROC) -> Cgroups:
        """Find this process's group and make it ready. Raises Unavailable."""
        base = root / _own(proc).lstrip("/")
        if not (root / "cgroup.controllers").is_file():
            raise Unavailable("this system has no control groups of version 2")
        if base.name == LEAF:
            base = base.parent  # a server before this one made it
        try:
            there = (base / "cgroup.controllers").read_text().split()
            missing = [name for name in NEEDED if name not in there]
            if missing:
                raise Unavailable(f"its control group has no {' and no '.join(missing)} controller")
            if not os.access(base / "cgroup.subtree_control", os.W_OK) or not os.access(base, os.W_OK):
                raise Unavailable("its control group is not delegated to this user")
            _clear(base, proc)
            _write(base / "cgroup.subtree_control", " ".join(f"+{name}" for name in NEEDED))
        except OSError as error:
            raise Unavailable(f"its control group cannot be used: {error.strerror}") from None
        return cls(base)

    def make(self, name: str, cpus: float | None, memory_bytes: int | None) -> Group:
        """Make a group with these limits. Raises OSError."""
        path = self.base / f"{PREFIX}{name}"
        path.mkdir(exist_ok=True)
        if memory_bytes is not None:
            _write(path / "memory.max", str(memory_bytes))
            for file, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
                if (path / file).exists():  # swap accounting may be off
                    _write(path / file, value)
        if cpus is not None:
            _write(path / "cpu.max", f"{max(1000, round(cpus * PERIOD_US))} {PERIOD_US}")
        return Group(path)


def _own(proc: Path) -> str:
    """The path of this process's group, in the one hierarchy of version 2."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        lines = []
    found = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if found is None:
        raise Unavailable("this system has no control groups of version 2")
    return found


def _clear(base: Path, proc: Path) -> None:
    """Move this process and those that belong to it out of the group itself. Others are not touched: then it is not
    ours to divide."""
    pids = [int(pid) for pid in (base / "cgroup.procs").read_text().split()]
    if not pids:
        return
    ours = {os.getpid(), os.getppid()}
    foreign = [pid for pid in pids if pid not in ours and _parent(pid, proc) not in ours]
    if foreign:
        raise Unavailable(f"its control group holds other programs too (process {foreign[0]})")
    (base / LEAF).mkdir(exist_ok=True)
    for pid in pids:
        _write(base / LEAF / "cgroup.procs", str(pid))


def _parent(pid: int, proc: Path) -> int:
    try:
        found = re.search(r"^PPid:\s*(\d+)", (proc / str(pid) / "status").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _write(path: Path, text: str) -> None:
    """One write(2), as the kernel wants it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
