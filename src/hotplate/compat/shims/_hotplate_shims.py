"""Lets a real installed package win over its shim, wherever the shims stand on `sys.path`.

The shims come last in a plain installation, but not with PYTHONPATH, a user site or a virtual environment that sees
the system's packages: there they can stand before the real package. So a shim looks for it before it goes on.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path


def real_package_takes_over(name: str) -> bool:
    """Load the real package of this name into `sys.modules` in place of its shim, which calls this first.

    Gives False where there is none. The import system returns what stands in `sys.modules` after the shim ran, and
    looks for submodules there.
    """
    spec = _real_spec(name)
    if spec is None or spec.loader is None:
        return False
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return True


def _real_spec(name: str) -> ModuleSpec | None:
    elsewhere = [entry for entry in sys.path if not _holds_shims(Path(entry))]
    for finder in sys.meta_path:
        # Other finders than the path's: editable installations bring their own.
        find = getattr(finder, "find_spec", None)
        if find is not None:
            spec = PathFinder.find_spec(name, elsewhere) if finder is PathFinder else find(name, None)
            # A folder that only happens to have the name has no origin.
            if spec is not None and spec.origin is not None and not _holds_shims(Path(spec.origin).parent.parent):
                return spec
    return None


def _holds_shims(folder: Path) -> bool:
    # Of any copy of Hotplate: two on one path would else hand over to each other for ever.
    return (folder / "_hotplate_shims.py").is_file()
