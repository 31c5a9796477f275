"""The project as Cortex laid it out for a predictor: working folder, environment, import path, dependencies."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from hotplate.deployment.attachment import is_made_for_a_revision
from hotplate.dialects.importing import failure
from hotplate.dialects.predictor_yaml import Api
from hotplate.errors import ProjectError

ENV = ".env"
MODULE = "cortex_predictor"
"""What Cortex called the module, and so what classes in a model's files are remembered under."""


def enter(root: Path, api: Api, kept: dict[str, str]) -> None:
    """Make this process look to the author's code as a Cortex replica did.

    The project is the working folder. `predictor.env` comes first and `.env` over it; `kept`, what was set on the
    command line or in `hotplate.yaml`, stays over both.

    Raises:
        ProjectError: bash cannot read `.env`.
    """
    os.chdir(root)
    os.environ.update(api.env)
    os.environ.update(dotenv(root))
    os.environ.update(kept)
    os.environ.setdefault("CORTEX_LOG_LEVEL", api.log_level)
    folder = str((root / (api.python_path or ".")).resolve())
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)


def dotenv(root: Path) -> dict[str, str]:
    """Give what `.env` exports, read by bash with `set -a`, so that quotes and references work as they did there.

    Raises:
        ProjectError: the file fails, or there is no bash.
    """
    if not (root / ENV).is_file():
        return {}
    import subprocess

    script = "set -ae; source ./.env >&2; exec env -0"
    try:
        done = subprocess.run(["bash", "-c", script], cwd=root, capture_output=True, check=False, timeout=60)
    except FileNotFoundError as error:
        raise ProjectError(".env is read by bash, which is not installed", file=ENV, hint="install bash") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"it ended with status {done.returncode}"
        raise ProjectError(f"bash cannot read .env: {said}", file=ENV, hint="write lines of VARIABLE=value")
    pairs = (pair.partition("=") for pair in done.stdout.decode(errors="surrogateescape").split("\0"))
    own = {"_", "SHLVL", "PWD", "OLDPWD", "BASHOPTS", "SHELLOPTS"}
    return {name: value for name, _, value in pairs if name and name not in own and os.environ.get(name) != value}


def import_predictor(root: Path, api: Api, module_name: str = MODULE) -> ModuleType:
    """Run the file that `path` names, as a module of its own.

    Raises:
        ProjectError: its code failed; `__cause__` is what it raised.
    """
    spec = importlib.util.spec_from_file_location(module_name, root / api.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever an author's module may do when it runs
        found = failure(error, root, f"error: error in {api.path}")
        if isinstance(error, ModuleNotFoundError) and (more := install_hint(root, api)):
            found.hint = f"{found.hint}; or {more}"
        raise found from error
    return module


def install_hint(root: Path, api: Api) -> str:
    """Say how the packages that the project lists are installed, where it lists any."""
    steps: list[str] = []
    if (root / api.shell).is_file():
        steps.append(f"bash {api.shell}")
    if (root / api.pip).is_file():
        steps.append(f"pip install -r {api.pip}")
    return f"install all that the project lists: {' && '.join(steps)}" if steps else ""


def warnings(root: Path, api: Api) -> tuple[str, ...]:
    """Give what differs from Cortex for this project, in sentences for its author.

    Raises:
        ProjectError: packages come from conda, and this is no conda environment.
    """
    found: list[str] = []
    if (root / api.conda).is_file():
        if not os.environ.get("CONDA_PREFIX"):
            raise ProjectError(
                f"{api.conda} lists packages for conda, which Hotplate does not install",
                file=api.conda,
                hint=f"list them in {api.pip} and remove {api.conda}; or activate a conda environment that has them "
                f"(conda install --file {api.conda}) and start hotplate there",
            )
        found.append(f"{api.conda} is not installed for you: this conda environment must have its packages already")
    if (root / api.shell).is_file() and not is_made_for_a_revision():
        found.append(f"{api.shell} is not run for you; if its packages are missing, run: bash {api.shell}")
    if api.processes > 1:
        found.append(f"processes_per_replica is {api.processes}: start with --workers {api.processes} to have as many")
    return tuple(found)
