"""A revision's archive on a node: its files as they are, and nothing outside its folder."""

from __future__ import annotations

import io
import stat
import tarfile

import parcel
import pytest


def archive(*members: tuple[str, bytes, int, bytes]) -> tarfile.TarFile:
    """Of (name, type, mode, content)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, kind, mode, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.size, info.linkname = kind, mode, len(content), "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    file.seek(0)
    return tarfile.open(fileobj=file)


def test_files_have_their_content_and_their_modes(tmp_path):
    tar = archive(
        ("a", tarfile.DIRTYPE, 0o755, b""),
        ("a/run.sh", tarfile.REGTYPE, 0o777, b"#!"),
        ("deep/er/x.py", tarfile.REGTYPE, 0o400, b"x"),
    )
    parcel.unpack(tar, str(tmp_path))
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == {
        "a/run.sh",
        "deep/er/x.py",
    }
    assert (tmp_path / "a/run.sh").read_bytes() == b"#!"
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a/run.sh", "deep/er/x.py")] == [0o755, 0o600]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../out", tarfile.REGTYPE),
        ("/tmp/out", tarfile.REGTYPE),
        ("a/../../out", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("link", tarfile.LNKTYPE),
        ("pipe", tarfile.FIFOTYPE),
        (".", tarfile.DIRTYPE),
    ],
)
def test_what_is_none_of_a_revision_is_refused(tmp_path, name, kind):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(parcel.Failed, match="none of a revision"):
        parcel.unpack(archive((name, kind, 0o644, b"")), str(folder))
    assert list(tmp_path.iterdir()) == [folder] and not list(folder.iterdir())
