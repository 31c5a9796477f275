"""What a setting is, as data, and the groups that they are shown in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hotplate.config.values import Kind

ENV_PREFIX = "HOTPLATE_"

GROUPS = {
    "serving": "Serving",
    "logs": "Logs and traces",
    "store": "Where records are kept",
    "jobs": "Jobs",
    "limits": "Limits and deadlines",
    "access": "Who may reach what",
    "containers": "Containers",
    "ray": "Ray",
    "elsewhere": "Replicas on other machines",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Setting:
    """One setting as data. `help` says what it does, `why` what the default rests on.

    `low` and `high` are inclusive. `auto` says that the value may be left to be worked out (None). `in_flags`,
    `in_env` and `in_file` say where it may be set. The values of a `secret` setting are never shown.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    group: str
    why: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    auto: bool = False
    secret: bool = False
    in_flags: bool = True
    in_env: bool = True
    in_file: bool = True
    short: str = ""
    metavar: str = ""

    @property
    def key(self) -> str:
        """The name in `hotplate.yaml`: `timeout` for `timeout_s`, `max_body_size` for `max_body_bytes`."""
        if self.name.endswith("_bytes"):
            return self.name.removesuffix("bytes") + "size"
        return self.name.removesuffix("_s").removesuffix("_bytes")

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return "--" + self.key.replace("_", "-")

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return ENV_PREFIX + self.key.upper()


def setting(default: Any, kind: Kind, group: str, help: str, **more: Any) -> Any:  # noqa: A002 - the field's own name
    facts = {"kind": kind, "group": group, "help": help, **more}
    if kind == "mapping":
        return field(default_factory=dict[str, str], repr=False, metadata={**facts, "default": {}})
    return field(default=default, metadata={**facts, "default": default})


def ray_setting(default: Any, kind: Kind, help: str, **more: Any) -> Any:  # noqa: A002 - the field's own name
    """What the target `ray` goes by. No flag: `up` and `deploy` have those that are needed often."""
    return setting(default, kind, "ray", help, in_flags=False, **more)


def image_setting(help: str, *, default: str = "", in_file: bool = False) -> Any:  # noqa: A002 - the field's own name
    """A text about containers, which the environment gives and no flag."""
    return setting(default, "text", "containers", help, in_flags=False, in_file=in_file)
