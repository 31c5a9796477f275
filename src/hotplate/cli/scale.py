"""Why an endpoint has as many replicas as it has, and what other settings would have made of a recorded trace."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from hotplate.cli import console
from hotplate.cli.parsing import add_output
from hotplate.config.suggest import did_you_mean
from hotplate.errors import SettingError, UserError

if TYPE_CHECKING:
    from hotplate.deployment.records import Scaling

LAST = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `scale`."""
    below = parser.add_subparsers(dest="action", metavar="explain | export | replay", required=True)
    explain = below.add_parser(
        "explain",
        help="The last decisions about an endpoint, and why",
        description="The last decisions about an endpoint, with what the autoscaler saw.",
    )
    explain.add_argument("name", metavar="NAME", help="The endpoint")
    explain.add_argument("-n", "--last", type=int, default=LAST, metavar="N", help=f"How many (default {LAST})")
    add_output(explain)
    export = below.add_parser(
        "export",
        help="What the autoscaler saw, as a trace",
        description="Write what the autoscaler of an endpoint saw, at most since the server began, for `scale replay`.",
    )
    export.add_argument("name", metavar="NAME", help="The endpoint")
    replay = below.add_parser(
        "replay",
        help="Run the policy over a recorded trace",
        description="Show what the autoscaler would do with a recorded trace, with its own settings or others.",
    )
    replay.add_argument("file", metavar="FILE", help="The trace, as JSON")
    replay.add_argument(
        "--set", dest="values", action="append", default=[], metavar="KEY=VALUE", help="Another value of a setting"
    )
    add_output(replay)


def main(args: argparse.Namespace) -> int:
    """Run the command below `scale`."""
    if args.action == "export":
        from hotplate.deployment.home import find_home
        from hotplate.supervisor.live import read_trace

        console.out(read_trace(find_home(), args.name).decode())
        return 0
    return _explain(args) if args.action == "explain" else _replay(args)


def _explain(args: argparse.Namespace) -> int:
    from hotplate.deployment.home import find_home
    from hotplate.scaling.records import last_decisions

    kept = last_decisions(find_home().server_db, args.name, max(1, args.last))
    if args.output == "json":
        console.out_json([structs.asdict(one) for one in kept])
        return 0
    if not kept:
        console.err(f"Nothing has been decided about {args.name} yet.")
        return 0
    for one in kept:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.at))
        console.out(f"{when}  {console.paint(f'{one.before} -> {one.after}', 'bold')}  {console.harmless(one.reason)}")
        console.out(console.paint(console.harmless(f"    {_inputs(one.inputs)}"), "dim"))
    return 0


def _replay(args: argparse.Namespace) -> int:
    from hotplate.scaling.replay import read_trace, replay

    path = Path(args.file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    trace = read_trace(data, str(path))
    settings = changed(trace.settings, args.values)
    decisions = replay(trace, settings)
    if args.output == "json":
        console.out_json([structs.asdict(decision) for decision in decisions if decision.changed])
        return 0
    rows = [(f"{one.at:.1f}", f"{one.before} -> {one.after}", one.reason) for one in decisions if one.changed]
    console.table(("SECONDS", "REPLICAS", "WHY"), rows)
    ends = [*(one.at for one in decisions[1:]), trace.samples[-1][0] if trace.samples else 0.0]
    used = sum(one.after * (end - one.at) for one, end in zip(decisions, ends, strict=True))
    console.err(
        f"{len(rows)} changes; {used:.0f} replica-seconds; at most {max((d.after for d in decisions), default=0)}"
    )
    return 0


def changed(settings: Scaling, values: list[str]) -> Scaling:
    """The settings with `key=value` words applied. Raises SettingError."""
    facts = structs.asdict(settings)
    for word in values:
        key, equals, text = word.partition("=")
        key = key.replace("-", "_")
        if not equals or key not in facts:
            hint = did_you_mean(key, list(facts)) or f"They are: {', '.join(facts)}."
            raise SettingError(f"`{word}` sets nothing of an endpoint's scaling.", hint=hint)
        facts[key] = _value(text)
    try:
        return msgspec.convert(facts, type(settings))
    except msgspec.ValidationError as error:
        raise SettingError(f"The settings do not fit: {error}.") from None


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _inputs(inputs: dict[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in inputs.items())
