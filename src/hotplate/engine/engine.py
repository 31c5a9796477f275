"""Finds the engine, and asks it: one command, its output, and errors that say what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hotplate.errors import EngineRefused, EngineUnavailable

Kind = Literal["docker", "podman"]
KINDS: tuple[Kind, ...] = ("docker", "podman")
TIMEOUT_S = 60.0
_SAID = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that answers. `buildx` says whether Docker has its newer builder, BuildKit."""

    kind: Kind
    program: str
    version: str
    buildx: bool = False

    @property
    def builder(self) -> str:
        """What builds images, for people."""
        if self.kind == "podman":
            return f"podman {self.version}"
        return f"docker {self.version}, {'buildx' if self.buildx else 'classic builder'}"

    def environment(self) -> dict[str, str]:
        """The variables of its command: this process's, and which builder it is to be."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
        if self.kind == "docker":
            variables["DOCKER_BUILDKIT"] = "1" if self.buildx else "0"
        return variables

    def ask(self, *words: str, timeout_s: float = TIMEOUT_S, data: bytes | None = None) -> str:
        """Run one of its commands and give its output, without the last line end.

        Raises:
            EngineRefused: it says no; the text has its words.
            EngineUnavailable: it does not answer.
        """
        try:
            done = subprocess.run(
                [self.program, *words],
                env=self.environment(),
                input=data,
                stdin=subprocess.DEVNULL if data is None else None,
                capture_output=True,
                check=False,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise EngineUnavailable(f"{self.kind} {words[0]} did not answer within {timeout_s:g} s.") from None
        except OSError as error:
            raise EngineUnavailable(f"{self.program} cannot be started: {error.strerror}.") from None
        if done.returncode:
            raise refusal(self.kind, words[0], done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "replace").removesuffix("\n")

    def has(self, image: str) -> bool:
        """Whether an image is here."""
        try:
            self.ask("image", "inspect", "--format", "{{.Id}}", image)
        except EngineRefused:
            return False
        return True


def refusal(kind: str, command: str, said: str) -> EngineRefused | EngineUnavailable:
    """The error for what an engine's command wrote before it ended."""
    text = said.strip()[-_SAID:]
    if "Cannot connect to the Docker daemon" in text or "error during connect" in text:
        return EngineUnavailable(f"The engine does not answer: {text.splitlines()[0]}")
    if "could not select device driver" in text or "unresolvable CDI devices" in text:
        return EngineRefused(
            f"The engine has no GPUs for containers: NVIDIA's container toolkit brings them. It says: {text}"
        )
    return EngineRefused(f"{kind} {command}: {text or 'it ended without a word'}")


def find_engine(asked: str = "", environ: Mapping[str, str] | None = None) -> Engine:
    """Find an engine that answers: the one asked for, else Docker, else Podman.

    Raises:
        EngineUnavailable: there is none. The text says what was tried.
    """
    given = os.environ if environ is None else environ
    kinds: Sequence[Kind] = [kind for kind in KINDS if asked in ("", kind)]
    tried: list[str] = []
    for kind in kinds:
        program = shutil.which(kind, path=given.get("PATH"))
        if program is None:
            tried.append(f"there is no command {kind}")
            continue
        try:
            return _opened(kind, program)
        except (EngineRefused, EngineUnavailable) as error:
            tried.append(error.message)
    raise EngineUnavailable(f"No container engine answers: {'; '.join(tried)}")


def _opened(kind: Kind, program: str) -> Engine:
    if kind == "podman":
        version = Engine(kind=kind, program=program, version="").ask("version", "--format", "{{.Client.Version}}")
        return Engine(kind=kind, program=program, version=version)
    asked = Engine(kind=kind, program=program, version="")
    version = asked.ask("version", "--format", "{{.Server.Version}}")
    try:
        asked.ask("buildx", "version")
        buildx = True
    except EngineRefused:
        buildx = False
    return Engine(kind=kind, program=program, version=version, buildx=buildx)
