"""The face-detection scaffold finds the faces of a photograph and draws their boxes."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from tests import scaffolds

pytestmark = pytest.mark.timeout(600)  # the first run installs OpenCV

PHOTOGRAPH = scaffolds.FOLDER / "face-detection/astronaut.jpg"
EYES_AND_MOUTH = [(204, 101), (247, 104), (223, 140)]
"""Measured by hand in the photograph."""


@pytest.fixture(scope="module")
def python():
    return scaffolds.offline_python()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scaffolds.project("face-detection", tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def server(folder, python):
    with scaffolds.served(folder, python) as server:
        yield server


def as_input(picture: Image.Image, **options) -> dict[str, str]:
    buffer = io.BytesIO()
    picture.save(buffer, format=options.pop("format", "PNG"), **options)
    return {"data": base64.b64encode(buffer.getvalue()).decode()}


def as_picture(media: dict[str, str]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(media["data"])))


def holds(box: dict[str, float], points: list[tuple[int, int]]) -> bool:
    return all(box["x1"] < x < box["x2"] and box["y1"] < y < box["y2"] for x, y in points)


def test_it_finds_the_one_face_of_a_photograph(server):
    output = scaffolds.infer(server, image=as_input(Image.open(PHOTOGRAPH)))
    (face,) = output["faces"]
    assert holds(face["box"], EYES_AND_MOUTH)
    assert face["box"]["x2"] - face["box"]["x1"] < 120
    assert face["box"]["y2"] - face["box"]["y1"] < 150
    assert 0.9 < face["confidence"] <= 1


def test_the_picture_comes_back_with_the_box_drawn_in_and_nothing_else_changed(server):
    photograph = Image.open(PHOTOGRAPH)
    output = scaffolds.infer(server, image=as_input(photograph))
    marked = as_picture(output["image_with_boxes"])
    assert marked.size == photograph.size
    box = output["faces"][0]["box"]
    red, green, blue = marked.getpixel((int(box["x1"] + 1), int((box["y1"] + box["y2"]) / 2)))
    assert green > 150
    assert max(red, blue) < 140
    far_away = (400, 50)
    assert all(abs(a - b) < 30 for a, b in zip(marked.getpixel(far_away), photograph.getpixel(far_away), strict=True))


def test_it_finds_each_of_several_faces_whatever_their_size(server):
    photograph = Image.open(PHOTOGRAPH)
    group = Image.new("RGB", (1536, 512))
    group.paste(photograph, (0, 0))
    group.paste(photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    group.paste(photograph.resize((256, 256)), (1024, 128))
    faces = scaffolds.infer(server, image=as_input(group))["faces"]
    places = sorted((face["box"] for face in faces), key=lambda box: box["x1"])
    assert len(places) == 3
    assert holds(places[0], EYES_AND_MOUTH)
    assert holds(places[1], [(512 + 511 - x, y) for x, y in EYES_AND_MOUTH])
    assert holds(places[2], [(1024 + x // 2, 128 + y // 2) for x, y in EYES_AND_MOUTH])


def test_a_photograph_that_the_camera_stored_sideways_is_turned_upright(server):
    sideways = Image.open(PHOTOGRAPH).transpose(Image.Transpose.ROTATE_90)
    how_to_turn = Image.Exif()
    how_to_turn[0x0112] = 6  # turn by 90 degrees clockwise to see it
    (face,) = scaffolds.infer(server, image=as_input(sideways, exif=how_to_turn.tobytes()))["faces"]
    assert holds(face["box"], EYES_AND_MOUTH)


def test_a_picture_without_faces_gives_an_empty_list(server):
    backdrop = Image.open(PHOTOGRAPH).crop((0, 250, 200, 512))
    assert scaffolds.infer(server, image=as_input(backdrop))["faces"] == []


def test_its_test_request_prints_the_boxes_and_saves_the_picture(server, folder, python):
    printed = scaffolds.run_test_request(folder, server, python)
    assert "1 face(s)" in printed
    with Image.open(folder / "faces.jpg") as saved:
        assert saved.size == (512, 512)
