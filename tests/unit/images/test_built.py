from __future__ import annotations

import pytest

from hotplate.deployment.home import Home
from hotplate.images import built, layers
from hotplate.images.blobs import Blobs
from hotplate.images.built import BuiltImage
from hotplate.images.documents import CONFIG, MANIFEST, Descriptor, Manifest, encode
from hotplate.images.reference import parse


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.make()
    return home


def make(home: Home, content: bytes) -> str:
    blobs = Blobs(home.images / "blobs")
    layer = layers.write([layers.text("hello", content)], blobs)
    config = encode({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}})
    described = Descriptor(media_type=CONFIG, digest=blobs.put(config), size=len(config))
    return blobs.put(encode(Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=(layer.blob,))))


def test_an_image_is_found_by_its_name(home):
    image = BuiltImage(reference="localhost/x:v1", digest=make(home, b"1"))
    built.note(home, image)
    assert built.find(home, parse("localhost/x:v1")) == image
    assert built.find(home, parse("localhost/x:v2")) is None


def test_what_an_older_image_of_a_name_had_is_swept(home):
    first, second = make(home, b"1"), make(home, b"2")
    for digest in (first, second):
        built.note(home, BuiltImage(reference="localhost/x:v1", digest=digest))
    blobs = home.images / "blobs"
    assert built.sweep(home) == 0 and len(list(blobs.iterdir())) == 6  # it was made just now
    with built.using(home):
        assert built.sweep(home, keep_s=0) == 0
    assert built.sweep(home, keep_s=-1) > 0
    assert len(list(blobs.iterdir())) == 3 and (blobs / second.removeprefix("sha256:")).is_file()
    assert built.sweep(home, keep_s=-1) == 0


def test_nothing_was_ever_built(tmp_path):
    assert built.sweep(Home(tmp_path / "home")) == 0
    assert not (tmp_path / "home").exists()
