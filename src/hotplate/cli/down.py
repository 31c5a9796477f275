"""End what `hotplate up` started, when what is under way is finished."""

from __future__ import annotations

import argparse
import os
import signal

from hotplate.cli import console
from hotplate.deployment.home import find_home
from hotplate.supervisor import lock

PATIENCE_S = 3700.0
"""Longer than any grace period may be: the supervisor itself sees to it that it ends."""


def configure(parser: argparse.ArgumentParser) -> None:
    """`down` has no options."""


def main(_: argparse.Namespace) -> int:
    """Ask the supervisor to end, and wait for it. Gives the exit code."""
    home = find_home()
    running = lock.read(home)
    if not lock.is_up(home):
        console.out("Nothing is up.")
        return 0
    if "pid" not in running:
        console.problem(f"Hotplate is up, but {home.supervisor_file} does not say as which process.", hint=lock.UNSAID)
        return 1
    os.kill(int(running["pid"]), signal.SIGTERM)
    if not lock.wait_down(home, PATIENCE_S):
        console.problem("Hotplate did not end.", hint=f"Its pid is {running['pid']}.")
        return 1
    console.out("Hotplate is down.")
    return 0
