"""A revision that is an image which Hotplate built before, here or elsewhere: read from it, and served as it is.

Nothing of the image is run to read it. Its replicas are containers, since its files and packages are in it alone.
"""

from __future__ import annotations

import hashlib
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import structs

from hotplate.build import store
from hotplate.build.staging import Staging, keep_fresh
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.engine.engine import Engine
from hotplate.engine.layout import RECORD
from hotplate.engine.names import revision_tag
from hotplate.errors import EngineRefused, SettingError
from hotplate.images import kept_images
from hotplate.images.engine_transfer import pull
from hotplate.images.reference import parse
from hotplate.images.registry_auth import Login

MAX_RECORD = 16 * 1024 * 1024
Progress = Callable[[str, str], None]
LoginOf = Callable[[str], Login]
"""The login for a registry."""


def fetch(engine: Engine, name: str, login: LoginOf, progress: Progress) -> str:
    """Have an image on the engine, and give the name that is the same image ever after.

    A name with a registry or a digest is pulled, whatever the engine has under it; any other is the engine's own.

    Raises:
        SettingError: it names no image, or none that is here.
        EngineRefused, EngineUnavailable: the registry's or the engine's words are in the text.
    """
    reference = parse(name)
    if "@" in name or name.partition("/")[0].lower() == reference.registry:
        return str(pull(engine, reference, login(reference.registry), progress))
    if not engine.has(name):
        raise SettingError(
            f"There is no image {name} with {engine.kind}.",
            key="image",
            source="--image",
            hint="`hotplate build --image` builds it; a name with its registry, as ghcr.io/ann/hello:v1, is pulled.",
        )
    return engine.ask("image", "inspect", "--format", "{{.Id}}", name)


def keep(home: Home, engine: Engine, image: str) -> Revision:
    """Make a revision of an image that is on the engine; the same image is the same revision.

    Raises:
        SettingError: it is none that Hotplate built.
    """
    identity = engine.ask("image", "inspect", "--format", "{{.Id}}", image)
    record = _read(engine, image)
    digest = hashlib.sha256(f"{record.digest} {identity}".encode()).hexdigest()
    revision = structs.replace(record, digest=digest, image=image)
    target = store.path_of(home, digest)
    if store.find(home, digest) is None or not keep_fresh(target):
        with Staging(home.revisions) as staging:
            (staging.path / store.FILES).mkdir()
            store.write(staging.path, revision)
            staging.rename(target)
    engine.ask("tag", identity, revision_tag(digest))
    kept_images.note(home, digest)
    return store.read(home, digest)


def have(engine: Engine, revision: Revision, login: LoginOf, progress: Progress) -> None:
    """Have the image of such a revision on the engine under its own name again, when somebody removed it."""
    try:
        if revision.image.startswith("sha256:"):
            raise EngineRefused(f"It was built on this machine, and {engine.kind} has it no more.")
        reference = parse(revision.image)
        pull(engine, reference, login(reference.registry), progress)
        engine.ask("tag", revision.image, revision_tag(revision.digest))
    except EngineRefused as error:
        raise EngineRefused(f"The image {revision.image} cannot be had: {error.message} Deploy it again.") from error


def _read(engine: Engine, image: str) -> Revision:
    name = f"hotplate-read-{uuid.uuid4().hex[:12]}"
    with TemporaryDirectory(prefix="hotplate-image-") as folder:
        path = Path(folder) / "image.json"
        engine.ask("create", "--name", name, "--network", "none", image, "true")
        try:
            engine.ask("cp", f"{name}:{RECORD}", str(path))
        except EngineRefused:
            pass
        finally:
            engine.ask("rm", "--force", "--volumes", name)
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_RECORD:  # a link would lead out of the image
                raise ValueError
            return msgspec.json.decode(path.read_bytes(), type=Revision)
        except (OSError, ValueError):
            raise SettingError(
                f"The image {image} is none that Hotplate built: it has no readable {RECORD}.",
                key="image",
                source="--image",
                hint="`hotplate build --image` builds one of a project.",
            ) from None
