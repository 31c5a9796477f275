"""What an endpoint is in a cluster, as data: which image, how many replicas, with what. One pod is one replica."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hotplate.config.settings import SETTINGS
from hotplate.config.values import show
from hotplate.contract.limits import slots_of
from hotplate.deployment.names import check_secret, check_variable, check_volume
from hotplate.deployment.records import Hardware, Scaling
from hotplate.images.grammar import check_image
from hotplate.manifests import grammar
from hotplate.manifests.placement import Placement

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.control.settings import EndpointSettings
    from hotplate.deployment.records import Revision

END_S = 10
"""What a pod gets beyond its grace to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One endpoint.

    `revision` is the digest of what the image holds. `env` and `secrets` are the workers' variables: values, and names
    of those whose values a Secret of the cluster holds. `limits` are values of settings as `HOTPLATE_*` variables say
    them. `slots` is how many calls one pod takes at once.

    Raises SettingError or InvalidInput for a value that may not stand in a manifest.
    """

    name: str
    image: str
    revision: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    volume: str = ""
    hardware: Hardware = field(default_factory=Hardware)
    public: bool = False
    scaling: Scaling = field(default_factory=lambda: Scaling(max_replicas=1))
    slots: int = 1
    timeout_s: float = 300.0
    setup_timeout_s: float = 900.0
    grace_s: float = 25.0
    drain_delay_s: float = 5.0
    placement: Placement = field(default_factory=Placement)

    def __post_init__(self) -> None:
        grammar.check_name(self.name)
        check_image(self.image)
        grammar.check_label_value(self.revision[:12])
        for name, value in (*self.env.items(), *self.limits.items()):
            check_variable(name)
            grammar.variable_value(value)
        for key in self.secrets:
            grammar.check_secret_key(check_secret(key))
        if self.volume:
            check_volume(self.volume)

    @property
    def secret(self) -> str:
        """The Secret that holds the values of `secrets`."""
        return self.placement.secret or f"{self.name}-secrets"

    @property
    def concurrency(self) -> int:
        """How many calls one pod is meant to have at once."""
        return self.scaling.concurrency or self.slots

    @property
    def fixed(self) -> bool:
        """Whether the number of replicas is always the same."""
        return max(1, self.scaling.min_replicas) == self.scaling.max_replicas

    @property
    def grace_period_s(self) -> int:
        """How long a pod has from SIGTERM to its end."""
        return math.ceil(self.drain_delay_s + self.grace_s) + END_S


def workload_of(
    name: str, revision: Revision, image: str, endpoint: EndpointSettings, project: Settings, placement: Placement
) -> Workload:
    """An endpoint as its settings have it. `project` is what the project's own file says of settings."""
    slots = slots_of(revision.contract, _number(endpoint.limits.get("slots"), project.slots))
    return Workload(
        name=name,
        image=image,
        revision=revision.digest,
        env={**revision.env, **endpoint.env_overrides},
        secrets=tuple(endpoint.container_secrets),
        limits={
            SETTINGS[key].variable: show(SETTINGS[key].kind, value)
            for key, value in sorted(endpoint.limits.items())
            if value is not None
        },
        volume=endpoint.volume,
        hardware=endpoint.hardware(),
        public=endpoint.visibility == "public",
        scaling=endpoint.scaling(),
        slots=slots,
        timeout_s=_seconds(endpoint.limits.get("timeout_s"), project.timeout_s),
        setup_timeout_s=_seconds(endpoint.limits.get("setup_timeout_s"), project.setup_timeout_s),
        grace_s=project.grace_s,
        drain_delay_s=max(project.drain_delay_s, 5.0),
        placement=placement,
    )


def _number(value: object, other: int | None) -> int | None:
    return value if isinstance(value, int) else other


def _seconds(value: object, other: float) -> float:
    return float(value) if isinstance(value, int | float) else other
