"""Where everything lies: the layout of HOTPLATE_HOME. Who writes each place stands beside it; others only read it."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HOTPLATE_HOME"


class Home:
    """The folder of one installation, private to its user (0700)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.admin_token = root / "admin-token"  # supervisor, once: the first token, mode 0600
        self.key = root / "key"  # supervisor, once: what secrets are sealed with, mode 0600
        self.control_db = root / "control.db"  # control
        self.server_db = root / "server.db"  # server: events, decisions, samples
        self.jobs = root / "jobs" / "deployed"  # server: jobs.db, and what is too large for it
        self.snapshot = root / "snapshot.json"  # control, as a whole; the server reads it
        self.revisions = root / "revisions"  # build: one folder per digest
        self.environments = root / "environments"  # build: one folder per locked set of packages
        self.images = root / "images"  # build: parts of container images, by their digest
        self.logs = root / "logs"  # server: one folder per endpoint
        self.uploads = root / "uploads"  # control: archives that it unpacks and builds; nothing lasts
        self.volumes = root / "volumes"  # workers: one folder per volume
        self.run = root / "run"  # supervisor: what runs now
        self.supervisor_file = self.run / "supervisor.json"  # supervisor: pid, url, control_url
        self.server_socket = self.run / "server.sock"  # server: its state, and the word to read the snapshot anew
        self.store = root / "store"  # supervisor: the URL of a shared store, mode 0600; none where files are it
        self.lock = self.run / "lock"  # supervisor holds it as long as it lives

    def make(self) -> None:
        """Make the folders, closed to everybody else."""
        for folder in (self.root, self.run, self.revisions, self.environments, self.logs, self.volumes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def find_home() -> Home:
    """Give the home that HOTPLATE_HOME names, or `~/.hotplate`."""
    named = os.environ.get(VARIABLE)
    return Home(Path(named).expanduser().absolute() if named else Path.home() / ".hotplate")


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old one or the new one, and so that it is on disk when this returns."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
