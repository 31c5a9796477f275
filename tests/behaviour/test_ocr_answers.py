"""The ocr scaffold reads drawn text and says where it stands."""

from __future__ import annotations

import base64
import io
import subprocess

import pytest
import scaffold_serving as scaffold
from PIL import Image, ImageDraw, ImageFont

pytestmark = pytest.mark.timeout(600)  # the first run installs ONNX Runtime

FONT = ImageFont.load_default(size=40)


@pytest.fixture(scope="module")
def programs():
    return scaffold.offline_environment()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scaffold.project("ocr", tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def endpoint(folder, programs):
    with scaffold.served(folder, programs) as address:
        yield address


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


def test_it_reads_each_line_and_says_where_it_stands(endpoint):
    picture = Image.new("RGB", (640, 480), "white")
    canvas = ImageDraw.Draw(picture)
    written = {"Invoice 2024-117": (30, 30), "Amount due: 95.20": (250, 380)}
    for text, place in written.items():
        canvas.text(place, text, fill="black", font=FONT)
    output = scaffold.infer(endpoint, image=as_input(picture))
    assert output["text"].splitlines() == list(written)
    for line in output["lines"]:
        assert overlap(line["box"], canvas.textbbox(written[line["text"]], line["text"], font=FONT)) > 0.5
        assert line["confidence"] > 0.9
        across = [x for x, _ in line["corners"]]
        assert [min(across), max(across)] == [line["box"]["x1"], line["box"]["x2"]]


def test_text_on_a_transparent_ground_is_read_as_on_white(endpoint):
    picture = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((60, 180), "Platform nine", fill="black", font=FONT)
    assert scaffold.infer(endpoint, image=as_input(picture))["text"] == "Platform nine"


def test_a_blank_page_has_no_lines(endpoint):
    assert scaffold.infer(endpoint, image=as_input(Image.new("L", (200, 200), 255))) == {"text": "", "lines": []}


def test_its_test_request_prints_the_lines_of_its_picture(endpoint, folder, programs):
    done = subprocess.run(
        [programs / "python", "test_request.py", "--endpoint", endpoint], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "'Two coffees, one cake'" in done.stdout
    assert "'Total 11.50 EUR'" in done.stdout
