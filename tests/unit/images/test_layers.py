from __future__ import annotations

import gzip
import hashlib
import os
import tarfile

import pytest
from unpacked import extract

from hotplate.errors import ImageInvalid
from hotplate.images import layers
from hotplate.images.archive import read_archive, write_archive
from hotplate.images.blobs import Blobs
from hotplate.images.documents import CONFIG, MANIFEST, Descriptor, Manifest, encode
from hotplate.images.plan import is_cache
from hotplate.images.reference import parse


def names_of(items) -> list[str]:
    return sorted(item.name for item in items)


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def files(folder, order):
    folder.mkdir(parents=True)
    for name in order:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (folder / order[0]).chmod(0o400)
    os.utime(folder / order[0], (5, 5))
    return folder


def test_a_layer_is_the_same_bytes_wherever_its_files_lie(tmp_path):
    names = ["a.py", "sub/b.py", "ü" * 80 + "/" + "long" * 40]
    made = []
    for number, order in enumerate((names, names[::-1])):
        folder = files(tmp_path / str(number) / "x", order)
        (folder / "a.py").chmod(0o400)
        (folder / names[2]).chmod(0o666)
        made.append(layers.write(layers.tree(folder, "/opt/project"), Blobs(tmp_path / f"blobs{number}")))
    assert made[0] == made[1]


def test_what_is_to_stay_out_of_a_layer_does_with_all_that_lies_in_it(tmp_path):
    files(tmp_path / "x", ["a.py", "__pycache__/a.pyc", "sub/b.py"])
    files(tmp_path / "x" / "sub" / "__pycache__", ["b.pyc"])
    assert names_of(layers.tree(tmp_path / "x", "at", is_cache)) == ["at", "at/a.py", "at/sub", "at/sub/b.py"]
    assert len(names_of(layers.tree(tmp_path / "x", "at"))) == 8


def test_what_a_layer_says_of_its_members(tmp_path, blobs):
    folder = files(tmp_path / "x", ["a.py", "run"])
    (folder / "run").chmod(0o750)
    items = [*layers.tree(folder, "/opt/x"), layers.link("/opt/x/l", "a.py"), layers.folder("/opt/home", 10001)]
    layer = layers.write(items, blobs)
    data = blobs.path(layer.blob.digest).read_bytes()
    assert (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}") == (layer.blob.size, layer.blob.digest)
    assert f"sha256:{hashlib.sha256(gzip.decompress(data)).hexdigest()}" == layer.diff_id
    assert data[4:8] == bytes(4)  # gzip's field for the time
    with tarfile.open(blobs.path(layer.blob.digest)) as tar:
        found = {one.name: (one.mode, one.uid, one.mtime, one.linkname) for one in tar}
    assert found == {
        "opt": (0o755, 0, 0, ""),
        "opt/home": (0o755, 10001, 0, ""),
        "opt/x": (0o755, 0, 0, ""),
        "opt/x/a.py": (0o644, 0, 0, ""),
        "opt/x/l": (0o777, 0, 0, "a.py"),
        "opt/x/run": (0o755, 0, 0, ""),
    }
    assert list(found) == sorted(found, key=lambda name: name.split("/"))


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a//b", "", "/", ".wh.x", "a/.wh..wh..opq", "a/./b", "a\0b"])
def test_a_name_that_may_not_be_in_an_image(name):
    with pytest.raises(ImageInvalid):
        layers.text(name, b"")


def test_links_pipes_and_changes_are_refused(tmp_path, blobs):
    folder = files(tmp_path / "x", ["a.py"])
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ImageInvalid, match="no plain file"):
        layers.write(layers.tree(folder, "/x"), blobs)
    (folder / "link").unlink()
    (folder / "dir").symlink_to("/etc")
    with pytest.raises(ImageInvalid, match="is a link"):
        layers.write(layers.tree(folder, "/x"), blobs)
    (folder / "dir").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(ImageInvalid, match="no plain file"):
        layers.write(layers.tree(folder, "/x"), blobs)
    assert list(blobs.folder.glob("*")) == [] and list(blobs.folder.glob(".*")) == []


def image(blobs: Blobs) -> bytes:
    layer = layers.write([layers.text("hello", b"hello")], blobs)
    config = encode({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}})
    described = Descriptor(media_type=CONFIG, digest=blobs.put(config), size=len(config))
    return encode(Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=(layer.blob,)))


def test_an_archive_is_read_back_from_a_file_and_from_a_folder(tmp_path, blobs):
    manifest = image(blobs)
    write_archive(tmp_path / "a.tar", parse("localhost/x:v1"), manifest, blobs)
    write_archive(tmp_path / "b.tar", parse("localhost/x:v1"), manifest, blobs)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert {"oci-layout", "index.json", "manifest.json"} <= set(tar.getnames())
        extract(tar, tmp_path / "layout", "data")
    for number, source in enumerate((tmp_path / "a.tar", tmp_path / "layout")):
        other = Blobs(tmp_path / f"other{number}")
        part = read_archive(source, "linux/amd64", other)
        assert other.read(part.digest) == manifest
        assert len(list(other.folder.iterdir())) == 3


def test_an_archive_that_was_changed_is_refused(tmp_path, blobs):
    write_archive(tmp_path / "a.tar", parse("localhost/x:v1"), image(blobs), blobs)
    data = bytearray((tmp_path / "a.tar").read_bytes())
    at = data.index(b"diff_ids")
    data[at] ^= 1
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(ImageInvalid, match="digest is wrong"):
        read_archive(tmp_path / "a.tar", "linux/amd64", Blobs(tmp_path / "other"))
    (tmp_path / "b.tar").write_bytes(b"no archive")
    with pytest.raises(ImageInvalid, match="no tar archive"):
        read_archive(tmp_path / "b.tar", "linux/amd64", Blobs(tmp_path / "other"))


def test_a_layout_may_not_lead_elsewhere(tmp_path, blobs):
    """Names that are no digests, links and folders in a layout are passed over."""
    data = tmp_path / "evil.tar"
    with tarfile.open(data, "w") as tar:
        for name in ("blobs/sha256/../../../../etc/x", "/blobs/sha256/" + "0" * 64, "blobs/sha256/xyz"):
            tar.addfile(tarfile.TarInfo(name))
        info = tarfile.TarInfo("blobs/sha256/" + "1" * 64)
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    other = Blobs(tmp_path / "other")
    with pytest.raises(ImageInvalid, match=r"no index\.json"):
        read_archive(data, "linux/amd64", other)
    assert not other.folder.exists() or list(other.folder.iterdir()) == []


def test_a_read_that_fails_leaves_nothing_and_a_dead_process_is_swept(blobs):
    part = Descriptor(media_type="", digest="sha256:" + "0" * 64, size=5)
    with pytest.raises(ImageInvalid):
        blobs.take(part, [b"hello"], "it")
    assert list(blobs.folder.iterdir()) == []
    (blobs.folder / ".making-999999999-x").touch()
    (blobs.folder / f".making-{os.getpid()}-x").touch()
    blobs.sweep()
    assert [path.name for path in blobs.folder.iterdir()] == [f".making-{os.getpid()}-x"]
