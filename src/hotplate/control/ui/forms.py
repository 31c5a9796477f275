"""Reads what a form sent. Sizes and numbers of fields are bounded; files go to disk as they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from hotplate.control.settings import refused
from hotplate.errors import LimitExceeded, MalformedBody, UnsupportedMedia

if TYPE_CHECKING:
    from starlette.datastructures import FormData

MAX_BYTES = 1 << 20
MAX_UPLOAD_BYTES = 512 << 20
MAX_FIELDS = 500
PROOF = "csrf"


@dataclass(frozen=True, slots=True)
class Form:
    """The texts and files of a form. A field that was sent twice has both."""

    texts: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    files: Mapping[str, UploadFile] = field(default_factory=dict[str, UploadFile])

    def text(self, name: str, default: str = "") -> str:
        """The field's text without blanks around it."""
        return self.texts.get(name, [default])[0].strip()

    def all(self, name: str) -> list[str]:
        """Every text of a field."""
        return self.texts.get(name, [])

    def number(self, name: str) -> float | None:
        """The field as a number; None where it is empty."""
        text = self.text(name)
        try:
            return float(text) if text else None
        except ValueError:
            raise refused(name, "must be a number.") from None

    def whole(self, name: str) -> int | None:
        """The field as a whole number; None where it is empty."""
        value = self.number(name)
        if value is not None and value != int(value):
            raise refused(name, "must be a whole number.")
        return None if value is None else int(value)


async def read_form(request: Request) -> tuple[Form, FormData | None]:
    """Read a form, and give what is to be closed afterwards."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise UnsupportedMedia("This takes a form.")
    limit = MAX_UPLOAD_BYTES if kind == "multipart/form-data" else MAX_BYTES
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise MalformedBody("A form says how long it is.")
    if int(length) > limit:
        raise LimitExceeded(f"A form may have {limit >> 20} MiB.")
    try:
        data = await request.form(max_files=4, max_fields=MAX_FIELDS, max_part_size=MAX_BYTES)
    except MultiPartException as error:
        raise MalformedBody(f"The form cannot be read: {error.message}") from None
    except Exception as error:
        if type(error).__name__ in ("HTTPException", "FormParserError", "QuerystringParseError"):
            raise MalformedBody("The form cannot be read.") from None
        raise
    texts: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                files[name] = value
        elif len(texts) < MAX_FIELDS:
            texts.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(texts, files), data
