"""Lets a real installed package win over its shim, wherever the shims stand on `sys.path`.

The shims come last in a plain installation, but not with PYTHONPATH, a user site or a virtual environment that sees
the system's packages: there they can stand before the real package. So a shim looks for it before it goes on.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec

_HERE = os.path.realpath(os.path.dirname(__file__))  # noqa: PTH120 - loads in user scripts; pathlib may not be loaded


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
    elsewhere = [entry for entry in sys.path if os.path.realpath(entry or ".") != _HERE]
    for finder in sys.meta_path:
        # Other finders than the path's: editable installations bring their own.
        find = getattr(finder, "find_spec", None)
        if find is not None:
            spec = PathFinder.find_spec(name, elsewhere) if finder is PathFinder else find(name, None)
            # A folder that only happens to have the name has no origin.
            if spec is not None and spec.origin is not None and not _is_shim(spec.origin):
                return spec
    return None


def _is_shim(origin: str) -> bool:
    return os.path.realpath(origin).startswith(_HERE + os.sep)
