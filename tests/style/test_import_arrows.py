"""A package imports only those above it: the table "Packages" of docs/architecture/00-overview.md.

Imports inside functions and under TYPE_CHECKING count as well: an arrow is an arrow.
"""

from __future__ import annotations

import ast
import sys

import pytest
from repository import Source

ORDER = (
    "startup",
    "errors",
    "config",
    "contract",
    "deployment",
    "hardware",
    "wire",
    "media",
    "authoring",
    "dialects",
    "faces",
    "worker",
    "edge",
    "scaling",
    "jobs",
    "engine",
    "targets",
    "server",
    "client",
    "build",
    "images",
    "control",
    "manifests",
    "supervisor",
    "compat",
    "cli",
)
"""Each may import those to its left."""

EXCEPT = {
    ("hotplate.faces", "hotplate.edge.status"): "the one table from error code to status, read where answers are made",
    (
        "hotplate.control",
        "hotplate.edge.status",
    ): "the one table from error code to status, read where answers are made",
    ("hotplate.control.api.documents", "hotplate.server.pages"): "the documentation page: fixed files and no code",
    (
        "hotplate.server.spoken",
        "hotplate.faces.mcp_messages",
    ): "what a project says of itself: read in the server, so that it waits for no slot",
    ("hotplate.control.ui.files", "hotplate.server.pages"): "the scripts of its forms: fixed files and no code",
    ("hotplate.worker.boot", "hotplate.compat"): "where the import shims lie, put last on sys.path",
    ("hotplate.server.command", "hotplate.compat"): "where the import shims lie, for the command's own sys.path",
}
"""Arrows against the order, by prefix, and why they are there."""

NEVER = {
    ("dialects", "faces"): "a dialect knows nothing of HTTP",
    ("server", "dialects"): "the server never sees user code",
    ("server", "faces"): "the server never parses a body; the worker tells what a face needs",
    ("server", "media"): "the server never parses a body",
    ("jobs", "dialects"): "jobs never see user code",
    ("jobs", "faces"): "jobs keep bodies and never parse them",
    ("jobs", "worker"): "the worker never touches the store",
    ("targets", "edge"): "a target finds places; calls are the server's",
    ("targets", "worker"): "a target finds places; the replica starts its worker",
    ("client", "jobs"): "the client is for machines that serve nothing",
    ("edge", "dialects"): "the edge knows HTTP alone",
    ("edge", "faces"): "the edge knows HTTP alone",
    ("edge", "media"): "the edge knows HTTP alone",
    ("edge", "worker"): "the edge knows HTTP alone",
    ("control", "server"): "control and server know each other by files and a socket alone",
    ("control", "edge"): "control is not on the way of a call",
    ("control", "worker"): "control never sees user code",
    ("control", "dialects"): "control never sees user code",
    ("supervisor", "control"): "the supervisor starts control and knows nothing else of it",
    ("supervisor", "edge"): "the supervisor has no business with requests",
    ("client", "server"): "the client is for machines that serve nothing",
    ("client", "edge"): "the client is for machines that serve nothing",
    ("client", "worker"): "the client is for machines that serve nothing",
    ("client", "dialects"): "the client is for machines that serve nothing",
    ("client", "faces"): "the client is for machines that serve nothing",
}
"""Arrows that the order allows and the design does not."""

NAMES_ONLY = {
    ("hotplate.server", "hotplate.dialects.base"): "Project and Match are named in signatures and passed through",
}
"""Arrows that may stand under TYPE_CHECKING: nothing is imported when the program runs."""

DIALECTS = ("service", "function", "input_schema", "routes", "predictor", "entry_point")
"""`dialects/X.py`, `dialects/X_*.py` and `dialects/X/` belong to dialect X; the other modules are shared by all."""

FACES_MAY_READ = "hotplate.dialects.base"
CONTRACT_MAY_IMPORT = {"msgspec"}
ONE_CLIENT_LIBRARY_EACH = {"docker": "docker", "kubernetes": "kubernetes", "ray": "ray"}


def imports(source: Source) -> list[tuple[int, str]]:
    """Every imported module as (line, dotted name), names imported from a package included."""
    found: list[tuple[int, str]] = []
    skip = names_only(source)
    for node in ast.walk(source.tree):
        if node in skip:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = source.module.split(".")
                keep = len(parts) - node.level + source.name.endswith("/__init__.py")
                base = ".".join([*parts[:keep], *([base] if base else [])])
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def names_only(source: Source) -> set[ast.AST]:
    """Imports under TYPE_CHECKING that NAMES_ONLY allows."""
    found: set[ast.AST] = set()
    for block in ast.walk(source.tree):
        if isinstance(block, ast.If) and ast.unparse(block.test).split(".")[-1] == "TYPE_CHECKING":
            found |= {
                node
                for node in ast.walk(block)
                if isinstance(node, ast.ImportFrom)
                and any(within(source.module, who) and node.module == what for who, what in NAMES_ONLY)
            }
    return found


