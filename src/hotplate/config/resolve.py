"""Weighs flags over the environment over the project file over defaults, and remembers which one won."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from hotplate.config.settings import ENV_PREFIX, SETTINGS, Setting, Settings
from hotplate.config.values import AUTO, PARSERS, show
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resolved:
    """The settings, and for each by name where its value came from (`--port`, `HOTPLATE_PORT`, `hotplate.yaml:3`)."""

    settings: Settings
    origins: Mapping[str, str]


def resolve(
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: ProjectFile | None = None,
) -> Resolved:
    """Settle every setting.

    `flags` has text by setting name (a list of texts for settings that may be given more than once); `environ` is the
    process's environment. Raises SettingError for a wrong value, naming its source.
    """
    flags = flags or {}
    environ = environ or {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        layers: list[tuple[str, Any]] = []  # weakest first
        if file is not None and name in file.settings:
            written = file.settings[name]
            layers.append((f"{file.path.name}:{written.line}", written.value))
        if setting.in_env and setting.variable in environ:
            layers.append((setting.variable, environ[setting.variable]))
        if name in flags:
            layers.append((setting.flag, flags[name]))
        if setting.kind == "mapping":
            merged, origin = _merge(setting, layers, environ)
            values[name] = MappingProxyType(merged)
            origins[name] = origin
        elif layers:
            origins[name], given = layers[-1]
            values[name] = _read(setting, given, origins[name])
        else:
            origins[name] = DEFAULT
    _check_environment(environ)
    settings = Settings(**values)
    _check_bind(settings, origins["host"])
    _check_origin(settings, origins["allow_origin"])
    return Resolved(settings=settings, origins=origins)


def _read(setting: Setting, given: Any, origin: str) -> Any:
    if setting.kind == "list" and not isinstance(given, str):
        return tuple(item for text in given for item in _parse(setting, text, origin))
    value = _parse(setting, given, origin)
    if setting.choices and value not in setting.choices:
        raise _wrong(setting, f"must be one of {', '.join(setting.choices)}, not {value!r}", origin)
    if value is None or setting.low is None or setting.high is None or setting.low <= value <= setting.high:
        return value
    low, high = (show(setting.kind, type(value)(bound)) for bound in (setting.low, setting.high))
    raise _wrong(setting, f"must be {low} to {high}, not {show(setting.kind, value)}", origin)


def _parse(setting: Setting, text: str, origin: str) -> Any:
    text = text.strip()
    if setting.auto and text.lower() == AUTO:
        return None
    try:
        return PARSERS[setting.kind](text)
    except ValueError as error:
        raise _wrong(setting, str(error), origin) from None


def _merge(
    setting: Setting, layers: Sequence[tuple[str, Any]], environ: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    """A mapping is merged key by key, so that `-e` adds to the file's variables and overrides single ones."""
    merged: dict[str, str] = {}
    origins: list[str] = []
    for origin, given in layers:
        pairs: dict[str, str]
        if isinstance(given, Mapping):
            pairs = dict(cast("Mapping[str, str]", given))
        else:
            pairs = dict(_pair(setting, item, origin, environ) for item in given)
        for key, value in pairs.items():
            if not key or "=" in key or "\0" in key + value:
                raise _wrong(setting, f"has {key!r}, which cannot name an environment variable", origin)
            merged[key] = value
        origins.append(origin)
    return merged, ", ".join(reversed(origins)) or DEFAULT


def _pair(setting: Setting, item: str, origin: str, environ: Mapping[str, str]) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if equals:
        return key, value
    if key not in environ:
        raise _wrong(setting, f"names {key}, which this shell does not have; give {key}=value", origin)
    return key, environ[key]


def _check_environment(environ: Mapping[str, str]) -> None:
    """A mistyped `HOTPLATE_…` is an error; one that looks like no setting belongs to somebody else."""
    known = {setting.key.upper() for setting in SETTINGS.values() if setting.in_env} | {"HOME"}
    for name in environ:
        if not name.startswith(ENV_PREFIX) or (word := name.removeprefix(ENV_PREFIX)) in known:
            continue
        from hotplate.config.suggest import closest

        if found := closest(word, known, cutoff=0.75):
            hint = f"Did you mean {ENV_PREFIX}{found}?"
            raise SettingError("Unknown environment variable.", key=name, source=name, hint=hint)


def _check_bind(settings: Settings, origin: str) -> None:
    if settings.i_know or is_loopback(settings.host):
        return
    raise SettingError(
        f"Listening on {settings.host or 'every address'} would let other machines call the model without a token.",
        key="host",
        source=origin,
        hint="Keep the default 127.0.0.1, or add --i-know when the network is trusted or a proxy checks callers.",
    )


def _check_origin(settings: Settings, origin: str) -> None:
    """A path or a list would silently match no page; a line end would be a second header."""
    if re.fullmatch(r"(\*|https?://[A-Za-z0-9.:\[\]-]+)?", settings.allow_origin):
        return
    raise SettingError(
        f"`allow_origin` must be one origin, not {settings.allow_origin!r}.",
        key="allow_origin",
        source=origin,
        hint="Write it as https://app.example.com, without a path, or as * for every page.",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address. A name other than `localhost` never counts."""
    if host in ("127.0.0.1", "localhost", "::1"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(setting: Setting, problem: str, origin: str) -> SettingError:
    return SettingError(f"`{setting.key}` {problem}.", key=setting.key, source=origin)
