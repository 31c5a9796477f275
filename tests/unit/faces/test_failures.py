from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from hotplate import errors
from hotplate.edge.status import STATUS
from hotplate.faces import details, failures
from hotplate.faces.base import Answer
from tests.unit.faces.calls import codec_of

SECRET = "/srv/models/secret.bin at 0x7f00"


class HTTPException(Exception):
    """Shaped like starlette.exceptions.HTTPException."""

    def __init__(self, status_code: Any, detail: Any = None, headers: Any = None) -> None:
        self.status_code, self.detail, self.headers = status_code, detail, headers


def answer(error: BaseException) -> Answer:
    return failures.answer(error, "request-1")


def body(error: BaseException) -> Any:
    return json.loads(bytes(answer(error).body))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET),
        KeyError(SECRET),
        SystemExit(SECRET),
        KeyboardInterrupt(SECRET),
        errors.ProjectError(SECRET),
        errors.SettingError(SECRET),
        errors.MissingExtra(SECRET),
        errors.PlatformError(SECRET),
        errors.WireError(SECRET),
        UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_others_say_never_gets_out(error: BaseException) -> None:
    found = answer(error)
    assert found.status == 500 and found.content_type == "application/json"
    assert SECRET not in bytes(found.body).decode()
    assert body(error) == {
        "detail": "Internal Server Error",
        "code": getattr(error, "code", "internal_error")
        if isinstance(error, errors.HotplateError)
        else "internal_error",
        "request_id": "request-1",
    }


def test_what_the_author_says_does() -> None:
    assert answer(errors.UserError("The prompt is empty.")).status == 400
    assert body(errors.UserError("The prompt is empty.")) == {
        "detail": "The prompt is empty.",
        "code": "user_error",
        "request_id": "request-1",
    }


def test_an_authors_own_error_has_the_status_of_its_kind() -> None:
    class OutOfCredit(errors.UserError):
        """No credit left."""

        code = "out_of_credit"

    assert answer(OutOfCredit()).status == 400
    assert body(OutOfCredit())["code"] == "out_of_credit"
    assert body(OutOfCredit())["detail"] == "No credit left."


@pytest.mark.parametrize("code", sorted(STATUS))
def test_every_code_has_the_status_of_the_table(code: str) -> None:
    def tree(root: type[errors.HotplateError]) -> list[type[errors.HotplateError]]:
        return [root, *(found for child in root.__subclasses__() for found in tree(child))]

    (cls,) = {cls for cls in tree(errors.HotplateError) if cls.code == code and cls.__module__ == errors.__name__}
    assert answer(cls()).status == STATUS[code]


def test_unavailable_says_when_to_try_again() -> None:
    found = answer(errors.Overloaded(retry_after_s=2.2))
    assert (found.status, found.headers) == (503, (("retry-after", "3"),))
    assert answer(errors.NotReady(retry_after_s=0)).headers == (("retry-after", "1"),)
    assert answer(errors.DeadlineExceeded()).headers == ()


def test_invalid_input_without_details_is_a_422_as_well() -> None:
    assert answer(errors.InvalidInput("Too short.")).status == 422
    assert body(errors.InvalidInput("Too short."))["detail"] == "Too short."
    assert body(errors.MalformedBody()) == {"detail": "There was an error parsing the body"}
    assert answer(errors.UnsupportedMedia("No.")).status == 415


@pytest.mark.parametrize(
    ("error", "status", "written"),
    [
        (HTTPException(418, "teapot"), 418, {"detail": "teapot"}),
        (HTTPException(status_code=404), 404, {"detail": "Not Found"}),
        (HTTPException(409, {"a": [1, None]}), 409, {"detail": {"a": [1, None]}}),
        (HTTPException(200, ""), 200, {"detail": ""}),
    ],
)
def test_an_exception_shaped_like_starlettes(error: HTTPException, status: int, written: Any) -> None:
    assert (answer(error).status, body(error)) == (status, written)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body(status: int) -> None:
    assert (answer(HTTPException(status)).body, answer(HTTPException(status)).status) == (b"", status)


def test_its_headers_are_kept_but_for_those_of_the_server() -> None:
    error = HTTPException(
        401,
        "who?",
        {"WWW-Authenticate": "Bearer", "Content-Length": "9", "transfer-encoding": "chunked", "content-type": "a/b"},
    )
    assert answer(error).headers == (("WWW-Authenticate", "Bearer"),)
    assert answer(error).content_type == "a/b"


