"""A project whose packages cannot live with what Hotplate's worker imports: which two requirements, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotplate.build.requirements import Wanted
from hotplate.build.worker_needs import name_of
from hotplate.errors import PackagesRefused


def explain_clash(wanted: Wanted, ours: Sequence[str], theirs: Mapping[str, str], said: str) -> PackagesRefused:
    """Make the error. `theirs` are the versions that the project's packages get without us; `said` is uv's reason."""
    for our in ours:
        name = name_of(our)
        need = next((one for one in (*wanted.needs, *wanted.constraints) if name_of(one.text) == name), None)
        if need is not None and _mentions(said, name):
            return PackagesRefused(
                f"The project asks for {need.text}, and Hotplate's worker, which runs its code, needs {our}.",
                file=need.file,
                line=need.line or None,
                hint=f"Ask for a version that fits both: {our}",
            )
    for our in ours:
        name = name_of(our)
        if name in theirs and _mentions(said, name):
            where = wanted.lock or (wanted.needs[0].file if wanted.needs else "")
            return PackagesRefused(
                f"The project's packages bring {name} {theirs[name]}, and Hotplate's worker, which runs its code, "
                f"needs {our}. In detail: {said}",
                file=where or None,
                hint=f"Move to versions of the project's packages that allow {our}.",
            )
    return PackagesRefused(
        f"The project's packages do not fit those that Hotplate's worker needs: {said}",
        hint=f"Hotplate's worker needs: {', '.join(ours)}",
    )


def _mentions(said: str, name: str) -> bool:
    return name in said.lower().replace("_", "-")
