"""From what was typed to a project: which folder, which functions, which project file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.cli.entry_point import add_model, options
from hotplate.cli.routes import add_routes, endpoint_name, source_of
from hotplate.config.project_file import load_project_file
from hotplate.dialects.base import Project
from hotplate.errors import ProjectError, SettingError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A project, its file if it has one, and the dialect that it insists on."""

    project: Project
    file: ProjectFile | None
    dialect: str | None


def add_project(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which project, and how to read it."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH | FILE:FUNCTION",
        help="The project's folder (default: this one), or functions to serve, such as model.py:predict",
    )
    group = parser.add_argument_group("How to read the project")
    group.add_argument("--dialect", metavar="NAME", help="How the code is written, instead of finding out")
    group.add_argument("-s", "--service-module", metavar="MODULE", help="Dotted module of the service class")
    group.add_argument("--service-class", metavar="NAME", help="Name of the service class, where there are several")
    group.add_argument("--api", metavar="NAME", help="Name of the API in cortex.yaml, where there are several")
    add_model(group)
    add_routes(group)


def open_from(args: argparse.Namespace) -> Opened:
    """Open the project that `add_project`'s arguments name."""
    given = options(args)
    if args.route:
        from hotplate.config.route_texts import OPTION, of_flags

        given[OPTION] = of_flags(args.route)
    asked = "routes" if args.route else "entry_point" if given.get("entry_point") else None
    paths, name = list(args.paths), ""
    if (source := source_of(args)) is not None:
        paths, name = _from_source(paths, *source)
    return open_project(
        paths,
        name=name,
        dialect=args.dialect or asked,
        service_module=args.service_module,
        service_class=args.service_class,
        api=args.api,
        options=given,
    )


def _from_source(paths: list[str], source: str, flag: str) -> tuple[list[str], str]:
    """Give the paths with the source's folder before them, and the endpoint's name, if one of them is that."""
    from hotplate.cli.model_source import open_source

    targets = [path for path in paths if _is_target(path)]
    names = [path for path in paths if not _is_target(path)]
    if len(names) > 1:
        text = f"With {flag}, one argument is the endpoint's name, not {len(names)}."
        raise SettingError(text, key="model", source=flag, hint="Put a name with spaces in quotes.")
    return [str(open_source(source, flag)), *targets], endpoint_name(names[0]) if names else ""


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
    folders = [path for path in paths if not _is_target(path)]
    targets = [path for path in paths if _is_target(path)]
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
        options=options or {},
        name=name or (file.name if file is not None else ""),
        description=file.description if file is not None else "",
    )
    return Opened(project=project, file=file, dialect=dialect)


def _is_target(text: str) -> bool:
    """`model.py:predict` or `package.model:predict`."""
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
