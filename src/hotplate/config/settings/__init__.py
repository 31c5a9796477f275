"""Every setting, declared once: its type, default, unit, help and limits. One file for each few groups of them.

A setting `timeout_s` is `--timeout` on the command line, `HOTPLATE_TIMEOUT` in the environment and `timeout` in
`hotplate.yaml`: units are written with the value (`30s`, `10MiB`) instead of in the name. This package is on the path
to the first answer, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from hotplate.config.setting import ENV_PREFIX as ENV_PREFIX
from hotplate.config.setting import GROUPS as GROUPS
from hotplate.config.setting import Setting as Setting
from hotplate.config.settings.jobs import Jobs
from hotplate.config.settings.limits import Limits
from hotplate.config.settings.replicas import Replicas
from hotplate.config.settings.serving import Serving


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings(Replicas, Limits, Jobs, Serving):
    """What one run is configured with. Frozen: nothing changes after start. The fields of the last base come first."""


SETTINGS: Mapping[str, Setting] = {item.name: Setting(name=item.name, **item.metadata) for item in fields(Settings)}
"""Every setting by its name, in the order in which documentation shows them."""
