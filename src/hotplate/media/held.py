"""How media is held: a pydantic model with one field, `data`, that is made only when somebody asks for it.

A value is kept in the form in which it came; the other form is made on demand, and kept. So bytes from a multipart
part never become base64 unless somebody reads `.data`, and base64 from a call is decoded exactly once. Beside
"data", an instance's __dict__ may hold, under names that pydantic passes over: "_raw" the decoded bytes, "_view" bytes
that are only lent, "_type" the declared content type, "_name" the file name, "_file" an open file.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    HttpUrl,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticCustomError

from hotplate.errors import InvalidMedia
from hotplate.media.encoding import NOT_BASE64, decode_base64, decode_data_url, encode_base64, is_data_url

_CACHES = ("_raw", "_view", "_type", "_file")
"""What is derived from `data`, and no longer true once another `data` is set."""


class MediaUrl(BaseModel):
    """URL reference to a media file."""

    url: HttpUrl

    @field_serializer("url")
    def _url_as_text(self, url: HttpUrl):  # a return type would take the place of the field's schema
        return str(url)


def refusal(error: InvalidMedia) -> PydanticCustomError:
    """Turn our error into an item of a validation error, with our text as it stands."""
    return PydanticCustomError("invalid_media", error.message)  # pyright: ignore[reportArgumentType]


def _check_text(data: bytes | MediaUrl) -> bytes | MediaUrl:
    """The field's own check: base64 from a call is checked while it is validated, not when it is used."""
    if isinstance(data, MediaUrl):
        return data
    try:
        text = data.decode("latin-1")
        return encode_base64(decode_data_url(text)[0] if is_data_url(text) else decode_base64(data))
    except InvalidMedia as error:
        raise refusal(error) from None


class Held(BaseModel):
    """Base64 text, or a URL where it can be downloaded."""

    data: Annotated[bytes | MediaUrl, AfterValidator(_check_text)] = Field(
        description="URL reference or base64-encoded data"
    )

    if TYPE_CHECKING:
        # Whether instances may be made without running pydantic. Set below: pydantic before 2.11 would take an
        # annotation here for a private attribute.
        _plain: ClassVar[bool]

    def __init__(self, data: bytes | str | MediaUrl | Mapping[str, Any]) -> None:
        """Make media from base64 (bytes or text), a data URL or a `MediaUrl`.

        Base64 given here is trusted until it is used; then, if it is none, InvalidMedia (a ValueError) is raised.
        """
        if not self._plain or not isinstance(data, (bytes, str)):
            self.__pydantic_validator__.validate_python({"data": data}, self_instance=self)
        elif isinstance(data, str) and is_data_url(data):
            raw, content_type = decode_data_url(data)
            self._settle({"_raw": raw, "_type": content_type})
        else:
            self._settle({"data": data if isinstance(data, bytes) else as_ascii(data)})

    # Validation builds instances directly, and so reports a missing `data` as a validation error.
    __init__.__pydantic_base_init__ = True  # pyright: ignore[reportFunctionMemberAccess]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Note whether an author's class has fields, checks or hooks of its own, for which pydantic must run."""
        super().__pydantic_init_subclass__(**kwargs)
        decorators = cls.__pydantic_decorators__
        cls._plain = (
            cls.__init__ is Held.__init__
            and len(cls.model_fields) == 1
            and cls.__pydantic_post_init__ is None
            and len(decorators.model_validators) == len(Held.__pydantic_decorators__.model_validators)
            and not decorators.field_validators
            and not decorators.validators
        )

    def _settle(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "__dict__", state)
        object.__setattr__(self, "__pydantic_fields_set__", {"data"})
        object.__setattr__(self, "__pydantic_extra__", None)
        object.__setattr__(self, "__pydantic_private__", None)

    @classmethod
    def _made_of(cls, state: dict[str, Any]) -> Self:
        self = cls.__new__(cls)
        self._settle(state)
        return self

    @classmethod
    def _from_text(cls, text: str | bytes) -> Self:
        """Decode a base64 string or a data URL now. Only for plain classes."""
        if isinstance(text, str) and is_data_url(text):
            raw, content_type = decode_data_url(text)
            return cls._made_of({"_raw": raw, "_type": content_type})
        return cls._made_of({"_raw": decode_base64(text)})

    @model_validator(mode="wrap")
    @classmethod
    def _accept(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Take every form that a call may use. What does not fit goes on to pydantic, whose error details are final."""
        if isinstance(value, (str, bytes)):
            if not cls._plain:
                return handler({"data": value})
            try:
                return cls._from_text(value)
            except InvalidMedia as error:
                raise refusal(error) from None
        if isinstance(value, dict):
            given = cast("dict[str, Any]", value)
            text = given.get("data")
            if cls._plain and isinstance(text, (str, bytes)):
                try:
                    return cls._from_text(text)
                except InvalidMedia:
                    return handler(given)
            if "data" not in given and "url" in given:
                return handler({"data": given})
        return handler(value)

    @model_serializer(mode="wrap")
    def _dump(self, handler: SerializerFunctionWrapHandler):  # no return type, as above
        self._fill_data()
        return handler(self)

    def keep(self) -> None:
        """Make lent bytes our own; `Media` lends."""

    def _fill_data(self) -> None:
        self.keep()
        state = vars(self)
        if "data" not in state and "_raw" in state:
            state["data"] = encode_base64(state["_raw"])

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "data" and ("_raw" in vars(self) or "_view" in vars(self)):
                self._fill_data()
                return vars(self)["data"]
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "data":
            self._forget()
        super().__setattr__(name, value)

    def _forget(self) -> None:
        for name in _CACHES:
            vars(self).pop(name, None)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the media; with `update={"data": ...}` the copy holds that instead."""
        self.keep()
        copied = super().model_copy(update=update, deep=deep)
        if update and "data" in update:
            copied._forget()
        return copied

    def __copy__(self) -> Self:
        self.keep()
        return super().__copy__()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        self.keep()
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        self.keep()
        return super().__getstate__()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Held):
            self._fill_data()
            other._fill_data()
        return super().__eq__(other)

    __hash__ = None

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        self._fill_data()
        return super().__iter__()


Held._plain = True  # pyright: ignore[reportPrivateUsage]


def as_ascii(text: str) -> bytes:
    """Encode base64 text. Raises InvalidMedia for characters that base64 cannot have."""
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidMedia(NOT_BASE64) from None
