"""Media parameters, with a class shaped like hotplate.media's and one shaped like the real octoai.types'."""

from __future__ import annotations

import base64
import json
import os
from typing import Any, Union

import pydantic
import pytest

from hotplate.errors import InvalidInput, InvalidMedia, MalformedBody, UnsupportedMedia
from hotplate.faces.base import Answer, Head
from hotplate.faces.media_classes import kind_of, media_class
from tests.unit.faces.calls import codec_of

SMALL = b"\x89PNG small"
LARGE = os.urandom(100_000)


class Image:
    """What the face needs of `hotplate.media.Image`."""

    def __init__(self, raw: bytes | None, content_type: str | None = None, filename: str | None = None) -> None:
        self.raw, self.declared, self.filename, self.data = raw, content_type, filename, None

    @classmethod
    def from_bytes(cls, data: bytes, content_type: str | None = None, filename: str | None = None) -> Image:
        if data == b"refused":
            raise InvalidMedia("Not an image.")
        return cls(bytes(data), content_type, filename)

    @classmethod
    def from_base64(cls, b64: bytes) -> Image:
        raise AssertionError("base64 must not be made for a class that takes bytes")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def accept(value: Any) -> Image:
            if isinstance(value, Image):
                return value
            data = value.get("data") if isinstance(value, dict) else value
            if isinstance(data, dict) and "url" in data:
                return cls(None, data["url"])
            if not isinstance(data, str):
                raise ValueError("not media")
            return cls(base64.b64decode(data.rpartition(",")[2], validate=True))

        return core_schema.no_info_plain_validator_function(accept)


class Media(pydantic.BaseModel):
    """The shape of `octoai.types.Media` (octoai/types.py)."""

    data: Union[bytes, dict[str, str]]  # noqa: UP007

    def __init__(self, data: Any) -> None:
        super().__init__(data=data)

    @classmethod
    def from_base64(cls, b64: bytes) -> Any:
        return cls(data=b64)

    def to_bytes(self) -> bytes:
        assert isinstance(self.data, bytes)
        return base64.b64decode(self.data)


class Audio(Media):
    pass


def head(content_type: str, query: str = "", **headers: str) -> Head:
    return Head(content_type=content_type, query=query, headers=headers)


def one(image: Image) -> str: ...


def two(image: Image, steps: int, name: str = "n", tags: list[str] = ["t"]) -> str: ...  # noqa: B006


def pair(left: Image, right: Image | None = None) -> str: ...


