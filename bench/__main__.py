"""The command line: `python -m bench`, or `make bench`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from bench import cores, environments, gates, results, tools
from bench.peers import PEERS
from bench.records import BenchError, Peer, Settings
from bench.report import page, plot, table
from bench.rounds import Rounds, takes_part
from bench.workloads import WORKLOADS
from bench.workloads.base import Workload

OWN_CLIENTS = (
    "hop",
    "trip",
    "cold",
    "stream",
    "zero",
    "ray-zero",
    "shared",
    "jobs-start",
    "jobs-10000",
    "jobs-lease",
    "images",
    "container",
)
"""Workloads that wrk does not drive."""
T = TypeVar("T", Peer, Workload)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and tell. Gives the exit status: 0, 1 where a system could not be measured, 2 for a wrong call."""
    given = arguments().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if given.report:
            tell([results.load(path) for path in given.report], write_docs=given.write_docs)
            return 0
        return measure(given)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Hotplate beside other servers of the same work."
    )
    parser.add_argument("--only", metavar="NAMES", help=f"workloads, separated by commas: {', '.join(WORKLOADS)}")
    parser.add_argument("--systems", metavar="NAMES", help=f"systems, separated by commas: {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often every system is measured (5)")
    parser.add_argument("--window", type=float, metavar="S", help="seconds of one measurement, in whole seconds (2)")
    parser.add_argument("--quick", action="store_true", help="1 round with windows of 1 s: a look, not a result")
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/benchmarks.md")
    parser.add_argument(
        "--report", type=Path, nargs="+", metavar="JSON", help="measure nothing; tell files of results again, as one"
    )
    return parser


def measure(given: argparse.Namespace) -> int:
    """Run the rounds and write everything down."""
    workloads = pick("workload", given.only, WORKLOADS)
    peers = [peer for peer in pick("system", given.systems, PEERS) if takes_part(peer, workloads)]
    peers = prepare(peers, workloads)
    server_core, client_core = cores.choose()
    settings = Settings(
        rounds=given.rounds or (1 if given.quick else 5),
        window_s=given.window or (1 if given.quick else 2),
        warmup_s=1,
        repeats=0 if given.quick else 1,
        server_core=server_core,
        client_core=client_core,
    )
    rounds = Rounds(settings, workloads, peers, os.sched_getaffinity(0))
    interrupted = False
    try:
        rounds.run()
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted; this is what there is", file=sys.stderr)
    found = results.Results(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        machine=tools.machine(),
        settings=asdict(settings),
        systems={peer.name: described(peer) for peer in peers},
        samples=tuple(rounds.samples),
        failures=tuple(rounds.failures),
    )
    if found.samples:
        dated = found.save()
        dated.with_suffix(".svg").write_text(plot.svg(found))
        tell([found], write_docs=given.write_docs and not interrupted)
        print(f"\nwritten: {dated.relative_to(environments.ROOT)} and .svg beside it")
    for why in dict.fromkeys(failure.why for failure in found.failures):
        print(f"\n{why}", file=sys.stderr)
    return 130 if interrupted else int(bool(found.failures))


def pick(what: str, names: str | None, known: Mapping[str, T]) -> list[T]:
    """The chosen ones in the order of the registry; all of them where nothing was chosen."""
    if not names:
        return list(known.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise BenchError(f"There is no {what} called {', '.join(unknown)}. Known: {', '.join(known)}.")
    return [known[name] for name in known if name in wanted]


def prepare(peers: Sequence[Peer], workloads: Sequence[Workload]) -> list[Peer]:
    """See that the tools and the environments are there."""
    needs_wrk = any(workload.name not in OWN_CLIENTS for workload in workloads)
    has_nginx = any(peer.name == "nginx" for peer in peers)
    tools.require(*["wrk"] * needs_wrk, *["nginx"] * has_nginx)
    for peer in peers:
        if peer.locked:
            environments.ensure(peer.name)
    if find_spec("hotplate.cli") is None:
        print("hotplate has no command line in this checkout: it is left out", file=sys.stderr)
        return [peer for peer in peers if peer.name != "hotplate"]
    return list(peers)


def described(peer: Peer) -> dict[str, str]:
    """Title, version and processes of a system."""
    version = peer.version() if peer.version else environments.version(peer.name, peer.distribution)
    return {"title": peer.title, "version": version, "processes": peer.processes}


def tell(runs: Sequence[results.Results], *, write_docs: bool) -> None:
    """Print the tables and the goals; write the page if asked."""
    found = results.joined(runs)
    for made in table.tables(found):
        print(f"\n{table.as_text(made)}")
    print("\nfloors and goals")
    print("\n".join(gates.lines(gates.judge(found.samples))))
    print(f"\n{table.NOISY} behind a figure: most of its windows were noisy")
    if write_docs:
        page.write(runs)


if __name__ == "__main__":
    sys.exit(main())
