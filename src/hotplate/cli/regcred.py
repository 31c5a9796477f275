"""Registry credentials: logins to registries of images, kept sealed; their tokens are never shown again."""

from __future__ import annotations

import argparse
from typing import Any

from hotplate.cli import console
from hotplate.cli.asking import age_of, ask_hidden, below, confirm, open_control
from hotplate.cli.parsing import add_output

_ACTIONS = {
    "create": "Keep a new login to a registry",
    "get": "What may be known of a login: never its token",
    "list": "Every login's name, registry and username",
    "update": "Give a login another token",
    "delete": "Forget a login",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `regcred`."""
    actions = below(parser, list(_ACTIONS))
    for action, text in _ACTIONS.items():
        command = actions.add_parser(action, help=text, description=text)
        if action != "list":
            command.add_argument("-n", "--name", "--key", dest="name", required=True, metavar="NAME", help="Its name")
        if action in ("create", "update"):
            known = action == "update"
            command.add_argument("--username", required=not known, metavar="NAME", help="Who logs in")
            command.add_argument(
                "--registry",
                metavar="HOST",
                help="Registry that it is for, such as ghcr.io" + ("" if known else " (default docker.io)"),
            )
            command.add_argument(
                "--token",
                metavar="TOKEN",
                help="Password or access token. Seen by everybody who can list this machine's processes; without it "
                "it is asked for, or read from standard input",
            )
        if action == "delete":
            command.add_argument("--force", action="store_true", help="Do not ask")
        add_output(command)


def main(args: argparse.Namespace) -> int:
    """Run the command below `regcred`."""
    with open_control() as control:
        if args.action == "list":
            found = control.list_registry_credentials()
            if args.output == "json":
                console.out_json(found)
            else:
                rows = [(one["key"], one["registry"], one["username"], age_of(one["updated_at"])) for one in found]
                console.table(("NAME", "REGISTRY", "USERNAME", "UPDATED"), rows)
            return 0
        if args.action == "delete":
            confirm(f"Delete the registry credential {args.name}?", sure=args.force)
            answer = control.delete_registry_credential(args.name)
            console.out_json(answer) if args.output == "json" else console.out(answer["message"])
            return 0
        if args.action == "get":
            found = control.get_registry_credential(args.name)
        else:
            given: dict[str, Any] = {"username": args.username, "registry": args.registry}
            asked = {name: value for name, value in given.items() if value is not None}
            change = (
                control.create_registry_credential if args.action == "create" else control.update_registry_credential
            )
            found = change(args.name, token=ask_hidden(args.token, "Token", args.name), **asked)
    if args.output == "json":
        console.out_json(found)
    elif args.action == "get":
        console.out(f"Name:        {found['key']}")
        console.out(f"Registry:    {found['registry']}")
        console.out(f"Username:    {found['username']}")
        console.out(f"Updated:     {age_of(found['updated_at'])} ago")
        console.out(f"Fingerprint: {found['fingerprint']}")
    else:
        console.out(f'Registry credential "{found["key"]}" has been {args.action}d.')
    return 0
