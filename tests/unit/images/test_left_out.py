"""What of Hotplate itself an image has."""

from __future__ import annotations

import ast
from pathlib import Path, PurePath

import hotplate
from hotplate.images.plan import COMMANDS, is_left_out

CLI = Path(hotplate.__file__).parent / "cli"


def imported(name: str) -> set[str]:
    """The modules of `cli/` that one of them imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((CLI / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "hotplate.cli":
            found |= {alias.name for alias in node.names if (CLI / f"{alias.name}.py").is_file()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hotplate.cli."):
            found.add((node.module or "").split(".")[2])
    return found


def test_the_command_serve_has_all_that_it_imports_and_no_more():
    seen: set[str] = set()
    left = {"__init__", "__main__", "serve"}
    while left:
        seen.add(name := left.pop())
        left |= imported(name) - seen
    assert seen == COMMANDS


def test_every_path_of_the_package_can_be_asked_folders_too():
    package = Path(hotplate.__file__).parent
    kept = {path.relative_to(package) for path in package.rglob("*") if not is_left_out(path.relative_to(package))}
    assert PurePath("targets") in kept and PurePath("targets/ray") not in kept


def test_what_serving_has_no_use_for_stays_out():
    for path in ("control/plane.py", "cli/deploy.py", "cli/__pycache__/serve.pyc", "targets/ray/x.py", "x.pth"):
        assert is_left_out(PurePath(path)), path
    for path in ("cli/serve.py", "server/app.py", "targets/base.py", "errors.py"):
        assert not is_left_out(PurePath(path)), path
