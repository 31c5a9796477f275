"""The table of dialects, and finding the one that a project is written in. A dialect is imported when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from hotplate.dialects.base import Dialect, Match, Project
from hotplate.errors import HotplateError, ProjectError

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


MOST_TRACES = 10


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
    matches: list[Match] = []
    broken: list[tuple[str, HotplateError]] = []
    for name in names:
        if not dialect and not _may_match(name, project):
            continue
        try:
            found = get(name).match(project)
        except HotplateError as error:
            broken.append((name, error))
            continue
        if found is not None:
            matches.append(found)
    if broken and not matches:
        raise broken[0][1]
    if not matches:
        raise _nothing(project, names)
    if broken or len(matches) > 1:
        shown = [f"  {match.dialect}: {_evidence(match)}" for match in matches]
        shown += [f"  {name}: {_place(error)}{error.message}" for name, error in broken]
        text = f"{project.root} can be read in {len(shown)} ways:\n" + "\n".join(shown)
        first = matches[0].dialect
        hint = f"say which one: --dialect {first}, or dialect: {first} in hotplate.yaml"
        raise ProjectError(text, hint=hint)
    return matches[0]


def _nothing(project: Project, names: list[str]) -> ProjectError:
    """What was looked for; where half of something is there, what the other half is."""
    from hotplate.dialects.traces import traces

    halves = [f"  {name}: {text}" for name, text in traces(project.root) if name in names]
    if halves:
        text = f"nothing to serve was found in {project.root}; what comes near\n" + "\n".join(halves[:MOST_TRACES])
        return ProjectError(text, hint="complete one of them, or run hotplate init for a working example")
    looked_for = "\n".join(f"  {name}: {DIALECTS[name][1]}" for name in names)
    text = f"nothing to serve was found in {project.root}; looked for\n{looked_for}"
    return ProjectError(text, hint="run hotplate init for a working example, or name a function: model.py:predict")


def _place(error: HotplateError) -> str:
    file = getattr(error, "file", None)
    line = getattr(error, "line", None)
    return f"{file}:{line} " if file and line else ""


def _may_match(name: str, project: Project) -> bool:
    files = MARKERS.get(name)
    return files is None or name in project.options or any((project.root / file).is_file() for file in files)


def _evidence(match: Match) -> str:
    return "; ".join(f"{each.file}:{each.line} {each.text}" for each in match.evidence)
