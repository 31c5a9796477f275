"""The options about images: of `build`, and of `run`."""

from __future__ import annotations

import argparse
from pathlib import Path

BUILDERS = ("auto", "docker", "podman", "oci")


def add_build_image(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    from hotplate.cli.registry_access import add_login

    group = parser.add_argument_group("A container image of the revision")
    group.add_argument(
        "--image", nargs="?", const="", metavar="TAG", help="Make one; tagged NAME:DIGEST unless a tag is given"
    )
    group.add_argument(
        "-g",
        "--generate-dockerfile",
        action="store_true",
        help="Write the Dockerfile into the project's folder instead, to be changed and used by --image from then on",
    )
    group.add_argument(
        "--setup", action="store_true", help="Run setup() in the build, so that what it downloads is in the image"
    )
    group.add_argument(
        "--postgres", action="store_true", help="Put PostgreSQL's driver in, for jobs that replicas share (jobs_store)"
    )
    group.add_argument("--builder", choices=BUILDERS, default="auto", help="What makes it. Default: what is here")
    group.add_argument(
        "--base-image", metavar="IMAGE", default="", help="What it is built on (default python:X.Y-slim)"
    )
    group.add_argument("--platform", metavar="PLATFORM", default="", help="Such as linux/arm64; default this machine's")
    group.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="File for the installation of packages that the image does not keep: netrc or uv.toml. Repeatable",
    )
    group.add_argument(
        "--certificates", metavar="FILE", help="CA certificates of this machine's that the image is to trust"
    )
    group.add_argument("--push", action="store_true", help="Push the image to its registry when it is built")
    group.add_argument(
        "--archive", type=Path, metavar="FILE", help="Also write the image to a file, an OCI archive (builder oci)"
    )
    group.add_argument(
        "--base-archive", type=Path, metavar="FILE", help="OCI archive or layout that has the base (builder oci)"
    )
    add_login(group)
    group.add_argument("--build-network", metavar="NAME", default="", help="The engine's network for the build's steps")


def wants_image(args: argparse.Namespace) -> bool:
    """Whether anything of it was asked for."""
    return bool(args.image is not None or args.generate_dockerfile or args.setup or args.push or args.archive)


def add_run_image(parser: argparse.ArgumentParser) -> None:
    """The options of `run` for a container."""
    group = parser.add_argument_group("In a container")
    group.add_argument(
        "-i", "--image", nargs="?", const="", metavar="TAG", help="Run this image; no tag: the project's last built one"
    )
    group.add_argument("-b", "--background", action="store_true", help="Leave the container running, and say where")
    group.add_argument("--container-name", metavar="NAME", help="What to call it, instead of hotplate-local-NUMBER")
    group.add_argument("--gpus", metavar="all|IDS", default="", help="GPUs that it sees")
    group.add_argument(
        "--network", metavar="NAME", default="", help="The engine's network that it is in; host: this machine's"
    )
    group.add_argument("--engine", choices=("docker", "podman"), default="", help="Which engine runs it")


def needs_image(args: argparse.Namespace) -> str:
    """Which option of `run` was given that only a container has; empty: none."""
    given = {
        "--background": args.background,
        "--container-name": args.container_name,
        "--gpus": args.gpus,
        "--network": args.network,
        "--engine": args.engine,
    }
    return next((flag for flag, value in given.items() if value), "")
