"""proxiML's command line, as far as it is about endpoints: `python -m proximl job create endpoint ...` and the like.

Its options are those of proximl 1.0.2. Those that choose hardware are taken and mean nothing on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from proximl.exceptions import JobError, ProxiMLException
from proximl.jobs import Job
from proximl.proximl import ProxiML

_VALUES = ("disk-size:ds", "gpu-count:gc", "cpu-count:cc", "max-price:mp", "environment", "custom-image")
_LISTS = ("gpu-type:gt", "checkpoint", "public-checkpoint", "env", "credential", "secret", "route")
_TEXTS = ("apt-packages", "pip-packages", "conda-packages", "git-uri", "model-id", "model-dir")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line. Gives its exit code."""
    args = _parser().parse_args(sys.argv[1:] if words is None else words)
    try:
        asyncio.run(_run(args))
    except _Usage as error:
        return _fail(str(error), 2)
    except JobError as error:
        return _fail(f"The endpoint failed. Its last words:\n{error.message.dict['message']}", 1)
    except ProxiMLException as error:
        return _fail(str(error.message), 1)
    return 0


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"Error: {text}\n")
    return code


class _Usage(Exception):
    pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proximl", description=__doc__)
    job = parser.add_subparsers(dest="noun", required=True).add_parser("job").add_subparsers(dest="verb", required=True)
    endpoint = job.add_parser("create").add_subparsers(dest="kind", required=True).add_parser("endpoint")
    for name in (*_VALUES, *_LISTS, *_TEXTS):
        long, _, short = name.partition(":")
        flags = [f"-{short}", f"--{long}"] if short else [f"--{long}"]
        more: dict[str, Any] = {"action": "append", "default": []} if name in _LISTS else {}
        endpoint.add_argument(*flags, **more)
    for name in ("attach", "connect"):
        endpoint.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=True)
    endpoint.add_argument("--timeout", type=float, default=300)
    endpoint.add_argument("name")
    listed = job.add_parser("list")
    listed.add_argument("-f", "--format", choices=("text", "json"), default="text")
    for verb in ("stop", "start", "remove", "attach", "connect"):
        one = job.add_parser(verb)
        one.add_argument("job")
        if verb == "stop":
            one.add_argument("--wait", action=argparse.BooleanOptionalAction, default=True)
        if verb == "remove":
            one.add_argument("--force", action=argparse.BooleanOptionalAction, default=False)
    return parser


async def _run(args: argparse.Namespace) -> None:
    client = ProxiML()
    if args.verb == "create":
        await _create(client, args)
    elif args.verb == "list":
        _list(await client.jobs.list(), args.format)
    else:
        await _one(await _find(client, args.job), args)


async def _create(client: ProxiML, args: argparse.Namespace) -> None:
    job = await client.jobs.create(**_specification(args))
    _say("Created Job.")
    if args.model_dir:
        _say("Uploading model...")
        await job.wait_for("waiting for data/model download")
        await job.connect()
    elif not args.connect:
        return
    _say("Waiting for job to start...")
    await job.wait_for("running", args.timeout)
    await job.refresh()
    _say(f"Endpoint is running at:  {job.url}")


def _specification(args: argparse.Namespace) -> dict[str, Any]:
    model: dict[str, Any] = {}
    checkpoints = [{"id": each} for each in args.checkpoint]
    checkpoints += [{"id": each, "public": True} for each in args.public_checkpoint]
    if checkpoints:
        model["checkpoints"] = checkpoints
    # The last of them wins, as there.
    for kind, source in (("git", args.git_uri), ("proximl", args.model_id), ("local", args.model_dir)):
        if source:
            model |= {"source_type": kind, "source_uri": source}
    return {
        "name": args.name,
        "type": "endpoint",
        "gpu_types": args.gpu_type or ["rtx3090"],
        "gpu_count": _number(args.gpu_count),
        "cpu_count": _number(args.cpu_count),
        "disk_size": _number(args.disk_size) or 10,
        "model": model,
        "environment": {"env": [_variable(text) for text in args.env]},
        "endpoint": {"routes": [_route(text) for text in args.route]},
    }


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        raise _Usage(f"{text!r} is not a whole number.") from None


def _variable(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise _Usage("Invalid environment variable format.  Must be in 'KEY=VALUE' format.")
    return {"key": key, "value": value}


def _route(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _Usage(f"--route {text!r} is not JSON: {error}") from None


async def _find(client: ProxiML, text: str) -> Job:
    jobs = await client.jobs.list()
    found = next((job for job in jobs if job.id == text), None) or next((job for job in jobs if job.name == text), None)
    if found is None:
        raise _Usage("Cannot find specified job.")
    return found


async def _one(job: Job, args: argparse.Namespace) -> None:
    if args.verb == "stop":
        await job.stop()
        if args.wait:
            _say("Waiting for job to stop...")
            await job.wait_for("stopped")
    elif args.verb == "start":
        await job.start()
        _say("Waiting for job to start...")
        await job.wait_for("running")
        _say(f"Endpoint is running at:  {job.url}")
    elif args.verb == "remove":
        await job.remove(force=args.force)
    elif args.verb == "attach":
        await job.attach()
    else:
        _say(f"Endpoint is running at:  {await job.connect()}")


def _list(jobs: list[Job], shape: str) -> None:
    if shape == "json":
        _say(json.dumps([job.dict for job in jobs]))
        return
    rows = [("ID", "NAME", "STATUS", "TYPE"), *((job.id, job.name, job.status, job.type) for job in jobs)]
    for row in rows:
        _say("{: >38.36} {: >40.38} {: >13.11} {: >14.12}".format(*row))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
