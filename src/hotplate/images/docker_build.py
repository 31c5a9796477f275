"""Builds a plan's image with an engine: its Dockerfile, the context streamed to the builder, progress line by line."""

from __future__ import annotations

import re
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from hotplate.engine.engine import Engine, refusal
from hotplate.errors import EngineRefused, ImageFailed, SettingError
from hotplate.images import context
from hotplate.images.dockerfile import SECRETS, dockerfile
from hotplate.images.grammar import words
from hotplate.images.plan import ImagePlan

FILE = "Dockerfile"
Progress = Callable[[str], None]
_KEPT_LINES = 40
_STEP = re.compile(r"^(?:\[\d+/\d+\] )?(?:Step|STEP) (\d+/\d+) ?: (.*)$|^#\d+ \[(.*?\d+/\d+)\] (.*)$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CACHED = re.compile(r"Using cache|CACHED")


class How(NamedTuple):
    """How to build. `secrets` are files by the name that the Dockerfile has for them; `network` is the engine's name
    of the network that commands of the build see."""

    secrets: Mapping[str, Path] = {}
    network: str = ""
    upgrade: bool = False


def build(engine: Engine, plan: ImagePlan, tag: str, uv: Path, how: How, progress: Progress) -> str:
    """Build and tag an image; give its id.

    Raises:
        ImageFailed: a step of the Dockerfile failed; `trace` has its last words.
        EngineUnavailable, EngineRefused: the engine does not answer, or says no.
    """
    own = plan.files / FILE
    text = own.read_text("utf-8", "replace") if own.is_file() else dockerfile(plan, secrets=_known(engine, how, own))
    if own.is_file():
        progress(f"Using the project's own {FILE}")
        if plan.setup and "--setup" not in text:
            raise SettingError(
                f"The project's own {FILE} does not run setup().",
                key="setup",
                source=FILE,
                hint=f"Add `RUN {words(*plan.entry_point, '--setup')}` to it, or leave --setup out.",
            )
    command = ["build", "--tag", tag, "--platform", plan.platform, "--file", FILE]
    if engine.kind == "docker":
        command += ["--progress", "plain", "--load"] if engine.buildx else ["--force-rm"]
        command = ["buildx", *command] if engine.buildx else command
    else:
        command += ["--format", "docker"]  # the other one has no health checks
    for name, path in how.secrets.items():
        command += ["--secret", f"id={name},src={path}"]
    if how.network:
        command += ["--network", how.network]
    if how.upgrade:
        command += ["--no-cache", *(["--pull"] if not engine.has(plan.base) else [])]
    if engine.kind == "docker" and not engine.buildx and plan.platform == _platform(engine):
        # It wants `experimental` for it.
        command = [word for word in command if word not in ("--platform", plan.platform)]
    _run(engine, [*command, "-"], lambda pipe: context.write(pipe, plan, text, uv, own=own.is_file()), progress)
    return engine.ask("image", "inspect", "--format", "{{.Id}}", tag)


def _platform(engine: Engine) -> str:
    return engine.ask("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")


def _known(engine: Engine, how: How, own: Path) -> Sequence[str]:
    """The secrets that the Dockerfile of a plan mounts."""
    if not how.secrets:
        return ()
    if engine.kind == "docker" and not engine.buildx:
        raise SettingError(
            "Docker's classic builder keeps no secrets.", key="secret", hint="Install docker-buildx, or use podman."
        )
    for name in how.secrets:
        if name not in SECRETS:
            raise SettingError(
                f"{name!r} is no secret that the build of an image knows: {', '.join(SECRETS)}.",
                key="secret",
                hint=f"A {own.name} of your own may mount any.",
            )
    return tuple(how.secrets)


def _run(engine: Engine, words: Sequence[str], write: Callable[[IO[bytes]], None], progress: Progress) -> None:
    process = subprocess.Popen(
        [engine.program, *words],
        env=engine.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    failed: list[BaseException] = []

    def send(pipe: IO[bytes]) -> None:
        try:
            with pipe:
                write(pipe)
        except BrokenPipeError:
            pass  # it has ended, and says why
        except Exception as error:  # noqa: BLE001 - raised again by who waits for this thread
            failed.append(error)
            process.kill()

    sender = threading.Thread(target=send, args=(process.stdin,), daemon=True)
    sender.start()
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    step = ""
    try:
        for raw in process.stdout:
            line = _COLOUR.sub("", raw.decode("utf-8", "replace")).rstrip()
            if (found := _STEP.match(line)) is not None:
                step = " ".join(part for part in found.groups() if part)
                progress(step)
            if line and not _CACHED.search(line):
                said.append(line)
        status = process.wait()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        sender.join()
    if failed:
        raise failed[0]
    if status:
        error = refusal(engine.kind, "build", "\n".join(said))
        if not step or not isinstance(error, EngineRefused):
            raise error
        raise ImageFailed(f"The image cannot be built: step {step[:300]}", trace="\n".join(said))
