"""Where in a cluster pods may run and what they use of it: the values of `kubernetes:`, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from hotplate.config.cluster_keys import CLUSTER_KEYS, Value
from hotplate.deployment.records import Hardware
from hotplate.errors import SettingError
from hotplate.manifests import grammar

PRODUCT = "nvidia.com/gpu.product"
"""The label by which NVIDIA's GPU feature discovery tells the model of a node's GPUs."""

_T4 = ("Tesla-T4",)
_A10G = ("NVIDIA-A10G",)
_A100_40 = ("NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-PCIE-40GB")
_A100_80 = ("NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe")
PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "gpu.t4.medium": _T4,
    "gpu.a10g.medium": _A10G,
    "gpu.a100-40.medium": _A100_40,
    "gpu.a100-80.medium": _A100_80,
    "T4": _T4,
    "A10": ("NVIDIA-A10", *_A10G),
    "A100": (*_A100_40, *_A100_80),
}
"""Profiles that name a model of GPU, and what that label calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """See `config/cluster_keys.py` for what each means. `jobs_secret` is a Secret's name and its key, or nothing."""

    context: str = ""
    namespace: str = ""
    scaler: str = "hpa"
    prometheus: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[str, ...] = ()
    gpu_resource: str = CLUSTER_KEYS["gpu_resource"].default
    runtime_class: str = ""
    priority_class: str = ""
    service_account: str = ""
    pull_secrets: tuple[str, ...] = ()
    secret: str = ""
    jobs_secret: str = ""
    storage_class: str = ""
    volume_size: str = CLUSTER_KEYS["volume_size"].default
    volume_access: str = ""

    def __post_init__(self) -> None:
        _check("namespace", self.namespace, grammar.check_namespace)
        for name, what in (
            ("runtime_class", "RuntimeClass"),
            ("priority_class", "PriorityClass"),
            ("service_account", "ServiceAccount"),
            ("secret", "Secret"),
            ("storage_class", "StorageClass"),
        ):
            _check(name, getattr(self, name), lambda text, what=what: grammar.check_object(text, what))
        for name in self.pull_secrets:
            _check("pull_secrets", name, lambda text: grammar.check_object(text, "Secret"))
        for key, value in self.node_selector.items():
            _check("node_selector", key, grammar.check_label_key)
            _check("node_selector", value, grammar.check_label_value)
        for text in self.tolerations:
            _check("tolerations", text, grammar.check_toleration)
        _check("gpu_resource", self.gpu_resource, grammar.check_label_key)
        _check("volume_size", self.volume_size, grammar.check_quantity)
        _check("prometheus", self.prometheus, grammar.check_url)
        _check("jobs_secret", self.jobs_secret, secret_and_key)


def placement_of(given: Mapping[str, Value]) -> Placement:
    """From the keys of `kubernetes:`. Raises SettingError for a value that may not stand in a manifest."""
    return Placement(**cast("dict[str, Any]", dict(given)))


def secret_and_key(text: str) -> tuple[str, str]:
    """`NAME/KEY` of a value in a Secret."""
    name, slash, key = text.partition("/")
    if not slash:
        raise SettingError(f"{text[:70]!a} is no NAME/KEY of a Secret.")
    return grammar.check_object(name, "Secret"), grammar.check_secret_key(key)


def placed(placement: Placement, hardware: Hardware) -> dict[str, Any]:
    """The part of a pod's specification that says which nodes it may run on."""
    found: dict[str, Any] = {}
    products = PRODUCTS.get(hardware.profile, ())
    if placement.node_selector:
        found["nodeSelector"] = dict(sorted(placement.node_selector.items()))
    elif products:
        term = {"matchExpressions": [{"key": PRODUCT, "operator": "In", "values": list(products)}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        found["affinity"] = {"nodeAffinity": required}
    tolerations = [_toleration(text) for text in placement.tolerations]
    if hardware.gpus:
        tolerations.append({"key": placement.gpu_resource, "operator": "Exists", "effect": "NoSchedule"})
    if tolerations:
        found["tolerations"] = tolerations
    return found


def _toleration(text: str) -> dict[str, str]:
    key, value, effect = grammar.check_toleration(text)
    found = {"key": key, "operator": "Exists"} if value is None else {"key": key, "operator": "Equal", "value": value}
    return {**found, **({"effect": effect} if effect else {})}


def _check(key: str, text: str, check: Callable[[str], object]) -> None:
    if text:
        try:
            check(text)
        except SettingError as error:
            raise SettingError(f"`kubernetes: {key}`: {error.message}", key=key, hint=error.hint) from None
