"""Reads tar archives, plain or gzipped: what pax(1) and GNU tar write for plain files and folders, and no more.

Format: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, "ustar Interchange Format".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, Protocol

from hotplate.build.unpacking import Unpacking
from hotplate.errors import BadArchive

BLOCK = 512
MAGIC = slice(257, 262)
MAGICS = (b"ustar",)
GZIP = b"\x1f\x8b"
MAX_EXTENSION = 64 * 1024
"""Bytes of one extended header: a name is at most a kilobyte."""
MAX_EXTENSIONS = 100_000
_CHUNK = 64 * 1024
_FILES, _FOLDER, _LONG_NAME, _LONG_LINK, _EXTENDED, _GLOBAL = b"0\07", b"5", b"L", b"K", b"x", b"g"
_HEADER_ALONE = (b"1", b"2", b"3", b"4", b"6")
"""Links, devices and pipes: no bytes follow, whatever size their header states."""
_KINDS = {
    b"1": "a hard link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


class Source(Protocol):
    """What is read from."""

    def read(self, size: int, /) -> bytes:
        """Give at most `size` bytes; none at the end."""
        ...


class Counting(Protocol):
    """Who wants to know how much of an archive was read."""

    packed_bytes: int | None


class Gunzip:
    """Decompresses as much as is asked for, and counts what goes in and out."""

    def __init__(self, source: BinaryIO, unpacking: Counting) -> None:
        self._source = source
        self._unpacking = unpacking
        self._inflate = zlib.decompressobj(31)
        self._input = b""
        self._out = 0
        unpacking.packed_bytes = 0

    def read(self, size: int, /) -> bytes:
        """See `Source.read`."""
        while True:
            if self._inflate.eof:
                self._input = self._inflate.unused_data + self._more()
                if not self._input.startswith(GZIP):  # another member may follow, or nothing, or padding
                    return b""
                self._inflate = zlib.decompressobj(31)
            if not self._input:
                self._input = self._more()
                if not self._input:
                    raise BadArchive("The archive ends in the middle.")
            try:
                data = self._inflate.decompress(self._input, size)
            except zlib.error:
                raise BadArchive("The archive is damaged: it cannot be decompressed.") from None
            self._input = self._inflate.unconsumed_tail
            if data:
                return data

    def _more(self) -> bytes:
        data = self._source.read(_CHUNK)
        assert self._unpacking.packed_bytes is not None
        self._unpacking.packed_bytes += len(data)
        return data


class Member(NamedTuple):
    """What a header says. `link` is where a link leads."""

    name: str
    kind: bytes
    size: int
    executable: bool
    link: str

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return self.kind in _FILES and not self.name.endswith("/")

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.kind == _FOLDER or (self.kind in _FILES and self.name.endswith("/"))

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.kind == b"2"


def unpack(source: Source, unpacking: Unpacking) -> None:
    """Write every member of an archive. Raises BadArchive and LimitExceeded."""
    for member, content in members(source, unpacking.take):
        _write(member, content, unpacking)


def members(source: Source, taken: Callable[[int], None]) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Give each member and its bytes, which are passed over where they are not read.

    `taken` learns how long extended headers are.

    Raises:
        BadArchive: it cannot be read.
    """
    name = link = ""
    extended: dict[str, str] = {}
    count = 0
    while (member := _header(source)) is not None:
        if member.kind in (_LONG_NAME, _LONG_LINK, _EXTENDED, _GLOBAL):
            count += 1
            if member.size > MAX_EXTENSION or count > MAX_EXTENSIONS:
                raise BadArchive("The archive has an extended header that is too long.")
            data = b"".join(_content(source, member.size))
            taken(len(data))
            if member.kind == _LONG_NAME:
                name = _text(data.split(b"\0", 1)[0])
            elif member.kind == _LONG_LINK:
                link = _text(data.split(b"\0", 1)[0])
            elif member.kind == _EXTENDED:
                extended = _records(data)
            continue
        member = member._replace(
            name=extended.get("path") or name or member.name, link=extended.get("linkpath") or link or member.link
        )
        if "size" in extended:
            member = member._replace(size=_decimal(extended["size"]))
        if any(key.startswith("GNU.sparse") for key in extended):
            member = member._replace(kind=b"S")
        if member.kind in _HEADER_ALONE:
            member = member._replace(size=0)
        name, link, extended = "", "", {}
        content = _content(source, member.size)
        yield member, content
        for _ in content:
            pass


def _write(member: Member, content: Iterator[bytes], unpacking: Unpacking) -> None:
    if member.is_folder:
        unpacking.folder(member.name)
    elif member.is_file:
        unpacking.file(member.name, content, executable=member.executable)
    else:
        kind = _KINDS.get(member.kind, "something unknown")
        raise BadArchive(f"{member.name[:200]!r} in the archive is {kind}; only files and folders may be there.")


def _header(source: Source) -> Member | None:
    """Read one header; None at the end of the archive."""
    block = _exactly(source, BLOCK, may_end=True)
    if not block or not block.strip(b"\0"):
        return None
    stated = _number(block[148:156])
    if stated != sum(block[:148]) + 8 * ord(" ") + sum(block[156:]):
        raise BadArchive("The archive is damaged: a header's checksum is wrong.")
    name = block[:100].split(b"\0", 1)[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return Member(
        _text(name),
        block[156:157],
        _number(block[124:136]),
        bool(_number(block[100:108]) & 0o100),
        _text(block[157:257].split(b"\0", 1)[0]),
    )


def _content(source: Source, size: int) -> Iterator[bytes]:
    """Give a member's bytes and skip what fills its last block."""
    left = size
    while left:
        data = source.read(min(left, _CHUNK))
        if not data:
            raise BadArchive("The archive ends in the middle.")
        left -= len(data)
        yield data
    _exactly(source, -size % BLOCK)


def _exactly(source: Source, size: int, *, may_end: bool = False) -> bytes:
    data = b""
    while len(data) < size:
        part = source.read(size - len(data))
        if not part:
            if may_end and not data:
                return b""
            raise BadArchive("The archive ends in the middle.")
        data += part
    return data


def _number(field: bytes) -> int:
    """An octal number, or one in base 256 as GNU tar writes large ones."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    if not text:
        return 0
    try:
        return int(text, 8)
    except ValueError:
        raise BadArchive("The archive is damaged: a header holds no number where one belongs.") from None


def _decimal(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise BadArchive("The archive is damaged: an extended header holds no number where one belongs.")
    return int(text)


def _records(data: bytes) -> dict[str, str]:
    """`LENGTH KEY=VALUE` lines; the length counts the whole line."""
    found: dict[str, str] = {}
    while data:
        length, _, rest = data.partition(b" ")
        if not length.isdigit() or len(length) > 6 or not len(length) + 2 < int(length) <= len(data):
            raise BadArchive("The archive is damaged: an extended header cannot be read.")
        record = rest[: int(length) - len(length) - 1]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise BadArchive("The archive is damaged: an extended header cannot be read.")
        found[_text(key)] = _text(value[:-1])
        data = data[int(length) :]
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
