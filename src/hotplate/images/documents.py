"""The JSON documents of an image: descriptors, manifests, indexes and configurations; what is read is checked.

Formats: https://github.com/opencontainers/image-spec, and Docker's image manifest version 2, schema 2, which is the
same under other media types.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from hotplate.errors import ImageInvalid

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = f"{LAYER}+gzip"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

MANIFESTS = frozenset((MANIFEST, DOCKER_MANIFEST))
INDEXES = frozenset((INDEX, DOCKER_INDEX))
LAYERS: Mapping[str, str] = {
    LAYER: LAYER,
    LAYER_GZIP: LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP,
}
"""Layers that can be read, and what an OCI manifest calls them."""

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of one document: what registries themselves accept."""
MAX_BLOB = 256 * 1024**3
MAX_LAYERS = 127
"""As many as engines can stack."""

_Document = TypeVar("_Document", bound=msgspec.Struct)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
Size = Annotated[int, Meta(ge=0, le=MAX_BLOB)]


class Platform(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an image is made for."""

    architecture: str
    os: str
    variant: str = ""


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Names a blob by its content."""

    media_type: str
    digest: Digest
    size: Size
    platform: Platform | None = None
    annotations: Mapping[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One image: its configuration and its layers, the lowest first."""

    schema_version: int
    media_type: str = ""
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Images of several platforms under one name."""

    schema_version: int
    media_type: str = ""
    manifests: tuple[Descriptor, ...]


class RootFs(msgspec.Struct, frozen=True, kw_only=True):
    """Digests of the layers before compression."""

    type: str
    diff_ids: tuple[Digest, ...]


class RunSettings(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What of a base's settings for running is added to."""

    env: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    exposed_ports: dict[str, dict[str, str]] | None = None


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What of an image's configuration is looked at; the rest is passed on."""

    architecture: str
    os: str
    variant: str = ""
    rootfs: RootFs
    config: RunSettings | None = None
    history: list[dict[str, Any]] | None = None

    @property
    def settings(self) -> RunSettings:
        """The settings for running; a configuration need not have any."""
        return self.config or RunSettings()


def digest_of(data: bytes) -> str:
    """The digest of a document."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def check_digest(text: str) -> str:
    """A digest as images have them. Raises ImageInvalid."""
    if not _DIGEST.fullmatch(text):
        raise ImageInvalid(f"{text[:80]!a} is no sha256 digest.")
    return text


def encode(document: object) -> bytes:
    """A document as it is stored: the same content is the same bytes."""
    return msgspec.json.encode(document, order="sorted")


def read_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest. Raises ImageInvalid."""
    found = _read(data, Manifest, f"The manifest of {where}")
    if found.schema_version != 2:
        raise ImageInvalid(f"The manifest of {where} is of version {found.schema_version}; only 2 is read.")
    if len(found.layers) > MAX_LAYERS:
        raise ImageInvalid(f"The image {where} has {len(found.layers)} layers; {MAX_LAYERS} are allowed.")
    for layer in found.layers:
        if layer.media_type not in LAYERS:
            raise ImageInvalid(f"The image {where} has a layer of a kind that is not read: {layer.media_type[:80]!a}.")
    return found


def read_index(data: bytes, where: str) -> Index:
    """Read an index. Raises ImageInvalid."""
    return _read(data, Index, f"The index of {where}")


def read_configuration(data: bytes, where: str) -> Configuration:
    """Read a configuration. Raises ImageInvalid."""
    return _read(data, Configuration, f"The configuration of {where}")


def choose(index: Index, platform: str, where: str) -> Descriptor:
    """The image of an index for a platform such as `linux/arm64/v8`. Raises ImageInvalid when it has none."""
    system, architecture, variant = (*platform.split("/"), "", "")[:3]
    fits = [
        each
        for each in index.manifests
        if each.platform is not None
        and (each.platform.os, each.platform.architecture) == (system, architecture)
        and each.media_type in MANIFESTS
    ]
    for each in fits:
        assert each.platform is not None
        if each.platform.variant == variant:
            return each
    if fits and (not variant or len(fits) == 1):
        return fits[0]
    has = sorted({f"{one.platform.os}/{one.platform.architecture}" for one in index.manifests if one.platform})
    shown = ", ".join(one for one in has if one != "unknown/unknown" and one.isprintable())[:300]
    raise ImageInvalid(f"{where} has no image for {platform}; it has {shown or 'none at all'}.")


def _read(data: bytes, kind: type[_Document], what: str) -> _Document:
    if len(data) > MAX_DOCUMENT:
        raise ImageInvalid(f"{what} is larger than {MAX_DOCUMENT >> 20} MiB.")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ImageInvalid(f"{what} cannot be read: {error}.") from None