@pytest.mark.parametrize(
    "error",
    [
        HTTPException(400, "x", {"X-A": "a\r\nSet-Cookie: b"}),
        HTTPException(400, "x", {"X-A": "a\nb"}),
        HTTPException(400, "x", {"X-A\r\nB": "a"}),
        HTTPException(400, "x", {"X A": "a"}),
        HTTPException(400, "x", {"": "a"}),
        HTTPException(400, "x", {"X-A": "snow ☃"}),
        HTTPException(400, "x", {"X-A": 5}),
        HTTPException(400, "x", 5),
        HTTPException(400, "x", {"content-type": "a/b\r\nX: y"}),
        HTTPException(400, object()),
        HTTPException(400, "\ud800"),
        HTTPException(599),
        HTTPException(700, SECRET),
        HTTPException(100, SECRET),
        HTTPException("400", SECRET),
        HTTPException(True, SECRET),
    ],
    ids=[f"case{number}" for number in range(16)],  # not repr: an address in it differs between processes
)
def test_one_that_cannot_be_sent_is_a_500(error: HTTPException) -> None:
    found = answer(error)
    assert (found.status, found.headers) == (500, ())
    assert SECRET not in bytes(found.body).decode()


def test_a_stream_ends_with_done_or_with_an_error_event() -> None:
    def infer(prompt: str) -> Any: ...

    codec = codec_of(infer, stream=True)
    assert codec.encode_item('a\n"é') == 'data: "a\\n\\"é"\n\n'.encode()
    assert codec.encode_item({"a": [1, None]}) == b'data: {"a":[1,null]}\n\n'
    assert codec.encode_end() == b"data: [DONE]\n\n"
    broken = codec.encode_break(RuntimeError(SECRET), "request-1")
    assert broken.startswith(b"event: error\ndata: {") and broken.endswith(b"}\n\n") and broken.count(b"\n") == 3
    assert json.loads(broken.split(b"data: ")[1]) == {
        "detail": "Internal Server Error",
        "code": "internal_error",
        "request_id": "request-1",
    }
    broken = codec.encode_break(errors.InvalidInput(details=[details.missing("body", "a\nb")]), "request-1")
    assert json.loads(broken.split(b"data: ")[1])["detail"][0]["loc"] == ["body", "a\nb"]
    assert broken.count(b"\n") == 3


def test_pieces_of_a_stream_are_held_to_their_hint() -> None:
    def words(prompt: str) -> Iterator[int]: ...

    def later(prompt: str) -> AsyncIterator[int]: ...

    for codec in (codec_of(words, stream=True), codec_of(later, stream=True)):
        assert codec.encode_item("5") == b"data: 5\n\n"
        with pytest.raises(errors.InvalidOutput):
            codec.encode_item("five")


# -- details -------------------------------------------------------------------------------------------------------


def encoded(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return json.loads(details.encode(items))["detail"]


def test_large_inputs_are_not_repeated() -> None:
    (item,) = encoded(details.missing("body", "x", given={"a": ["b" * 70_000]}))
    assert item["input"] == "… (too large to repeat)"
    (item,) = encoded(details.missing("body", "x", given="b" * 70_000))
    assert item["input"] == "b" * 256 + "… (too large to repeat)"
    (item,) = encoded(details.missing("body", "x", given="b" * 60_000))
    assert item["input"] == "b" * 60_000


def test_there_are_at_most_a_hundred_items_of_bounded_size() -> None:
    items = [details.missing("body", "x", given="b" * 60_000) for _ in range(500)]
    assert len(encoded(*items)) == 100
    assert len(details.encode(items)) < 5 * details.MAX_INPUT_SIZE


@pytest.mark.serial
def test_a_hundred_items_about_one_large_body_are_cheap() -> None:
    import time

    tree = {"a": list(range(900_000))}
    started = time.process_time()
    details.encode([details.missing("body", str(number), given=tree) for number in range(100)])
    assert time.process_time() - started < 1.0


def test_past_a_thousand_errors_they_are_only_counted() -> None:
    def infer(x: list[int]) -> int: ...

    with pytest.raises(errors.InvalidInput) as caught:
        codec_of(infer).decode(json.dumps({"x": ["a"] * 1001}).encode(), None)
    (item,) = caught.value.details
    assert item["msg"] == "1001 values do not fit the route's types"
    with pytest.raises(errors.InvalidInput) as caught:
        codec_of(infer).decode(json.dumps({"x": ["a"] * 1000}).encode(), None)
    assert len(caught.value.details) == 1000


def test_items_hold_what_fastapi_makes_of_them() -> None:
    import datetime
    import decimal
    import enum

    class Color(enum.Enum):
        red = decimal.Decimal("1.5")

    given = {
        "error": ValueError(SECRET),
        "number": decimal.Decimal("7"),
        "color": Color.red,
        "day": datetime.date(2020, 1, 1),
        "span": datetime.timedelta(seconds=1.5),
        "set": {1},
        "bytes": b"ab",
        "nan": float("nan"),
        "half": "\ud800",
    }
    (item,) = encoded({"type": "t", "loc": ("body", 0), "ctx": {**given, "half": ""}})
    assert item == {
        "type": "t",
        "loc": ["body", 0],
        "ctx": {
            "error": {},
            "number": 7,
            "color": 1.5,
            "day": "2020-01-01",
            "span": 1.5,
            "set": [1],
            "bytes": "ab",
            "nan": None,
            "half": "",
        },
    }
    assert json.loads(details.encode([{"input": given}])) == {"detail": [None]}
