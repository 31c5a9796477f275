"""Builds of projects that were sent as archives: unpacked, built one after the other, told step by step.

A build is `python -m hotplate.build` in a process of its own: control never imports an author's code, nor what reads
it. What it says is kept here, in memory, for as many builds as `KEPT`; a revision that it made stays on disk.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal
from uuid import uuid4

import msgspec
from msgspec import Meta

from hotplate.build.archive import extract
from hotplate.control.log import log
from hotplate.control.plane import Caller, Plane
from hotplate.deployment.home import VARIABLE, Home
from hotplate.errors import BadArchive, NotFound, TooManyCalls

WAITING = 8
KEPT = 100
MAX_STEPS = 1000
MAX_UPLOAD_BYTES = 1 << 30
LONGEST_S = 3600.0
LINE_BYTES = 1 << 20
ENDED = ("built", "failed")

Text = Annotated[str, Meta(max_length=200)]
State = Literal["waiting", "running", "built", "failed"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to build. `folder` is what the project's folder is called, and so the endpoint, where nothing else names it.

    `target` are functions to serve (`model.py:predict`), `option` pairs (`KEY=VALUE`) of the dialect's.
    """

    folder: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None
    name: Annotated[str, Meta(max_length=63)] = ""
    target: tuple[Text, ...] = ()
    dialect: Text = ""
    service_module: Text = ""
    service_class: Text = ""
    api: Text = ""
    option: tuple[Annotated[str, Meta(max_length=100_000)], ...] = ()
    python: Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+){0,2})?$")] = ""
    scripts: Literal["refuse", "run", "skip"] = "refuse"
    upgrade: bool = False
    store_assets: bool = False
    volume: Annotated[str, Meta(max_length=63)] = ""

    def words(self, root: Path) -> list[str]:
        """The arguments of `python -m hotplate.build`. A value never becomes an option: it stands after a `=`."""
        flags = {
            "name": self.name,
            "dialect": self.dialect,
            "service-module": self.service_module,
            "service-class": self.service_class,
            "api": self.api,
            "python": self.python,
            "scripts": self.scripts,
            "volume": self.volume,
        }
        words = [f"--{flag}={value}" for flag, value in flags.items() if value]
        words += [f"--option={pair}" for pair in self.option]
        words += [f"--{flag}" for flag, on in (("upgrade", self.upgrade), ("store-assets", self.store_assets)) if on]
        return [*words, "--", str(root), *self.target]


class Build:
    """One build, and what it has said so far."""

    def __init__(self, caller: Caller, asked: Asked, upload: Path) -> None:
        self.id = uuid4().hex
        self.caller = caller.id
        self.asked = asked
        self.upload = upload
        self.begun_at = time.time()
        self.state: State = "waiting"
        self.steps: list[dict[str, Any]] = []
        self.revisions: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "id": self.id,
            "state": self.state,
            "created_at": self.begun_at,
            "token": self.caller,
            "steps": list(self.steps),
            "revisions": list(self.revisions),
            "error": self.error,
        }

    def take(self, line: dict[str, Any]) -> None:
        """Note a line that the build wrote."""
        event = line.pop("event", "")
        if event == "step" and len(self.steps) < MAX_STEPS:
            self.steps.append(line)
        elif event == "built":
            self.revisions.append(line)
        elif event == "failed":
            self.error = line
        elif event == "done":
            self.state = "built"

    def fail(self, code: str, message: str) -> None:
        """It ended without a word of its own."""
        self.error = {"code": code, "message": message}
        self.state = "failed"


class Builds:
    """Those that wait, the one that runs, and those that ended last. A named background service."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._waiting: asyncio.Queue[Build] = asyncio.Queue(WAITING)
        self._known: OrderedDict[str, Build] = OrderedDict()
        self.changed = asyncio.Condition()

    async def run(self) -> None:
        """Build one after the other until cancelled. What fails is told to whoever asked for it."""
        shutil.rmtree(self._plane.home.uploads, ignore_errors=True)  # of a control that died
        while True:
            build = await self._waiting.get()
            try:
                await self._build(build)
            except Exception as error:  # noqa: BLE001 - one build's trouble is not the next one's
                log("error", f"build {build.id}: {type(error).__name__}: {error}")
                build.fail("internal_error", "An internal error. Control's log has the details.")
            finally:
                await asyncio.to_thread(shutil.rmtree, build.upload, ignore_errors=True)
            await self._tell()

    def check_room(self) -> None:
        """Raise TooManyCalls where one more would have to be refused."""
        if self._waiting.full():
            raise TooManyCalls(f"{WAITING} builds wait already.", retry_after_s=10)

    def submit(self, caller: Caller, asked: Asked, upload: Path) -> Build:
        """Build an unpacked archive as soon as those before it are done."""
        self.check_room()
        build = Build(caller, asked, upload)
        self._known[build.id] = build
        for old in [each for each in self._known.values() if each.state in ENDED][: max(0, len(self._known) - KEPT)]:
            del self._known[old.id]
        self._waiting.put_nowait(build)
        return build

    def find(self, caller: Caller, build_id: str) -> Build:
        """A build, for who asked for it and for tokens that are for all endpoints. Raises NotFound."""
        build = self._known.get(build_id)
        if build is None or (caller.endpoints and build.caller != caller.id):
            raise NotFound("There is no such build. They are forgotten after a while, and when control is restarted.")
        return build

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _build(self, build: Build) -> None:
        build.state = "running"
        root = project_folder(build.upload)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hotplate.build",
            *build.asked.words(root),
            cwd=root,  # functions are named from the project's folder
            env=_environment(self._plane.home),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(LONGEST_S):
                await self._follow(build, process)
                await process.wait()
        except TimeoutError:
            build.fail("deadline_exceeded", f"The build was ended after {LONGEST_S:g} s.")
        finally:
            _kill_all(process)
            await process.wait()
        if build.state == "running":
            build.state = "failed"
            build.error = build.error or {"code": "internal_error", "message": "The build ended without a word."}

    async def _follow(self, build: Build, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        above = f"{build.upload}/project/".encode()  # where it lies now means nothing to anybody
        while line := await process.stdout.readline():
            try:
                said = msgspec.json.decode(line.replace(above, b""), type=dict[str, Any])
            except msgspec.DecodeError:  # something that the author's code wrote
                continue
            build.take(said)
            await self._tell()


def make_folder(home: Home) -> Path:
    """A folder for one upload."""
    home.uploads.mkdir(mode=0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=home.uploads))


def unpack(source: BinaryIO, upload: Path, name: str | None) -> None:
    """Unpack an archive below an upload's folder. One folder that holds everything is taken for the project's.

    Raises:
        BadArchive, LimitExceeded: see `extract`.
    """
    packed = upload / "unpacked"
    extract(source, packed)
    inside = list(packed.iterdir())
    if not inside:
        raise BadArchive("The archive is empty.")
    top = inside[0] if len(inside) == 1 and inside[0].is_dir() else packed
    own = top.name if top is not packed and _NAME.match(top.name) else "project"
    place = upload / "project"
    place.mkdir(mode=0o700)
    top.rename(place / (name or own))


def project_folder(upload: Path) -> Path:
    """The one folder that `unpack` has left."""
    return next((upload / "project").iterdir())


def _environment(home: Home) -> dict[str, str]:
    kept_out = ("HOTPLATE_TOKEN", "HOTPLATE_CONTROL_URL")
    return {**{name: value for name, value in os.environ.items() if name not in kept_out}, VARIABLE: str(home.root)}


def _kill_all(process: asyncio.subprocess.Process) -> None:
    """End the build and what it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
