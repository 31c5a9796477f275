"""Any file that a caller sends: the parameter type of form-data routes."""

from __future__ import annotations

from collections.abc import Generator
from io import BytesIO
from typing import Any, BinaryIO

from hotplate.media.base import Media
from hotplate.media.sniff import UNKNOWN, sniff


class File(Media):
    """A file: base64 text, or a URL where it can be downloaded. In a form it is a part of its own.

    `read`, `seek` and `close` may be called plainly and may also be awaited: code written for Starlette's
    `UploadFile`, which OctoAI's `File` is, awaits them.
    """

    @property
    def filename(self) -> str | None:
        """The name that the sender gave, as it came. It is a label; never use it as a path."""
        return vars(self).get("_name")

    @property
    def content_type(self) -> str:
        """What the sender declared, whatever it is; else what the first bytes tell; else `application/octet-stream`."""
        return vars(self).get("_type") or sniff(self._head()) or UNKNOWN

    @property
    def size(self) -> int:
        """The file's length in bytes. A URL is downloaded to find it out."""
        return len(self.to_bytes())

    @property
    def file(self) -> BinaryIO:
        """The content as a binary file object; always the same one, with one position."""
        opened = vars(self).get("_file")
        if opened is None:
            opened = vars(self)["_file"] = BytesIO(self.to_bytes())
        return opened

    def read(self, size: int = -1) -> _Content:
        """Read `size` bytes, or all that is left. Also awaitable."""
        return _Content(self.file.read(size))

    def seek(self, offset: int) -> _Position:
        """Move to `offset` bytes from the start. Also awaitable."""
        return _Position(self.file.seek(offset))

    def close(self) -> _Position:
        """Close `file`; the bytes stay. Also awaitable."""
        self.file.close()
        return _Position(0)


class _Content(bytes):
    """Bytes that may be awaited, and then give plain bytes."""

    def __await__(self) -> Generator[Any, Any, bytes]:
        return bytes(self)
        yield


class _Position(int):
    def __await__(self) -> Generator[Any, Any, int]:
        return int(self)
        yield
