"""What `doctor` looks at: the machine (Python, packages, files, memory, port) and the project."""

from __future__ import annotations

import argparse
import os
import re
import resource
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from hotplate.cli.opening import open_from
from hotplate.config.project_file import NAMES
from hotplate.config.resolve import resolve
from hotplate.config.settings import Settings
from hotplate.dialects.opening import Opened
from hotplate.errors import HotplateError, ProjectError, SettingError

Status = Literal["ok", "warn", "fail"]

_NEEDED = ("uvloop", "httptools", "msgspec", "pydantic", "pybase64", "python-multipart", "PyYAML", "httpx")
_MEDIA = {"image": "pillow", "audio": "soundfile", "video": "av"}
_SOCKET_PATH_BYTES = 80
"""A Unix socket's whole path may have about 104 bytes; our part of it takes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `fix` says what to do where the status is not ok."""

    name: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The project's checks, and the settings that it would run with."""

    settings: Settings
    checks: tuple[Check, ...]


def check_machine(settings: Settings) -> list[Check]:
    """Everything that does not depend on the project's code."""
    return [
        _python(),
        _packages(),
        _open_files(settings),
        _shared_memory(),
        _temporary_folder(),
        _port(settings),
        _shims(),
    ]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    right = sys.version_info >= (3, 11)
    fix = "Hotplate needs Python 3.11 or newer: make an environment with it."
    return Check(name="python", status="ok" if right else "fail", detail=f"{version} ({sys.executable})", fix=fix)


def _packages() -> Check:
    missing = [name for name in _NEEDED if not _version(name)]
    if missing:
        fix = "Install Hotplate again: pip install --force-reinstall hotplate"
        return Check(name="packages", status="fail", detail=f"missing: {', '.join(missing)}", fix=fix)
    shown = ", ".join(f"{name} {_version(name)}" for name in _NEEDED[:4])
    return Check(name="packages", status="ok", detail=shown)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _open_files(settings: Settings) -> Check:
    limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + 100
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return Check(name="open files", status="ok", detail=f"{limit} at once")
    detail = f"{limit} at once, while max_connections is {settings.max_connections}"
    able = hard == resource.RLIM_INFINITY or hard >= wanted
    less = f"set max_connections to {max(1, limit - 100)}"
    fix = f"ulimit -n {wanted}" if able else f"ulimit -n {hard}, or {less}" if hard > limit else less.capitalize()
    return Check(name="open files", status="warn" if limit >= 256 else "fail", detail=detail, fix=fix)


def _shared_memory() -> Check:
    if not hasattr(os, "memfd_create"):
        detail = "no memfd on this system; large bodies go through files"
        return Check(name="shared memory", status="ok", detail=detail)
    try:
        descriptor = os.memfd_create("hotplate-doctor")
    except OSError as error:
        fix = "A sandbox forbids memfd_create: allow it (seccomp profile)."
        return Check(name="shared memory", status="fail", detail=str(error.strerror), fix=fix)
    try:
        os.ftruncate(descriptor, 1 << 20)
    finally:
        os.close(descriptor)
    return Check(name="shared memory", status="ok", detail="memfd works")


def _temporary_folder() -> Check:
    folder = tempfile.gettempdir()
    fix = "Point TMPDIR at a short path that can be written to, such as /tmp."
    if len(os.fsencode(folder)) > _SOCKET_PATH_BYTES:
        detail = f"{folder} is too long for Unix sockets below it"
        return Check(name="temporary", status="fail", detail=detail, fix=fix)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hotplate-doctor-") as inside,
            socket.socket(socket.AF_UNIX) as unix,
        ):
            unix.bind(str(Path(inside) / "s"))
    except OSError as error:
        detail = f"no Unix socket can be made in {folder}: {error.strerror}"
        return Check(name="temporary", status="fail", detail=detail, fix=fix)
    return Check(name="temporary", status="ok", detail=folder)


