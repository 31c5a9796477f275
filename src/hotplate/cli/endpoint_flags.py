"""The flags that configure an endpoint: OctoAI's where it has one, and `--set` for every other field of the API."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hotplate.cli.asking import parse_pairs
from hotplate.config.settings import SETTINGS
from hotplate.errors import SettingError

UNSET = -1
"""OctoAI's word for "leave it as it is"."""

_NUMBERS = {
    "min_replicas": ("--min-replicas", "Replicas that always run"),
    "max_replicas": ("--max-replicas", "Most replicas under load"),
    "initial_replicas": ("--initial-replicas", "Replicas to begin with"),
    "concurrency_per_replica": ("--concurrency-per-replica", "Calls to send to one replica"),
}


def add_settings(parser: argparse.ArgumentParser, more_targets: Sequence[str] = ()) -> None:
    """The flags. `more_targets` are those that the command knows besides."""
    group = parser.add_argument_group("What the endpoint is configured with")
    for name, (flag, text) in _NUMBERS.items():
        group.add_argument(flag, dest=f"field:{name}", type=int, default=UNSET, metavar="N", help=text)
    group.add_argument(
        "--scaledown-secs",
        dest="field:scale_to_zero",
        type=float,
        default=UNSET,
        metavar="N",
        help="Quiet seconds before a replica stops",
    )
    group.add_argument("--hardware", metavar="PROFILE", help="`hotplate hardware` lists them; or cpus=2,memory=4GiB")
    group.add_argument("--visibility", choices=("public", "private"), help="Whether calls need a token")
    group.add_argument("--display-name", metavar="TEXT", help="Name for people")
    group.add_argument("--description", metavar="TEXT", help="What it does, for its pages")
    group.add_argument("-e", "--env", action="append", default=[], metavar="KEY=VALUE", help="Variable. Repeatable")
    group.add_argument(
        "--env-file",
        action="append",
        default=[],
        metavar="FILE",
        help="Variables as KEY=VALUE lines, such as .env. Whoever may look at the endpoint sees them",
    )
    group.add_argument("--secrets", action="append", default=[], metavar="KEY", help="Secret it finds. Repeatable")
    group.add_argument("--volume", metavar="NAME", help="Volume that its replicas share")
    group.add_argument("--template", choices=("auto", "imports", "loaded", "off"), help="What replicas start from")
    targets = ("local", "docker", "loopback", "ray", *more_targets)
    group.add_argument("--target", choices=targets, help="Where its replicas run")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="Any field of the API, such as autoscaling.window_s=10 or limits.timeout_s=30. Repeatable",
    )


def read_settings(args: argparse.Namespace, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the flags say, as the API's fields. Variables and secrets are added to those that were there `before`."""
    found: dict[str, Any] = {
        name.removeprefix("field:"): value
        for name, value in vars(args).items()
        if name.startswith("field:") and value != UNSET
    }
    for flag, field in (("hardware", "instance_type"), ("visibility", "visibility"), ("volume", "volume")):
        if getattr(args, flag) is not None:
            found[field] = getattr(args, flag)
    for name in ("display_name", "description", "template", "target"):
        if getattr(args, name) is not None:
            found[name] = getattr(args, name)
    old = before or {}
    variables = [pair for file in args.env_file for pair in read_env_file(Path(file)).items()]
    if args.env or variables:
        given = {**dict(variables), **parse_pairs(args.env, "--env")}
        found["env_overrides"] = {**old.get("env_overrides", {}), **given}
    if args.secrets:
        keys = [key.strip() for item in args.secrets for key in item.split(",") if key.strip()]
        found["container_secrets"] = list(dict.fromkeys([*old.get("container_secrets", []), *keys]))
    for item in args.set:
        _set(found, item, old)
    return found


def read_env_file(path: Path) -> dict[str, str]:
    """`KEY=VALUE` lines; comments, `export` and quotes around a value are taken off. Nothing is run.

    Raises:
        SettingError: there is no such file, or a line is of another kind.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read: {error}.", source="--env-file") from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        key, equals, value = words.removeprefix("export ").partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key:
            raise SettingError("This is no KEY=VALUE.", source=f"{path}:{number}")
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[key] = value
    return found


def _set(found: dict[str, Any], item: str, old: Mapping[str, Any]) -> None:
    name, equals, text = item.partition("=")
    if not equals or not name:
        raise SettingError(f"{item!r} is no FIELD=VALUE.", source="--set")
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = text
    outer, dot, inner = name.partition(".")
    if outer == "limits" and inner in SETTINGS and SETTINGS[inner].kind == "text" and text != "null":
        value = text  # also where it looks like JSON
    if not dot:
        found[name] = value
        return
    base: Any = found.get(outer, old.get(outer, {}))
    found[outer] = {**(cast("dict[str, Any]", base) if isinstance(base, dict) else {}), inner: value}
