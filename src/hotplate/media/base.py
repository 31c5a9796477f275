"""What every kind of media can do, whatever form it is held in.

Methods and wire form are those of OctoAI's `octoai.types` (octoai-sdk 0.10.1), plus `from_bytes`, `from_wire`,
`to_wire` and the content types. Downloads go through `fetch`, and are loaded with it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from pydantic import HttpUrl

from hotplate.errors import InvalidMedia
from hotplate.media.encoding import clean_content_type, decode_base64, encode_base64
from hotplate.media.held import Held, MediaUrl, as_ascii
from hotplate.media.sniff import KNOWN_TYPES, SNIFF_BYTES, UNKNOWN, sniff


class Media(Held):
    """Media: base64 text, or a URL where it can be downloaded."""

    types: ClassVar[frozenset[str]] = KNOWN_TYPES
    """Content types that this class may have. What a sender declares is believed only if it stands here."""

    # -- made from -----------------------------------------------------------------------------------------------

    @classmethod
    def from_base64(cls, b64: bytes | str | bytearray | memoryview) -> Self:
        """Make media from base64 that is known to be good. It is decoded, and so checked, on first use."""
        if isinstance(b64, str):
            b64 = as_ascii(b64)
        text = b64 if type(b64) is bytes else bytes(b64)
        return cls._made_of({"data": text}) if cls._plain else cls(data=text)

    @classmethod
    def from_bytes(
        cls,
        data: bytes | bytearray | memoryview,
        content_type: str | None = None,
        filename: str | None = None,
    ) -> Self:
        """Make media from the bytes of a file: a multipart part, a raw body, a file read from disk.

        `bytes` are kept as they are; any other buffer is copied, since it may be gone after the call. `content_type`
        and `filename` are what the sender says of it; neither is trusted.
        """
        raw = data if type(data) is bytes else bytes(data)
        state: dict[str, Any] = {"_raw": raw}
        if content_type is not None:
            state["_type"] = clean_content_type(content_type)
        if filename is not None:
            state["_name"] = filename
        if cls._plain:
            return cls._made_of(state)
        self = cls(data=encode_base64(raw))
        vars(self).update(state)
        return self

    @classmethod
    def borrow(cls, view: memoryview, content_type: str | None = None, filename: str | None = None) -> Self:
        """Make media from memory that is only lent, without copying it. For whoever lends it: call `keep` before it
        is taken back, if anybody may still hold the media. A worker does so with the bodies of its calls.
        """
        if not cls._plain:
            return cls.from_bytes(view, content_type, filename)
        state: dict[str, Any] = {"_view": view}
        if content_type is not None:
            state["_type"] = clean_content_type(content_type)
        if filename is not None:
            state["_name"] = filename
        return cls._made_of(state)

    def keep(self) -> None:
        """Copy lent memory, so that the media outlives it. Media that owns its bytes is not touched."""
        view = vars(self).pop("_view", None)
        if view is not None:
            vars(self)["_raw"] = bytes(view)

    @property
    def view(self) -> memoryview:
        """The file's bytes without a copy, where that is possible: during the call, for a raw body.

        It may not be used after the call. What `to_bytes` gives may.
        """
        lent = vars(self).get("_view")
        return memoryview(self.to_bytes()) if lent is None else lent

    @classmethod
    def from_wire(cls, value: object) -> Self:
        """Make media from any form that a call may use, and check it now.

        Forms: `{"data": "<base64>"}`, `{"data": {"url": "https://..."}}`, `{"url": "https://..."}`, a base64 string,
        a data URL. Raises a ValueError: InvalidMedia, or pydantic's ValidationError with the details.
        """
        if cls._plain:
            text = cast("dict[str, object]", value).get("data") if isinstance(value, dict) else value
            if isinstance(text, (str, bytes)):
                return cls._from_text(text)
        return cls.model_validate(value)

    @classmethod
    def from_endpoint_response(cls, resp_dict: Mapping[str, Any], key: str) -> Self:
        """Take media out of an endpoint's JSON answer: from `resp_dict[key]`, else from `resp_dict["output"][key]`.

        `key="output"` fits an endpoint that returns the media itself. Raises ValueError when the key is in neither.
        """
        if key in resp_dict:
            return cls.from_wire(resp_dict[key])
        output = resp_dict.get("output")
        if isinstance(output, Mapping) and key in output:
            return cls.from_wire(cast("Mapping[str, Any]", output)[key])
        raise ValueError(f"Key {key} not found in response")

    @classmethod
    def from_file(cls, file_name: str | Path) -> Self:
        """Read a local file. Raises ValueError when it does not exist."""
        path = Path(file_name)
        if not path.is_file():
            raise ValueError(f"File {file_name} does not exist")
        return cls.from_bytes(path.read_bytes(), filename=path.name)

    @classmethod
    def from_url(cls, url: str, b64: bool = False, follow_redirects: bool = False) -> Self:
        """Make media from an http or https URL, which is downloaded when its bytes are first needed.

        With `b64` it is downloaded now, and travels as base64 from then on. Raises ValidationError for a URL of
        another kind, BlockedURL, LimitExceeded, and FetchFailed (a ValueError, "status 404 (url)").
        """
        reference = MediaUrl(url=HttpUrl(url))
        if not b64:
            return cls(data=reference)
        from hotplate.media.fetch import fetch

        return cls.from_bytes(fetch(str(reference.url), follow_redirects=follow_redirects))

    # -- turned into ---------------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Give the file's bytes: decoded, or downloaded. Both happen once, and the result is kept.

        Raises InvalidMedia for what is not base64; for URLs BlockedURL, LimitExceeded and FetchFailed.
        """
        self.keep()
        state = vars(self)
        raw = state.get("_raw")
        if raw is None:
            data = state["data"]
            raw = state["_raw"] = self._downloaded() if isinstance(data, MediaUrl) else decode_base64(data)
        return raw

    def to_base64(self) -> bytes:
        """Give the file as base64 text in bytes. A URL is downloaded."""
        data = vars(self).get("data")
        return data if isinstance(data, bytes) else encode_base64(self.to_bytes())

    def to_file(self, file_name: str | Path) -> None:
        """Write the media to a local file, in place of what the file held. A URL is downloaded."""
        if not isinstance(vars(self).get("data"), MediaUrl):
            Path(file_name).write_bytes(self.to_bytes())
        else:
            self.default_download(file_name=str(file_name))

    def to_wire(self) -> bytes:
        """Give the JSON text that stands for this media in an answer: `{"data":"<base64>"}`, or with a URL."""
        if not self._plain or isinstance(vars(self).get("data"), MediaUrl):
            return self.model_dump_json().encode()
        # join copies once; % and + were measured 10 times slower at 1 MB
        return b"".join((b'{"data":"', self.to_base64(), b'"}'))

    def download(self, follow_redirects: bool, file_name: str) -> None:
        """Download the URL to a local file, in place of what the file held; do nothing for media without a URL."""
        if isinstance(self.data, MediaUrl):
            from hotplate.media.fetch import fetch_to

            fetch_to(str(self.data.url), Path(file_name), follow_redirects=follow_redirects)

    def default_download(self, file_name: str) -> None:
        """How every other method downloads the URL: with redirects, each of them checked. Override it."""
        self.download(follow_redirects=True, file_name=file_name)

    def _downloaded(self) -> bytes:
        mine = type(self)
        if mine.download is Media.download and mine.default_download is Media.default_download:
            from hotplate.media.fetch import fetch

            assert isinstance(self.data, MediaUrl)
            return fetch(str(self.data.url), follow_redirects=True)
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(prefix="hotplate-") as folder:
            path = Path(folder, "media")
            self.default_download(file_name=str(path))
            return path.read_bytes()

    # -- about it ------------------------------------------------------------------------------------------------

    @property
    def content_type(self) -> str:
        """The content type: what the sender declared, if that is one of `types`; else what the first bytes tell;
        else `application/octet-stream`. A URL is not downloaded to find it out.
        """
        declared = vars(self).get("_type")
        return declared if declared in self.types else sniff(self._head()) or UNKNOWN

    @property
    def served_content_type(self) -> str:
        """The content type to put on an HTTP answer: `content_type`, but never one outside of the known media types."""
        return self.content_type if self.content_type in KNOWN_TYPES else UNKNOWN

    def _head(self) -> bytes:
        state = vars(self)
        raw, data = state.get("_raw", state.get("_view")), state.get("data")
        if raw is not None:
            return bytes(raw[:SNIFF_BYTES])
        if isinstance(data, (bytes, str)):
            try:
                # whole groups of four characters: a prefix of base64 that is base64 itself
                return decode_base64(data[: SNIFF_BYTES // 3 * 4])
            except InvalidMedia:
                return b""
        return b""

    def __repr_args__(self) -> Generator[tuple[str | None, Any], None, None]:
        """Never the data itself, nor a URL's query: media ends up in log lines."""
        state = vars(self)
        data = state.get("data")
        if isinstance(data, MediaUrl):
            yield "url", str(data.url).partition("?")[0]
        else:
            raw = state.get("_raw", state.get("_view"))
            yield "content_type", self.content_type
            yield "size", len(raw) if raw is not None else _decoded_size(self.to_base64())


def _decoded_size(text: bytes) -> int:
    return (len(text) - text[-2:].count(b"=")) * 3 // 4
