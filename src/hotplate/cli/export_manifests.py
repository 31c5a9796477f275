"""`hotplate export kubernetes | keda | knative`: manifests of a project, or of an endpoint that is deployed here."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotplate.cli import console
from hotplate.cli.build import add_build, progress
from hotplate.cli.cluster_workload import add_cluster, workloads
from hotplate.cli.endpoint_flags import add_settings
from hotplate.cli.opening import add_project


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.usage = "%(prog)s [PATH | NAME | FILE:FUNCTION ...] [-o FOLDER] [options]"
    add_project(parser)
    parser.add_argument("-n", "--name", metavar="NAME", help="Name of the endpoint, instead of the project's own")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="Write a file for each object; else all to the output")
    add_cluster(parser)
    add_settings(parser)
    add_build(parser)


def main(args: argparse.Namespace) -> int:
    """Write them, and say what they need."""
    from hotplate.manifests.documents import file_name, to_yaml
    from hotplate.manifests.notes import WAYS, notes

    found = [(each, WAYS[args.action](each)) for each in workloads(args)]
    for workload, _ in found:
        for text in notes(workload, args.action):
            progress("note", text if len(found) == 1 else f"{workload.name}: {text}")
    objects = [each for _, made in found for each in made]
    if not args.output:
        console.out(to_yaml(objects), end="")
        return 0
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(objects):
        (folder / file_name(number, each)).write_text(to_yaml([each]), "utf-8")
    console.out(f"Wrote {len(objects)} manifests to {folder}. kubectl apply --server-side -f {folder}")
    return 0
