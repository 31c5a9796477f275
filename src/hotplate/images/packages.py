"""Layers with a Python environment for the base image, made without running anything of it.

uv installs what is locked into an environment of the same version of Python on this machine, taking the packages that
fit the base's platform. In the image it starts the base's own Python.
"""

from __future__ import annotations

import os
import platform as machine
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hotplate.build import interpreter, uv
from hotplate.build.staging import Staging
from hotplate.deployment.attachment import SHIMS
from hotplate.errors import PackagesRefused, SettingError
from hotplate.images import layers
from hotplate.images.blobs import Blobs
from hotplate.images.layers import Item
from hotplate.images.plan import ImagePlan, Packages, is_cache, is_left_out
from hotplate.images.rootfs import Found

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64", "linux/arm64/v8": "aarch64"}
_GLIBCS = (17, *range(28, 41))
"""Versions 2.X that uv knows by name."""
_LEFT_OUT = frozenset(("uv_cache.json", "direct_url.json", "REQUESTED"))
"""Of uv's notes about where a package came from: what differs from machine to machine."""
_OURS = re.compile(
    r"bin/(?:python[\d.]*|activate.*|deactivate.*|pydoc\.bat)|lib64|pyvenv\.cfg|\.gitignore|\.lock|CACHEDIR\.TAG"
)
_COMPILE_S = 1800.0


def machine_of(plan: ImagePlan) -> str:
    """What Python calls the image's kind of machine: `x86_64`. Raises SettingError where it is none of those known."""
    name = _MACHINES.get(plan.platform)
    if name is None:
        raise SettingError(
            f"The builder oci makes images for {', '.join(sorted(_MACHINES))}, and not for {plan.platform}.",
            key="platform",
            hint="Build it with an engine: --builder docker.",
        )
    return name


def target_of(plan: ImagePlan, found: Found) -> str:
    """What uv calls the base's platform: `x86_64-manylinux_2_36`."""
    name = machine_of(plan)
    if found.libc == "musl":
        return f"{name}-unknown-linux-musl"
    version = int(found.libc.rpartition(".")[2]) if found.libc else _GLIBCS[0]
    return f"{name}-manylinux_2_{max((each for each in _GLIBCS if each <= version), default=_GLIBCS[0])}"


def interpreter_for(plan: ImagePlan) -> interpreter.Interpreter:
    """A Python here of the base's version: it compiles, and builds what is there as source alone."""
    return interpreter.find(plan.python)


def environment(
    plan: ImagePlan, packages: Packages, found: Found, folder: Path, extra: Iterable[Item] = ()
) -> layers.Layer:
    """Make the layer of an environment. `folder` is where work is done, beside `blobs`; `extra` comes along.

    Raises:
        PackagesRefused: a package does not fit the base.
    """
    python = interpreter_for(plan)
    with Staging(folder / "making") as staging:
        root = staging.path / "env"
        uv.run("venv", "--quiet", "--relocatable", "--no-project", "--python", python.path, root)
        _install(plan, packages, found, root, staging.path)
        site = root / "lib" / f"python{plan.python}" / "site-packages"
        _check_built(site, found)
        _compile(python.path, root / "lib", root, packages.path)
        items = [*_items(root, packages.path), *_start(plan, packages.path, found)]
        at = f"{packages.path}/lib/python{plan.python}/site-packages"
        if packages is plan.server:
            items += _hotplate(plan, at, python.path, staging.path)
        else:
            items.append(
                layers.link(f"{at}/hotplate", f"{plan.server.path}/lib/python{plan.python}/site-packages/hotplate")
            )
        items.append(layers.text(f"{at}/{SHIMS}", b"hotplate/compat/shims\n"))
        return layers.write([*items, *extra], Blobs(folder / "blobs"))


def is_foreign(plan: ImagePlan, found: Found) -> bool:
    """Whether what is built here could not run in the image."""
    if sys.platform != "linux" or machine.machine() != _MACHINES.get(plan.platform):
        return True
    return machine.libc_ver()[0] != "glibc" or not found.libc.startswith("glibc")


