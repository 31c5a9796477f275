"""What an image contains, as pure data: the same for every builder.

    /opt/hotplate/env       Python environment of the server: Hotplate itself, and what `hotplate serve` imports
    /opt/hotplate/image.json   the revision, with its places in the image: what to serve
    /opt/project/env        Python environment of the project, where it lists packages; else the server's is used
    /opt/project/files      the project's files: the working folder
    /opt/project/volume     where `store_assets()` writes, and where a volume is mounted

An environment is what `python -m venv --without-pip` makes with the base image's own Python: `bin/python` is a link to
it, `pyvenv.cfg` names its folder, and packages lie in `lib/python3.X/site-packages`. Hotplate lies in the server's, as
plain files; the project's has a link to it there, and both have the `.pth` file of the import shims.

Layers, from below, so that what changes most lies on top: base, system packages, server, project's packages, files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from hotplate.engine.layout import FILES as FILES
from hotplate.engine.layout import HEALTH as HEALTH
from hotplate.engine.layout import HOME as HOME
from hotplate.engine.layout import PACKAGES as PACKAGES
from hotplate.engine.layout import PORT as PORT
from hotplate.engine.layout import PROJECT as PROJECT
from hotplate.engine.layout import RECORD as RECORD
from hotplate.engine.layout import ROOT as ROOT
from hotplate.engine.layout import SERVER as SERVER
from hotplate.engine.layout import USER_ID as USER_ID
from hotplate.engine.layout import VOLUME as VOLUME
from hotplate.images import grammar

LEFT_OUT = frozenset(("build", "control", "dashboard", "images", "manifests", "scaffolds", "supervisor"))
"""Parts of the package that an image has no use for: serving needs none of them."""
COMMANDS = frozenset(
    (
        *("__init__", "__main__", "console", "entry_point", "failures", "model_source", "opening", "parsing"),
        *("routes", "serve", "serve_settings"),
    )
)
"""What of `cli/` an image has: `serve`, and what that imports."""

ENTRY_POINT = (f"{SERVER}/bin/python", "-P", "-m", "hotplate.cli", "serve")
HEALTH_CHECK = (f"{SERVER}/bin/python", "-P", "-m", "hotplate.server.probe")
VARIABLES: Mapping[str, str] = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "HOME": HOME,
    "HOTPLATE_VOLUME_PATH": VOLUME,
}

DIGEST_LABEL = "org.hotplate.revision"
DIALECT_LABEL = "org.hotplate.dialect"
CONTRACT_LABEL = "org.hotplate.contract"


def is_cache(path: PurePath) -> bool:
    """Whether a file is what Python leaves beside the files that it runs: full of times and of this machine's paths."""
    return "__pycache__" in path.parts


def is_left_out(path: PurePath) -> bool:
    """Whether a file of the package `hotplate`, by its path in it, stays out of images."""
    first = path.parts[0]
    if first in LEFT_OUT or is_cache(path) or path.suffix == ".pth":
        return True
    if first == "targets":  # those that place replicas elsewhere: a container is one
        return path.parts[1:2] in (("kubernetes",), ("ray",))
    return first == "cli" and path.stem not in COMMANDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Python packages of one environment, locked: texts in the form of pylock.toml, installed one after the other,
    without their dependencies (`uv pip install --no-deps --requirements`)."""

    path: str
    lock: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script of the project that installs what it needs, run in its files' folder with its environment first."""

    source: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """One image.

    `python` is the minor version (`3.12`) that the base must have as `python3`. `hotplate` is the folder of the package
    `hotplate` that goes into the server's environment; `files` the folder with the project's files, which are copied as
    they are, readable by everybody. `project` is None where the project lists no packages. `local` says that its lock
    names packages that lie among its files. `record` is the text of RECORD. `setup` runs `setup()` while the image is
    built. `certificates` is a file of CA certificates that is trusted while the image is built, and by what runs in it.

    Raises SettingError for a value that may not stand in an image.
    """

    base: str
    python: str
    platform: str
    server: Packages
    hotplate: Path
    files: Path
    record: bytes
    project: Packages | None = None
    local: bool = False
    system_packages: tuple[str, ...] = ()
    scripts: tuple[Script, ...] = ()
    variables: Mapping[str, str] = field(default_factory=lambda: dict(VARIABLES))
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    entry_point: tuple[str, ...] = ENTRY_POINT
    health_check: tuple[str, ...] = HEALTH_CHECK
    user_id: int = USER_ID
    port: int = PORT
    setup: bool = False
    certificates: Path | None = None

    def __post_init__(self) -> None:
        grammar.check_image(self.base)
        grammar.check_python(self.python)
        grammar.check_platform(self.platform)
        for name in self.system_packages:
            grammar.check_package(name)
        for name, value in self.variables.items():
            grammar.check_name(name)
            grammar.check_text(value)
        for name, value in self.labels.items():
            grammar.check_label(name)
            grammar.check_text(value)
