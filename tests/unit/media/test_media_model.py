"""Media as a pydantic model: forms it takes, forms it gives, schema, and what it costs to make."""

from __future__ import annotations

import base64
import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from hotplate.errors import InvalidMedia
from hotplate.media import Audio, File, Image, Media, MediaUrl, Video

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = base64.b64encode(PNG).decode()


class Params(BaseModel):
    image: Image
    mask: Image | None = None


FORMS = {
    "object": {"data": TEXT},
    "bytes in the object": {"data": TEXT.encode()},
    "plain base64": TEXT,
    "base64 in lines": base64.encodebytes(PNG).decode(),
    "object with base64 in lines": {"data": base64.encodebytes(PNG).decode()},
    "data URL": f"data:image/png;base64,{TEXT}",
    "data URL with parameters": f"data:image/png;charset=utf-8;base64,{TEXT}",
    "data URL in the object": {"data": f"DATA:image/png;base64,{TEXT}"},
    "more keys": {"data": TEXT, "more": 1},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_data_gives_the_same_bytes(form: object) -> None:
    assert Params.model_validate({"image": form}).image.to_bytes() == PNG
    assert Image.from_wire(form).to_bytes() == PNG
    assert Image.from_wire(form).data == TEXT.encode()


@pytest.mark.parametrize("form", [f for f in FORMS.values() if not isinstance(f, dict) or isinstance(f["data"], str)])
def test_every_form_works_when_pydantic_reads_the_json(form: object) -> None:
    assert Params.model_validate_json(json.dumps({"image": form})).image.to_bytes() == PNG


@pytest.mark.parametrize("form", [{"data": {"url": "https://a.example/x.png"}}, {"url": "https://a.example/x.png"}])
def test_a_url_is_kept_and_not_fetched(form: object) -> None:
    for image in (Params.model_validate({"image": form}).image, Image.from_wire(form)):
        assert isinstance(image.data, MediaUrl)
        assert image.model_dump() == {"data": {"url": "https://a.example/x.png"}}
        assert image.to_wire() == b'{"data":{"url":"https://a.example/x.png"}}'


REFUSED = {
    "no data": ({}, [("missing", ("image", "data"))]),
    "junk in the object": ({"data": "%%%"}, [("invalid_media", ("image", "data"))]),
    "wrong padding": ({"data": "abcde"}, [("invalid_media", ("image", "data"))]),
    "not ASCII": ({"data": "aGVé"}, [("invalid_media", ("image", "data"))]),
    "plain junk": ("not base64!", [("invalid_media", ("image",))]),
    "data URL without comma": ("data:image/png;base64", [("invalid_media", ("image",))]),
    "data URL with junk": ("data:image/png;base64,%%%", [("invalid_media", ("image",))]),
    "number": (5, [("model_type", ("image",))]),
    "null": (None, [("model_type", ("image",))]),
    "list": ([TEXT], [("model_type", ("image",))]),
    "number as data": (
        {"data": 5},
        [("bytes_type", ("image", "data", "bytes")), ("model_type", ("image", "data", "MediaUrl"))],
    ),
    "ftp": (
        {"data": {"url": "ftp://a.example/x"}},
        [("bytes_type", ("image", "data", "bytes")), ("url_scheme", ("image", "data", "MediaUrl", "url"))],
    ),
}


@pytest.mark.parametrize(("form", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_a_validation_error(form: object, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    with pytest.raises(ValidationError) as caught:
        Params.model_validate({"image": form})
    assert [(e["type"], e["loc"]) for e in caught.value.errors()] == expected
    with pytest.raises(ValueError):
        Image.from_wire(form)


def test_a_refusal_says_what_to_send() -> None:
    with pytest.raises(ValidationError) as caught:
        Params.model_validate({"image": {"data": "%%%"}})
    assert caught.value.errors()[0]["msg"] == (
        'The data is not base64. Send base64 text, a data URL, or {"url": "https://..."} for media that lies elsewhere.'
    )


def test_an_instance_passes_through_unchanged() -> None:
    image = Image.from_bytes(PNG)
    assert Params(image=image).image is image


@pytest.mark.parametrize("kind", [Media, Image, Audio, Video, File])
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_schema_is_the_one_of_octoai(kind: type[Media], mode: str) -> None:
    schema = TypeAdapter(kind).json_schema(mode=mode)  # type: ignore[arg-type]
    assert schema["properties"] == {
        "data": {
            "anyOf": [{"format": "binary", "type": "string"}, {"$ref": "#/$defs/MediaUrl"}],
            "description": "URL reference or base64-encoded data",
            "title": "Data",
        }
    }
    assert schema["required"] == ["data"]
    assert schema["$defs"]["MediaUrl"]["properties"]["url"] == {
        "format": "uri",
        "maxLength": 2083,
        "minLength": 1,
        "title": "Url",
        "type": "string",
    }


def test_dumps_are_those_of_octoai() -> None:
    for image in (Image(data=TEXT), Image(TEXT.encode()), Image.from_bytes(PNG), Image.from_base64(TEXT)):
        assert image.model_dump() == {"data": TEXT.encode()}
        assert image.model_dump_json() == f'{{"data":"{TEXT}"}}'
        assert image.to_wire().decode() == image.model_dump_json()
        assert dict(image) == {"data": TEXT.encode()}
        assert Params(image=image).model_dump(mode="json") == {"image": {"data": TEXT}, "mask": None}


@pytest.mark.parametrize("bad", ["%%%", b"abc", "aGVé"])
def test_base64_made_in_code_is_checked_on_first_use(bad: str | bytes) -> None:
    with pytest.raises(InvalidMedia):
        Image(data=bad).to_bytes()
    with pytest.raises(ValueError):  # as binascii.Error was
        Image.from_base64(bad).to_bytes()


def test_bytes_make_no_base64_until_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> bytes:
        raise AssertionError("encoded")

    monkeypatch.setattr("hotplate.media.held.encode_base64", fail)
    image = Image.from_bytes(PNG, "image/png", "a.png")
    assert image.to_bytes() is PNG
    assert Params(image=image).image.content_type == "image/png"
    assert "image/png" in repr(image)
    with pytest.raises(AssertionError, match="encoded"):
        _ = image.data


def test_base64_of_a_call_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Params.model_validate({"image": {"data": TEXT}}).image

    def fail(_: object) -> bytes:
        raise AssertionError("decoded again")

    monkeypatch.setattr("hotplate.media.base.decode_base64", fail)
    assert image.to_bytes() == PNG
    assert image.to_bytes() is image.to_bytes()


def test_plain_base64_never_runs_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise AssertionError("pydantic ran")

    monkeypatch.setattr(Image, "model_validate", fail)
    monkeypatch.setattr(Image, "__pydantic_validator__", None)
    for image in (Image.from_wire({"data": TEXT}), Image.from_base64(TEXT), Image(TEXT), Image.from_wire(TEXT)):
        assert image.to_bytes() == PNG


def test_a_buffer_is_copied() -> None:
    shared = bytearray(PNG)
    image = Image.from_bytes(memoryview(shared))
    shared[:] = b"\0" * len(shared)
    assert image.to_bytes() == PNG
    assert Image.from_base64(memoryview(TEXT.encode())).to_bytes() == PNG


def test_copies_and_equality() -> None:
    image = Image.from_bytes(PNG)
    assert image == Image(TEXT) == pickle.loads(pickle.dumps(image)) == copy.deepcopy(image) == image.model_copy()
    assert image != Audio.from_bytes(PNG)
    assert image != Image.from_bytes(b"other")
    assert image.model_copy(update={"data": b"eA=="}).to_bytes() == b"x"
    assert image.to_bytes() == PNG


def test_setting_data_forgets_the_old_bytes() -> None:
    image = Image.from_bytes(PNG, "image/png")
    image.data = b"eA=="
    assert (image.to_bytes(), image.content_type) == (b"x", "application/octet-stream")
    file = File.from_bytes(b"old")
    assert file.read() == b"old"
    file.data = b"eA=="
    assert file.read() == b"x"


def test_repr_holds_neither_data_nor_signature() -> None:
    assert repr(Image.from_bytes(PNG)) == repr(Image(TEXT)) == f"Image(content_type='image/png', size={len(PNG)})"
    assert repr(Image.from_url("https://a.example/x.png?sig=SECRET")) == "Image(url='https://a.example/x.png')"


class Labelled(Image):
    label: str = "none"


class Counted(Image):
    made: int = 0

    def model_post_init(self, _: object) -> None:
        self.made += 1


class Wrapped(Image):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)


@pytest.mark.parametrize("kind", [Labelled, Counted, Wrapped])
def test_an_authors_subclass_with_more_in_it_goes_through_pydantic(kind: type[Image]) -> None:
    for image in (
        kind.model_validate({"data": TEXT}),
        kind.model_validate(TEXT),
        kind.from_base64(TEXT),
        kind.from_bytes(PNG, "image/png"),
        kind.from_wire({"data": TEXT}),
    ):
        assert image.to_bytes() == PNG
        assert image.content_type == "image/png"
        assert json.loads(image.to_wire())["data"] == TEXT
    if kind is Labelled:
        assert kind.model_validate({"data": TEXT, "label": "cat"}).model_dump() == {
            "data": TEXT.encode(),
            "label": "cat",
        }
    if kind is Counted:
        assert kind.from_base64(TEXT).made == 1


@given(st.binary(max_size=2000))
def test_bytes_come_back_through_every_form(data: bytes) -> None:
    media = Media.from_bytes(data)
    assert Media.from_wire(json.loads(media.to_wire())).to_bytes() == data
    assert Media(media.data).to_bytes() == data
    assert Media.model_validate_json(media.model_dump_json()).to_bytes() == data
    assert Media.from_base64(media.to_base64()).to_bytes() == data
    assert base64.b64decode(media.to_base64()) == data


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.binary(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["data", "url", "x"]), v),
    )
)
def test_no_input_raises_anything_but_a_value_error(value: object) -> None:
    try:
        assert isinstance(Image.from_wire(value), Image)
    except ValueError:
        pass
