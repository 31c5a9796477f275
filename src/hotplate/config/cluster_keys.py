"""What an endpoint is told of the Kubernetes cluster that it runs in: the keys of `kubernetes:` in `hotplate.yaml`.

Each is also reached by `--kubernetes KEY=VALUE` of `hotplate export` and `hotplate deploy`. How the values are
written is decided where manifests are made (`manifests/grammar.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hotplate.config.suggest import did_you_mean
from hotplate.errors import SettingError

Value = str | tuple[str, ...] | Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterKey:
    """One key. `default` is what counts where it is not given."""

    name: str
    kind: Literal["text", "list", "mapping"]
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()


CLUSTER_KEYS: Mapping[str, ClusterKey] = {
    key.name: key
    for key in (
        ClusterKey(name="context", kind="text", help="Context of the kubeconfig. None given: its current one."),
        ClusterKey(name="namespace", kind="text", help="Namespace. None given: the context's, else `default`."),
        ClusterKey(
            name="scaler",
            kind="text",
            help="What scales it in `deploy`: `hpa` by the processor, `keda` by calls that run and wait.",
            default="hpa",
            choices=("hpa", "keda"),
        ),
        ClusterKey(
            name="prometheus",
            kind="text",
            help="Address of a Prometheus that KEDA asks. None given: KEDA asks the pods themselves (KEDA 2.20).",
        ),
        ClusterKey(
            name="node_selector",
            kind="mapping",
            help="Labels of the nodes that it may run on, in the place of those that `hardware` stands for.",
        ),
        ClusterKey(
            name="tolerations",
            kind="list",
            help="Taints that it bears, each `KEY[=VALUE][:EFFECT]`. That of GPU nodes is there by itself.",
        ),
        ClusterKey(
            name="gpu_resource",
            kind="text",
            help="What the cluster calls a GPU.",
            default="nvidia.com/gpu",
        ),
        ClusterKey(name="runtime_class", kind="text", help="RuntimeClass of its pods."),
        ClusterKey(name="priority_class", kind="text", help="PriorityClass of its pods."),
        ClusterKey(name="service_account", kind="text", help="ServiceAccount of its pods; they get no token of it."),
        ClusterKey(name="pull_secrets", kind="list", help="Secrets with the logins for the image's registry."),
        ClusterKey(
            name="secret", kind="text", help="Secret that holds the values of `secrets`. None given: `NAME-secrets`."
        ),
        ClusterKey(
            name="jobs_secret",
            kind="text",
            help="`NAME/KEY` of a Secret with the PostgreSQL URL for jobs. None given: no jobs.",
        ),
        ClusterKey(name="storage_class", kind="text", help="StorageClass of its volume. None given: the cluster's."),
        ClusterKey(name="volume_size", kind="text", help="Size of its volume.", default="10Gi"),
        ClusterKey(
            name="volume_access",
            kind="text",
            help="How its volume is mounted. None given: `ReadWriteOnce` for one replica, else `ReadWriteMany`.",
            choices=("ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod", "ReadOnlyMany"),
        ),
    )
}
"""Every key by its name."""


def read_pairs(items: Sequence[str], flag: str) -> dict[str, Value]:
    """`KEY=VALUE` words of a command line. A list or mapping takes one item of each word.

    Raises:
        SettingError: there is no such key, or it is no pair.
    """
    found: dict[str, Value] = {}
    for item in items:
        name, equals, text = item.partition("=")
        key = known(name, source=flag)
        if not equals or not text:
            raise SettingError(f"{item[:70]!r} is no KEY=VALUE.", source=flag)
        before = found.get(key.name)
        if key.kind == "list":
            found[key.name] = (*before, text) if isinstance(before, tuple) else (text,)
        elif key.kind == "mapping":
            inner, equals, value = text.partition("=")
            if not equals:
                raise SettingError(f"{item[:70]!r}: write {key.name}=KEY=VALUE.", source=flag)
            found[key.name] = {**(before if isinstance(before, Mapping) else {}), inner: value}
        else:
            found[key.name] = checked(key, text, source=flag)
    return found


def known(name: str, *, source: str) -> ClusterKey:
    """The key of a name. Raises SettingError."""
    word = name.replace("-", "_")
    if word not in CLUSTER_KEYS:
        hint = did_you_mean(word, CLUSTER_KEYS) or f"Known keys: {', '.join(CLUSTER_KEYS)}."
        raise SettingError(f"There is no key `{name[:60]}` of `kubernetes`.", source=source, hint=hint)
    return CLUSTER_KEYS[word]


def checked(key: ClusterKey, text: str, *, source: str) -> str:
    """The text, if the key takes it. Raises SettingError."""
    if key.choices and text not in key.choices:
        raise SettingError(
            f"`{key.name}` must be one of {', '.join(key.choices)}, not {text[:60]!r}.", key=key.name, source=source
        )
    return text
