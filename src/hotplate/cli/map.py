"""Run one job for each line of a file. Started again, it goes on where it stopped."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, cast
from urllib.parse import urlsplit

from hotplate.cli import console
from hotplate.cli.job_place import add_place, find_place
from hotplate.config.values import parse_seconds
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client import AsyncClient

EXAMPLES = """\
example:
  hotplate map /infer inputs.jsonl -o results.jsonl
  hotplate map detector inputs.jsonl -o results.jsonl             a deployed endpoint, at its /infer
  hotplate map detector/predict inputs.jsonl -o results.jsonl     another route of it

Each line of the input is the JSON of one call. Each line of the output is {"line": N, "result": …}, or
{"line": N, "error": …}, in the order in which they ended."""
SHOW_S = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `map`."""
    parser.usage = "%(prog)s ENDPOINT[/ROUTE] | URL | /ROUTE inputs.jsonl -o results.jsonl [options]"
    parser.epilog = EXAMPLES
    parser.add_argument("route", metavar="ENDPOINT[/ROUTE] | URL | /ROUTE", help="What to call")
    parser.add_argument("inputs", type=Path, metavar="inputs.jsonl", help="One call's JSON on each line")
    parser.add_argument("-o", "--results", type=Path, required=True, metavar="results.jsonl", help="Where answers go")
    add_place(parser)
    parser.add_argument("-j", "--ahead", type=int, default=100, metavar="N", help="Jobs at the same time (default 100)")
    parser.add_argument("--timeout", default="1h", metavar="TIME", help="Longest wait for one line (default 1h)")


def main(args: argparse.Namespace) -> int:
    """Do it. Gives 1 when a line failed."""
    try:
        timeout_s = parse_seconds(args.timeout)
    except ValueError as error:
        raise SettingError(f"--timeout {error}.") from None
    if args.ahead < 1:
        raise SettingError("--ahead must be at least 1.")
    if not args.route.startswith("/"):
        if args.name or args.url or args.port:
            if "://" in args.route:
                raise SettingError(f"{args.route} says where already; beside --name, --url and --port give a /ROUTE.")
            raise SettingError(
                f"{args.route} names a deployed endpoint; beside --name, --url and --port give a /ROUTE."
            )
        route: str = args.route
        if "://" in route:
            parts = urlsplit(route)
            args.url = f"{parts.scheme}://{parts.netloc}"
        else:
            args.name, _, rest = route.partition("/")
            args.route = f"/{rest or 'infer'}"
    try:
        lines = [line for line in args.inputs.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise SettingError(f"{args.inputs} cannot be read: {error.strerror}.") from None
    return asyncio.run(Mapping(args, lines, timeout_s).run())


class Mapping:
    """One run over a file."""

    def __init__(self, args: argparse.Namespace, lines: list[bytes], timeout_s: float) -> None:
        self._route: str = args.route
        self._place = find_place(args)
        self._results: Path = args.results
        self._ahead: int = args.ahead
        self._timeout_s = timeout_s
        self._lines = lines
        # The same file and route are the same run: a line that was submitted before is the same job.
        self._run = sha256(
            b"\n".join((self._route.encode(), *self._named(args), str(self._results.absolute()).encode(), *lines))
        ).hexdigest()
        self._good = self._bad = 0
        self._begun = self._shown = monotonic()

    @staticmethod
    def _named(args: argparse.Namespace) -> tuple[bytes, ...]:
        """What tells an endpoint from another one, beside the route."""
        place = args.name or (args.url if args.route.startswith("/") else "")
        return (place.encode(),) if place else ()

    async def run(self) -> int:
        """Go through the lines that have no result yet."""
        from hotplate.client import AsyncClient

        done = self._done()
        todo = iter([number for number in range(1, len(self._lines) + 1) if number not in done])
        with self._results.open("a", encoding="utf-8") as results:
            async with (
                AsyncClient(self._place.token, base_url=self._place.url, timeout_s=self._timeout_s) as client,
                asyncio.TaskGroup() as group,
            ):
                for _ in range(self._ahead):
                    group.create_task(self._work(client, todo, results))
        self._show(last=True)
        return 1 if self._bad else 0

    def _done(self) -> set[int]:
        """Lines whose result is there. One that failed is tried again, and so is one that was cut off."""
        if not self._results.exists():
            return set()
        kept: list[str] = []
        done: set[int] = set()
        for text in self._results.read_text("utf-8").splitlines():
            try:
                given: Any = json.loads(text)
            except ValueError:
                continue
            record = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
            if "result" in record and isinstance(record.get("line"), int):
                done.add(record["line"])
                kept.append(text)
        self._results.write_text("".join(f"{text}\n" for text in kept), "utf-8")
        if done:
            console.err(f"{len(done)} of {len(self._lines)} lines have their results already.")
        return done

    async def _work(self, client: AsyncClient, todo: Iterator[int], results: TextIO) -> None:
        from hotplate.client import ClientError

        for number in todo:
            try:
                inputs = json.loads(self._lines[number - 1])
                key = f"map-{self._run[:32]}-{number}"
                job = await client.submit(self._route, inputs, key=key)
                if job.status in ("failed", "dead"):  # of an earlier run
                    job = await client.retry_job(job)
                answer: dict[str, Any] = {"result": await client.job_result(job, timeout_s=self._timeout_s)}
                self._good += 1
            except ValueError as error:
                answer = {"error": f"the line is not JSON: {error}"}
                self._bad += 1
            except ClientError as error:
                answer = {"error": str(error)}
                self._bad += 1
            results.write(json.dumps({"line": number, **answer}, ensure_ascii=False) + "\n")
            results.flush()
            self._show()

    def _show(self, *, last: bool = False) -> None:
        """One line about how far it is, rewritten on a terminal."""
        now = monotonic()
        terminal = sys.stderr.isatty()
        if not last and (not terminal or now - self._shown < SHOW_S):
            return
        self._shown = now
        ended = self._good + self._bad
        rate = ended / max(now - self._begun, 1e-6)
        left = f", {(len(self._lines) - ended) / rate:.0f} s left" if rate and not last else ""
        failed = f", {self._bad} failed" if self._bad else ""
        text = f"{ended} lines{failed}, {rate:.1f} a second{left}"
        sys.stderr.write(f"\r\033[K{text}" + ("\n" if last else "") if terminal else f"{text}\n")
        sys.stderr.flush()
