"""From the form that makes an endpoint to the words of `hotplate deploy`. No text becomes an option."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from hotplate.control.settings import refused
from hotplate.control.ui.forms import Form
from hotplate.deployment.names import check_endpoint, check_secret

MAX_ROUTES = 50
GIT_SCHEMES = ("https://", "ssh://", "file:///")
ROUTE_KEYS = {"path", "verb", "file", "function", "positional", "body"}
PARAMETER_KEYS = {"name", "type", "optional", "default_value"}
TYPES = ("str", "int", "float", "bool", "dict", "list")


def source(form: Form) -> tuple[str, str]:
    """Where the code comes from: `folder`, `git` or `upload`, and the path or address."""
    kind = form.text("source", "folder")
    if kind == "upload":
        return "upload", ""
    text = form.text("git" if kind == "git" else "folder")
    if kind == "git":
        return "git", _repository(text)
    path = Path(text).expanduser()
    if not text or not path.is_absolute():
        raise refused("folder", "Give the whole path of a folder on this machine.")
    if not path.is_dir():
        raise refused("folder", "There is no such folder on this machine.")
    return "folder", str(path)


def _repository(text: str) -> str:
    """An address that `hotplate deploy --model` takes for one. That command checks it whole before git sees it."""
    address = text.removeprefix("git+")
    by_ssh = "://" not in address and "@" in address and ":" in address.partition("@")[2]
    if text.startswith("-") or "::" in address or not (by_ssh or address.startswith(GIT_SCHEMES)):
        raise refused("git", "Give the address of a repository, such as git+https://host/user/project.git@main.")
    return text if text.startswith("git+") or by_ssh else f"git+{text}"


def options(form: Form) -> list[str]:
    """The flags that the form stands for."""
    words: list[str] = []
    if name := form.text("name"):
        words += ["--name", check_endpoint(name)]
    for field, flag in (("min_replicas", "--min-replicas"), ("max_replicas", "--max-replicas")):
        if (value := form.whole(field)) is not None:
            words += [flag, str(value)]
    if hardware := form.text("instance_type"):
        if hardware.startswith("-"):
            raise refused("instance_type", "is no profile.")
        words += ["--hardware", hardware]
    if form.text("visibility") == "public":
        words += ["--visibility", "public"]
    for line in form.text("env_overrides").splitlines():
        if line.strip():
            if "=" not in line or line.startswith(("-", "=")):
                raise refused("env_overrides", f"{line[:60]!r} is no KEY=VALUE.")
            words += ["--env", line.strip()]
    for key in form.all("container_secrets"):
        words += ["--secrets", check_secret(key)]
    for route in routes(form.text("routes")):
        words += ["--route", msgspec.json.encode(route).decode()]
    return words


def routes(text: str) -> list[dict[str, Any]]:
    """The routes that the form's script wrote as JSON. The command checks what they mean."""
    if not text:
        return []
    try:
        value: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise refused("routes", "must be a list of routes.") from None
    if not isinstance(value, list) or len(cast("list[Any]", value)) > MAX_ROUTES:
        raise refused("routes", f"must be a list of up to {MAX_ROUTES} routes.")
    for number, route in enumerate(cast("list[Any]", value), 1):
        if not isinstance(route, dict) or set(cast("dict[str, Any]", route)) - ROUTE_KEYS:
            raise refused("routes", f"Route {number} may have {', '.join(sorted(ROUTE_KEYS))}.")
    return cast("list[dict[str, Any]]", value)


def unwrap(folder: Path) -> Path:
    """An archive often holds one folder with everything in it: then that is the project."""
    inside = [each for each in folder.iterdir() if each.name not in ("__MACOSX",)]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
