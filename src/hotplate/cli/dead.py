"""Dead letters: jobs that used up their attempts, and letting them run again."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.job import show_table
from hotplate.cli.job_place import add_place, open_client
from hotplate.cli.parsing import add_output
from hotplate.errors import SettingError

EXAMPLES = """\
examples:
  hotplate dead list                    jobs that used up their attempts, on this machine
  hotplate dead list --name detector    those of a deployed endpoint
  hotplate dead retry 5f0c… 77ab…
  hotplate dead retry --all"""
ACTIONS = ("list", "retry")
TIMEOUT_S = 60.0
PAGE = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `dead`."""
    parser.usage = f"%(prog)s {{{'|'.join(ACTIONS)}}} [ID ...] [options]"
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=f"One of {', '.join(ACTIONS)}")
    parser.add_argument("ids", nargs="*", metavar="ID", help="retry: which")
    add_place(parser)
    parser.add_argument("--all", action="store_true", help="retry: every dead job")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="list: at most so many (default 20)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Do it. Gives 1 when a job could not be retried."""
    from hotplate.client import StatusError

    with open_client(args, TIMEOUT_S) as client:
        if args.action == "list":
            return show_table(client.list_jobs(state="dead", limit=args.limit), args)
        if bool(args.ids) == args.all:
            raise SettingError("`hotplate dead retry` needs the ids of jobs, or --all.")
        refused = 0
        while True:
            ids: list[str] = args.ids or [job.id for job in client.list_jobs(state="dead", limit=PAGE)]
            before = refused
            for job_id in ids:
                try:
                    client.retry_job(job_id)
                    console.out(job_id)
                except StatusError as error:
                    console.err(f"{job_id}: {error}")
                    refused += 1
            if not args.all or not ids or refused > before:
                return 1 if refused else 0
