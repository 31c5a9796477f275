"""Pushes and pulls images with the engine's own command: their parts lie with the engine, not with us.

A login of ours is given to it in a file of its own that is gone afterwards, never on a command line.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hotplate.engine.engine import Engine, refusal
from hotplate.errors import EngineUnavailable, SettingError
from hotplate.images.logins import HUB_KEY
from hotplate.images.reference import HUB, Reference, parse
from hotplate.images.registry_auth import NOBODY, Login

TRANSFER_S = 6 * 3600.0
Progress = Callable[[str, str], None]


def push(engine: Engine, tag: str, reference: Reference, login: Login, progress: Progress) -> None:
    """Push an image under a name. `login` NOBODY: the engine's own.

    Raises:
        EngineRefused, EngineUnavailable: the engine's words are in the text.
    """
    if tag != str(reference):
        engine.ask("tag", tag, str(reference))
    progress("push", f"{reference} with {engine.kind}")
    _transfer(engine, "push", reference, login)


def pull(engine: Engine, reference: Reference, login: Login, progress: Progress) -> Reference:
    """Pull an image; give its name with its digest, which is the same image ever after.

    Raises:
        EngineRefused, EngineUnavailable: the engine's words are in the text.
    """
    progress("pull", f"{reference} with {engine.kind}")
    _transfer(engine, "pull", reference, login)
    if reference.digest:
        return replace(reference, tag="")
    for line in engine.ask("image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', str(reference)).split():
        found = parse(line)
        if (found.registry, found.repository) == (reference.registry, reference.repository):
            return replace(found, tag="")
    raise SettingError(f"{engine.kind} does not say which digest {reference} has.")


def _transfer(engine: Engine, command: str, reference: Reference, login: Login) -> None:
    with TemporaryDirectory(prefix="hotplate-login-") as folder:
        variables = engine.environment()
        if login != NOBODY:
            path = Path(folder) / "config.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps(_document(reference.registry, login)), "utf-8")
            variables |= {"DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": str(path)}
        try:
            done = subprocess.run(
                [engine.program, command, str(reference)],
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=TRANSFER_S,
            )
        except (OSError, subprocess.TimeoutExpired):
            text = f"{engine.kind} {command} did not end within {TRANSFER_S / 3600:g} hours."
            raise EngineUnavailable(text) from None
    if done.returncode:
        raise refusal(engine.kind, command, done.stderr.decode("utf-8", "replace"))


def _document(registry: str, login: Login) -> dict[str, object]:
    key = HUB_KEY if registry == HUB else registry
    if login.identity:
        return {"auths": {key: {"identitytoken": login.identity}}}
    return {"auths": {key: {"auth": base64.b64encode(f"{login.username}:{login.password}".encode()).decode()}}}
