"""Names of images: `registry/repository:tag@digest`, as https://github.com/distribution/reference writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hotplate.errors import SettingError
from hotplate.images.grammar import check_image

HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
_HUB_NAMES = frozenset((HUB, "index.docker.io", _HUB_HOST))
_HOST = re.compile(
    r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?(?::[0-9]{1,5})?|\[[0-9a-fA-F:]{2,39}\](?::[0-9]{1,5})?"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One image in one registry. `tag` and `digest` may be empty, but never both when an image is asked for."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def host(self) -> str:
        """Where the registry's API is, with its port."""
        return _HUB_HOST if self.registry == HUB else self.registry

    @property
    def asked(self) -> str:
        """What of the repository is meant: a digest is stronger than a tag."""
        return self.digest or self.tag or "latest"

    def tagged(self, tag: str) -> Reference:
        """The same repository under another tag."""
        return replace(self, tag=check_tag(tag), digest="")


def parse(text: str) -> Reference:
    """Read a name. Without a registry it is Docker Hub's, where a name of one word lies below `library/`.

    Raises:
        SettingError: it names no image.
    """
    check_image(text)
    name, _, digest = text.partition("@")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        registry, path = first, rest
    else:
        registry, path = HUB, name
    repository, _, tag = path.partition(":")
    if registry in _HUB_NAMES:
        registry = HUB
        repository = repository if "/" in repository else f"library/{repository}"
    return Reference(registry=registry.lower(), repository=repository, tag=tag, digest=digest)


def check_registry(text: str) -> str:
    """A registry's host, perhaps with a port: `docker.io`, `localhost:5000`. Raises SettingError."""
    _, _, port = text.rpartition(":")
    if not _HOST.fullmatch(text) or ".." in text or (port.isdigit() and text != port and int(port) > 65535):
        raise SettingError(f"{text[:70]!a} is no registry such as docker.io or registry.example.org:5000.")
    return HUB if text.lower() in _HUB_NAMES else text.lower()


def check_repository(text: str) -> str:
    """The path of a repository in its registry: `team/model`. Raises SettingError."""
    if len(text) > 200 or not _REPOSITORY.fullmatch(text):
        raise SettingError(
            f"{text[:70]!a} is no repository: use lower-case letters and digits, with `.`, `_`, `-` inside and `/` "
            "between the parts."
        )
    return text


def check_tag(text: str) -> str:
    """The tag of an image. Raises SettingError."""
    if not _TAG.fullmatch(text):
        raise SettingError(f"{text[:70]!a} is no tag: use up to 128 letters, digits, `_`, `.` and `-`.")
    return text
