"""Show what a project offers, and why Hotplate thinks so: dialect, routes, inputs, schemas. Does not run the project.

The source text tells most of it. With --load the project is loaded in a worker process, which gives full schemas.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from hotplate.cli import console
from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import add_output
from hotplate.config.resolve import resolve

if TYPE_CHECKING:
    from hotplate.contract import Contract, Mount, Param, Route
    from hotplate.dialects.base import Match
    from hotplate.dialects.missing import Missing


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inspect`."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] [options]"
    add_project(parser)
    parser.add_argument("--load", action="store_true", help="Load the project in a worker process for full schemas")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print the dialect, the evidence and the contract."""
    from hotplate.dialects.missing import imports
    from hotplate.dialects.registry import detect, get

    opened = open_from(args)
    match = detect(opened.project, dialect=opened.dialect)
    if args.load:
        from hotplate.server import describe

        settings = resolve(environ=os.environ, file=opened.file).settings
        contract = describe(project=opened.project, match=match, settings=settings)
    else:
        contract = get(match.dialect).describe(opened.project, match)
    missing = imports(opened.project.root, [each.file for each in match.evidence])
    if args.output == "json":
        evidence = [to_builtins(item) for item in match.evidence]
        facts = {"project": str(opened.project.root), "dialect": match.dialect, "entry": match.entry}
        console.out_json(
            {
                **facts,
                "evidence": evidence,
                "loaded": args.load,
                "missing": [each._asdict() for each in missing],
                "contract": to_builtins(contract),
            }
        )
        return 0
    mounts = contract.mounts or _mounts(contract, opened.project.faces)
    _print(match, contract, mounts, missing, loaded=args.load)
    return 0


def _mounts(contract: Contract, more: Sequence[str]) -> list[Mount]:
    """Where the project's faces have the routes, as far as the source text tells it."""
    from hotplate.errors import HotplateError
    from hotplate.faces import registry

    found: list[Mount] = []
    for name in dict.fromkeys((contract.face, *more)):
        try:
            found += registry.get(name).mounts(contract)
        except HotplateError:  # the face needs what only the loaded project has; `run` says it if it is wrong
            continue
    return found


def _print(
    match: Match, contract: Contract, mounts: Sequence[Mount], missing: Sequence[Missing], *, loaded: bool
) -> None:
    facts = to_builtins(contract)
    _fact("Dialect", match.dialect)
    _fact("Entry", match.entry)
    label = "Because"
    for item in match.evidence:
        place = f"{item.file}:{item.line}" if item.line else item.file
        _fact(label, f"{item.text}  {console.paint(place, 'dim')}")
        label = ""
    if contract.description:
        _fact("About", contract.description.partition("\n")[0])
    hooks = [name for name, present in facts["lifecycle"].items() if present]
    _fact("Hooks", ", ".join(hooks) or "none")
    limits = [f"{name}={value}" for name, value in facts["limits"].items() if value is not None]
    if limits:
        _fact("Limits", ", ".join(limits))
    for each in missing:
        place = console.paint(f"{each.file}:{each.line}", "dim")
        _fact("Missing", f"the module {each.module}  {place}{f'; {each.hint}' if each.hint else ''}")
    for text in facts.get("warnings", ()):
        _fact("Warning", console.paint(text, "yellow"))
    for index, route in enumerate(contract.routes):
        if places := _places(route, index, mounts):
            console.out()
            _print_route(route, places)
    if contract.definitions:
        console.out()
        console.out(console.paint("Schemas", "bold"))
        for name, schema in contract.definitions.items():
            console.out(f"  {name}: {_fields(schema)}")
    if not loaded:
        console.err(console.paint("\nFrom the source text. --load asks the running code.", "dim", _stderr()))


def _fact(label: str, text: str) -> None:
    console.out(f"{console.paint(f'{label:<9}', 'bold')}{text}")


def _places(route: Route, index: int, mounts: Sequence[Mount]) -> list[str]:
    """The paths at which callers reach a route, the first as a caller would write it; none where no face has it."""
    found = [*reversed(route.aliases)]
    found += [mount.path for mount in mounts if mount.call == index and "/versions/" not in mount.path]
    return [path for path in dict.fromkeys(found) if path.rstrip("/") == path or path.rstrip("/") not in found]


def _print_route(route: Route, places: Sequence[str]) -> None:
    notes = [text for text, true in (("streams", route.stream), ("async", route.asynchronous)) if true]
    if route.batching is not None:
        notes.append(f"batches of {route.batching.max_size}")
    if route.body == "form":
        notes.append("form data")
    place = f"{route.source.file}:{route.source.line}" if route.source else ""
    tail = "  ".join(part for part in (f"({', '.join(notes)})" if notes else "", place) if part)
    console.out(f"{console.paint(f'{route.method} {places[0]}', 'bold')}  {route.name}  {console.paint(tail, 'dim')}")
    if len(places) > 1:
        console.out(f"  also at {', '.join(places[1:])}")
    if route.summary:
        console.out(f"  {route.summary}")
    names = [param.name for param in route.params]
    width = max(map(len, names), default=0)
    for param in route.params:
        console.out(f"    {param.name:<{width}}  {_type(param)}")
    console.out(f"  → {route.returns.annotation or route.returns.kind}")


def _type(param: Param) -> str:
    import json

    text = param.type.annotation or param.type.kind
    if not param.required:
        text += f" = {json.dumps(param.default, ensure_ascii=False)}"
    return text + (f"  {param.description}" if param.description else "")


def _fields(schema: Mapping[str, Any]) -> str:
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = schema.get("required", ())
    if not properties:
        return str(schema.get("type") or schema.get("enum") or "any")
    return ", ".join(name if name in required else f"{name}?" for name in properties)


def _stderr() -> Any:
    import sys

    return sys.stderr
