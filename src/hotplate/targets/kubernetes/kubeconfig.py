"""Finds out which cluster is meant and how to log in: by a kubeconfig, or, in a pod, by its service account.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/: several files are merged, the
first one that names something wins, and paths in a file are relative to it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from hotplate.errors import SettingError, TargetRefused

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, the authorities of the cluster and its namespace."""
_MAX_BYTES = 4 << 20
_KINDS = ("clusters", "contexts", "users")

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Access:
    """How a cluster is reached. `user` is the kubeconfig's entry, with its paths made absolute."""

    server: str
    namespace: str = "default"
    context: str = ""
    authorities: bytes = b""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""
    user: Mapping[str, Any] = field(default_factory=dict[str, Any])


def find_access(context: str = "", *, environ: Mapping[str, str] | None = None, account: Path = ACCOUNT) -> Access:
    """The cluster of a context, or of the current one, or the one that this runs in.

    Raises:
        SettingError: there is no kubeconfig, or not such a context, or it cannot be read.
    """
    variables = os.environ if environ is None else environ
    named = variables.get("KUBECONFIG", "")
    home = Path(variables.get("HOME") or Path.home())
    paths = [Path(part).expanduser() for part in named.split(os.pathsep) if part] or [home / ".kube" / "config"]
    found = [(path, _read(path)) for path in paths if path.is_file()]
    if not found and not context and variables.get("KUBERNETES_SERVICE_HOST") and (account / "token").is_file():
        return _in_cluster(variables, account)
    if not found:
        shown = ", ".join(str(path) for path in paths)
        raise SettingError(
            f"There is no kubeconfig at {shown}, so it is not known which cluster is meant.",
            key="context",
            source="KUBECONFIG" if named else None,
            hint="Name it in KUBECONFIG, or ask whoever runs the cluster for one.",
        )
    return _of_context(found, context)


def _in_cluster(variables: Mapping[str, str], account: Path) -> Access:
    host, port = variables["KUBERNETES_SERVICE_HOST"], variables.get("KUBERNETES_SERVICE_PORT", "443")
    namespace = account / "namespace"
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace.read_text("utf-8").strip() if namespace.is_file() else "default",
        context="in-cluster",
        authorities=(account / "ca.crt").read_bytes(),
        user={"tokenFile": str(account / "token")},
    )


def _of_context(files: list[tuple[Path, Table]], wanted: str) -> Access:
    tables: dict[str, dict[str, tuple[Path, Table]]] = {kind: {} for kind in _KINDS}
    current = wanted
    for path, document in files:
        current = current or str(document.get("current-context") or "")
        for kind in _KINDS:
            for entry in _list(document.get(kind)):
                inner = entry.get(kind.removesuffix("s"))
                tables[kind].setdefault(str(entry.get("name")), (path, _table(inner)))
    shown = ", ".join(str(path) for path, _ in files)
    if not current:
        raise SettingError(f"{shown} has no current context.", key="context", hint="Name one with --context.")
    if current not in tables["contexts"]:
        known = ", ".join(sorted(tables["contexts"])) or "none"
        raise SettingError(
            f"There is no context {current[:70]!a} in {shown}.", key="context", hint=f"There are: {known}."
        )
    _, context = tables["contexts"][current]
    cluster_path, cluster = _entry(tables, "clusters", str(context.get("cluster") or ""), current, shown)
    user_path, user = _entry(tables, "users", str(context.get("user") or ""), current, shown)
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise SettingError(f"The cluster of the context {current} in {shown} has no address.", key="context")
    insecure = cluster.get("insecure-skip-tls-verify") is True
    return Access(
        server=server.rstrip("/"),
        namespace=str(context.get("namespace") or "default"),
        context=current,
        authorities=b"" if insecure else content(cluster, "certificate-authority", cluster_path),
        insecure=insecure,
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
        user=_placed(user, user_path),
    )


def content(entry: Mapping[str, Any], name: str, path: Path) -> bytes:
    """What `NAME-data` holds in base64, or the file that `NAME` names; nothing where there is neither."""
    data, file = entry.get(f"{name}-data"), entry.get(name)
    try:
        if data:
            return base64.b64decode(str(data), validate=True)
        return Path(path.parent, str(file)).read_bytes() if file else b""
    except (binascii.Error, OSError) as error:
        raise SettingError(f"`{name}` in {path} cannot be read: {error}.", key="context") from None


def _placed(user: Table, path: Path) -> Table:
    """The entry with its files' content in their place, and its paths absolute."""
    found = dict(user)
    for name in ("client-certificate", "client-key"):
        if data := content(user, name, path):
            found[f"{name}-data"] = data
            found.pop(name, None)
    if user.get("tokenFile"):
        found["tokenFile"] = str(Path(path.parent, str(user["tokenFile"])))
    command = _table(user.get("exec")).get("command")
    if command and "/" in str(command):
        found["exec"] = {**_table(user["exec"]), "command": str(Path(path.parent, str(command)))}
    return found


def _entry(
    tables: dict[str, dict[str, tuple[Path, Table]]], kind: str, name: str, context: str, shown: str
) -> tuple[Path, Table]:
    if name not in tables[kind]:
        what = kind.removesuffix("s")
        raise SettingError(f"The context {context} in {shown} names a {what} that is not there.", key="context")
    return tables[kind][name]


def _read(path: Path) -> Table:
    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            raise SettingError(f"{path} is too large for a kubeconfig.", key="context")
        found: Any = yaml.safe_load(data)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        text = str(error).splitlines()[0]
        raise SettingError(f"{path} cannot be read as a kubeconfig: {text}.", key="context") from None
    if not isinstance(found, dict):
        raise SettingError(f"{path} is no kubeconfig.", key="context")
    return cast("Table", found)


def _table(value: Any) -> Table:
    return cast("Table", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Table]:
    return [_table(each) for each in cast("list[Any]", value)] if isinstance(value, list) else []


def refuse_login(text: str) -> TargetRefused:
    """The error for a login that cannot be had."""
    return TargetRefused(f"{text} Log in to the cluster anew, and try whether `kubectl get pods` works.")
