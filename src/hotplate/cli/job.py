"""Submit calls to run later, and see what became of them."""

from __future__ import annotations

import argparse
import json
from time import monotonic
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.job_place import add_place, open_client
from hotplate.cli.parsing import add_output
from hotplate.cli.request_body import build_body
from hotplate.config.values import parse_seconds
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client import Client, Job

EXAMPLES = """\
examples:
  hotplate job submit prompt="Hello world!"         to /infer on this machine; prints the job's id
  hotplate job submit /train epochs:=10 --wait      waits for its end and prints the result
  hotplate job list --state dead
  hotplate job result 5f0c…
  hotplate job retry 5f0c…
  hotplate job logs 5f0c… -f                        what it prints, to its end
  hotplate job list --name face-detector            of a deployed endpoint
  hotplate job webhooks list --state failed         messages to webhooks that were given up
  hotplate job webhooks redeliver msg_7a1e…"""
ACTIONS = ("submit", "list", "get", "wait", "result", "cancel", "retry", "logs", "webhooks")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `job`."""
    parser.usage = f"%(prog)s {{{'|'.join(ACTIONS)}}} [ID | /ROUTE] [INPUT ...] [options]"
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=f"One of {', '.join(ACTIONS)}")
    parser.add_argument("words", nargs="*", metavar="ID | /ROUTE | INPUT", help="Which job; or what to call with what")
    add_place(parser)
    parser.add_argument("--wait", action="store_true", help="submit: wait for the end and print the result")
    parser.add_argument("--key", metavar="KEY", help="submit: equal keys stand for one job")
    parser.add_argument("--priority", type=int, metavar="0..7", help="submit: 0 is run first")
    parser.add_argument("--webhook", metavar="URL", help="submit: tell this URL how the job ended")
    parser.add_argument("--webhook-events", metavar="EVENTS", help="submit: tell it of these, as in started,dead")
    parser.add_argument("--state", metavar="STATE", help="list, webhooks list: only these, as in dead,failed")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="list: at most so many (default 20)")
    parser.add_argument("--timeout", default="15m", metavar="TIME", help="wait, result: at most so long (default 15m)")
    parser.add_argument("-f", "--follow", action="store_true", help="logs: go on with what it prints from now on")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Do it. Gives 1 when a job that was waited for did not end well."""
    try:
        timeout_s = parse_seconds(args.timeout)
    except ValueError as error:
        raise SettingError(f"--timeout {error}.") from None
    with open_client(args, timeout_s) as client:
        if args.action == "submit":
            return _submit(client, args)
        if args.action == "list":
            return show_table(client.list_jobs(state=args.state or "", limit=args.limit), args)
        if args.action == "webhooks":
            from hotplate.cli.job_webhooks import webhooks

            return webhooks(client, args)
        if len(args.words) != 1:
            raise SettingError(f"`hotplate job {args.action}` needs the id of one job.")
        (job_id,) = args.words
        if args.action == "logs":
            return _logs(client, job_id, args)
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


def _logs(client: Client, job_id: str, args: argparse.Namespace) -> int:
    lines = client.follow_job_log(job_id) if args.follow else client.job_log(job_id)
    for line in lines:
        text = json.dumps(line, ensure_ascii=False) if args.output == "json" else f"{line['at']}  {line['text']}"
        console.out(text)
    return 0


def _submit(client: Any, args: argparse.Namespace) -> int:
    words = list(args.words)
    route = words.pop(0) if words and words[0].startswith("/") else "/infer"
    body = build_body(words, "json")
    inputs = json.loads(body.content or b"{}")
    events = [event.strip() for event in (args.webhook_events or "").split(",") if event.strip()]
    job = client.submit(
        route, inputs, key=args.key, priority=args.priority, webhook=args.webhook, webhook_events=events
    )
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


def show_table(jobs: list[Job], args: argparse.Namespace) -> int:
    """Print a line for each job."""
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
