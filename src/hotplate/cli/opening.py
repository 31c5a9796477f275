"""The arguments that name a project, for every command that takes one."""

from __future__ import annotations

import argparse

from hotplate.cli.entry_point import add_model, options
from hotplate.dialects.opening import Opened, open_project


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


def open_from(args: argparse.Namespace) -> Opened:
    """Open the project that `add_project`'s arguments name."""
    given = options(args)
    return open_project(
        args.paths,
        dialect=args.dialect or ("entry_point" if given.get("entry_point") else None),
        service_module=args.service_module,
        service_class=args.service_class,
        api=args.api,
        options=given,
    )
