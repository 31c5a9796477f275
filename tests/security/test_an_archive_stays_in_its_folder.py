"""Uploaded archives: what ordinary tools write is unpacked; links, devices, `..`, bombs and broken ones are refused."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hotplate.build.archive import extract
from hotplate.build.unpacking import Limits
from hotplate.errors import BadArchive, InvalidInput, LimitExceeded

FILES = {
    "service.py": b"print(1)\n",
    "models/deep/weights.bin": os.urandom(100_000),
    "empty.txt": b"",
    "ü/naïve.txt": b"x",
}
LONG = "a" * 120 + "/" + "b" * 150 + "/file.txt"


def tar(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def plain(name: str, data: bytes = b"x", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, data


def zipped(*members: tuple[str, bytes, int], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = method
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the same name twice
                archive.writestr(info, data)
    return made.getvalue()


def unpack(data: bytes, folder, limits: Limits | None = None) -> dict[str, bytes]:
    to = folder / "unpacked"
    extract(io.BytesIO(data), to, limits)
    assert not any(path.is_symlink() for path in to.rglob("*"))
    return {path.relative_to(to).as_posix(): path.read_bytes() for path in to.rglob("*") if path.is_file()}


def refused(data: bytes, folder, match: str, limits: Limits | None = None, error: type = BadArchive) -> None:
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(error, match=match):
        unpack(data, folder, limits)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_what_tar_writes_is_unpacked(tmp_path, form, mode):
    files = FILES if form == tarfile.USTAR_FORMAT else {**FILES, LONG: b"long"}
    members = [plain(name, data) for name, data in files.items()]
    folder, _ = plain("models", type=tarfile.DIRTYPE)
    assert unpack(tar((folder, b""), *members, mode=mode, form=form), tmp_path) == files


def test_gzip_of_several_parts_is_one(tmp_path):
    whole = tar(plain("a", b"x" * 5000), mode="w")
    data = gzip.compress(whole[:3000]) + gzip.compress(whole[3000:])
    assert unpack(data, tmp_path) == {"a": b"x" * 5000}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_zip_writes_is_unpacked(tmp_path, method):
    data = zipped(*((name, data, 0o100644) for name, data in FILES.items()), ("folder/", b"", 0o40755), method=method)
    assert unpack(data, tmp_path) == FILES
    assert (tmp_path / "unpacked" / "folder").is_dir()


def test_the_executable_bit_is_kept_and_no_other(tmp_path):
    unpack(tar(plain("run.sh", mode=0o6777), plain("data", mode=0o666)), tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "unpacked").iterdir()}
    assert modes == {"run.sh": 0o700, "data": 0o600}


BAD_NAMES = [
    "../out",
    "a/../../out",
    "/etc/passwd",
    "//out",
    "a\\..\\out",
    "C:/out",
    "x" * 300,
    "a/" * 70 + "b",
    "new\nline",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    refused(tar(plain(name)), tmp_path, "The name")
    refused(zipped((name, b"x", 0o100644)), tmp_path, "The name")


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc"}, "a link"),
        ({"type": tarfile.SYMTYPE, "linkname": "inside"}, "a link"),
        ({"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, "a hard link"),
        ({"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}, "a device"),
        ({"type": tarfile.BLKTYPE}, "a device"),
        ({"type": tarfile.FIFOTYPE}, "a pipe"),
        ({"type": b"V"}, "something unknown"),
    ],
)
def test_links_devices_and_pipes_are_refused(tmp_path, facts, kind):
    info, _ = plain("thing", **facts)
    refused(tar(plain("first"), (info, b"")), tmp_path, kind)


def test_a_link_in_a_zip_is_refused(tmp_path):
    refused(zipped(("thing", b"/etc", stat.S_IFLNK | 0o777)), tmp_path, "a link or a device")
    refused(zipped(("thing", b"", stat.S_IFIFO | 0o777)), tmp_path, "a link or a device")


def test_a_member_cannot_be_written_twice_or_through_a_file(tmp_path):
    refused(tar(plain("a"), plain("a")), tmp_path, "twice")
    refused(tar(plain("a"), plain("a/b")), tmp_path, "needs a folder")
    refused(zipped(("a", b"x", 0), ("./a", b"y", 0)), tmp_path, "twice")


def test_an_existing_folder_is_not_touched(tmp_path):
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(FileExistsError):
        unpack(tar(plain("a")), tmp_path)
    assert list((tmp_path / "unpacked").iterdir()) == []


# -- too much


def test_bombs_are_stopped_while_they_grow(tmp_path):
    zeros = bytes(64 << 20)
    for data in (tar(plain("zeros", zeros)), zipped(("zeros", zeros, 0))):
        assert len(data) < 100_000
        refused(data, tmp_path, "grows more than 100 times", error=LimitExceeded)


def test_a_short_dull_text_is_no_bomb(tmp_path):
    dull = b"a" * 900_000
    assert unpack(zipped(("a", dull, 0)), tmp_path) == {"a": dull}


def test_counts_and_sizes_are_limited(tmp_path):
    many = [plain(f"f{number}") for number in range(11)]
    refused(tar(*many), tmp_path, "more than 10 entries", Limits(entries=10), LimitExceeded)
    some = [(f"f{number}", b"x", 0) for number in range(11)]
    refused(zipped(*some), tmp_path, "more than 10 entries", Limits(entries=10), LimitExceeded)
    big = os.urandom(2 << 20)
    refused(tar(plain("big", big)), tmp_path, "more than 1 MiB", Limits(size=1 << 20), LimitExceeded)
    refused(zipped(("big", big, 0)), tmp_path, "more than 1 MiB", Limits(size=1 << 20), LimitExceeded)


def header(name: bytes, size: bytes, kind: bytes) -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = size
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_an_extended_header_that_says_it_is_huge_is_not_read(tmp_path):
    for kind in (b"x", b"g", b"L"):
        refused(header(b"a", b"%011o\0" % (1 << 30), kind), tmp_path, "too long")


def test_a_size_that_is_beyond_all_bounds_ends_with_the_archive(tmp_path):
    refused(header(b"a", b"\x80" + b"\xff" * 11, b"0"), tmp_path, "ends in the middle")


def test_a_zip_directory_that_says_it_is_huge_is_not_read(tmp_path):
    data = bytearray(zipped(("a", b"x", 0)))
    data[-12:-6] = struct.pack("<HL", 1, 1 << 30)[:6]
    with pytest.raises(InvalidInput):
        unpack(bytes(data), tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK", b"\x1f\x8b", b"\x1f\x8b" + b"\0" * 100, b"PK\x05\x06" + b"\0" * 18]
)
def test_what_is_no_archive_is_refused_or_empty(tmp_path, data):
    if data.startswith(b"PK\x05"):
        assert unpack(data, tmp_path) == {}
    else:
        refused(data, tmp_path, "archive")


SAMPLES = [
    tar(plain("a/b.txt", b"x" * 2000), plain("ü", b"y")),
    tar(plain(LONG, b"x" * 700), mode="w", form=tarfile.GNU_FORMAT),
    tar(plain(LONG, b"x" * 700), mode="w"),
    zipped(("a/b.txt", b"x" * 2000, 0o100755), ("c", b"y", 0)),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sample=st.integers(0, len(SAMPLES) - 1),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.floats(0.1, 1),
)
@example(sample=0, changes=[(0.0, 31)], cut=0.5)
def test_damage_is_never_more_than_a_refusal(tmp_path, sample, changes, cut):
    data = bytearray(SAMPLES[sample])
    for place, value in changes:
        data[int(place * len(data))] = value
    folder = tmp_path / str(zlib.crc32(data))
    folder.mkdir(exist_ok=True)
    try:
        unpack(bytes(data[: int(cut * len(data))]), folder)
    except InvalidInput:
        assert not (folder / "unpacked").exists()
    except FileExistsError:
        pass  # the same bytes came before
    assert sorted(path.name for path in folder.iterdir()) in ([], ["unpacked"])
