"""The settings of `hotplate serve`: what is given counts as everywhere, and the defaults are those of a container."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hotplate.config.resolve import DEFAULT, Resolved, resolve
from hotplate.errors import SettingError
from hotplate.hardware.processors import limited_processors

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile
    from hotplate.config.settings import Settings


def settings_of(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: ProjectFile | None,
    env: Mapping[str, str],
) -> Settings:
    """Settle them. `env` is what the revision sets for its workers; `environ` this process's variables.

    Raises:
        SettingError: a value is wrong.
    """
    given = dict(flags)
    if "port" not in given and "HOTPLATE_PORT" not in environ and environ.get("PORT"):
        given["port"] = environ["PORT"]
    # Who publishes a container's port decides who reaches it; on its own loopback nobody would.
    given.setdefault("i_know", "true")
    if "HOTPLATE_HOST" not in environ:
        given.setdefault("host", "0.0.0.0")  # noqa: S104 - as said above
    try:
        resolved = resolve(flags=given, environ=environ, file=file)
    except SettingError as error:
        if error.key == "port" and given.get("port") is environ.get("PORT"):
            raise SettingError(error.message, key="port", source="PORT", hint=error.hint) from None
        raise
    typed = {text.partition("=")[0] for text in given.get("env", ())}
    return _with_defaults(resolved, environ.keys() - typed, env)


def _with_defaults(resolved: Resolved, there: AbstractSet[str], theirs: Mapping[str, str]) -> Settings:
    """`there` are the variables that whoever started the container has set: those win over the project's files."""
    settings = resolved.settings
    if resolved.origins["workers"] == DEFAULT:
        settings = replace(settings, workers=limited_processors() or settings.workers)
    if resolved.origins["log_format"] == DEFAULT:
        settings = replace(settings, log_format="json")
    env = {name: value for name, value in {**theirs, **settings.env}.items() if name not in there}
    return replace(settings, env=env, reload=False)
