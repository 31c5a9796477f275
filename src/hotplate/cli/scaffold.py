"""The example projects that `init` starts from, and how one becomes a project.

A scaffold is a folder in `hotplate/scaffolds`: the first line of its `service.py`'s docstring describes it, every
file is copied as it is, and `hotplate.yaml` gets the answers of `init` in front of its own keys.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hotplate.config.project_file import load_project_file
from hotplate.errors import SettingError, UserError

FOLDER = Path(__file__).parent.parent / "scaffolds"
ORDER = ("hello-world", "flan-t5", "wav2vec", "yolov8", "face-detection", "speech-to-text", "ocr")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HARDWARE = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_YAML_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a new project is to be."""

    scaffold: str
    path: Path
    name: str
    hardware: str
    secrets: tuple[str, ...] = ()
    env: Mapping[str, str]
    registry: str = ""
    repository: str = ""
    registry_credential: str = ""


def scaffold_names() -> list[str]:
    """Every scaffold, in the order in which they are offered."""
    found = {folder.name for folder in FOLDER.iterdir() if (folder / "service.py").is_file()}
    return [name for name in ORDER if name in found] + sorted(found.difference(ORDER))


def describe_scaffold(name: str) -> str:
    """The first line of what the scaffold says of itself."""
    tree = ast.parse((FOLDER / name / "service.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")


def check_name(text: str) -> str | None:
    """What is wrong with an endpoint's name, or None."""
    if _NAME.fullmatch(text):
        return None
    return "A name has lower-case letters, digits and hyphens, at most 63, and starts and ends with no hyphen."


def check_hardware(text: str) -> str | None:
    """What is wrong with the name of hardware, or None."""
    return None if _HARDWARE.fullmatch(text) else "Hardware has a name such as cpu or gpu.t4.medium."


def check_variable(text: str) -> str | None:
    """What is wrong with the name of a secret or an environment variable, or None."""
    if _VARIABLE.fullmatch(text):
        return None
    return "A variable's name has letters, digits and _, and does not start with a digit."


def check_pair(text: str) -> str | None:
    """What is wrong with `KEY=VALUE`, or None."""
    key, equals, _ = text.partition("=")
    return check_variable(key) if equals else "Write it as KEY=VALUE."


def check_registry(text: str) -> str | None:
    """What is wrong with the host of a registry, or None."""
    from hotplate.images import reference

    return _problem(lambda: reference.check_registry(text))


def check_repository(text: str) -> str | None:
    """What is wrong with the path of a repository, or None."""
    from hotplate.images import reference

    return _problem(lambda: reference.check_repository(text))


def check_credential(text: str) -> str | None:
    """What is wrong with the name of a registry credential, or None."""
    from hotplate.deployment import names

    return _problem(lambda: names.check_credential(text))


def _problem(check: Callable[[], object]) -> str | None:
    try:
        check()
    except UserError as error:
        return error.message
    return None


def check_folder(path: Path) -> str | None:
    """Why a new project cannot go into this folder, or None."""
    if not path.exists():
        return None
    if not path.is_dir():
        return f"{path} is a file."
    return f"{path} is not empty." if any(path.iterdir()) else None


def suggest_name(path: Path) -> str:
    """An endpoint's name made from a folder's."""
    words = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower()).strip("-")
    return words[:63].strip("-") or "endpoint"


def create(answers: Answers) -> None:
    """Write the project. Raises SettingError when the folder is taken."""
    if problem := check_folder(answers.path):
        raise SettingError(problem, source="--path", hint="Choose another folder.")
    source = FOLDER / answers.scaffold
    file = load_project_file(source)
    answers.path.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, answers.path, ignore=_IGNORED, dirs_exist_ok=True)
    written = file.settings.get("env") if file is not None else None
    env = {**(written.value if written is not None and isinstance(written.value, Mapping) else {}), **answers.env}
    theirs = (source / "hotplate.yaml").read_text(encoding="utf-8") if file is not None else ""
    (answers.path / "hotplate.yaml").write_text(_project_file(answers, env, theirs), encoding="utf-8")


def _project_file(answers: Answers, env: Mapping[str, str], theirs: str) -> str:
    lines = [f"name: {_scalar(answers.name)}", f"hardware: {_scalar(answers.hardware)}"]
    if answers.secrets:
        lines += ["secrets:", *(f"  - {_scalar(secret)}" for secret in answers.secrets)]
    if env:
        lines += ["env:", *(f"  {_scalar(key)}: {_scalar(value)}" for key, value in env.items())]
    dropped = {"name", "hardware", "env"} | ({"secrets"} if answers.secrets else set[str]())
    if answers.registry:
        lines += ["registry:", f"  host: {_scalar(answers.registry)}", f"  path: {_scalar(answers.repository)}"]
        dropped.add("registry")
    if answers.registry_credential:
        lines.append(f"registry_credential: {_scalar(answers.registry_credential)}")
        dropped.add("registry_credential")
    return "\n".join([*lines, *_without(theirs, dropped)]).rstrip() + "\n"


def _without(text: str, keys: set[str]) -> list[str]:
    """The lines of a block-style YAML file but for some of its top-level keys."""
    kept: list[str] = []
    dropping = False
    for line in text.splitlines():
        if line and not line[0].isspace() and not line.startswith(("#", "-")):
            dropping = line.partition(":")[0].strip() in keys
        if not dropping:
            kept.append(line)
    return kept


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    import json

    return json.dumps(text)  # a JSON string is a YAML string
