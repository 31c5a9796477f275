"""Hardware profiles: names for the limits of one replica, and limits written out as `cpus=2,memory=4GiB,gpus=1`.

The names with a GPU model are OctoAI's (its pricing page) and Inferless's; here they mean whole GPUs of whatever kind
there is. An installation has its own in `hardware.yaml` in its home, a list of limits under each name:

    big: {cpus: 8, memory: 64GiB, gpus: 2}

On a cluster a replica can also have a part of a GPU, a kind of GPU, and what the cluster's nodes have by names of their
own: `gpus=0.5,accelerator=A100,custom.tpu=1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import structs

from hotplate.config.suggest import did_you_mean
from hotplate.config.values import parse_bytes
from hotplate.deployment.home import Home, find_home
from hotplate.deployment.records import Hardware
from hotplate.errors import InvalidInput, SettingError

GIB = 1 << 30


def _profile(name: str, cpus: float | None = None, memory_gib: int | None = None, gpus: int = 0) -> Hardware:
    return Hardware(profile=name, cpus=cpus, memory_bytes=memory_gib * GIB if memory_gib else None, gpus=gpus)


PROFILES: Mapping[str, Hardware] = {
    each.profile: each
    for each in (
        _profile("cpu"),
        _profile("cpu.small", 1, 2),
        _profile("cpu.medium", 2, 8),
        _profile("cpu.large", 4, 16),
        _profile("gpu", gpus=1),
        _profile("gpu.2", gpus=2),
        _profile("gpu.4", gpus=4),
        _profile("gpu.8", gpus=8),
        _profile("gpu.t4.medium", gpus=1),
        _profile("gpu.a10g.medium", gpus=1),
        _profile("gpu.a100-40.medium", gpus=1),
        _profile("gpu.a100-80.medium", gpus=1),
        _profile("T4", gpus=1),
        _profile("A10", gpus=1),
        _profile("A100", gpus=1),
    )
}
"""Every built-in profile by its name."""

FILE = "hardware.yaml"
CUSTOM = "custom."
"""Before the name of a resource that a cluster's own nodes have: `custom.tpu=1`."""


def profiles(home: Home | None = None) -> dict[str, Hardware]:
    """Every profile by its name: the installation's own, then the built-in ones that it does not name anew.

    Raises:
        SettingError: `hardware.yaml` is wrong; `source` has its line.
    """
    own = _own(home or find_home())
    return {**own, **{name: each for name, each in PROFILES.items() if name not in own}}


def find_hardware(text: str, home: Home | None = None) -> Hardware:
    """Give the limits that a profile's name, or limits written out, stand for. No text: no limits.

    Raises:
        InvalidInput: there is no such profile, or a limit is not a number.
        SettingError: `hardware.yaml` is wrong.
    """
    if not text:
        return Hardware()
    known = profiles(home)
    if text in known:
        return known[text]
    if "=" not in text:
        hint = did_you_mean(text, known) or f"There are: {', '.join(known)}."
        raise InvalidInput(f"There is no hardware profile {text[:60]!r}. {hint}")
    return _written_out(text)


def _own(home: Home) -> dict[str, Hardware]:
    path = home.root / FILE
    if not path.is_file():
        return {}
    from hotplate.config.yaml_text import read_yaml

    found: dict[str, Hardware] = {}
    document = read_yaml(path)
    if not isinstance(document.value, dict):
        raise SettingError("This must be profiles by their names.", source=f"{FILE}:{document.line}")
    for name, node in document.value.items():
        if not isinstance(node.value, dict) or not name or "=" in name or "," in name:
            hint = f"{name}: {{cpus: 2, memory: 4GiB, gpus: 0}}"
            raise SettingError(f"`{name}` must be limits by their names.", source=f"{FILE}:{node.key_line}", hint=hint)
        try:
            limits = _written_out(",".join(f"{limit}={one.value}" for limit, one in node.value.items()))
        except InvalidInput as error:
            raise SettingError(error.message, key=name, source=f"{FILE}:{node.key_line}") from None
        found[name] = structs.replace(limits, profile=name)
    return found


def _written_out(text: str) -> Hardware:
    cpus: float | None = None
    memory: int | None = None
    gpus: int | float = 0
    accelerator = ""
    resources: dict[str, float] = {}
    for part in text.split(",") if text else ():
        name, _, value = part.strip().partition("=")
        try:
            if name == "cpus":
                cpus = _cpus(value)
            elif name == "memory":
                memory = parse_bytes(value)
            elif name == "gpus":
                gpus = float(value) if "." in value else int(value)
            elif name == "accelerator":
                accelerator = _word(value)
            elif name.startswith(CUSTOM):
                resources[_word(name.removeprefix(CUSTOM))] = float(value)
            else:
                raise InvalidInput(f"Hardware has cpus, memory, gpus, accelerator and {CUSTOM}NAME, not {name[:60]!r}.")
        except ValueError as error:
            raise InvalidInput(f"{part.strip()[:60]!r} in the hardware: {error}.") from None
    if cpus is not None and not 0.01 <= cpus <= 1024:
        raise InvalidInput("Hardware: cpus must be 0.01 to 1024.")
    if memory is not None and memory < 16 << 20:
        raise InvalidInput("Hardware: memory must be 16MiB or more.")
    if not 0 <= gpus <= 64:
        raise InvalidInput("Hardware: gpus must be 0 to 64.")
    if gpus > 1 and gpus != int(gpus):
        raise InvalidInput("Hardware: gpus must be a part of one, such as 0.5, or a whole number.")
    if any(not 0 < amount <= 1_000_000 for amount in resources.values()):
        raise InvalidInput(f"Hardware: {CUSTOM}NAME must be more than 0.")
    return Hardware(
        profile=text, cpus=cpus, memory_bytes=memory, gpus=gpus, accelerator=accelerator, resources=resources
    )


def _word(text: str) -> str:
    """A name that a cluster has for something."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}", text):
        raise ValueError("a name has letters, digits and -_.:/ alone")
    return text


def _cpus(value: str) -> float:
    return float(value.removesuffix("m")) / 1000 if value.endswith("m") else float(value)
