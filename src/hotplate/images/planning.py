"""From a revision to the plan of its image: which base, which packages, which places. Nothing is built here."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from hotplate.build import dialect_needs, environment, interpreter, lock, requirements, worker_needs
from hotplate.build.lock import Lock
from hotplate.build.requirement_file import Need
from hotplate.build.requirements import Wanted
from hotplate.config.project_file import load_project_file
from hotplate.config.resolve import resolve
from hotplate.config.settings import Settings
from hotplate.deployment.attachment import PACKAGE
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.dialects import input_schema_yaml
from hotplate.dialects.recorded import recorded
from hotplate.errors import SettingError
from hotplate.images import plan
from hotplate.images.grammar import check_image, check_package
from hotplate.images.plan import ImagePlan, Packages, Script

BASE = "docker.io/library/python:{python}-slim"
"""What an image is built on unless something else is named: Debian with Python, and little else."""

_MACHINES = {"x86_64": "linux/amd64", "amd64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}


class ImageOptions(NamedTuple):
    """How to make an image. Empty texts: as the project's files say, else the default.

    `scripts` runs the project's own scripts that install what it needs (Cortex's `dependencies.sh`), as root of the
    image. `certificates` is a file of CA certificates of this machine that the image is to trust. `postgres`
    puts in what a store of jobs in PostgreSQL needs.
    """

    base: str = ""
    platform: str = ""
    scripts: bool = False
    setup: bool = False
    certificates: Path | None = None
    postgres: bool = False


def plan_of(revision: Revision, home: Home, options: ImageOptions | None = None) -> ImagePlan:
    """Say what the image of a revision contains.

    Raises:
        SettingError: a value of the project's files may not stand in an image.
        PackagesRefused, IndexUnreachable: what the server needs cannot be had.
    """
    options = options or ImageOptions()
    root = Path(revision.root)
    python = interpreter.find(revision.python)
    minor = ".".join(python.version.split(".")[:2])
    file = load_project_file(root)
    deploy: Mapping[str, Any] = file.deploy if file is not None else {}
    settings = resolve(environ=os.environ, file=file)
    base = options.base or settings.settings.base_image or BASE.format(python=minor)
    project, match = recorded(revision)
    asked = dialect_needs.read(root, match)
    theirs = environment.lock_of(home, revision.environment) if revision.environment else None
    scripts = asked.scripts if options.scripts else ()
    return ImagePlan(
        base=_named(
            check_image, base, "--base-image" if options.base else settings.origins["base_image"], "base_image"
        ),
        python=minor,
        platform=options.platform or here(),
        server=Packages(
            path=plan.SERVER,
            lock=_server(home, python, () if theirs else asked.extras, postgres=options.postgres).parts,
        ),
        hotplate=PACKAGE,
        files=root,
        record=_record(revision),
        project=Packages(path=plan.PACKAGES, lock=theirs.parts) if theirs else None,
        local=theirs is not None and requirements.read(project, match, "skip").local,
        system_packages=_system_packages(root, deploy.get("system_packages", ())),
        scripts=tuple(Script(source=each.source, command=each.words) for each in scripts),
        labels=_labels(revision),
        setup=options.setup,
        certificates=options.certificates or _certificates(settings.settings),
    )


def _certificates(settings: Settings) -> Path | None:
    if not settings.certificates:
        return None
    path = Path(settings.certificates).expanduser()
    if not path.is_file():
        raise SettingError(f"There is no file {path}.", key="certificates", source="HOTPLATE_CERTIFICATES")
    return path


def here() -> str:
    """The platform of this machine, with Linux in its place where it is another system."""
    return _MACHINES.get(platform.machine().lower(), "linux/amd64")


def _server(home: Home, python: interpreter.Interpreter, extras: tuple[Need, ...], *, postgres: bool) -> Lock:
    """Lock what Hotplate itself needs in the image: of every project with this Python the same."""
    texts = (*worker_needs.of_server(), *(worker_needs.of_extra("postgres") if postgres else ()))
    needs = tuple(Need(text, "hotplate", 0) for text in texts)
    return lock.resolve(Wanted(needs=needs, extras=extras), python, home.environments, home=home, bundle="")


def _system_packages(root: Path, listed: tuple[str, ...]) -> tuple[str, ...]:
    runtime = input_schema_yaml.read_runtime(root)
    found = [(name, "hotplate.yaml") for name in listed]
    if runtime is not None:
        found += [(name.strip(), runtime.file) for name in runtime.system_packages]
    return tuple(dict.fromkeys(_named(check_package, name, file, "system_packages") for name, file in found))


def _named(check: Callable[[str], str], value: str, source: str, key: str) -> str:
    """Check a value, and say where a wrong one stands."""
    try:
        return check(value)
    except SettingError as error:
        raise SettingError(f"`{key}`: {error.message}", key=key, source=source) from None


def _record(revision: Revision) -> bytes:
    """The revision with its places in the image."""
    own = revision.environment != ""
    python = f"{plan.PACKAGES if own else plan.SERVER}/bin/python"
    there = structs.replace(revision, root=plan.FILES, python=python)
    return msgspec.json.format(msgspec.json.encode(there))


def _labels(revision: Revision) -> dict[str, str]:
    contract = hashlib.sha256(msgspec.json.encode(revision.contract)).hexdigest()
    labels = {
        plan.DIGEST_LABEL: revision.digest,
        plan.DIALECT_LABEL: revision.dialect,
        plan.CONTRACT_LABEL: f"sha256:{contract}",
    }
    title = revision.name or revision.contract.name
    if title and title.isprintable():
        labels["org.opencontainers.image.title"] = title[:128]
    return labels
