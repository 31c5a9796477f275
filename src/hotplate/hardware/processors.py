"""How many processors this process was given, where something limits it: a control group, or an affinity."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
MOST = 64


def limited_processors(root: Path = ROOT, proc: Path = PROC) -> int | None:
    """Give the whole processors of the limit, at least one; None where nothing limits it."""
    limits: list[float] = []
    if (quota := _quota(root, proc)) is not None:
        limits.append(quota)
    if hasattr(os, "sched_getaffinity"):
        usable, there = len(os.sched_getaffinity(0)), os.cpu_count() or 1
        if usable < there:
            limits.append(usable)
    return max(1, min(MOST, int(min(limits)))) if limits else None


def _quota(root: Path, proc: Path) -> float | None:
    """The least quota on the way from this process's group to the root, of version 2 or 1 of control groups.

    A container sees its own group as the root, or the host's whole tree and its own place in it.
    """
    found: list[float] = []
    for base, group in _groups(root, proc):
        folder = base / group.lstrip("/")
        for place in (folder, *folder.parents):
            if (limit := _limit(place)) is not None:
                found.append(limit)
            if place == base:
                break
    return min(found, default=None)


def _groups(root: Path, proc: Path) -> list[tuple[Path, str]]:
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        lines = []
    found: list[tuple[Path, str]] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            found.append((root, path))
        elif "cpu" in controllers.split(","):
            found += [(root / "cpu", path), (root / controllers, path)]
    return found


def _limit(group: Path) -> float | None:
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None  # `max`, or -1: none
    return int(quota) / int(period)
