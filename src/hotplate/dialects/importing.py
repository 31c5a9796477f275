"""Importing the author's module as its author expects, and saying where in their code it failed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, TracebackType

from hotplate.dialects.signature import relative
from hotplate.errors import ProjectError

_NOT_THE_AUTHORS = frozenset(("site-packages", "dist-packages", ".venv", "node_modules"))


def import_module(name: str, *, root: Path, base: Path | None = None, missing: str) -> ModuleType:
    """Import a module of the project with its folder first on `sys.path`.

    Args:
        name: its dotted name.
        root: the project's folder.
        base: the folder that `name` starts from, where it is not the project's.
        missing: the error's text where there is no such module.

    Raises:
        ProjectError: the module does not exist, or its code failed. `file` and `line` are those of the innermost
            frame in the project; `__cause__` is what the author's code raised.
    """
    for folder in (root, base):
        if folder is not None:
            _put_first(str(folder.resolve()))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        is_itself = error.name is not None and (name == error.name or name.startswith(error.name + "."))
        if is_itself and locate(error, root)[0] is None:
            hint = f"put it in {root}, or name another"
            raise ProjectError(missing, hint=hint) from error
        raise failure(error, root, f"{name} could not be imported") from error
    except (Exception, SystemExit) as error:  # whatever an author's module may do at import
        raise failure(error, root, f"{name} could not be imported") from error
    _check_not_another(module, name, base or root)
    return module


def failure(error: BaseException, root: Path, text: str) -> ProjectError:
    """Make the error for an exception out of the author's code, with the place and the next step."""
    from hotplate.dialects.next_step import next_step

    file, line = locate(error, root)
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return ProjectError(
        f"{text}: {type(error).__name__}: {reason}", file=file, line=line, hint=next_step(error, root, file)
    )


def locate(error: BaseException, root: Path) -> tuple[str | None, int | None]:
    """Give the file and line of the innermost frame inside the project, if there is one."""
    if isinstance(error, SyntaxError) and error.filename:
        return relative(error.filename, root), error.lineno
    place: tuple[str | None, int | None] = (None, None)
    step: TracebackType | None = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if is_inside(file, root):
            place = relative(file, root), step.tb_lineno
        step = step.tb_next
    return place


def is_inside(file: str, root: Path) -> bool:
    """Say whether a file is the author's: in the project, but not in an environment that lies there."""
    if file.startswith("<"):  # <frozen importlib._bootstrap>, <string>
        return False
    path, folder = Path(file).resolve(), root.resolve()
    return path.is_relative_to(folder) and _NOT_THE_AUTHORS.isdisjoint(path.relative_to(folder).parts)


def _put_first(folder: str) -> None:
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)


def _check_not_another(module: ModuleType, name: str, base: Path) -> None:
    """Catch a `random.py` whose name an imported module already has."""
    expected = base.joinpath(*name.split("."))
    files = [path for path in (expected.with_suffix(".py"), expected / "__init__.py") if path.is_file()]
    loaded = getattr(module, "__file__", None)
    if files and (loaded is None or Path(loaded).resolve() != files[0].resolve()):
        text = f"{files[0].name} cannot be imported as {name!r}: that name belongs to {loaded or 'Python itself'}"
        raise ProjectError(text, file=str(files[0].relative_to(base)), hint="give the file another name")
