"""Where jobs are remembered: each a folder with what it was made of, and what `_places` keeps beside that."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
import uuid
from pathlib import Path
from typing import Any

from proximl import _background as background
from proximl._places import Lines, Place, place_of
from proximl._specification import run_options
from proximl.exceptions import ApiError

PATIENCE_S = 40.0
"""How long a server may take to end: its grace for calls in flight, and more."""


class LocalStore:
    """The jobs under one folder. `place` is where new ones run; those that are there stay where they are."""

    def __init__(self, root: Path, place: str = "up") -> None:
        self._root = root
        self._place = place

    def create(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Start an endpoint and give its job. Raises ApiError or SpecificationError for what is not served."""
        options = run_options(payload)  # first, so that nothing is left of a wrong one
        found = uuid.uuid4().hex
        job = {"id": found, "job_uuid": found, "created": time.time(), **payload, "options": options}
        job |= {"place": self._place}
        job |= place_of(self._place).reserve(job)
        folder = self._root / found
        folder.mkdir(mode=0o700, parents=True)
        (folder / "job.json").write_text(json.dumps(job))
        place_of(self._place).start(folder, job)
        return self.get(found)

    def get(self, name: str) -> dict[str, Any]:
        """Give a job as it is now. Raises ApiError with status 404 where there is none."""
        folder, job, place = self._open(name)
        status, url, message = place.state(folder, job)
        endpoint = {**job.get("endpoint", {}), "url": url}
        worker = {"job_worker_uuid": job["id"], "command": "", "status": status}
        shown = {key: value for key, value in job.items() if key not in ("options", "place", "name_there")}
        found = {"credits": 0.0, "project_uuid": None, "data": {}, **shown, "endpoint": endpoint, "status": status}
        if message:
            found["message"] = message
        return {**found, "workers": [worker]}

    def list(self) -> list[dict[str, Any]]:
        """Give every job, the oldest first."""
        names = [folder.parent.name for folder in self._root.glob("*/job.json")]
        return sorted((self.get(name) for name in names), key=lambda job: job["created"])

    def command(self, name: str, command: str) -> dict[str, Any]:
        """Start or stop an endpoint; give its job."""
        folder, job, place = self._open(name)
        (place.stop if command == "stop" else place.start)(folder, job)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Stop an endpoint and forget its job."""
        folder, job, place = self._open(name)
        place.stop(folder, job)
        end = time.monotonic() + PATIENCE_S
        while background.alive(folder):
            if time.monotonic() > end:
                background.signal(folder, signal.SIGKILL)
            time.sleep(0.05)
        place.forget(job)
        shutil.rmtree(folder)

    def log(self, name: str) -> Path:
        """Give the file of a job's log."""
        folder, job, place = self._open(name)
        return place.log(folder, job)

    def lines(self, name: str, after: Any, *, ended: bool) -> Lines:
        """Give what a job's log says after a place in it, and the next place."""
        folder, job, place = self._open(name)
        return place.lines(folder, job, after, ended=ended)

    def _open(self, name: str) -> tuple[Path, dict[str, Any], Place]:
        folder = self._root / name
        if not re.fullmatch(r"[0-9a-f]{32}", name) or not (folder / "job.json").is_file():
            raise ApiError(404, {"errorMessage": f"Job {name} not found"})
        job = json.loads((folder / "job.json").read_text())
        return folder, job, place_of(job.get("place", "run"))
