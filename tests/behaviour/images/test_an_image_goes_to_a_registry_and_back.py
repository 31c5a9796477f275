"""A real registry takes an image and gives it back: with a password, in pieces, or not at all."""

from __future__ import annotations

import os

import pytest
import registry_rig
from registry_rig import PASSWORD, USERNAME, registry_server

from hotplate.errors import NotFound, RegistryRefused, RegistryUnreachable
from hotplate.images import documents
from hotplate.images.blobs import Blobs
from hotplate.images.documents import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, Manifest
from hotplate.images.layers import text, write
from hotplate.images.reference import parse
from hotplate.images.registry import Registry
from hotplate.images.registry_auth import Login
from hotplate.images.registry_upload import upload_blob, upload_image

pytestmark = pytest.mark.skipif(not registry_rig.installed(), reason=registry_rig.REASON)
ANN = Login(USERNAME, PASSWORD, "", "the test")


@pytest.fixture(scope="module")
def server():
    with registry_server() as found:
        yield found


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def small_image(blobs: Blobs, content: bytes = b"hello") -> bytes:
    layer = write([text("opt/hello.txt", content)], blobs)
    config = documents.encode(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}}
    )
    described = Descriptor(media_type=CONFIG, digest=blobs.put(config), size=len(config))
    return documents.encode(Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=(layer.blob,)))


def test_what_goes_in_comes_out(server, blobs, tmp_path):
    manifest = small_image(blobs)
    reference = parse(f"{server.host}/team/hello:v1")
    said = []
    with Registry(server.host, ANN) as registry:
        digest = upload_image(registry, reference, manifest, blobs, progress=lambda *step: said.append(step))
        found = registry.document(reference)
        assert (found.data, found.digest, found.media_type) == (manifest, digest, MANIFEST)
        by_digest = registry.document(parse(f"{server.host}/team/hello@{digest}"))
        assert by_digest.data == manifest
        other = Blobs(tmp_path / "other")
        for part in (parsed := documents.read_manifest(manifest, "it")).layers:
            other.take(part, registry.blob("team/hello", part), server.host)
            assert other.path(part.digest).read_bytes() == blobs.path(part.digest).read_bytes()
        assert upload_image(registry, reference.tagged("v2"), manifest, blobs) == digest
        assert registry.has("team/hello", parsed.config)
    assert sorted(server.tags("team/hello")) == ["v1", "v2"]
    assert said[-1] == ("push", f"{reference}@{digest}")


def test_a_large_part_goes_in_pieces(server, blobs):
    with blobs.making() as file:
        data = os.urandom(700_001)
        file.write(data)
        digest = documents.digest_of(data)
        blobs.name(file, digest)
    part = Descriptor(media_type=LAYER_GZIP, digest=digest, size=len(data))
    with Registry(server.host, ANN) as registry:
        upload_blob(registry, "team/pieces", part, blobs.path(digest), piece=100_000)
        assert b"".join(registry.blob("team/pieces", part)) == data


def test_a_part_of_another_repository_is_not_sent_again(server, blobs):
    manifest = small_image(blobs, os.urandom(1000))
    with Registry(server.host, ANN) as registry:
        upload_image(registry, parse(f"{server.host}/team/base:1"), manifest, blobs)
        (layer,) = documents.read_manifest(manifest, "it").layers
        blobs.path(layer.digest).unlink()  # so it could not be sent
        upload_blob(registry, "team/derived", layer, blobs.path(layer.digest), mount="team/base")
        assert registry.has("team/derived", layer)


@pytest.mark.parametrize("login", [Login(), Login(USERNAME, "wrong", "", "the test")])
def test_who_may_not_is_told_how_to(server, blobs, login):
    manifest = small_image(blobs)
    with Registry(server.host, login) as registry, pytest.raises(RegistryRefused) as error:
        upload_image(registry, parse(f"{server.host}/closed/hello:v1"), manifest, blobs)
    assert ("from the test" if login.username else "regcred create") in error.value.message
    assert server.tags("closed/hello") == []


def test_an_image_that_is_not_there(server):
    with Registry(server.host, ANN) as registry, pytest.raises(NotFound, match="has no image"):
        registry.document(parse(f"{server.host}/team/nothing:v9"))


def test_a_registry_that_is_away():
    registry = Registry("127.0.0.1:1")
    registry.door._sleep = lambda _seconds: None
    with registry, pytest.raises(RegistryUnreachable, match="refused"):
        registry.document(parse("127.0.0.1:1/team/hello:v1"))
