"""Start a project from an example. Asks what it was not told; every answer is also a flag."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotplate.cli import console
from hotplate.cli import scaffold as scaffolds
from hotplate.cli.parsing import add_output
from hotplate.cli.scaffold import Answers
from hotplate.config.suggest import did_you_mean
from hotplate.errors import SettingError

HARDWARE = {
    "cpu": "no GPU",
    "gpu.t4.medium": "NVIDIA T4, 16 GB",
    "gpu.a10g.medium": "NVIDIA A10G, 24 GB",
    "gpu.a100-80.medium": "NVIDIA A100, 80 GB",
}

_NONE = "None"

CLOSING = """\
Initialized project in {folder}. Run your endpoint with:

{steps}

Serve it at a URL that stays, with tokens and as many replicas as it needs, with `hotplate deploy`.

You can configure your project by editing the hotplate.yaml file.

For every setting and what it means, run `hotplate config list`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `init`."""
    parser.add_argument("--scaffold", metavar="NAME", help="Example to start from: " + ", ".join(scaffolds.ORDER))
    parser.add_argument("--path", metavar="FOLDER", help="Folder to create")
    parser.add_argument("--name", metavar="NAME", help="Name of the endpoint")
    parser.add_argument("--hardware", metavar="NAME", help="Hardware to run on: " + ", ".join(HARDWARE))
    parser.add_argument("--secret", action="append", metavar="NAME", help="Secret that the code needs. Repeatable")
    parser.add_argument(
        "--env", "-e", action="append", metavar="KEY=VALUE", help="Environment variable for the code. Repeatable"
    )
    parser.add_argument(
        "--registry", metavar="HOST", help="Registry that its image is to be kept in, such as docker.io"
    )
    parser.add_argument("--repository", metavar="PATH", help="Namespace and name of its image there, such as ann/hello")
    parser.add_argument("--regcred", metavar="NAME", help="Registry credential (`hotplate regcred`) to log in with")
    parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing: take the default for what is not given")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Ask, write the project, and say how to go on."""
    answers = _answers(args)
    scaffolds.create(answers)
    if args.output == "json":
        console.out_json({"path": str(answers.path), "scaffold": answers.scaffold, "name": answers.name})
        return 0
    steps: list[str] = [] if answers.path == Path() else [f"cd {answers.path}"]
    requirements = answers.path / "requirements.txt"
    if requirements.is_file() and requirements.read_text(encoding="utf-8").strip():
        steps.append("pip install -r requirements.txt")
    steps.append("hotplate run")
    console.out()
    console.out(CLOSING.format(folder=answers.path, steps="\n".join(f"\t{step}" for step in steps)))
    return 0


def _answers(args: argparse.Namespace) -> Answers:
    ask: _Defaults = _Defaults()
    if not args.yes and args.output == "text":
        if console.is_interactive():
            ask = _Questions()
        elif None in (args.scaffold, args.path, args.name, args.hardware):
            raise SettingError(
                "`hotplate init` asks questions, and there is no terminal to ask them on.",
                hint="Add --yes to take the defaults for what is not given as a flag.",
            )
    _check_given(args)  # before the first question
    if args.registry and not args.repository and (args.yes or args.output != "text"):
        raise SettingError("The image's place in the registry is missing.", source="--repository", hint="Name it.")
    scaffold = args.scaffold or ask.scaffold()
    path = Path(args.path or ask.path(scaffold))
    _check("--path", scaffolds.check_folder(path))
    name = args.name or ask.name(scaffolds.suggest_name(path))
    return Answers(
        scaffold=scaffold,
        path=path,
        name=name,
        hardware=args.hardware or ask.hardware(),
        secrets=tuple(dict.fromkeys(args.secret or ask.secrets())),
        env=dict(pair.split("=", 1) for pair in args.env or ask.env()),
        registry=args.registry or "",
        repository=(args.repository or ask.repository(name)) if args.registry else "",
        registry_credential=(args.regcred or ask.credential(args.registry)) if args.registry else "",
    )


