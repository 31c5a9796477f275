"""Runs a load generator on the client's core and tells what it wrote and what CPU it took."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bench import procfs
from bench.cores import pinned
from bench.environments import ROOT
from bench.records import BenchError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A load generator that has ended."""

    output: str
    status: int
    cpu_s: float


def run(argv: Sequence[str], core: int) -> Finished:
    """Run to the end, in a process group of its own. It is killed if the bench is interrupted meanwhile."""
    with pinned({core}):
        popen = subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    with popen:
        assert popen.stdout is not None
        try:
            output = popen.stdout.read().decode(errors="replace")
            # Before it is waited for: a process that is gone tells nothing.
            used = procfs.process(popen.pid)
            popen.wait()
        finally:
            popen.kill()
    return Finished(output=output, status=popen.returncode, cpu_s=used.cpu_s if used else 0.0)


def figures(argv: Sequence[str], core: int, what: str) -> dict[str, float]:
    """Run a program that ends with a line of JSON, and give what that says. Raises BenchError, which names `what`."""
    done = run(argv, core)
    if done.status:
        raise BenchError(f"{what} could not be measured:\n{done.output[-1500:]}")
    return json.loads(done.output.strip().splitlines()[-1])
