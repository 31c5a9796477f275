"""Submit calls to run later, and see what became of them."""

from __future__ import annotations

import argparse
import json
import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.parsing import add_output
from hotplate.cli.request_body import build_body
from hotplate.config.values import parse_seconds
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client import Job

EXAMPLES = """\
examples:
  hotplate job submit prompt="Hello world!"         to /infer on this machine; prints the job's id
  hotplate job submit /train epochs:=10 --wait      waits for its end and prints the result
  hotplate job list --state dead
  hotplate job result 5f0c…
  hotplate job retry 5f0c…"""
ACTIONS = ("submit", "list", "get", "wait", "result", "cancel", "retry")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `job`."""
    parser.usage = f"%(prog)s {{{'|'.join(ACTIONS)}}} [ID | /ROUTE] [INPUT ...] [options]"
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=f"One of {', '.join(ACTIONS)}")
    parser.add_argument("words", nargs="*", metavar="ID | /ROUTE | INPUT", help="Which job; or what to call with what")
    parser.add_argument("-u", "--url", metavar="URL", help="The server (default: this machine)")
    parser.add_argument("-p", "--port", type=int, metavar="N", help="Port on this machine (default 8080)")
    parser.add_argument("--wait", action="store_true", help="submit: wait for the end and print the result")
    parser.add_argument("--key", metavar="KEY", help="submit: equal keys stand for one job")
    parser.add_argument("--priority", type=int, metavar="0..7", help="submit: 0 is run first")
    parser.add_argument("--state", metavar="STATE", help="list: only these, as in dead,failed")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="list: at most so many (default 20)")
    parser.add_argument("--timeout", default="15m", metavar="TIME", help="wait, result: at most so long (default 15m)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Do it. Gives 1 when a job that was waited for did not end well."""
    from hotplate.client import Client

    try:
        timeout_s = parse_seconds(args.timeout)
    except ValueError as error:
        raise SettingError(f"--timeout {error}.") from None
    base = args.url or f"http://127.0.0.1:{args.port or os.environ.get('HOTPLATE_PORT') or 8080}"
    with Client(base_url=base, timeout_s=timeout_s) as client:
        if args.action == "submit":
            return _submit(client, args)
        if args.action == "list":
            return _table(client.list_jobs(state=args.state or "", limit=args.limit), args)
        if len(args.words) != 1:
            raise SettingError(f"`hotplate job {args.action}` needs the id of one job.")
        (job_id,) = args.words
        if args.action == "result":
            return _print(client.job_result(job_id, timeout_s=timeout_s))
        if args.action == "cancel":
            return _show(client.cancel_job(job_id), args)
        if args.action == "retry":
            return _show(client.retry_job(job_id), args)
        if args.action == "wait":
            job = client.job(job_id)
            end = monotonic() + timeout_s
            while not job.ended and monotonic() < end:
                job = client.job(job_id, wait_s=min(30.0, max(0.1, end - monotonic())))
            _show(job, args)
            return 0 if job.status == "completed" else 1
        return _show(client.job(job_id), args)


def _submit(client: Any, args: argparse.Namespace) -> int:
    words = list(args.words)
    route = words.pop(0) if words and words[0].startswith("/") else "/infer"
    body = build_body(words, "json")
    inputs = json.loads(body.content or b"{}")
    job = client.submit(route, inputs, key=args.key, priority=args.priority)
    if args.wait:
        return _print(client.job_result(job))
    if args.output == "json":
        return _show(job, args)
    console.out(job.id)
    return 0


def _show(job: Job, args: argparse.Namespace) -> int:
    if args.output == "json":
        console.out(json.dumps(job.details))
        return 0
    details = job.details
    lines = [f"{job.id}  {job.status}", f"  {details['route']}, attempt {job.attempt}, since {details['created_at']}"]
    if job.progress or job.fraction is not None:
        share = f"{job.fraction:.0%} " if job.fraction is not None else ""
        lines.append(f"  {share}{job.progress}")
    if job.error:
        lines.append(f"  {job.error}")
        error: dict[str, str] = details.get("error") or {}
        last = error.get("last_output") or ""
        lines += [f"  | {line}" for line in last.splitlines()]
    console.out("\n".join(lines))
    return 0


def _table(jobs: list[Job], args: argparse.Namespace) -> int:
    if args.output == "json":
        console.out(json.dumps([job.details for job in jobs]))
        return 0
    for job in jobs:
        console.out(f"{job.id}  {job.status:<9}  {job.details['created_at']}  {job.details['route']}")
    if not jobs:
        console.out("No jobs.")
    return 0


def _print(value: Any) -> int:
    console.out(json.dumps(value, indent=2, ensure_ascii=False))
    return 0
