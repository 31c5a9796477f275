"""The arguments that name a project, for every command that takes one."""

from __future__ import annotations

import argparse

from hotplate.cli.entry_point import add_model, options
from hotplate.cli.routes import add_routes, endpoint_name, source_of
from hotplate.dialects.opening import Opened, is_target, open_project
from hotplate.errors import SettingError


def add_project(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which project, and how to read it."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH | FILE:FUNCTION",
        help="The project's folder (default: this one), or functions to serve, such as model.py:predict",
    )
    add_reading(parser)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """The options that say how to read a project."""
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

    targets = [path for path in paths if is_target(path)]
    names = [path for path in paths if not is_target(path)]
    if len(names) > 1:
        text = f"With {flag}, one argument is the endpoint's name, not {len(names)}."
        raise SettingError(text, key="model", source=flag, hint="Put a name with spaces in quotes.")
    return [str(open_source(source, flag)), *targets], endpoint_name(names[0]) if names else ""