def dialect_of(module: str) -> str | None:
    """The dialect that a module of the package `dialects` belongs to; None for a shared one."""
    name = (module.split(".") + [""] * 3)[2]
    return next((dialect for dialect in DIALECTS if name == dialect or name.startswith(f"{dialect}_")), None)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def wrong_arrow(module: str, target: str) -> str | None:
    """Say what is wrong with `module` importing `target`, or None."""
    here, there = (name.split(".")[1] if "." in name else "" for name in (module, target))
    if here == "":  # hotplate/__init__.py hands out every public name, lazily
        return None
    if any(within(module, source) and within(target, to) for source, to in EXCEPT):
        return None
    if here == there == "dialects":
        mine, other = dialect_of(module), dialect_of(target)
        if other is None or other == mine or within(module, "hotplate.dialects.registry"):
            return None
        return "dialects never import each other" if mine else "what dialects share knows none of them"
    if here == there or there == "__version__":
        return None
    if here == "faces" and there == "dialects":
        return None if within(target, FACES_MAY_READ) else "a face knows of dialects only dialects/base.py"
    if reason := NEVER.get((here, there)):
        return reason
    if there not in ORDER:
        return f"{there or 'hotplate'} is not a package that others import"
    if here not in ORDER:
        return None if here in ("__main__",) else f"{here} has no place in the order yet"
    return None if ORDER.index(there) < ORDER.index(here) else f"{here} is above {there}"


def third_party(source: Source) -> list[str]:
    here = source.module.split(".")[1] if "." in source.module else ""
    wrong: list[str] = []
    for line, target in imports(source):
        top = target.split(".")[0]
        if top == "hotplate" or top in sys.stdlib_module_names:
            continue
        if here in ("", "errors"):
            wrong.append(f"{source.name}:{line}: {here or 'hotplate'} imports the standard library alone, not {top}")
        if here == "contract" and top not in CONTRACT_MAY_IMPORT:
            wrong.append(f"{source.name}:{line}: contract imports msgspec and the standard library alone, not {top}")
        owner = ONE_CLIENT_LIBRARY_EACH.get(top)
        if owner and not within(source.module, f"hotplate.targets.{owner}"):
            wrong.append(f"{source.name}:{line}: only targets/{owner}.py imports {top}")
    return wrong


def arrows(source: Source) -> list[str]:
    return [
        f"{source.name}:{line}: imports {target}: {wrong}"
        for line, target in imports(source)
        if within(target, "hotplate") and (wrong := wrong_arrow(source.module, target))
    ]


def test_arrows_point_upwards(package):
    assert [wrong for source in package for wrong in arrows(source)] == []


def test_light_packages_import_the_standard_library_alone(package):
    assert [wrong for source in package for wrong in third_party(source)] == []


def test_what_faces_share_with_the_edge_costs_nothing(package):
    """Importing hotplate.edge.status runs edge/__init__.py in every worker."""
    for source in package:
        if source.name in ("src/hotplate/edge/__init__.py", "src/hotplate/edge/status.py"):
            heavy = [name for _, name in imports(source) if name.split(".")[0] not in sys.stdlib_module_names]
            assert heavy == [], f"{source.name} must import the standard library alone"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("worker/boot.py", "from hotplate.server import pages"),
        ("worker/boot.py", "def f():\n    import hotplate.edge.protocol"),
        ("worker/boot.py", "if TYPE_CHECKING:\n    from hotplate.edge import limits"),
        ("server/app.py", "from hotplate.dialects.base import Call"),
        ("server/app.py", "from hotplate import dialects"),
        ("server/app.py", "if TYPE_CHECKING:\n    from hotplate.dialects.service import Plan"),
        ("dialects/service.py", "from hotplate.dialects.function import find"),
        ("dialects/service.py", "from .function import find"),
        ("dialects/service_text.py", "from hotplate.dialects import function_text"),
        ("dialects/signature.py", "from hotplate.dialects.service import DEFAULT_MODULE"),
        ("dialects/service.py", "from hotplate.faces import plain"),
        ("faces/plain.py", "from hotplate.dialects.service import Service"),
        ("contract/types.py", "import pydantic"),
        ("contract/types.py", "from hotplate.wire import frames"),
        ("errors.py", "import pydantic"),
        ("errors.py", "from hotplate.config import settings"),
        ("client/core.py", "from hotplate.server import pages"),
        ("server/app.py", "import docker"),
        ("server/app.py", "from hotplate.build import make"),
        ("hardware/gpus.py", "from hotplate.server import pool"),
        ("newcomer/app.py", "from hotplate import errors"),
    ],
)
def test_a_wrong_arrow_is_found(name, text):
    source = Source(f"src/hotplate/{name}", text)
    assert arrows(source) + third_party(source)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("__init__.py", "from hotplate.client import Client"),
        ("faces/base.py", "from hotplate.dialects.base import Call"),
        ("faces/plain.py", "from hotplate.edge.status import STATUS"),
        ("dialects/service.py", "from hotplate.dialects.base import Call"),
        ("dialects/service.py", "from hotplate.dialects import signature, service_text"),
        ("dialects/registry.py", "from hotplate.dialects.service import ServiceDialect"),
        ("contract/types.py", "import msgspec"),
        ("server/app.py", "from hotplate.edge.status import STATUS"),
        ("server/run.py", "if TYPE_CHECKING:\n    from hotplate.dialects.base import Match, Project"),
        ("cli/run.py", "from hotplate.server import app"),
        ("server/placement.py", "from hotplate.hardware.limiter import Limiter"),
        ("build/check.py", "from hotplate.server import describe"),
        ("build/requirements.py", "from hotplate.dialects.base import Match"),
    ],
)
def test_a_right_arrow_is_let_through(name, text):
    source = Source(f"src/hotplate/{name}", text)
    assert arrows(source) + third_party(source) == []
