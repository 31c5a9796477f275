"""Build a revision of a project: its files, an environment with its packages locked, and its contract, checked.

The same project gives the same revision, and takes next to no time the second time. Nothing is served yet. With
--image, the revision becomes a container image.
"""

from __future__ import annotations

import argparse
import sys

from hotplate.cli import console
from hotplate.cli.image_flags import add_build_image, wants_image
from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `build`."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] [options]"
    add_project(parser)
    add_build(parser)
    parser.add_argument("-n", "--name", default="", help="Name of the endpoint that it is for")
    add_build_image(parser)
    add_output(parser)


def add_build(parser: argparse.ArgumentParser) -> None:
    """The options that say how to build, for every command that builds."""
    group = parser.add_argument_group("How to build")
    group.add_argument("--python", metavar="VERSION", help="Python of the environment, such as 3.12, or its path")
    group.add_argument("--upgrade", action="store_true", help="Resolve the packages anew, to their newest versions")
    group.add_argument(
        "--scripts",
        choices=("refuse", "run", "skip", "image"),
        default="refuse",
        help="What to do with a script that installs packages, such as Cortex's dependencies.sh: run it here, under "
        "your account; build without it; or run it in the image alone. Default refuse.",
    )


def main(args: argparse.Namespace) -> int:
    """Build, say what happens, and print the revisions."""
    from hotplate.build.make import make
    from hotplate.build.result import facts
    from hotplate.deployment.home import find_home

    opened = open_from(args)
    home = find_home()
    found = make(opened, home=home, options=options_of(args), progress=progress)
    results = [facts(built, opened.project, args.name) for built in found]
    if wants_image(args):
        from hotplate.cli.build_image import make_images

        return make_images(args, opened, home, found, results)
    if args.output == "json":
        console.out_json({"revisions": results})
        return 0
    rows = [
        (one["revision"][:12], one["name"], one["entry"], one["environment"][:12] or "Hotplate's own", _took(one))
        for one in results
    ]
    console.table(("REVISION", "NAME", "ENTRY", "ENVIRONMENT", "TOOK"), rows)
    return 0


def options_of(args: argparse.Namespace):
    """What `add_build`'s arguments say."""
    from hotplate.build.make import Options

    return Options(python=args.python, scripts=args.scripts, upgrade=args.upgrade)


def progress(step: str, text: str) -> None:
    """Show a step on standard error."""
    colour = "yellow" if step == "note" else "dim"
    console.err(f"{console.paint(f'{step:<12}', colour, sys.stderr)} {console.harmless(text)}")


def _took(result: dict[str, object]) -> str:
    return "there already" if result["reused"] else f"{result['seconds']:.1f} s"
