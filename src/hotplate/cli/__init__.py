"""The `hotplate` command: finds the command by its first word and imports that one alone.

Every command is a module here with `configure(parser)` and `main(args) -> exit code`. Exit codes: 0 done, 1 it went
wrong, 2 wrong usage or settings, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TextIO

COMMANDS = {
    "init": "Start a project from an example",
    "run": "Serve a project on this machine",
    "serve": "Serve a project in a container: PORT, JSON logs, workers by its processors",
    "up": "Start this machine's server of deployed endpoints, and its control",
    "down": "End what `hotplate up` started, when what is under way is finished",
    "status": "Show what runs, and every endpoint's replicas",
    "inspect": "Show what a project offers, and why Hotplate thinks so",
    "build": "Build a revision of a project: files, locked packages, contract",
    "push": "Push an image to its registry",
    "export": "Write an endpoint down for Kubernetes, KEDA, Knative or Ray Serve",
    "deploy": "Build a project and serve it at a URL that stays",
    "endpoint": "List, get, create, update, pause, start and delete endpoints",
    "revisions": "Show the revisions of an endpoint and their traffic",
    "prune": "Remove built revisions and environments that no endpoint has",
    "rollback": "Go back to an earlier revision",
    "logs": "Show what an endpoint's replicas wrote",
    "events": "Show what happened to endpoints",
    "token": "Create, list and revoke tokens",
    "secret": "Keep values that endpoints find as environment variables",
    "regcred": "Keep logins to registries of images",
    "volume": "Keep files that an endpoint's replicas share",
    "hardware": "List hardware profiles",
    "store-assets": "Fill a project's volume: run its store_assets()",
    "invoke": "Call a running endpoint",
    "job": "Submit calls to run later, and see what became of them",
    "dead": "List jobs that used up their attempts, and let them run again",
    "map": "Run one job for each line of a file",
    "doctor": "Check this machine and project, and say how to mend what is wrong",
    "scale": "Show why an endpoint has as many replicas as it has",
    "config": "Show every setting, its value and where that came from",
    "completion": "Print a completion script for bash, zsh or fish",
    "version": "Show versions",
}
"""Every command and what it does, in the order of `hotplate --help`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    output: TextIO = sys.stdout
    if argv is None and isinstance(output, TextIOWrapper) and output.errors == "strict":
        output.reconfigure(errors="replace")  # an arrow that the locale has no letter for is no error
    if argv is None and words[:1] == ["run"] and not {"-h", "--help", "-i", "--image"} & set(words):
        from hotplate.server.early import start_early

        start_early()
    try:
        return _dispatch(words)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `hotplate config list | head -1`
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python would complain when it flushes at exit
        return 0
    except Exception as error:
        from hotplate.cli.failures import report, report_system
        from hotplate.errors import HotplateError

        if isinstance(error, HotplateError):
            return report(error)
        if isinstance(error, OSError) and report_system(error):
            return 1
        raise


def _dispatch(words: list[str]) -> int:
    command = words[0] if words else "--help"
    if command == "help":
        words = [*words[1:2], "--help"]
        command = words[0]
    if command in COMMANDS:
        from hotplate.startup import import_msgspec

        import_msgspec()
        from importlib import import_module

        from hotplate.cli.parsing import Parser

        module = import_module(module_of(command))
        parser = Parser(prog=f"hotplate {command}", description=module.__doc__)
        module.configure(parser)
        return module.main(parser.read(words[1:]))
    from hotplate.cli import console

    if command in ("-h", "--help"):
        console.out(_overview())
        return 0
    if command in ("-V", "--version"):
        from hotplate import __version__

        console.out(f"hotplate {__version__}")
        return 0
    from hotplate.config.suggest import did_you_mean

    kind = "option" if command.startswith("-") else "command"
    hint = did_you_mean(command, COMMANDS) or "`hotplate --help` lists every command."
    console.problem(f"`{command}` is no {kind} of hotplate.", hint=hint)
    return 2


def module_of(command: str) -> str:
    """The module that has a command."""
    return f"hotplate.cli.{command.replace('-', '_')}"


def _overview() -> str:
    width = max(len(name) for name in COMMANDS) + 2  # not map(): a command of that name is a module here
    lines = [
        "Turn Python model code that already exists into a production HTTP endpoint.",
        "",
        "Usage: hotplate COMMAND [options]",
        "",
        "Commands:",
        *(f"  {name:<{width}}{text}" for name, text in COMMANDS.items()),
        "",
        "Options:",
        f"  {'--help':<{width}}Show this text; after a command, that command's options",
        f"  {'--version':<{width}}Show the version",
    ]
    return "\n".join(lines)