def theirs(audio: Audio, gain: float = 1.0) -> str: ...


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("raw", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("view", [False, True], ids=["bytes", "view"])
@pytest.mark.parametrize(
    ("form", "declared"),
    [
        ('{{"image":{{"data":"{0}"}}}}', None),
        ('{{ "image" : {{ "data" : "{0}" }} }}', None),
        ('{{"image":"{0}"}}', None),
        ('{{"image":"data:image/png;base64,{0}"}}', "image/png"),
        ('{{"image":{{"data":"data:image/png;base64,{0}"}}}}', "image/png"),
        ('{{"other":[1,"a:b"],"image":{{"data":"{0}","more":{{"data":"x"}}}},"last":null}}', None),
    ],
)
def test_every_json_form(raw: bytes, view: bool, form: str, declared: str | None) -> None:
    body = form.format(b64(raw)).encode()
    (image,) = codec_of(one).decode(memoryview(bytearray(body)) if view else body, None)
    assert (image.raw, image.declared) == (raw, declared)


@pytest.mark.parametrize("raw", [SMALL, LARGE], ids=["small", "large"])
def test_other_parameters_come_along(raw: bytes) -> None:
    for body in (
        f'{{"image":{{"data":"{b64(raw)}"}},"steps":5,"name":"a:b"}}',
        f'{{"name":"a:b","steps":5,"image":{{"data":"{b64(raw)}"}}}}',
        f'{{"steps":"5","image":{{"data":"{b64(raw)}"}},"name":"a:b"}}',  # "5" is pydantic's to coerce
    ):
        image, *rest = codec_of(two).decode(memoryview(body.encode()), None)
        assert image.raw == raw and rest == [5, "a:b", ["t"]]


@pytest.mark.parametrize("raw", [SMALL, LARGE], ids=["small", "large"])
def test_two_at_once_and_none(raw: bytes) -> None:
    codec = codec_of(pair)
    left, right = codec.decode(f'{{"left":"{b64(raw)}","right":{{"data":"{b64(LARGE[::-1])}"}}}}'.encode(), None)
    assert (left.raw, right.raw) == (raw, LARGE[::-1])
    left, right = codec.decode(f'{{"right":null,"left":"{b64(raw)}"}}'.encode(), None)
    assert left.raw == raw and right is None
    left, right = codec.decode(f'{{"left":"{b64(raw)}"}}'.encode(), None)
    assert left.raw == raw and right is None


def test_a_url_stays_a_url() -> None:
    (image,) = codec_of(one).decode(b'{"image":{"data":{"url":"https://a.b/c.png"}}}', None)
    assert image.raw is None and image.declared == "https://a.b/c.png"


@pytest.mark.parametrize("size", [9, 5001])
def test_long_base64_in_another_parameter_is_left_alone(size: int) -> None:
    def mixed(image: Image, extra: Any, data: str) -> str: ...

    text = "A" * (size // 4 * 4)
    body = json.dumps({"extra": {"data": text}, "data": text, "image": {"data": b64(LARGE)}}).encode()
    image, extra, data = codec_of(mixed).decode(body, None)
    assert image.raw == LARGE and extra == {"data": text} and data == text


@pytest.mark.parametrize("junk", ["!!!!", "QUJ", "é", "QUJD\\\\", "A" * 6001, "A" * 6000 + "!"])
def test_junk_is_an_error_at_the_parameter(junk: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        codec_of(one).decode(json.dumps({"image": {"data": junk}}).encode(), None)
    assert caught.value.details[0]["loc"][:2] == ["body", "image"]


def test_a_class_without_from_bytes_takes_the_same_forms() -> None:
    codec = codec_of(theirs)
    for body in (
        {"audio": {"data": b64(SMALL)}},
        {"audio": b64(SMALL)},
        {"audio": f"data:audio/wav;base64,{b64(SMALL)}"},
        {"audio": {"data": b64(SMALL), "more": 1}},
        {"audio": f"data:audio/wav;base64,{b64(SMALL)}", "gain": "2"},
    ):
        audio, _ = codec.decode(json.dumps(body).encode(), None)
        assert isinstance(audio, Audio) and audio.to_bytes() == SMALL
    audio, _ = codec.decode(b'{"audio":{"url":"https://a.b/c"}}', None)
    assert audio.data == {"url": "https://a.b/c"}


def test_an_empty_media_object_is_a_missing_field() -> None:
    with pytest.raises(InvalidInput) as caught:
        codec_of(theirs).decode(b'{"audio":{}}', None)
    assert caught.value.details == [
        {"type": "missing", "loc": ["body", "audio", "data"], "msg": "Field required", "input": {}}
    ]


@pytest.mark.parametrize("kind", ["image/png", "image/x-new; a=b", "application/octet-stream"])
def test_a_raw_body(kind: str) -> None:
    (image,) = codec_of(one).decode(memoryview(SMALL), head(kind))
    assert image.raw == SMALL and image.declared == kind.partition(";")[0]


def test_a_raw_body_takes_its_other_parameters_from_the_query() -> None:
    codec = codec_of(two)
    image, *rest = codec.decode(SMALL, head("image/png", "steps=7&name=5&tags=a&tags=b&unknown=1"))
    assert image.raw == SMALL and rest == [7, "5", ["a", "b"]]
    with pytest.raises(InvalidInput) as caught:
        codec.decode(SMALL, head("image/png", "steps=x"))
    assert caught.value.details[0]["loc"] == ["body", "steps"]
    with pytest.raises(InvalidInput):
        codec.decode(SMALL, head("image/png"))
    with pytest.raises(MalformedBody, match="Maximum number of fields is 64"):
        codec.decode(SMALL, head("image/png", "a=1&" * 65))


@pytest.mark.parametrize("kind", ["audio/wav", "application/x-python-pickle", "application/pdf"])
def test_a_raw_body_of_another_kind(kind: str) -> None:
    with pytest.raises(UnsupportedMedia, match=r"takes application/json, multipart/form-data, image/\*"):
        codec_of(one).decode(SMALL, head(kind))


def test_a_raw_body_needs_exactly_one_media_parameter() -> None:
    with pytest.raises(UnsupportedMedia):
        codec_of(pair).decode(SMALL, head("image/png"))


def test_what_the_class_refuses_is_an_error_at_the_parameter() -> None:
    with pytest.raises(InvalidInput) as caught:
        codec_of(one).decode(b"refused", head("image/png"))
    assert caught.value.details == [
        {"type": "invalid_media", "loc": ["body", "image"], "msg": "Not an image.", "input": None}
    ]


def test_an_empty_raw_body_is_a_missing_body() -> None:
    with pytest.raises(InvalidInput) as caught:
        codec_of(one).decode(b"", head("image/png"))
    assert caught.value.details[0]["type"] == "missing"


def part(name: str, data: bytes, *more: str) -> bytes:
    disposition = "; ".join([f'Content-Disposition: form-data; name="{name}"', *more])
    return b"--XX\r\n%b\r\n\r\n%b\r\n" % (disposition.encode(), data)


def test_multipart() -> None:
    body = (
        part("image", LARGE, 'filename="../../etc/passwd"\r\nContent-Type: image/png')
        + part("steps", b"7")
        + part("name", b"12")
        + part("tags", b'["a", "b"]')
        + b"--XX--\r\n"
    )
    image, *rest = codec_of(two).decode(memoryview(body), head("multipart/form-data; boundary=XX"))
    assert (image.raw, image.declared, image.filename) == (LARGE, "image/png", "../../etc/passwd")
    assert rest == [7, "12", ["a", "b"]]


def test_multipart_with_media_as_text() -> None:
    body = part("image", b64(SMALL).encode()) + part("steps", b"7") + b"--XX--\r\n"
    image, *_ = codec_of(two).decode(body, head("multipart/form-data; boundary=XX"))
    assert image.raw == SMALL


def test_multipart_that_lacks_a_parameter() -> None:
    with pytest.raises(InvalidInput) as caught:
        codec_of(two).decode(part("steps", b"x") + b"--XX--\r\n", head("multipart/form-data; boundary=XX"))
    assert [(item["type"], item["loc"]) for item in caught.value.details] == [
        ("missing", ["body", "image"]),
        ("int_parsing", ["body", "steps"]),
    ]


@pytest.mark.parametrize("kind", ["application/json", "image/png", "multipart/form-data; boundary=XX", "text/plain"])
@pytest.mark.parametrize("good", [True, False])
def test_nothing_keeps_the_shared_memory(kind: str, good: bool) -> None:
    """A bytearray cannot be resized while anything, a traceback included, holds a view of it."""
    bodies = {
        "application/json": f'{{"image":{{"data":"{b64(LARGE)}"}},"steps":{1 if good else "x"}}}'.encode(),
        "image/png": LARGE,
        "multipart/form-data; boundary=XX": part("image", LARGE, 'filename="a"')
        + (part("steps", b"1") + b"--XX--\r\n" if good else b"--XX--\r\n"),
        "text/plain": LARGE,
    }
    memory = bytearray(bodies[kind])
    shared = memoryview(memory)
    kept: Any = None
    try:
        kept = codec_of(two).decode(shared, head(kind, "steps=1" if good else "steps=x"))
    except InvalidInput as error:
        kept = error
    assert isinstance(kept, tuple) is (good and kind != "text/plain")
    shared.release()
    memory.extend(b"resized")


@pytest.mark.parametrize(
    ("annotation", "cls"),
    [(Image, Image), (Image | None, Image), (Audio, Audio), (str, None), (list[Image], None), (Image | str, None)],
)
def test_media_classes_are_told_by_their_shape(annotation: Any, cls: Any) -> None:
    assert media_class(annotation) is cls


def test_the_kind_is_told_by_the_nearest_name() -> None:
    class Mask(Image):
        pass

    assert [kind_of(Mask), kind_of(Audio), kind_of(Media)] == ["image", "audio", "file"]


# -- results -------------------------------------------------------------------------------------------------------


class Picture(Image):
    """A result."""

    served_content_type = "image/png"

    def to_bytes(self) -> bytes:
        assert self.raw is not None
        return self.raw

    def to_wire(self) -> bytes:
        return b'{"data":"%b"}' % base64.b64encode(self.to_bytes())


def draws(prompt: str) -> Picture: ...


@pytest.mark.parametrize(
    ("accept", "raw"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("image/*", True),
        ("image/png", True),
        ("image/avif,image/webp,image/*,*/*;q=0.8", True),
        ("application/json, image/png;q=0.9", False),
        ("image/png;q=0.5, application/json;q=0.4", True),
        ("image/jpeg", False),
        ("text/event-stream", False),
        ("image/png;q=0", False),
    ],
)
def test_accept_chooses_between_json_and_the_media_itself(accept: str | None, raw: bool) -> None:
    asked = None if accept is None else head("application/json", accept=accept)
    answer = codec_of(draws).encode(Picture(SMALL), asked, 1, 1)
    assert isinstance(answer, Answer) and ("vary", "accept") in answer.headers
    if raw:
        assert (answer.body, answer.content_type) == (SMALL, "image/png")
        assert ("x-content-type-options", "nosniff") in answer.headers
    else:
        assert answer.content_type == "application/json"
        assert json.loads(bytes(answer.body))["output"] == {"data": b64(SMALL)}


def test_media_of_the_sdks_class_is_written_and_checked() -> None:
    def plays(prompt: str) -> Audio: ...

    codec = codec_of(plays)
    answer = codec.encode(Audio(data=base64.b64encode(SMALL)), None, 1, 1)
    assert isinstance(answer, Answer)
    assert json.loads(bytes(answer.body))["output"] == {"data": b64(SMALL)}
    answer = codec.encode(Audio(data={"url": "https://a.b"}), head("application/json", accept="audio/*"), 1, 1)
    assert isinstance(answer, Answer)
    assert json.loads(bytes(answer.body))["output"] == {"data": {"url": "https://a.b"}}


def test_accept_means_nothing_for_other_results() -> None:
    def infer(x: str) -> str: ...

    assert isinstance(codec_of(infer).encode("a", head("application/json", accept="image/*"), 1, 1), bytes)
