"""Secrets: values that endpoints find as environment variables, kept sealed and never shown again."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.asking import age_of, ask_hidden, below, confirm, open_control
from hotplate.cli.parsing import add_output

_ACTIONS = {
    "create": "Keep a new secret",
    "get": "What may be known of a secret: never its value",
    "list": "Every secret's key",
    "update": "Give a secret another value",
    "delete": "Delete a secret that no endpoint lists",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `secret`."""
    actions = below(parser, list(_ACTIONS))
    for action, text in _ACTIONS.items():
        command = actions.add_parser(action, help=text, description=text)
        if action != "list":
            command.add_argument("-k", "--key", required=True, metavar="KEY", help="Its name, and the variable's")
        if action in ("create", "update"):
            command.add_argument(
                "--value",
                metavar="VALUE",
                help="Seen by everybody who can list this machine's processes; without it "
                "the value is asked for, or read from standard input",
            )
        if action == "delete":
            command.add_argument("--force", action="store_true", help="Do not ask")
        add_output(command)


def main(args: argparse.Namespace) -> int:
    """Run the command below `secret`."""
    with open_control() as control:
        if args.action == "list":
            found = control.list_secrets()
            if args.output == "json":
                console.out_json(found)
            else:
                rows = [(each["key"], age_of(each["updated_at"]), each["fingerprint"]) for each in found]
                console.table(("KEY", "UPDATED", "FINGERPRINT"), rows)
            return 0
        if args.action == "delete":
            confirm(f"Delete the secret {args.key}?", sure=args.force)
            answer = control.delete_secret(args.key)
            console.out_json(answer) if args.output == "json" else console.out(answer["message"])
            return 0
        if args.action == "create":
            found = control.create_secret(args.key, ask_hidden(args.value, "Value", args.key))
        elif args.action == "update":
            found = control.update_secret(args.key, ask_hidden(args.value, "Value", args.key))
        else:
            found = control.get_secret(args.key)
    if args.output == "json":
        console.out_json(found)
    elif args.action == "get":
        console.out(f"Key:         {found['key']}")
        console.out(f"Updated:     {age_of(found['updated_at'])} ago")
        console.out(f"Fingerprint: {found['fingerprint']}")
        console.out(f"Endpoints:   {', '.join(found['endpoints']) or '-'}")
    else:
        console.out(f'Secret "{found["key"]}" has been {args.action}d.')
    return 0
