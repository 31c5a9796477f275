"""From what was typed to a project: which folder, which functions, which project file. Nothing of it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.config.project_file import load_project_file
from hotplate.dialects.base import Project
from hotplate.errors import ProjectError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A project, its file if it has one, and the dialect that it insists on."""

    project: Project
    file: ProjectFile | None
    dialect: str | None


def open_project(
    paths: Sequence[str] = (),
    *,
    name: str = "",
    dialect: str | None = None,
    service_module: str | None = None,
    service_class: str | None = None,
    api: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Opened:
    """Find the folder and read its project file. What was typed wins over the file.

    A function of a file below this folder (`app/model.py:predict`) keeps this folder as the project, so that its
    imports work as typed; a file elsewhere brings its own folder.
    """
    folders = [path for path in paths if not is_target(path)]
    targets = [path for path in paths if is_target(path)]
    if len(folders) > 1:
        raise ProjectError(f"Only one folder can be served at a time, not {len(folders)}.", hint=" ".join(folders))
    root = Path(folders[0]) if folders else Path()
    if root.is_file() and root.suffix == ".py":
        service_module = service_module or root.stem
        root = root.parent
    elif not root.is_dir():
        kind = "file" if root.suffix == ".py" else "folder"
        raise ProjectError(f"There is no such {kind}.", file=str(root), hint=_typed_hint(str(root)))
    elif targets and not folders:
        root, targets = _own_folder(targets)
    file = load_project_file(root)
    if file is not None:
        dialect = dialect or file.dialect
        service_module = service_module or file.service_module
        service_class = service_class or file.service_class
        api = api or file.api
        targets = targets or list(file.functions)
        if file.routes:
            from hotplate.config.route_texts import OPTION

            options = {OPTION: file.routes, **(options or {})}
    project = Project(
        root=root.resolve(),
        targets=tuple(targets),
        service_module=service_module,
        service_class=service_class,
        faces=file.faces if file is not None else (),
        api=api,
        options={**_said_to_openai(file), **(options or {})},
        name=name or (file.name if file is not None else ""),
        description=file.description if file is not None else "",
    )
    return Opened(project=project, file=file, dialect=dialect)


def _said_to_openai(file: ProjectFile | None) -> dict[str, str]:
    return {f"openai.{kind}": name for kind, name in file.openai.items()} if file is not None else {}


def is_target(text: str) -> bool:
    """Say whether a word names a function: `model.py:predict` or `package.model:predict`."""
    module, colon, function = text.rpartition(":")
    return bool(colon and module and all(name.isidentifier() for name in function.split(".")))


def _own_folder(targets: list[str]) -> tuple[Path, list[str]]:
    """Take a file outside this folder as a project of its own."""
    first = Path(targets[0].rpartition(":")[0])
    if not first.is_absolute() and ".." not in first.parts:
        return Path(), targets
    inside: list[str] = []
    for target in targets:
        file, _, function = target.rpartition(":")
        if Path(file).parent != first.parent:
            raise ProjectError("Functions to serve together must lie in one folder.", file=file)
        inside.append(f"{Path(file).name}:{function}")
    return first.parent, inside


def _typed_hint(text: str) -> str:
    if text.endswith(".py"):
        return "Check the spelling."
    return "Give a folder, or a function as model.py:predict. `hotplate init` starts a new project."
