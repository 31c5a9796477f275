"""`hotplate job webhooks`: what became of the messages to webhooks, and sending one again."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client import Client


def webhooks(client: Client, args: argparse.Namespace) -> int:
    """`list [JOB]`, or `redeliver MESSAGE`."""
    words: list[str] = list(args.words) or ["list"]
    if words[0] == "list" and len(words) <= 2:
        job_id = words[1] if len(words) == 2 else "-"
        query = f"?state={args.state}" if args.state else ""
        found: list[dict[str, Any]] = client.request("GET", f"/jobs/{job_id}/webhooks{query}")["webhooks"]
        return _show(found, args)
    if words[0] == "redeliver" and len(words) == 2:
        return _show([client.request("POST", f"/jobs/-/webhooks/{words[1]}/redeliver")], args)
    raise SettingError("Write `hotplate job webhooks list [JOB]` or `hotplate job webhooks redeliver MESSAGE`.")


def _show(messages: list[dict[str, Any]], args: argparse.Namespace) -> int:
    if args.output == "json":
        console.out(json.dumps(messages))
        return 0
    for each in messages:
        error = f"  {each['error']}" if each["error"] else ""
        console.out(
            f"{each['id']}  {each['status']:<9}  {each['event']:<9}  attempt {each['attempt']}  {each['job']}"
            f"  {each['url']}{error}"
        )
    if not messages:
        console.out("No messages.")
    return 0
