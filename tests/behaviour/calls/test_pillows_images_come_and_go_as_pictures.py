"""A function that says `PIL.Image.Image` is served as one that says `hotplate.Image`."""

from __future__ import annotations

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from serving import serve, write_project

MODEL = """
import asyncio
from collections.abc import AsyncIterator, Iterator

import PIL.Image
from PIL import Image, ImageOps

from hotplate import batch


def invert(image: Image.Image, *, times: int = 1) -> Image.Image:
    for _ in range(times):
        image = ImageOps.invert(image.convert("RGB"))
    return image


def same(image: PIL.Image.Image) -> PIL.Image.Image:
    return image


def floats(image: Image.Image) -> Image.Image:
    return image.convert("F")


def inks(image: Image.Image) -> Image.Image:
    return image.convert("CMYK")


def perhaps(image: Image.Image | None = None) -> tuple[int, int] | None:
    return image and image.size


def several(images: list[Image.Image]) -> dict[str, list[int]]:
    return {"widths": [image.width for image in images]}


async def later(image: Image.Image) -> Image.Image:
    await asyncio.sleep(0)
    return image.rotate(90)


def halves(image: Image.Image) -> Iterator[Image.Image]:
    yield image.crop((0, 0, image.width // 2, image.height))
    yield image.crop((image.width // 2, 0, image.width, image.height))


async def halves_later(image: Image.Image) -> AsyncIterator[Image.Image]:
    for half in halves(image):
        yield half


@batch(max_size=4, max_wait_ms=200)
def sizes(images: list[Image.Image]) -> list[list[int]]:
    return [[*image.size, len(images)] for image in images]


@batch(max_size=4, max_wait_ms=200)
async def flipped(images: list[Image.Image]) -> list[Image.Image]:
    return [ImageOps.mirror(image) for image in images]
"""
NAMES = "invert same floats inks perhaps several later halves halves_later sizes flipped"
SERVICE = """
from PIL import Image

from hotplate import Service, path


class Model(Service):
    def infer(self, image: Image.Image) -> list[int]:
        return list(image.size)

    @path("/turn")
    def turn(self, image: Image.Image) -> Image.Image:
        return image.rotate(90, expand=True)

    def helper(self, image: Image.Image) -> Image.Image:
        return image
"""


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 2), colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def as_json(data: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()}


def opened(output: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(output["data"])))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    names = ", ".join(f"model.py:{name}" for name in NAMES.split())
    files = {"model.py": MODEL, "hotplate.yaml": f"functions: [{names}]\n"}
    with serve(write_project(tmp_path_factory.mktemp("pictures"), files)) as found:
        yield found


def output(server, path: str, **given: Any) -> Any:
    answer = server.post(path, given)
    assert answer.status == 200, answer.body
    return answer.json()["output"]


def test_it_is_taken_and_given_as_json(server):
    inverted = opened(output(server, "/invert", image=as_json(picture())))
    assert (inverted.format, inverted.size, inverted.getpixel((0, 0))) == ("PNG", (4, 2), (0, 255, 255))
    assert opened(output(server, "/invert", image=as_json(picture()), times=2)).getpixel((0, 0)) == (255, 0, 0)
    assert opened(output(server, "/later", image=as_json(picture()))).size == (4, 2)


def test_it_is_taken_and_given_as_it_is(server):
    answer = server.request("POST", "/invert", picture("JPEG"), {"content-type": "image/jpeg", "accept": "image/png"})
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.body)).size == (4, 2)


@pytest.mark.parametrize(
    ("path", "sent", "kind"),
    [("/same", "JPEG", "JPEG"), ("/same", "WEBP", "PNG"), ("/floats", "PNG", "PNG"), ("/inks", "PNG", "PNG")],
)
def test_a_file_of_a_kind_is_made_of_it(server, path, sent, kind):
    assert opened(output(server, path, image=as_json(picture(sent)))).format == kind


def test_none_and_several(server):
    assert output(server, "/perhaps") is None
    assert output(server, "/perhaps", image=as_json(picture())) == [4, 2]
    images = [as_json(picture(size=(width, 1))) for width in (3, 5)]
    assert output(server, "/several", images=images) == {"widths": [3, 5]}


@pytest.mark.parametrize("path", ["/halves", "/halves-later"])
def test_a_stream_of_them(server, path):
    answer = server.post(path, {"image": as_json(picture())})
    pieces = [line[6:] for line in answer.body.decode().split("\n\n") if line.startswith("data: {")]
    assert [opened(json.loads(piece)).size for piece in pieces] == [(2, 2), (2, 2)]


def test_what_is_none_is_the_callers_to_mend(server):
    broken = picture()[:40]
    for path in ("/invert", "/halves", "/later"):
        answer = server.post(path, {"image": as_json(broken)})
        assert (answer.status, answer.json()["code"]) == (422, "invalid_media"), answer.body
    assert server.post("/invert", {"image": 5}).status == 422


def test_a_bad_one_fails_alone_in_its_batch(server):
    sent = [picture(size=(3, 1)), picture()[:40], picture(size=(5, 1))]
    for path in ("/sizes", "/flipped"):
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda data, path=path: server.post(path, {"images": as_json(data)}), sent))
        assert [answer.status for answer in answers] == [200, 422, 200], [answer.body for answer in answers]
    assert opened(answers[2].json()["output"]).size == (5, 1)


def test_it_is_a_picture_in_the_description(server):
    paths = server.get("/openapi.json").json()["paths"]
    assert any(kind.startswith("image/") for kind in paths["/invert"]["post"]["requestBody"]["content"])


def test_a_service_takes_them_where_it_is_asked_to_serve(tmp_path):
    with serve(write_project(tmp_path / "service", {"service.py": SERVICE})) as server:
        assert output(server, "/infer", image=as_json(picture())) == [4, 2]
        assert opened(output(server, "/turn", image=as_json(picture()))).size == (2, 4)
        assert server.post("/helper", {"image": as_json(picture())}).status == 404
