"""A disk that fills up, here or under the registry: a clear error, no half file, no partial tag."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
import registry_rig
from registry_rig import PASSWORD, USERNAME, registry_server

from hotplate.build.full_disk import disk_errors
from hotplate.cli.build_oci import writing
from hotplate.deployment.home import Home
from hotplate.errors import DiskFull, HotplateError
from hotplate.images import documents
from hotplate.images.archive import write_archive
from hotplate.images.blobs import Blobs
from hotplate.images.documents import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, Manifest
from hotplate.images.reference import parse
from hotplate.images.registry import Registry
from hotplate.images.registry_auth import Login
from hotplate.images.registry_upload import upload_image

SIZE = 3_000_000
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs root, to mount a small disk"),
    pytest.mark.skipif(not registry_rig.installed(), reason=registry_rig.REASON),
]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def large_image(blobs: Blobs) -> bytes:
    data = os.urandom(SIZE)
    with blobs.making() as file:
        file.write(data)
        blobs.name(file, digest := documents.digest_of(data))
    config = documents.encode({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
    described = Descriptor(media_type=CONFIG, digest=blobs.put(config), size=len(config))
    layer = Descriptor(media_type=LAYER_GZIP, digest=digest, size=SIZE)
    return documents.encode(Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=(layer,)))


def test_under_the_registry(small_disk, tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    manifest = large_image(blobs)
    with registry_server(storage=small_disk / "storage") as server:
        reference = parse(f"{server.host}/team/large:v1")
        with Registry(server.host, Login(USERNAME, PASSWORD)) as registry:
            registry.door._sleep = lambda _seconds: None
            with pytest.raises(HotplateError) as error:
                upload_image(registry, reference, manifest, blobs)
            assert server.host in error.value.message and "part" in error.value.message
            assert server.tags("team/large") == []
            subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
            upload_image(registry, reference, manifest, blobs)
        assert server.tags("team/large") == ["v1"]


def test_under_our_own_store_and_under_an_archive(small_disk, tmp_path):
    full = Blobs(small_disk / "blobs")
    home = Home(small_disk)
    with pytest.raises(DiskFull, match="is full"), disk_errors(home):
        large_image(full)
    assert list(full.folder.iterdir()) == []
    blobs = Blobs(tmp_path / "blobs")
    manifest = large_image(blobs)
    with pytest.raises(DiskFull, match="no room"), writing(small_disk / "image.tar"):
        write_archive(small_disk / "image.tar", parse("localhost/x:v1"), manifest, blobs)
    assert [path.name for path in small_disk.iterdir()] == ["blobs"]
