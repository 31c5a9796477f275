"""What a dialect adds to a project's list of packages: other names and lists, scripts, what its images had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from hotplate.build.requirement_file import Need
from hotplate.build.worker_needs import of_extra
from hotplate.dialects import input_schema_yaml, predictor_choice
from hotplate.dialects.base import Match
from hotplate.errors import PackagesRefused

REQUIREMENTS = "requirements.txt"


class Command(NamedTuple):
    """Shell commands, and the file that has them."""

    source: str
    words: tuple[str, ...]


class Asked(NamedTuple):
    """What a dialect's own files ask for. `extras` is what images of that system had installed for such projects."""

    files: tuple[str, ...] = (REQUIREMENTS,)
    needs: tuple[Need, ...] = ()
    extras: tuple[Need, ...] = ()
    scripts: tuple[Command, ...] = ()
    notes: tuple[str, ...] = ()


def read(root: Path, match: Match) -> Asked:
    """Read them. Raises ProjectError for a file that is wrong, or asks for packages of conda."""
    if match.dialect == "predictor":
        return _predictor(root, match)
    if match.dialect == "input_schema":
        return _input_schema(root)
    if match.dialect == "service" and _uses_octoai_types(root, match):
        return Asked(extras=_extra("media", "octoai.types"))
    if match.dialect == "entry_point":
        return Asked(extras=_extra("entry-point", "deepaas.v2.model"))
    return Asked()


def _uses_octoai_types(root: Path, match: Match) -> bool:
    """OctoAI's SDK brought what its Image and Audio need."""
    return any(b"octoai.types" in (root / each.file).read_bytes() for each in match.evidence if each.file)


def _predictor(root: Path, match: Match) -> Asked:
    """Cortex: `dependencies.sh`, then conda's packages, then pip's (docs of 0.32, "Python packages")."""
    api = predictor_choice.of_entry(root, match.entry)
    if (root / api.conda).is_file() and not os.environ.get("CONDA_PREFIX"):
        raise PackagesRefused(
            f"{api.conda} lists packages for conda, which Hotplate does not install.",
            file=api.conda,
            line=1,
            hint=f"List them in {api.pip} and remove {api.conda}; most packages of conda are on PyPI.",
        )
    scripts = (Command(api.shell, ("bash", "-e", api.shell)),) if (root / api.shell).is_file() else ()
    return Asked(files=(api.pip,), extras=_extra(api.type, "cortex.yaml"), scripts=scripts)


def _input_schema(root: Path) -> Asked:
    runtime = input_schema_yaml.read_runtime(root)
    if runtime is None:
        return Asked()
    return Asked(
        needs=tuple(Need(text, runtime.file, line) for text, line in runtime.python_packages),
        scripts=tuple(Command(runtime.file, ("bash", "-ec", line)) for line in runtime.run),
        notes=_system_packages(runtime.system_packages, runtime.file),
    )


def _system_packages(names: tuple[str, ...], file: str) -> tuple[str, ...]:
    """Say which of the system's packages are missing; only the machine's owner can install them."""
    if not names or shutil.which("dpkg-query") is None:
        return ()
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", "--", *names]
    said = subprocess.run(command, capture_output=True, check=False, timeout=60).stdout.decode("utf-8", "replace")
    there = {line.split()[0] for line in said.splitlines() if line.endswith(" installed")}
    missing = [name for name in names if name.partition("=")[0].partition(":")[0] not in there]
    if not missing:
        return ()
    return (f"{file} names system packages that are not installed: sudo apt-get install {' '.join(missing)}",)


def _extra(name: str, source: str) -> tuple[Need, ...]:
    return tuple(Need(text, source, 0) for text in of_extra(name))
