"""Every face by its name. Asking for one imports that one and no other."""

from __future__ import annotations

from importlib import import_module

from hotplate.errors import SettingError
from hotplate.faces.base import Face

_HOME = {
    "cortex": ("hotplate.faces.cortex", "CortexFace"),
    "cortex_async": ("hotplate.faces.cortex_async", "CortexAsyncFace"),
    "open_inference": ("hotplate.faces.open_inference", "OpenInferenceFace"),
    "openai": ("hotplate.faces.openai", "OpenAIFace"),
    "mcp": ("hotplate.faces.mcp", "McpFace"),
    "deepaas": ("hotplate.faces.deepaas", "DeepaasFace"),
    "routes": ("hotplate.faces.routes", "RoutesFace"),
    "plain": ("hotplate.faces.plain", "PlainFace"),
}

NAMES = tuple(sorted(_HOME))


def get(name: str) -> Face:
    """Give the face called `name`. Raises SettingError, with the nearest name, if there is none."""
    try:
        module, attribute = _HOME[name]
    except KeyError:
        import difflib

        near = difflib.get_close_matches(name, NAMES, n=1)
        raise SettingError(
            f"There is no face called {name!r}.",
            key="face",
            hint=f"Did you mean {near[0]!r}?" if near else f"The faces are: {', '.join(NAMES)}.",
        ) from None
    face: Face = getattr(import_module(module), attribute)()
    return face
