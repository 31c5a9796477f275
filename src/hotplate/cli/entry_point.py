"""The options of the entry_point dialect, among them those of `deepaas-run` 2.6.0 under its own names."""

from __future__ import annotations

import argparse
from typing import Any

_SWITCHES = {
    "warm": "Call the models' warm() before the first call",
    "train-endpoint": "Offer the models' train()",
    "predict-endpoint": "Offer the models' predict()",
    "doc-endpoint": "Offer /api",
}


def add_model(group: Any) -> None:
    """The option that names a model."""
    group.add_argument(
        "--entry-point",
        "--model-name",
        dest="entry_point",
        metavar="NAME",
        help="Model to serve from the entry points deepaas.v2.model of the project or of the environment",
    )


def add_deepaas_run(parser: argparse.ArgumentParser) -> None:
    """The options that `deepaas-run` has and other dialects do not."""
    group = parser.add_argument_group("As with deepaas-run")
    settings = {"--listen-ip": "host", "--listen-port": "port"}
    for flag, name in settings.items():
        group.add_argument(
            flag, dest=f"setting:{name}", default=argparse.SUPPRESS, metavar=name.upper(), help=f"The same as --{name}"
        )
    group.add_argument("--base-path", metavar="PATH", help="Path below which a model's routes are, such as /api")
    group.add_argument(
        "--client-max-size", metavar="SIZE", help="Sets --max-body-size and --max-upload-size; 0 for their defaults"
    )
    for name, text in _SWITCHES.items():
        key = "option:" + name.replace("-", "_")
        group.add_argument(f"--{name}", dest=key, action="store_const", const="true", help=f"{text} (default)")
        for no in (f"--no{name}", f"--no-{name}"):
            group.add_argument(no, dest=key, action="store_const", const="false", help=argparse.SUPPRESS)
    group.add_argument("-d", "--debug", action="store_true", help="The same as --log-level debug")


def options(args: argparse.Namespace) -> dict[str, str]:
    """What was said to the dialect, by its own names."""
    given = {
        name.removeprefix("option:"): value
        for name, value in vars(args).items()
        if name.startswith("option:") and value is not None
    }
    for name in ("entry_point", "base_path"):
        value = getattr(args, name, None)
        if value is not None:
            given[name] = value
    if getattr(args, "dialect", None) == "entry_point":
        given.setdefault("entry_point", "")
    return given


def settings(args: argparse.Namespace) -> dict[str, str]:
    """What deepaas-run's options mean for the settings, as text by name."""
    given: dict[str, str] = {}
    if args.client_max_size and args.client_max_size != "0":
        given |= {"max_body_bytes": args.client_max_size, "max_upload_bytes": args.client_max_size}
    if args.debug:
        given["log_level"] = "debug"
    return given
