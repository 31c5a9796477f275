"""The image that another one is built on: fetched once, from its registry or from a file, and looked into.

A tag is looked up each time, so that an image is built on what it means today; where the registry is away, on what it
meant last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hotplate.deployment.home import write_whole
from hotplate.errors import ImageInvalid, RegistryUnreachable
from hotplate.images import documents
from hotplate.images.archive import read_archive
from hotplate.images.blobs import Blobs
from hotplate.images.documents import INDEXES, LAYERS, Configuration, Descriptor, Manifest
from hotplate.images.reference import Reference
from hotplate.images.registry import Registry
from hotplate.images.rootfs import Found, Rootfs

Open = Callable[[Reference], AbstractContextManager[Registry]]
Progress = Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An image that lies here whole. `raw` is its configuration with all that it has. `repository` is where in a
    registry it is; empty: it came from a file."""

    where: str
    manifest: Manifest
    configuration: Configuration
    raw: dict[str, Any]
    found: Found
    registry: str = ""
    repository: str = ""


def from_registry(reference: Reference, platform: str, folder: Path, open_registry: Open, progress: Progress) -> Base:
    """Fetch a base image, what of it is not here yet.

    Raises:
        NotFound, RegistryRefused, RegistryUnreachable, ImageInvalid: it cannot be had as it should be.
    """
    blobs = Blobs(folder / "blobs")
    known = folder / "tags" / f"{hashlib.sha256(f'{reference} {platform}'.encode()).hexdigest()}.json"
    with open_registry(reference) as registry:
        try:
            digest = _look_up(registry, reference, platform, blobs)
        except RegistryUnreachable as error:
            digest = _last_known(known)
            if not digest:
                raise
            progress("note", f"{error.message} Building on {reference} as it was when it was fetched last.")
        manifest = documents.read_manifest(blobs.read(digest), str(reference))
        parts = [part for part in (manifest.config, *manifest.layers) if not blobs.has(part)]
        for number, part in enumerate(parts, 1):
            progress("base", f"Fetching {number} of {len(parts)}, {part.digest[7:19]}, {part.size / 1e6:.1f} MB")
            blobs.take(part, registry.blob(reference.repository, part), f"The registry {registry.host}")
    known.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(known, digest.encode())
    return _opened(
        manifest, folder, platform, str(reference), registry=reference.registry, repository=reference.repository
    )


def from_file(source: Path, platform: str, folder: Path) -> Base:
    """Take a base image out of an OCI layout: a folder, or a tar archive. Raises SettingError and ImageInvalid."""
    blobs = Blobs(folder / "blobs")
    described = read_archive(source, platform, blobs)
    manifest = documents.read_manifest(blobs.read(described.digest), str(source))
    missing = [part.digest[:19] for part in (manifest.config, *manifest.layers) if not blobs.has(part)]
    if missing:
        raise ImageInvalid(f"{source} lacks parts of its image: {', '.join(missing[:3])}.")
    return _opened(manifest, folder, platform, str(source))


def _look_up(registry: Registry, reference: Reference, platform: str, blobs: Blobs) -> str:
    document = registry.document(reference)
    if document.media_type in INDEXES:
        chosen = documents.choose(documents.read_index(document.data, str(reference)), platform, str(reference))
        document = registry.document(_at(reference, chosen))
        if len(document.data) != chosen.size or document.media_type in INDEXES:
            raise ImageInvalid(f"The index of {reference} describes its image wrongly.")
    return blobs.put(document.data)


def _at(reference: Reference, part: Descriptor) -> Reference:
    return Reference(registry=reference.registry, repository=reference.repository, digest=part.digest)


def _last_known(path: Path) -> str:
    try:
        return documents.check_digest(path.read_text("utf-8"))
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _opened(
    manifest: Manifest, folder: Path, platform: str, where: str, *, registry: str = "", repository: str = ""
) -> Base:
    blobs = Blobs(folder / "blobs")
    data = blobs.read(manifest.config.digest)
    configuration = documents.read_configuration(data, where)
    raw: dict[str, Any] = msgspec.json.decode(data)
    if len(configuration.rootfs.diff_ids) != len(manifest.layers):
        raise ImageInvalid(f"The configuration of {where} names another number of layers than its manifest.")
    system, architecture = platform.split("/")[:2]
    if (configuration.os, configuration.architecture) != (system, architecture):
        raise ImageInvalid(
            f"{where} is for {configuration.os[:20]!a} on {configuration.architecture[:20]!a}, and not for {platform}."
        )
    found = _found(manifest, configuration, folder / "bases", blobs, where)
    return Base(
        where=where,
        manifest=manifest,
        configuration=configuration,
        raw=raw,
        found=found,
        registry=registry,
        repository=repository,
    )


def _found(manifest: Manifest, configuration: Configuration, folder: Path, blobs: Blobs, where: str) -> Found:
    """Look into the layers, or remember what was found in them."""
    kept = folder / f"{manifest.config.digest.removeprefix('sha256:')}.json"
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Found)
    except (FileNotFoundError, msgspec.DecodeError):
        pass
    rootfs = Rootfs(where)
    for layer, diff_id in zip(manifest.layers, configuration.rootfs.diff_ids, strict=True):
        rootfs.add(blobs.path(layer.digest), layer.media_type, diff_id)
    found = rootfs.find(configuration.settings.env or ())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(kept, msgspec.json.encode(found))
    return found


def layers_of(base: Base) -> tuple[Descriptor, ...]:
    """The base's layers, as an OCI manifest calls them."""
    return tuple(
        Descriptor(media_type=LAYERS[layer.media_type], digest=layer.digest, size=layer.size)
        for layer in base.manifest.layers
    )
