"""Reads zip archives by the standard library's reader, after a look at the size of its directory.

Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

from hotplate.build.unpacking import Limits, Unpacking
from hotplate.errors import BadArchive, LimitExceeded

_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_BYTES, _END_64_BYTES, _COMMENT_BYTES = 22, 20, 0xFFFF
_ENTRY_BYTES = 2048
"""Of the directory, on average: more is padding that costs memory."""
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 64 * 1024


def unpack(source: BinaryIO, unpacking: Unpacking, limits: Limits) -> None:
    """Write every member of an archive. Raises BadArchive and LimitExceeded."""
    unpacking.packed_bytes = source.seek(0, io.SEEK_END)  # what members say of themselves may count a byte twice
    _check_directory(source, limits)
    try:
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                _member(archive, info, unpacking)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, NotImplementedError) as error:
        raise BadArchive(f"The archive is damaged: {error}.") from None


def _check_directory(source: BinaryIO, limits: Limits) -> None:
    size = source.seek(0, io.SEEK_END)
    start = source.seek(max(0, size - _END_BYTES - _COMMENT_BYTES - _END_64_BYTES))
    tail = source.read(size - start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise BadArchive("The archive is damaged: its directory is missing.")
    if at >= _END_64_BYTES and tail[at - _END_64_BYTES :].startswith(_END_64):
        raise BadArchive("The archive is in the format for very large ones (zip64), which is not taken.")
    count, length = struct.unpack_from("<HL", tail, at + 10)
    if count > limits.entries:
        raise LimitExceeded(f"The archive has more than {limits.entries} entries.")
    if length > limits.entries * _ENTRY_BYTES:
        raise LimitExceeded("The archive's directory is too large.")
    source.seek(0)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, unpacking: Unpacking) -> None:
    shown = repr(info.orig_filename[:200])
    if "\0" in info.orig_filename:
        raise BadArchive(f"The name {shown} in the archive is no plain text.")
    if info.flag_bits & _ENCRYPTED:
        raise BadArchive(f"{shown} in the archive is encrypted.")
    if info.compress_type not in _METHODS:
        raise BadArchive(f"{shown} in the archive is compressed in a way that is not taken.")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"{shown} in the archive is a link or a device; only files and folders may be there.")
    if info.is_dir() or stat.S_ISDIR(mode):
        unpacking.folder(info.filename)
        return
    with archive.open(info) as file:
        unpacking.file(info.filename, _parts(file), executable=bool(mode & stat.S_IXUSR))


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(_CHUNK):
        yield part