def _port(settings: Settings) -> Check:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    place = f"{settings.host}:{settings.port}"
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            # An address that another socket listens on can be bound again with SO_REUSEADDR on some systems,
            # but not listened on.
            probe.listen(1)
        except OSError as error:
            fix = "Stop what listens there, or choose another: hotplate run --port 8081"
            return Check(name="port", status="fail", detail=f"{place}: {error.strerror}", fix=fix)
    return Check(name="port", status="ok", detail=f"{place} is free")


def _shims() -> Check:
    for package in ("octoai-sdk", "octoai"):
        if version := _version(package):
            detail = f"`octoai` is the installed {package} {version}; services written with it run as they are"
            return Check(name="octoai", status="ok", detail=detail)
    return Check(name="octoai", status="ok", detail="`from octoai.service import Service` is answered by Hotplate")


def check_project(args: argparse.Namespace, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Examined:
    """Everything about the project that `args` names. A folder without any project is only worth a warning."""
    settings = Settings()
    try:
        opened = open_from(args)
        settings = resolve(flags=flags, environ=environ, file=opened.file).settings
    except HotplateError as error:
        return Examined(settings=settings, checks=(_failed("settings", error),))
    file = opened.file.path.name if opened.file else "no project file"
    checks = [Check(name="settings", status="ok", detail=f"read ({file})")]
    asked = bool(args.paths) or any((opened.project.root / name).is_file() for name in (*NAMES, "service.py"))
    checks += _contract(opened, asked=asked)
    checks += _requirements(opened.project.root)
    checks += _secrets(opened, environ)
    return Examined(settings=settings, checks=tuple(checks))


def _failed(name: str, error: HotplateError) -> Check:
    where = None
    if isinstance(error, SettingError):
        where = error.source
    elif isinstance(error, ProjectError) and error.file:
        where = f"{error.file}:{error.line}" if error.line else error.file
    detail = f"{where}: {error.message}" if where else error.message
    return Check(name=name, status="fail", detail=detail, fix=getattr(error, "hint", None) or "")


def _contract(opened: Opened, *, asked: bool) -> list[Check]:
    from hotplate.dialects.registry import detect, get

    try:
        match = detect(opened.project, dialect=opened.dialect)
        contract = get(match.dialect).describe(opened.project, match)
    except HotplateError as error:
        if asked:
            return [_failed("project", error)]
        fix = "Name its folder, or start one with: hotplate init"
        return [Check(name="project", status="warn", detail="There is no project in this folder.", fix=fix)]
    routes = ", ".join(route.path for route in contract.routes)
    checks = [Check(name="project", status="ok", detail=f"{match.dialect} {match.entry}: {routes}")]
    kinds = {spec.kind for route in contract.routes for spec in (route.returns, *(p.type for p in route.params))}
    missing = sorted(_MEDIA[kind] for kind in kinds if kind in _MEDIA and not _version(_MEDIA[kind]))
    if missing:
        fix = "pip install 'hotplate[media]'"
        checks.append(Check(name="media", status="warn", detail=f"not installed: {', '.join(missing)}", fix=fix))
    return checks


def _requirements(root: Path) -> list[Check]:
    file = root / "requirements.txt"
    if not file.is_file():
        return []
    missing: list[str] = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        found = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)", line.strip())
        if found and ";" not in line and "@" not in line and not _version(found[1]):
            missing.append(found[1])
    if not missing:
        return [Check(name="requirements", status="ok", detail="every package of requirements.txt is installed")]
    fix = f"{Path(sys.executable).name} -m pip install -r {file}"
    return [Check(name="requirements", status="fail", detail=f"not installed: {', '.join(missing)}", fix=fix)]


def _secrets(opened: Opened, environ: Mapping[str, str]) -> list[Check]:
    names = opened.file.deploy.get("secrets", ()) if opened.file else ()
    missing = [name for name in names if name not in environ]
    if not missing:
        return []
    fix = f"export {missing[0]}=… before `hotplate run`"
    return [Check(name="secrets", status="warn", detail=f"not in this shell: {', '.join(missing)}", fix=fix)]
