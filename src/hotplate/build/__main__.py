"""`python -m hotplate.build PATH`: a build for programs, which read one JSON object a line on standard output.

`{"event": "step", "step": …, "text": …}` as it goes on, `{"event": "built", …}` for each revision, and at the end
`{"event": "done"}` with exit code 0, or `{"event": "failed", "code": …, "message": …, "file": …, "line": …}` with 1.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from hotplate.build.assets import fill
from hotplate.build.make import Options, Step, make
from hotplate.build.result import endpoint_name, facts, failure
from hotplate.deployment.home import find_home
from hotplate.dialects.opening import open_project
from hotplate.errors import HotplateError, SettingError


def main(words: list[str] | None = None) -> int:
    """Build, and write what happens."""
    args = _parser().parse_args(words)
    try:
        home = find_home()
        options: dict[str, str] = {}
        for pair in args.option:
            key, equals, value = pair.partition("=")
            if not equals:
                raise SettingError(f"{pair!r} is no KEY=VALUE.", key="option")
            options[key] = value
        opened = open_project(
            args.paths,
            dialect=args.dialect,
            service_module=args.service_module,
            service_class=args.service_class,
            api=args.api,
            options=options,
        )
        how = Options(python=args.python, scripts=args.scripts, upgrade=args.upgrade)
        for built in make(opened, home=home, options=how, progress=_step):
            if args.store_assets:
                volume = fill(home, built.revision, endpoint_name(built, opened.project, args.name), args.volume)
                if volume is not None:
                    _step("assets", f"Stored in {volume}")
            _say("built", facts(built, opened.project, args.name))
    except HotplateError as error:
        _say("failed", failure(error))
        return 1
    _say("done", {})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hotplate.build", description=__doc__)
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--name", default="")
    parser.add_argument("--python")
    parser.add_argument("--scripts", choices=("refuse", "run", "skip", "image"), default="refuse")
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--store-assets", action="store_true")
    parser.add_argument("--volume", default="")
    for name in ("--dialect", "--service-module", "--service-class", "--api"):
        parser.add_argument(name)
    parser.add_argument("--option", action="append", default=[])
    return parser


def _step(step: Step, text: str) -> None:
    _say("step", {"step": step, "text": text})


def _say(event: str, more: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode({"event": event, **more}).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