def _check_given(args: argparse.Namespace) -> None:
    if args.scaffold and args.scaffold not in scaffolds.scaffold_names():
        names = scaffolds.scaffold_names()
        hint = did_you_mean(args.scaffold, names) or f"There are: {', '.join(names)}."
        raise SettingError(f"There is no scaffold `{args.scaffold}`.", source="--scaffold", hint=hint)
    _check("--path", args.path and scaffolds.check_folder(Path(args.path)))
    _check("--name", args.name and scaffolds.check_name(args.name))
    _check("--hardware", args.hardware and scaffolds.check_hardware(args.hardware))
    if (args.repository or args.regcred) and not args.registry:
        raise SettingError("The registry is missing.", source="--registry", hint="For example: --registry docker.io")
    _check("--registry", args.registry and scaffolds.check_registry(args.registry))
    _check("--repository", args.repository and scaffolds.check_repository(args.repository))
    _check("--regcred", args.regcred and scaffolds.check_credential(args.regcred))
    for secret in args.secret or ():
        _check("--secret", scaffolds.check_variable(secret))
    for pair in args.env or ():
        _check("--env", scaffolds.check_pair(pair))


def _check(flag: str, problem: str | None) -> None:
    if problem:
        raise SettingError(problem, source=flag)


class _Defaults:
    """The answers where nobody is to be asked."""

    def scaffold(self) -> str:
        return scaffolds.ORDER[0]

    def path(self, scaffold: str) -> str:
        return scaffold

    def name(self, suggested: str) -> str:
        return suggested

    def hardware(self) -> str:
        return next(iter(HARDWARE))

    def repository(self, name: str) -> str:
        return name

    def credential(self, registry: str) -> str:
        return ""

    def secrets(self) -> list[str]:
        return []

    def env(self) -> list[str]:
        return []


class _Questions(_Defaults):
    """The answers of somebody at a terminal."""

    def scaffold(self) -> str:
        from hotplate.cli.prompts import choose

        names = scaffolds.scaffold_names()
        return choose("Scaffold", [(name, scaffolds.describe_scaffold(name)) for name in names])

    def path(self, scaffold: str) -> str:
        from hotplate.cli.prompts import write

        def check(text: str) -> str | None:
            return scaffolds.check_folder(Path(text)) if text else "Name a folder."

        return write("Directory", default=scaffold, check=check)

    def name(self, suggested: str) -> str:
        from hotplate.cli.prompts import write

        return write("Endpoint name", default=suggested, check=scaffolds.check_name)

    def hardware(self) -> str:
        from hotplate.cli.prompts import choose

        return choose("Hardware", list(HARDWARE.items()))

    def repository(self, name: str) -> str:
        from hotplate.cli.prompts import write

        namespace = write("Image repository namespace", default="", check=scaffolds.check_repository)
        path = write("Image repository name", default=name, check=scaffolds.check_repository)
        return f"{namespace}/{path}"

    def credential(self, registry: str) -> str:
        from hotplate.cli.prompts import choose

        known = _known_credentials(registry)
        if not known:
            return ""
        chosen = choose("Registry credential", [*known, (_NONE, "docker's own login")])
        return "" if chosen == _NONE else chosen

    def secrets(self) -> list[str]:
        from hotplate.cli.prompts import gather

        return gather("Secrets", "Add a secret", "Name of the secret", scaffolds.check_variable)

    def env(self) -> list[str]:
        from hotplate.cli.prompts import gather

        return gather("Environment variables", "Add a variable", "KEY=VALUE", scaffolds.check_pair)


def _known_credentials(registry: str) -> list[tuple[str, str]]:
    """Logins that are kept for a registry, if control runs to tell them."""
    from hotplate.cli.asking import open_control
    from hotplate.client import ClientError
    from hotplate.errors import HotplateError
    from hotplate.images.reference import check_registry

    host = check_registry(registry)
    try:
        with open_control() as control:
            found = control.list_registry_credentials()
    except (ClientError, HotplateError):
        return []
    return [(one["key"], one["username"]) for one in found if one["registry"] == host]
