"""The yolov8 scaffold turns what a model finds into named boxes and a picture.

Its weights come from a hub, so a stand-in for the `ultralytics` package is put beside `service.py`: a model that finds
the one coloured rectangle on a white ground.
"""

from __future__ import annotations

import base64
import io
import sys

import pytest
from PIL import Image, ImageDraw

from tests import scaffolds

STAND_IN = '''
import numpy as np

CLASSES = ["red", "green", "blue"]


class YOLO:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, picture, verbose=True):
        return [Result(np.asarray(picture), self.weights)]


class Result:
    """As ultralytics.engine.results.Results: summary() gives dictionaries, plot() blue, green, red."""

    def __init__(self, rgb, weights):
        assert rgb.shape[2] == 3
        self.rgb, self.weights = rgb, weights
        self.rows, self.columns = np.nonzero(rgb.min(axis=2) < 100)

    def summary(self):
        if not len(self.rows):
            return []
        number = int(self.rgb[self.rows[0], self.columns[0]].argmax())
        box = {
            "x1": float(self.columns.min()), "y1": float(self.rows.min()),
            "x2": float(self.columns.max()), "y2": float(self.rows.max()),
        }
        return [{"name": f"{CLASSES[number]} by {self.weights}", "class": number, "confidence": 0.875, "box": box}]

    def plot(self):
        bgr = self.rgb[:, :, ::-1].copy()
        if len(self.rows):
            bgr[self.rows.min() - 4 : self.rows.min(), :] = (0, 128, 255)
        return bgr
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = scaffolds.project("yolov8", tmp_path_factory.mktemp("project"))
    (folder / "ultralytics.py").write_text(STAND_IN)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with scaffolds.served(folder) as server:
        yield server


def picture_with(colour: str, box: tuple[int, int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (320, 200), "white")
    ImageDraw.Draw(picture).rectangle(box, fill=colour)
    return picture


def as_input(picture: Image.Image, **options) -> dict[str, str]:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", **options)
    return {"data": base64.b64encode(buffer.getvalue()).decode()}


def as_picture(media: dict[str, str]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(media["data"])))


@pytest.mark.parametrize(("colour", "number"), [("red", 0), ("blue", 2)])
def test_each_detection_has_a_name_a_class_a_confidence_and_a_box(server, colour, number):
    output = scaffolds.infer(server, image=as_input(picture_with(colour, (40, 60, 120, 150))))
    assert output["detections"] == [
        {
            "name": f"{colour} by yolov8l.pt",
            "class": number,
            "confidence": 0.875,
            "box": {"x1": 40, "x2": 120, "y1": 60, "y2": 150},
        }
    ]


def test_the_picture_comes_back_with_the_boxes_in_their_right_colours(server):
    output = scaffolds.infer(server, image=as_input(picture_with("blue", (40, 60, 120, 150))))
    marked = as_picture(output["image_with_boxes"])
    assert marked.size == (320, 200)
    near = [
        (marked.getpixel(place), colour) for place, colour in [((80, 100), (0, 0, 255)), ((250, 58), (255, 128, 0))]
    ]
    assert all(abs(a - b) < 40 for seen, wanted in near for a, b in zip(seen, wanted, strict=True)), near


def test_a_photograph_that_the_camera_stored_sideways_is_turned_upright(server):
    sideways = picture_with("red", (40, 60, 120, 150)).transpose(Image.Transpose.ROTATE_90)
    how_to_turn = Image.Exif()
    how_to_turn[0x0112] = 6  # turn by 90 degrees clockwise to see it
    output = scaffolds.infer(server, image=as_input(sideways, exif=how_to_turn.tobytes()))
    assert output["detections"][0]["box"] == {"x1": 40, "x2": 120, "y1": 60, "y2": 150}


def test_an_empty_picture_has_no_detections(server):
    assert scaffolds.infer(server, image=as_input(Image.new("RGBA", (64, 64), "white")))["detections"] == []


def test_the_weights_are_named_by_a_variable(folder):
    with scaffolds.served(folder, env={"YOLOV8_MODEL": "mine.pt"}) as server:
        output = scaffolds.infer(server, image=as_input(picture_with("green", (40, 60, 120, 150))))
    assert output["detections"][0]["name"] == "green by mine.pt"


def test_its_test_request_prints_the_boxes_and_saves_the_picture(server, folder, tmp_path):
    photograph = tmp_path / "things.png"
    picture_with("red", (40, 60, 120, 150)).save(photograph)
    printed = scaffolds.run_test_request(folder, server, sys.executable, "--image", photograph)
    assert "red by yolov8l.pt" in printed
    with Image.open(folder / "detections.jpg") as saved:
        assert saved.size == (320, 200)
