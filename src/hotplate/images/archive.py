"""Images as files: the OCI image layout, as a folder or in one tar archive (`oci-archive`).

https://github.com/opencontainers/image-spec/blob/main/image-layout.md. What is written also has the `manifest.json`
that `docker load` of any age understands. What is read is hashed, and nothing of it is unpacked.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

import msgspec

from hotplate.build import tar
from hotplate.errors import BadArchive, ImageInvalid, SettingError
from hotplate.images import documents
from hotplate.images.blobs import Blobs, parts
from hotplate.images.documents import INDEX, INDEXES, MANIFEST, MANIFESTS, MAX_DOCUMENT, Descriptor, Index
from hotplate.images.layers import Item, append, text
from hotplate.images.reference import Reference

LAYOUT = "oci-layout"
LAYOUT_TEXT = b'{"imageLayoutVersion": "1.0.0"}'
_NAME = "org.opencontainers.image.ref.name"
_FULL_NAME = "io.containerd.image.name"
_BLOB = re.compile(r"(?:\./)?blobs/sha256/([0-9a-f]{64})")


class _Loaded(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    config: str
    repo_tags: tuple[str, ...]
    layers: tuple[str, ...]


def write_archive(target: Path, reference: Reference, manifest: bytes, blobs: Blobs) -> None:
    """Write an image into one file, which appears as a whole or not at all."""
    found = documents.read_manifest(manifest, str(reference))
    digest = documents.digest_of(manifest)
    index = Index(
        schema_version=2,
        media_type=INDEX,
        manifests=(
            Descriptor(
                media_type=found.media_type or MANIFEST,
                digest=digest,
                size=len(manifest),
                annotations={_NAME: reference.tag or "latest", _FULL_NAME: str(reference)},
            ),
        ),
    )
    loaded = _Loaded(
        config=_place(found.config.digest),
        repo_tags=(str(reference),),
        layers=tuple(_place(layer.digest) for layer in found.layers),
    )
    items: dict[str, Item] = {
        name: text(name, data)
        for name, data in (
            (LAYOUT, LAYOUT_TEXT),
            ("index.json", documents.encode(index)),
            ("manifest.json", documents.encode([loaded])),
            (_place(digest), manifest),
        )
    }
    for part in (found.config, *found.layers):
        name = _place(part.digest)
        items[name] = text(name, b"")._replace(file=blobs.path(part.digest))
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            for name in sorted(items):
                append(file, items[name])
            file.write(b"\0" * (2 * tar.BLOCK))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def read_archive(source: Path, platform: str, blobs: Blobs) -> Descriptor:
    """Take the image for a platform out of a layout, and give its manifest.

    Raises:
        SettingError: there is nothing of that kind.
        ImageInvalid: it is damaged, or has no such image.
    """
    try:
        index = _from_folder(source, blobs) if source.is_dir() else _from_tar(source, blobs)
    except OSError as error:
        if error.filename is None or error.errno is None:
            raise
        raise SettingError(f"{source} cannot be read: {error.strerror}.") from None
    except BadArchive as error:
        raise ImageInvalid(f"{source} is no image: {error.message}") from None
    if index is None:
        raise ImageInvalid(f"{source} is no OCI image layout: it has no index.json.")
    return _chosen(documents.read_index(index, str(source)), platform, blobs, str(source))


def _chosen(index: Index, platform: str, blobs: Blobs, where: str, depth: int = 0) -> Descriptor:
    named = [each for each in index.manifests if each.media_type in MANIFESTS | INDEXES]
    if len(named) == 1 and named[0].platform is None:
        (found,) = named
    elif all(each.platform is None for each in named):
        raise ImageInvalid(f"{where} has {len(named)} images, and none says for which platform it is.")
    else:
        found = documents.choose(index, platform, where)
    if found.media_type in INDEXES:
        if depth > 2:
            raise ImageInvalid(f"{where} has indexes of indexes of indexes.")
        return _chosen(documents.read_index(blobs.read(found.digest), where), platform, blobs, where, depth + 1)
    return found


def _from_folder(source: Path, blobs: Blobs) -> bytes | None:
    for path in sorted((source / "blobs" / "sha256").glob("*")):
        if re.fullmatch(r"[0-9a-f]{64}", path.name) and not path.is_symlink() and path.is_file():
            part = Descriptor(media_type="", digest=f"sha256:{path.name}", size=path.stat().st_size)
            if not blobs.has(part):
                blobs.take(part, parts(path), str(source))
    index = source / "index.json"
    return index.read_bytes() if index.is_file() and index.stat().st_size <= MAX_DOCUMENT else None


def _from_tar(source: Path, blobs: Blobs) -> bytes | None:
    index: bytes | None = None
    with source.open("rb") as file:
        start = file.read(tar.BLOCK)
        if start[tar.MAGIC] not in tar.MAGICS:
            raise BadArchive("it is no tar archive. An image is written as one by `hotplate build --archive FILE`.")
        file.seek(0)
        for member, content in tar.members(file, lambda _count: None):
            if not member.is_file:
                continue
            if found := _BLOB.fullmatch(member.name):
                part = Descriptor(media_type="", digest=f"sha256:{found[1]}", size=member.size)
                if not blobs.has(part):
                    blobs.take(part, content, str(source))
            elif member.name.removeprefix("./") == "index.json" and member.size <= MAX_DOCUMENT:
                index = b"".join(content)
    return index


def _place(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"
