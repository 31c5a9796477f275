"""The table of dialects, and finding the one that a project is written in. A dialect is imported when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from hotplate.dialects.base import Dialect, Match, Project
from hotplate.errors import ProjectError

DIALECTS: Mapping[str, tuple[str, str]] = {
    "service": (
        "hotplate.dialects.service",
        "service.py (or the module that service_module names) with a class that derives from Service",
    ),
    "function": (
        "hotplate.dialects.function",
        "functions named on the command line, as in model.py:predict",
    ),
    "predictor": (
        "hotplate.dialects.predictor",
        "cortex.yaml and the class that its `path` names, as for Cortex",
    ),
    "input_schema": (
        "hotplate.dialects.input_schema",
        "app.py with class InferlessPythonModel, and input_schema.py with INPUT_SCHEMA",
    ),
    "entry_point": (
        "hotplate.dialects.entry_point",
        "pyproject.toml, setup.cfg or setup.py with an entry point of the group deepaas.v2.model",
    ),
    "routes": (
        "hotplate.dialects.routes",
        "routes to functions, given by --route or under routes: in hotplate.yaml, as for proxiML",
    ),
}
"""Name to the module that has it (as `dialect`), and what it looks for, in words that complete "looked for"."""

MARKERS: Mapping[str, tuple[str, ...]] = {"entry_point": ("pyproject.toml", "setup.cfg", "setup.py"), "routes": ()}
"""Files without all of which a dialect is not even imported to be asked, unless the author names it or has an option
for it."""


def get(name: str) -> Dialect:
    """Give a dialect by name. No other dialect is imported.

    Raises:
        ProjectError: there is no dialect of that name.
    """
    if name not in DIALECTS:
        from difflib import get_close_matches

        close = get_close_matches(name, DIALECTS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are: {', '.join(DIALECTS)}"
        raise ProjectError(f"there is no dialect {name!r}", hint=hint)
    return import_module(DIALECTS[name][0]).dialect


def detect(project: Project, dialect: str | None = None) -> Match:
    """Find the dialect that a project is written in, by its files and their text alone.

    Args:
        project: the folder, and what the command line or the project file says of it.
        dialect: the only dialect to try, where the author has named it.

    Raises:
        ProjectError: none matches (the text lists what was looked for), or several do (it shows the evidence for
            each, and how to choose).
    """
    names = list(DIALECTS) if dialect is None else [dialect]
    if not project.root.is_dir():
        raise ProjectError(f"{project.root} is not a folder", hint="give the folder with the model's code")
    asked = [name for name in names if dialect or _may_match(name, project)]
    matches = [found for name in asked if (found := get(name).match(project))]
    if not matches:
        looked_for = "\n".join(f"  {name}: {DIALECTS[name][1]}" for name in names)
        text = f"nothing to serve was found in {project.root}; looked for\n{looked_for}"
        raise ProjectError(text, hint="run hotplate init for a working example, or name a function: model.py:predict")
    if len(matches) > 1:
        shown = "\n".join(f"  {match.dialect}: {_evidence(match)}" for match in matches)
        text = f"{project.root} can be read in {len(matches)} ways:\n{shown}"
        raise ProjectError(text, hint=f"say which one: --dialect {matches[0].dialect}")
    return matches[0]


def _may_match(name: str, project: Project) -> bool:
    files = MARKERS.get(name)
    return files is None or name in project.options or any((project.root / file).is_file() for file in files)


def _evidence(match: Match) -> str:
    return "; ".join(f"{each.file}:{each.line} {each.text}" for each in match.evidence)