def _check_built(site: Path, found: Found) -> None:
    """Refuse what was compiled here where the base's C library is an older one."""
    if _numbers(machine.libc_ver()[1]) <= _numbers(found.libc.partition(" ")[2]):
        return
    for path in site.glob("*.dist-info/WHEEL"):
        if re.search(r"^Tag: \S+-linux_\w+$", path.read_text("utf-8", "replace"), re.M):
            name = path.parent.name.removesuffix(".dist-info")
            raise PackagesRefused(
                f"{name} has no build that can be downloaded, and was compiled here, for a newer C library than the "
                f"base's ({found.libc}).",
                hint="Build the image with an engine (--builder docker), or choose a newer base.",
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _install(plan: ImagePlan, packages: Packages, found: Found, root: Path, staging: Path) -> None:
    target = target_of(plan, found)
    foreign = is_foreign(plan, found)
    folder = staging / "files"
    if plan.local and packages is plan.project:
        _copy(plan.files, folder)  # packages that lie in the project are built there
    else:
        folder.mkdir()
    words = ("--python", root / "bin" / "python", "--python-version", plan.python, "--python-platform", target)
    for number, part in enumerate(packages.lock):
        lock = folder / f"pylock.hotplate-{number}.toml"
        lock.write_text(retargeted(part, plan, target, staging) if foreign else part, "utf-8")
        try:
            uv.run(
                *("pip", "install", "--quiet", "--no-deps", "--link-mode", "copy", *words, "--requirements", lock),
                *(("--no-build",) if foreign else ()),
                cwd=folder,
            )
        except uv.Failed as error:
            raise PackagesRefused(
                f"The packages cannot be installed for {plan.base} (Python {plan.python}, {target}): {error.said}",
                hint="A package without a build for the base's platform needs a compiler there: build the image with "
                "an engine (--builder docker), or choose another base.",
            ) from None


def retargeted(part: str, plan: ImagePlan, target: str, folder: Path) -> str:
    """The same versions of the same packages for another platform. A lock names the files of one platform alone."""
    entries: list[dict[str, Any]] = tomllib.loads(part).get("packages", [])
    pins = [f"{one['name']}=={one['version']}" for one in entries if "version" in one and "index" not in one]
    other = [str(one["name"]) for one in entries if "version" not in one or {"vcs", "directory", "archive"} & set(one)]
    if other:
        raise PackagesRefused(
            f"{', '.join(other)} is in no package index, so it cannot be had for another platform ({target}).",
            hint="Build the image with an engine: --builder docker.",
        )
    source = folder / "pins.txt"
    source.write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
    try:
        return uv.run(
            *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-deps", "--format", "pylock.toml"),
            *("--python-version", plan.python, "--python-platform", target, source),
            cwd=folder,
        )
    except uv.Failed as error:
        raise PackagesRefused(f"The packages cannot be had for {target}: {error.said}") from None


def _copy(files: Path, to: Path) -> None:
    """A copy of the project's files that a package's build may write into."""
    for path in sorted(files.rglob("*")):
        inside = path.relative_to(files)
        target = to / inside
        if is_cache(inside):
            continue
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def _compile(python: str, folder: Path, root: Path, at: str) -> None:
    """Compile for the image's paths, in a fixed order, so that the result does not depend on where or when."""
    subprocess.run(
        [
            *(python, "-I", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(root), "-p", at, str(folder)),
        ],
        check=False,  # a file that is no Python of this version is a template, and stays as it is
        timeout=_COMPILE_S,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def _items(root: Path, at: str) -> list[Item]:
    """What packages brought. What `venv` made is for this machine, and is replaced."""
    found: list[Item] = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if _OURS.fullmatch(name) or name.startswith("lib64/"):
            continue
        if path.is_dir() and not path.is_symlink():
            found.append(layers.folder(f"{at}/{name}"))
        elif path.parent.name.endswith(".dist-info") and path.name in _LEFT_OUT:
            continue
        elif path.name == "RECORD" and path.parent.name.endswith(".dist-info"):
            found.append(layers.text(f"{at}/{name}", _record(path)))
        elif "_virtualenv" not in path.name:
            found.append(layers.file(f"{at}/{name}", path))
    return found


def _record(path: Path) -> bytes:
    """The list of a package's files without what was left out, in an order of its own."""
    lines = path.read_text("utf-8", "surrogateescape").splitlines()
    kept = [line for line in lines if line.partition(",")[0].rpartition("/")[2] not in _LEFT_OUT]
    return "".join(f"{line}\n" for line in sorted(kept)).encode("utf-8", "surrogateescape")


def _start(plan: ImagePlan, at: str, found: Found) -> list[Item]:
    """What makes a folder an environment: a link to the base's Python, and the file that says so."""
    home = found.executable.rpartition("/")[0]
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {found.python}\n"
    return [
        layers.text(f"{at}/pyvenv.cfg", settings.encode()),
        layers.link(f"{at}/bin/python", found.executable),
        layers.link(f"{at}/bin/python3", "python"),
        layers.link(f"{at}/bin/python{plan.python}", "python"),
    ]


def _hotplate(plan: ImagePlan, at: str, python: str, staging: Path) -> list[Item]:
    """Hotplate's own files, as far as an image has a use for them, and compiled."""
    root = staging / "hotplate"
    for path in sorted(plan.hotplate.rglob("*")):
        inside = path.relative_to(plan.hotplate)
        if is_left_out(inside) or path.is_symlink() or not path.is_file():
            continue
        target = root / "hotplate" / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    _compile(python, root / "hotplate", root, at)
    return list(layers.tree(root / "hotplate", f"{at}/hotplate"))
