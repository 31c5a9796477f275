"""Where jobs are: each a folder with what it was made of, its log, and a `hotplate run` that outlives its maker.

This is the one seam between `proximl.jobs` and what runs endpoints: a control plane stands in for it with an object
of the same methods. A server holds a lock on its job's folder, so that nobody takes another process for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib import error as urllib_error
from urllib import request as urllib_request

from proximl._specification import run_options, variables
from proximl.exceptions import ApiError

PATIENCE_S = 40.0
"""How long a server may take to end: its grace for calls in flight, and more."""
LAST_LINES = 20

_URL = re.compile(r"Hotplate running on (http://\S+)")


class LocalStore:
    """The jobs under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Start an endpoint and give its job. Raises ApiError or SpecificationError for what is not served."""
        options = run_options(payload)  # first, so that nothing is left of a wrong one
        found = uuid.uuid4().hex
        folder = self._root / found
        folder.mkdir(mode=0o700, parents=True)
        job = {"id": found, "job_uuid": found, "created": time.time(), **payload, "options": options}
        _write(folder, job)
        self._start(folder)
        return self.get(found)

    def get(self, name: str) -> dict[str, Any]:
        """Give a job as it is now. Raises ApiError with status 404 where there is none."""
        folder = self._folder(name)
        job = _read(folder)
        status, url = _state(folder)
        endpoint = {**job.get("endpoint", {}), "url": url}
        worker = {"job_worker_uuid": job["id"], "command": "", "status": status}
        shown = {key: value for key, value in job.items() if key != "options"}
        found = {"credits": 0.0, "project_uuid": None, "data": {}, **shown, "endpoint": endpoint, "status": status}
        if status == "failed":
            found["message"] = "\n".join(_messages(folder)[-LAST_LINES:])
        return {**found, "workers": [worker]}

    def list(self) -> list[dict[str, Any]]:
        """Give every job, the oldest first."""
        names = [folder.parent.name for folder in self._root.glob("*/job.json")]
        return sorted((self.get(name) for name in names), key=lambda job: job["created"])

    def command(self, name: str, command: str) -> dict[str, Any]:
        """Start or stop an endpoint; give its job."""
        folder = self._folder(name)
        if command == "stop":
            (folder / "stopped").touch()
            self._signal(folder, signal.SIGTERM)
        elif not _alive(folder):
            (folder / "stopped").unlink(missing_ok=True)
            self._start(folder)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Stop an endpoint and forget its job."""
        folder = self._folder(name)
        self.command(name, "stop")
        end = time.monotonic() + PATIENCE_S
        while _alive(folder):
            if time.monotonic() > end:
                self._signal(folder, signal.SIGKILL)
            time.sleep(0.05)
        shutil.rmtree(folder)

    def log(self, name: str) -> Path:
        """Give the file of a job's log: JSON lines of the server, and what it said before it was one."""
        return self._folder(name) / "log"

    def _folder(self, name: str) -> Path:
        folder = self._root / name
        if not re.fullmatch(r"[0-9a-f]{32}", name) or not (folder / "job.json").is_file():
            raise ApiError(404, {"errorMessage": f"Job {name} not found"})
        return folder

    def _start(self, folder: Path) -> None:
        job = _read(folder)
        command = [sys.executable, "-m", "hotplate.cli", "run", *job["options"], "--port", "0", "--log-format", "json"]
        (folder / "url").unlink(missing_ok=True)
        with (folder / "lock").open("a") as lock, (folder / "log").open("wb") as log:
            _take(lock)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **variables(job)},
                pass_fds=[lock.fileno()],  # the lock lives as long as any process that has it
                start_new_session=True,
            )
        (folder / "pid").write_text(str(process.pid))
        _running[process.pid] = process

    @staticmethod
    def _signal(folder: Path, number: int) -> None:
        if _alive(folder):
            os.kill(int((folder / "pid").read_text()), number)


_running: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, to be waited for."""


def _take(lock: IO[str]) -> None:
    """Lock a job's folder. Others only look for a moment, so it is free soon or not at all."""
    end = time.monotonic() + 2.0
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise ApiError(409, {"errorMessage": "The job is running already"}) from None
            time.sleep(0.01)


def _alive(folder: Path) -> bool:
    for pid, process in list(_running.items()):
        if process.poll() is not None:
            del _running[pid]
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _state(folder: Path) -> tuple[str, str]:
    """Give the status, in proxiML's words, and the URL while there is one."""
    stopped = (folder / "stopped").exists()
    if not _alive(folder):
        return ("stopped" if stopped else "failed"), ""
    if stopped:
        return "stopping", ""
    url = _url(folder)
    if not url:
        return "waiting for data/model download", ""
    try:
        with urllib_request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - of the log that we made
            ready = answer.status == 200
    except (urllib_error.URLError, TimeoutError, ConnectionError):
        ready = False
    return ("running" if ready else "starting"), url


def _url(folder: Path) -> str:
    known = folder / "url"
    if known.exists():
        return known.read_text()
    url = next((found[1] for line in _messages(folder) if (found := _URL.search(line))), "")
    if url:
        known.write_text(url)
    return url


def _messages(folder: Path) -> list[str]:
    return [message for _, message in records((folder / "log").read_bytes().splitlines())]


def records(lines: list[bytes]) -> Iterator[tuple[str, str]]:
    """Give each line of a log as its time, if it has one, and its text."""
    for line in lines:
        try:
            record: Any = json.loads(line)
            yield record["time"], record["message"]
        except (ValueError, KeyError, TypeError):
            yield "", line.decode(errors="replace")


def _read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "job.json").read_text())


def _write(folder: Path, job: dict[str, Any]) -> None:
    (folder / "job.json").write_text(json.dumps(job))
