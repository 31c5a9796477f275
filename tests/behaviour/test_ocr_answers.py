"""The ocr scaffold reads drawn text and says where it stands."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests import scaffolds

pytestmark = pytest.mark.timeout(600)  # the first run installs ONNX Runtime

FONT = ImageFont.load_default(size=40)


@pytest.fixture(scope="module")
def python():
    return scaffolds.offline_python()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scaffolds.project("ocr", tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def server(folder, python):
    with scaffolds.served(folder, python) as server:
        yield server


def as_input(picture: Image.Image) -> dict[str, str]:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return {"data": base64.b64encode(buffer.getvalue()).decode()}


def overlap(box: dict[str, float], drawn: tuple[float, float, float, float]) -> float:
    """Give the part of both boxes' union that they share."""
    x1, y1, x2, y2 = drawn
    width = max(0.0, min(box["x2"], x2) - max(box["x1"], x1))
    height = max(0.0, min(box["y2"], y2) - max(box["y1"], y1))
    both = (box["x2"] - box["x1"]) * (box["y2"] - box["y1"]) + (x2 - x1) * (y2 - y1)
    return width * height / (both - width * height)


def test_it_reads_each_line_and_says_where_it_stands(server):
    picture = Image.new("RGB", (640, 480), "white")
    canvas = ImageDraw.Draw(picture)
    written = {"Invoice 2024-117": (30, 30), "Amount due: 95.20": (250, 380)}
    for text, place in written.items():
        canvas.text(place, text, fill="black", font=FONT)
    output = scaffolds.infer(server, image=as_input(picture))
    assert output["text"].splitlines() == list(written)
    for line in output["lines"]:
        assert overlap(line["box"], canvas.textbbox(written[line["text"]], line["text"], font=FONT)) > 0.5
        assert line["confidence"] > 0.9
        across = [x for x, _ in line["corners"]]
        assert [min(across), max(across)] == [line["box"]["x1"], line["box"]["x2"]]


def test_text_on_a_transparent_ground_is_read_as_on_white(server):
    picture = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((60, 180), "Platform nine", fill="black", font=FONT)
    assert scaffolds.infer(server, image=as_input(picture))["text"] == "Platform nine"


def test_a_blank_page_has_no_lines(server):
    assert scaffolds.infer(server, image=as_input(Image.new("L", (200, 200), 255))) == {"text": "", "lines": []}


def test_its_test_request_prints_the_lines_of_its_picture(server, folder, python):
    printed = scaffolds.run_test_request(folder, server, python)
    assert "'Two coffees, one cake'" in printed
    assert "'Total 11.50 EUR'" in printed
