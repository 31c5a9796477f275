"""Tokens: who may call endpoints (invoke), look (read), deploy, or do all of it (admin)."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.asking import age_of, below, open_control
from hotplate.cli.parsing import add_output
from hotplate.config.values import parse_seconds
from hotplate.errors import SettingError

SCOPES = ("invoke", "read", "deploy", "admin")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `token`."""
    actions = below(parser, ("create", "list", "revoke"))
    create = actions.add_parser("create", help="Make a token; it is shown once", description="Make a token.")
    create.add_argument("-n", "--name", required=True, metavar="NAME", help="What it is for, for people")
    create.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="SCOPE",
        help="invoke (default), read, deploy, admin. Repeatable",
    )
    create.add_argument(
        "--endpoint", action="append", default=[], metavar="NAME", help="For this endpoint alone. Repeatable"
    )
    create.add_argument("--expires", metavar="TIME", help="How long it lasts, such as 12h; without it, until revoked")
    create.add_argument("--rate", type=float, metavar="N", help="Calls a second; more get 429")
    create.add_argument("--concurrency", type=int, metavar="N", help="Calls at the same time; more get 429")
    add_output(create)
    add_output(actions.add_parser("list", help="Every token, never the token itself"))
    revoke = actions.add_parser("revoke", help="Let a token open nothing any more")
    revoke.add_argument("id", metavar="ID", help="As `hotplate token list` shows it")
    add_output(revoke)


def main(args: argparse.Namespace) -> int:
    """Run the command below `token`."""
    with open_control() as control:
        if args.action == "create":
            scopes = [scope for item in args.scope for scope in item.split(",")] or ["invoke"]
            if wrong := [scope for scope in scopes if scope not in SCOPES]:
                raise SettingError(f"There is no scope {wrong[0]!r}.", source="--scope", hint=f"{', '.join(SCOPES)}.")
            made = control.create_token(
                args.name,
                scopes,
                endpoints=args.endpoint,
                expires_in_s=_seconds(args.expires),
                rate_per_s=args.rate,
                concurrency=args.concurrency,
            )
            if args.output == "json":
                console.out_json(made)
            else:
                console.out(made["token"])
                console.err("Keep it now: it is not shown again.")
        elif args.action == "revoke":
            answer = control.revoke_token(args.id)
            console.out_json(answer) if args.output == "json" else console.out(answer["message"])
        else:
            found = control.list_tokens()
            if args.output == "json":
                console.out_json(found)
            else:
                rows = [
                    (
                        each["id"],
                        each["name"],
                        ",".join(each["scopes"]),
                        ",".join(each["endpoints"]) or "all",
                        age_of(each["created_at"]),
                        _left(each["expires_at"]),
                        age_of(each["last_used_at"]),
                    )
                    for each in found
                ]
                console.table(("ID", "NAME", "SCOPES", "ENDPOINTS", "AGE", "EXPIRES IN", "LAST USED"), rows)
    return 0


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if text.endswith("d"):
            return float(text[:-1]) * 86_400
        return parse_seconds(text)
    except ValueError as error:
        raise SettingError(f"The time {error}.", source="--expires") from None


def _left(at: float | None) -> str:
    import time

    from hotplate.cli.asking import age

    if at is None:
        return "-"
    return age(at - time.time()) if at > time.time() else "expired"
