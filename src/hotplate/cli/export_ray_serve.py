"""`hotplate export ray-serve`: a project as a plain Ray Serve application, for clusters that allow nothing else."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotplate.cli import console
from hotplate.cli.build import add_build, options_of, progress
from hotplate.cli.endpoint_flags import add_settings, read_settings
from hotplate.cli.opening import add_project, open_from


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] -o FOLDER [options]"
    add_project(parser)
    parser.add_argument("-n", "--name", metavar="NAME", help="Name of the endpoint, instead of the project's own")
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="Folder to write, which must be empty")
    add_settings(parser)
    add_build(parser)


def main(args: argparse.Namespace) -> int:
    """Build the project, and write the folder."""
    from hotplate.build.make import make
    from hotplate.build.result import facts
    from hotplate.cli.deploy_settings import from_files
    from hotplate.control.settings import read_settings as checked
    from hotplate.deployment.home import find_home
    from hotplate.deployment.records import EndpointSpec, Share
    from hotplate.errors import SettingError
    from hotplate.images import parcel
    from hotplate.targets.ray.serve.folder import ARCHIVE, CONFIG, notes, write

    folder = Path(args.output)
    if folder.exists() and any(folder.iterdir()):
        raise SettingError(f"{folder} is not empty.", key="output", source="--output", hint="Name another folder.")
    home = find_home()
    opened = open_from(args)
    built = make(opened, home=home, options=options_of(args), progress=progress)
    if len(built) > 1:
        raise SettingError(f"This project has {len(built)} APIs.", key="api", hint="Pick one with --api.")
    revision = built[0].revision
    told = facts(built[0], opened.project, args.name or "")
    written = from_files(opened.project.root, opened.file, told["api"] or None)
    settings = checked({**written, **read_settings(args, written)})
    spec = EndpointSpec(
        name=told["name"],
        generation=1,
        revisions=(revision,),
        traffic=(Share(revision=revision.digest, percent=100),),
        scaling=settings.scaling(),
        hardware=settings.hardware(),
        env=settings.env_overrides,
        limits=settings.limits,
    )
    folder.mkdir(parents=True, exist_ok=True)
    parcel.write(folder / ARCHIVE, revision.digest)
    write(folder, spec)
    for text in notes(spec, secrets=settings.container_secrets):
        progress("note", text)
    console.out(f"Wrote a Ray Serve application to {folder}. In it: serve run {CONFIG}")
    return 0
