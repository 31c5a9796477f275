"""What may stand in a manifest: each kind of value has its grammar, and what does not fit is an error.

The rules are Kubernetes' own (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and /labels/),
so that what passes here is not refused by a cluster, and no value can be read there as something else.
"""

from __future__ import annotations

import re

from hotplate.errors import SettingError

NAME_CHARACTERS = 59
"""A Service `api-NAME` stands beside it, and a Service's name has 63 at most."""

_LABEL_1035 = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_LABEL_1123 = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_SECRET_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_QUANTITY = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?(?:m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]{0,500})?")
_TOLERATION = re.compile(r"([^=:]+)(?:=([^:]*))?(?::(NoSchedule|PreferNoSchedule|NoExecute))?")


def check_name(text: str) -> str:
    """The name of an endpoint in a cluster: that of a Service, so it begins with a letter."""
    if len(text) > NAME_CHARACTERS or not _LABEL_1035.fullmatch(text):
        raise SettingError(
            f"{text[:70]!a} cannot name an endpoint in a cluster: a Service's name begins with a letter and has "
            f"lower-case letters, digits and hyphens, here at most {NAME_CHARACTERS}.",
            key="name",
            hint="Give it another with --name NAME.",
        )
    return text


def check_namespace(text: str) -> str:
    """The name of a namespace."""
    return _fits(_LABEL_1123, text, "cannot name a namespace")


def check_object(text: str, what: str) -> str:
    """The name of another object of the cluster: a Secret, a StorageClass, a ServiceAccount."""
    return _fits(_SUBDOMAIN, text, f"cannot name a {what}", len(text) <= 253)


def check_label_key(text: str) -> str:
    """The key of a label, a taint or a resource: `disktype`, `nvidia.com/gpu`."""
    prefix, slash, name = text.rpartition("/")
    right = not slash or (len(prefix) <= 253 and bool(_SUBDOMAIN.fullmatch(prefix)))
    if not right or not _QUALIFIED.fullmatch(name):
        raise SettingError(f"{text[:70]!a} is no key of a label, such as disktype or example.com/pool.")
    return text


def check_label_value(text: str) -> str:
    """The value of a label; it may be empty."""
    return text if not text else _fits(_QUALIFIED, text, "is no value of a label")


def check_secret_key(text: str) -> str:
    """The key of a value in a Secret."""
    return _fits(_SECRET_KEY, text, "is no key in a Secret", text not in (".", ".."))


def check_quantity(text: str) -> str:
    """A quantity as Kubernetes writes it: `10Gi`, `500m`."""
    return _fits(_QUANTITY, text, "is no quantity such as 10Gi or 500m")


def check_url(text: str) -> str:
    """The address of a service in or near the cluster, without a password in it."""
    return _fits(_URL, text, "is no address such as http://prometheus.monitoring:9090")


def check_toleration(text: str) -> tuple[str, str | None, str | None]:
    """`KEY[=VALUE][:EFFECT]`, as in `kubectl taint`: (key, value or None for any, effect or None for every one)."""
    found = _TOLERATION.fullmatch(text)
    if found is None:
        raise SettingError(f"{text[:70]!a} is no toleration such as dedicated=models:NoSchedule.")
    key, value, effect = found.groups()
    check_label_key(key)
    return key, None if value is None else check_label_value(value), effect


def variable_value(text: str) -> str:
    """The value of a variable, in which the cluster must put nothing in: `$(NAME)` there means another variable."""
    if "\0" in text:
        raise SettingError("A variable cannot hold a NUL.")
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def _fits(pattern: re.Pattern[str], text: str, but: str, also: bool = True) -> str:
    if not also or not pattern.fullmatch(text):
        raise SettingError(f"{text[:70]!a} {but}.")
    return text
