"""Deploys that were started from a page: each runs `hotplate deploy` in a process of its own, as a person would.

The command has the token of whoever started it, so it may what they may; nothing of it goes through a shell. What it
says is kept for the page, and is gone with this process.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any, Literal
from uuid import uuid4

import msgspec

from hotplate.control.log import log
from hotplate.control.plane import Caller, Plane
from hotplate.control.secrets import mask_of
from hotplate.control.supervisor import read_supervisor
from hotplate.deployment.home import VARIABLE
from hotplate.errors import NotReady, TooManyCalls

MAX_RUNNING = 4
MAX_KEPT = 50
MAX_LINES = 2000
MAX_LINE = 4000


@dataclass(slots=True)
class Deploy:
    """One deploy. `shown` is the command as a person would type it; `made` are the endpoints that it made."""

    id: str
    words: tuple[str, ...]
    shown: str
    caller: Caller
    started_at: float
    folder: Path | None = None
    state: Literal["running", "done", "failed"] = "running"
    ended_at: float | None = None
    lines: deque[str] = field(default_factory=lambda: deque[str](maxlen=MAX_LINES))
    made: list[str] = field(default_factory=list[str])
    process: subprocess.Popen[str] | None = None


class Deploys:
    """Every deploy of this process."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._kept: OrderedDict[str, Deploy] = OrderedDict()
        self._lock = Lock()

    def start(self, words: list[str], caller: Caller, token: str, *, shown: list[str], folder: Path | None) -> Deploy:
        """Start `hotplate deploy WORDS`. `folder` is removed at its end."""
        url = str(read_supervisor(self._plane.home).get("control_url") or "")
        if not url:
            raise NotReady("Nothing runs here that could serve it.")
        deploy = Deploy(uuid4().hex[:12], tuple(words), shlex.join(["hotplate", "deploy", *shown]), caller, time.time())
        deploy.folder = folder
        with self._lock:
            if sum(each.state == "running" for each in self._kept.values()) >= MAX_RUNNING:
                raise TooManyCalls(f"{MAX_RUNNING} deploys are running already.", retry_after_s=30)
            self._kept[deploy.id] = deploy
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        environment = {**os.environ, VARIABLE: str(self._plane.home.root), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        environment |= {"HOTPLATE_CONTROL_URL": url, "HOTPLATE_TOKEN": token}
        Thread(target=self._run, args=(deploy, environment), name=f"deploy-{deploy.id}", daemon=True).start()
        return deploy

    def get(self, name: str) -> Deploy | None:
        """One of them."""
        return self._kept.get(name)

    def end(self) -> None:
        """End those that run."""
        for deploy in list(self._kept.values()):
            _stop(deploy)

    def cancel(self, deploy: Deploy) -> None:
        """End one."""
        deploy.lines.append("Cancelled.")
        _stop(deploy)

    def _run(self, deploy: Deploy, environment: dict[str, str]) -> None:
        try:
            with tempfile.TemporaryFile("w+") as answer:
                code = self._follow(deploy, environment, answer)
                answer.seek(0)
                deploy.made = _names(answer.read())
            deploy.state = "failed" if code else "done"
        except OSError as error:
            deploy.lines.append(f"It could not be started: {error.strerror}.")
            deploy.state = "failed"
        except Exception as error:  # noqa: BLE001 - a thread that ends unseen would leave the page waiting
            log("error", f"deploy {deploy.id}: {type(error).__name__}: {error}")
            deploy.lines.append("An internal error; control's log has the details.")
            deploy.state = "failed"
        finally:
            deploy.ended_at = time.time()
            if deploy.folder is not None:
                shutil.rmtree(deploy.folder, ignore_errors=True)

    def _follow(self, deploy: Deploy, environment: dict[str, str], answer: IO[str]) -> int:
        """Take what the command says on its standard error, line by line, until it ends."""
        words = [sys.executable, "-m", "hotplate.cli", "deploy", *deploy.words, "--output", "json"]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            cwd=deploy.folder or self._plane.home.root,
            start_new_session=True,
        )
        deploy.process = process
        assert process.stderr is not None
        with process.stderr as said:
            mask = mask_of(self._plane)
            for line in said:
                deploy.lines.append(mask(line.rstrip("\n"))[:MAX_LINE])
        return process.wait()


def _names(text: str) -> list[str]:
    """The endpoints in what the command prints: one, or a list of several."""
    try:
        value: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return []
    listed: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [str(each["name"]) for each in listed if isinstance(each, dict) and "name" in each]  # pyright: ignore[reportUnknownArgumentType]


def _stop(deploy: Deploy) -> None:
    process = deploy.process
    if process is None or process.poll() is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
