"""Gives each replica its share of the machine: limits on processors and memory, and GPUs of its own.

Limits are set from outside, on a worker that has not been told yet what to load, so no code of an author's runs
without them. Where control groups cannot be used, resource limits and processor affinity stand in; `describe` says
which, and what the difference is.
"""

from __future__ import annotations

import errno
import math
import os
import resource
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from hotplate.deployment.records import Hardware
from hotplate.hardware.cgroups import Cgroups, Group, Unavailable
from hotplate.hardware.gpus import VISIBLE, Gpu, read_gpus

How = Literal["cgroup", "rlimit", "none"]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Numeric libraries start a thread per processor that they see, which is all of them, whatever the limit is."""


class CannotFit(Exception):
    """A replica needs more than this machine has, however long one waits. The text says what."""


class NoGpu(OSError):
    """Too few GPUs are free. As an OSError: the machine cannot start it now."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.ENODEV, text)


class Share:
    """What one replica has. Call `apply` when it is started, `release` at its end.

    `environment` is to be set for it, whatever its author says; `defaults` where they say nothing.
    """

    def __init__(self, limiter: Limiter, hardware: Hardware, gpus: tuple[Gpu, ...], cpus: tuple[int, ...]) -> None:
        self.hardware = hardware
        self.gpus = gpus
        self.cpus = cpus
        self.environment = _environment(hardware, gpus)
        self.defaults = _threads(hardware)
        self._limiter = limiter
        self._group: Group | None = None
        self._released = False

    def apply(self, pid: int) -> None:
        """Set the limits on a process and all that it will start. Raises OSError where the system refuses."""
        hardware = self.hardware
        if hardware.cpus is None and hardware.memory_bytes is None:
            return
        groups = self._limiter.cgroups
        if groups is not None:
            self._group = groups.make(str(pid), hardware.cpus, hardware.memory_bytes)
            self._group.add(pid)
        elif sys.platform == "linux":
            if hardware.memory_bytes is not None:
                resource.prlimit(pid, resource.RLIMIT_DATA, (hardware.memory_bytes, hardware.memory_bytes))
            if self.cpus:
                os.sched_setaffinity(pid, self.cpus)

    def release(self) -> None:
        """Give everything back. Safe to call again."""
        if self._released:
            return
        self._released = True
        if self._group is not None:
            self._group.close()
        self._limiter.take_back(self)


class Limiter:
    """One per server. Keeps account of which GPU and which processor is whose."""

    def __init__(
        self, open_groups: Callable[[], Cgroups] = Cgroups.open, read: Callable[[], tuple[Gpu, ...]] = read_gpus
    ) -> None:
        self._open_groups = open_groups
        self._read = read
        self._opened = False
        self._cgroups: Cgroups | None = None
        self._reason = ""
        self._gpus: tuple[Gpu, ...] | None = None
        self._taken: set[str] = set()
        self._load: Counter[int] = Counter()

    @property
    def cgroups(self) -> Cgroups | None:
        """The control groups, looked for when a limit is first needed; None where there are none to use."""
        if not self._opened:
            self._opened = True
            try:
                self._cgroups = self._open_groups()
            except Unavailable as error:
                self._reason = str(error)
        return self._cgroups

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        """The GPUs of this machine, looked for when one is first needed."""
        if self._gpus is None:
            self._gpus = self._read()
        return self._gpus

    def how(self) -> How:
        """What limits are set by."""
        if self.cgroups is not None:
            return "cgroup"
        return "rlimit" if sys.platform == "linux" else "none"

    def describe(self) -> str:
        """How limits are set here, in a sentence for people."""
        match self.how():
            case "cgroup":
                return "Limits are set by control groups."
            case "rlimit":
                return (
                    f"Limits are set by resource limits and processor affinity, since {self._reason}: memory is "
                    "counted for each process of a replica (allocations fail, nothing is killed), and processors are "
                    "whole ones."
                )
            case "none":
                return f"Processors and memory are not limited, since {self._reason}."

    def explain(self, hardware: Hardware) -> str:
        """What an operator should know of how this hardware is given here; nothing where it is as they expect."""
        told: list[str] = []
        if (hardware.cpus is not None or hardware.memory_bytes is not None) and self.how() != "cgroup":
            told.append(self.describe())
        if hardware.gpus and not self.gpus:
            told.append("This machine has no GPU that NVIDIA's driver knows: replicas run on its processors.")
        if hardware.accelerator or hardware.resources:
            told.append("An accelerator and resources by name are a cluster's: on this machine they count for nothing.")
        return " ".join(told)

    def admit(self, hardware: Hardware) -> Share:
        """Set aside what a replica needs.

        A machine without any GPU runs it all the same, on its processors: projects name the hardware of the platform
        that they were written for.

        Raises:
            NoGpu: fewer GPUs are free than it needs; later there may be enough.
            CannotFit: the machine has fewer, or only whole ones.
        """
        if hardware.gpus != int(hardware.gpus):
            raise CannotFit(f"Here a replica gets whole GPUs; {hardware.gpus:g} of one can be had with the target ray.")
        gpus = self._choose(int(hardware.gpus)) if hardware.gpus else ()
        cpus: tuple[int, ...] = ()
        if hardware.cpus is not None and self.cgroups is None and sys.platform == "linux":
            cpus = self._processors(math.ceil(hardware.cpus))
        self._taken |= {gpu.uuid for gpu in gpus}
        self._load.update(cpus)
        return Share(self, hardware, gpus, cpus)

    def _choose(self, count: int) -> tuple[Gpu, ...]:
        if not self.gpus:
            return ()
        if count > len(self.gpus):
            raise CannotFit(
                f"A replica needs {count} GPUs, and this machine has {len(self.gpus)}. Ask for fewer with `hardware`, "
                "or choose a target that has them."
            )
        free = [gpu for gpu in self.gpus if gpu.uuid not in self._taken]
        if count > len(free):
            raise NoGpu(f"A replica needs {count} of this machine's {len(self.gpus)} GPUs, and {len(free)} are free.")
        return tuple(free[:count])

    def _processors(self, count: int) -> tuple[int, ...]:
        """Those with the fewest replicas so far."""
        there = sorted(os.sched_getaffinity(0), key=lambda cpu: (self._load[cpu], cpu))
        return tuple(sorted(there[:count]))

    def take_back(self, share: Share) -> None:
        """A replica has ended."""
        self._taken -= {gpu.uuid for gpu in share.gpus}
        self._load.subtract(share.cpus)


def _environment(hardware: Hardware, gpus: tuple[Gpu, ...]) -> dict[str, str]:
    if gpus:
        return {VISIBLE: ",".join(gpu.uuid for gpu in gpus)}
    # What named its hardware, and no GPU, does not take another's. What named none sees what the machine has.
    return {VISIBLE: ""} if hardware.profile and not hardware.gpus else {}


def _threads(hardware: Hardware) -> dict[str, str]:
    return {} if hardware.cpus is None else dict.fromkeys(THREADS, str(max(1, math.ceil(hardware.cpus))))


def machine() -> dict[str, Any]:
    """What this machine has, for people who write profiles."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpus": count, "memory_bytes": memory, "gpus": [gpu._asdict() for gpu in read_gpus()]}
