"""What an image in a registry is, without its layers: its digest, and the revision that it was built of."""

from __future__ import annotations

from typing import NamedTuple

from hotplate.errors import ImageInvalid
from hotplate.images import documents
from hotplate.images.plan import DIGEST_LABEL
from hotplate.images.reference import Reference
from hotplate.images.registry import Registry

_UNKNOWN = "unknown"
"""The platform of what lies beside images in an index, such as attestations."""


class Looked(NamedTuple):
    """`digest` is what the tag means now; `revision` is empty where the image does not say it."""

    digest: str
    revision: str


def look(registry: Registry, reference: Reference) -> Looked:
    """Look an image up.

    Raises:
        NotFound, RegistryRefused, RegistryUnreachable: it cannot be had.
        ImageInvalid: it is not what it should be.
    """
    document = registry.document(reference)
    digest = document.digest
    if document.media_type in documents.INDEXES:
        index = documents.read_index(document.data, str(reference))
        images = [each for each in index.manifests if each.platform is None or each.platform.os != _UNKNOWN]
        if not images:
            raise ImageInvalid(f"The index of {reference} names no image.")
        part = Reference(registry=reference.registry, repository=reference.repository, digest=images[0].digest)
        document = registry.document(part)
    config = documents.read_manifest(document.data, str(reference)).config
    data = bytearray()
    for piece in registry.blob(reference.repository, config):
        data += piece
        if len(data) > min(config.size, documents.MAX_DOCUMENT):
            raise ImageInvalid(f"The configuration of {reference} is larger than it should be.")
    if documents.digest_of(bytes(data)) != config.digest:
        raise ImageInvalid(f"The configuration of {reference} is not what its manifest names.")
    labels = documents.read_configuration(bytes(data), str(reference)).settings.labels or {}
    return Looked(digest, labels.get(DIGEST_LABEL, ""))
