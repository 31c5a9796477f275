"""What is read of a cluster's objects, as records: only the fields that count here, and everything may be missing."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from hotplate.errors import TargetRefused

T = TypeVar("T")


class Part(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of an object. Fields that are not named are passed over."""


class Owner(Part, frozen=True):
    uid: str = ""


class Head(Part, frozen=True):
    name: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[Owner, ...] | None = None

    def mark(self, name: str) -> str:
        """An annotation."""
        return (self.annotations or {}).get(name, "")


class Condition(Part, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class Container(Part, frozen=True):
    name: str = ""
    image: str = ""


class Claim(Part, frozen=True):
    claim_name: str = ""


class Volume(Part, frozen=True):
    persistent_volume_claim: Claim | None = None


class PodSpec(Part, frozen=True):
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] | None = None


class Template(Part, frozen=True):
    metadata: Head = field(default_factory=Head)
    spec: PodSpec = field(default_factory=PodSpec)


class Selector(Part, frozen=True):
    match_labels: dict[str, str] = field(default_factory=dict[str, str])


class Spec(Part, frozen=True):
    replicas: int = 1
    selector: Selector = field(default_factory=Selector)
    template: Template = field(default_factory=Template)


class Status(Part, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    ready_replicas: int = 0
    conditions: tuple[Condition, ...] | None = None

    def condition(self, kind: str) -> Condition:
        """The condition of a type; an empty one where it is not there."""
        return next((each for each in self.conditions or () if each.type == kind), Condition())


class Workload(Part, frozen=True):
    """A Deployment or a ReplicaSet."""

    metadata: Head = field(default_factory=Head)
    spec: Spec = field(default_factory=Spec)
    status: Status = field(default_factory=Status)


class Waiting(Part, frozen=True):
    reason: str = ""
    message: str = ""


class Ended(Part, frozen=True):
    reason: str = ""
    exit_code: int = 0


class State(Part, frozen=True):
    waiting: Waiting | None = None
    terminated: Ended | None = None


class ContainerStatus(Part, frozen=True):
    name: str = ""
    image: str = ""
    restart_count: int = 0
    state: State = field(default_factory=State)
    last_state: State = field(default_factory=State)

    @property
    def ended(self) -> Ended | None:
        """How it ended, now or the time before."""
        return self.last_state.terminated or self.state.terminated


class PodStatus(Part, frozen=True):
    phase: str = ""
    conditions: tuple[Condition, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Part, frozen=True):
    metadata: Head = field(default_factory=Head)
    status: PodStatus = field(default_factory=PodStatus)

    @property
    def containers(self) -> tuple[ContainerStatus, ...]:
        """How its containers are, those that prepare it first."""
        return (*(self.status.init_container_statuses or ()), *(self.status.container_statuses or ()))


class About(Part, frozen=True):
    kind: str = ""
    name: str = ""


class Series(Part, frozen=True):
    last_observed_time: str | None = None


class Event(Part, frozen=True):
    metadata: Head = field(default_factory=Head)
    involved_object: About = field(default_factory=About)
    type: str = ""
    reason: str = ""
    message: str = ""
    event_time: str | None = None
    last_timestamp: str | None = None
    series: Series | None = None

    @property
    def at(self) -> str:
        """When it happened last."""
        last = self.series.last_observed_time if self.series else None
        return last or self.last_timestamp or self.event_time or self.metadata.creation_timestamp or ""


class Workloads(Part, frozen=True):
    items: tuple[Workload, ...] | None = None


class Pods(Part, frozen=True):
    items: tuple[Pod, ...] | None = None


class Events(Part, frozen=True):
    items: tuple[Event, ...] | None = None


def seen(found: dict[str, Any], kind: type[T]) -> T:
    """An answer as a record. Raises TargetRefused where it is not as Kubernetes has it."""
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise TargetRefused(f"The cluster does not answer as Kubernetes does: {error}.") from None
