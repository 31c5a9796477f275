"""The options of the routes dialect, under the names that proxiML's `job create endpoint` gave them."""

from __future__ import annotations

import argparse
import re
from typing import Any

from hotplate.errors import SettingError

SOURCES = ("model", "git_uri", "model_dir", "model_id")


def add_routes(group: Any) -> None:
    """The routes, and where the model's code comes from."""
    group.add_argument(
        "--route",
        action="append",
        metavar="JSON",
        help='Route to a function: {"path": "/predict", "verb": "POST", "file": "predict", "function": "f", '
        '"positional": true, "body": [{"name": "x", "type": "str"}]}. Repeatable',
    )
    group.add_argument(
        "--model",
        metavar="SOURCE",
        help="Folder or git repository (git+https://host/project.git@branch) with the project, instead of PATH. "
        "An argument that is no function then names the endpoint",
    )
    for flag in ("--git-uri", "--model-dir"):
        group.add_argument(flag, metavar="SOURCE", help="The same as --model")
    group.add_argument("--model-id", help=argparse.SUPPRESS)


def source_of(args: argparse.Namespace) -> tuple[str, str] | None:
    """Give the source of the model and the flag that named it; None where it is a path.

    Raises:
        SettingError: several are named, or a stored model of proxiML's.
    """
    given = [(f"--{name.replace('_', '-')}", value) for name in SOURCES if (value := getattr(args, name)) is not None]
    if not given:
        return None
    flag, text = given[0]
    if len(given) > 1:
        raise SettingError(f"The model is named twice, by {flag} and {given[1][0]}.", key="model", hint="Keep one.")
    if flag == "--model-id":
        hint = "Name its folder with --model-dir or its repository with --git-uri."
        raise SettingError(f"There are no stored models here, such as {text}.", key="model", source=flag, hint=hint)
    return text, flag


def endpoint_name(text: str) -> str:
    """Turn a title ("New Inference Endpoint") into a name: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63]
