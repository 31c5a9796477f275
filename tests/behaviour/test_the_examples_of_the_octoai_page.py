"""The services of OctoAI's page, unchanged, behind `hotplate run`: called as the page calls them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import PIL.Image
import pytest
import soundfile
from peers import octoai_python
from serving import Server, serve, write_project

from hotplate.client import Client
from hotplate.media import Audio, Image, Video

PAGE = Path(__file__).parents[1] / "seeds/octoai"

WITH_MODEL = """
import page


class WithModel(page.MyService):
    def setup(self):
        self.model = {model}
"""
"""The page shows `infer` alone: "code to perform inference with the model of your choice"."""

YOLO_HEAD = """
import os
from typing import List

from pydantic import BaseModel, Field

from octoai.service import Service
from octoai.types import Image

"""
YOLO_SERVICE = """

class YOLOv8Service(Service):
    def setup(self):
        self.name = os.environ["key1"]

    def infer(self, image: Image) -> YOLOResponse:
        img_out_pil = image.to_pil().convert("L")
        box = {"x1": 2.91, "x2": 809.51, "y1": 230.68, "y2": 881}
        detections = [{"name": self.name, "class": 5, "confidence": 0.95, "box": box}]
        # Return detection data and a rendered image with boxes
        return YOLOResponse(
            detections=[Detection(**d) for d in detections],
            image_with_boxes=Image.from_pil(img_out_pil),
        )
"""


def example(folder: Path, name: str, model: str = "") -> Path:
    shutil.copytree(PAGE / name, folder)
    return write_project(folder, {"service.py": WITH_MODEL.format(model=model)}) if model else folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, a sound and a video, on disk."""
    folder = tmp_path_factory.mktemp("files")
    PIL.Image.new("RGB", (64, 48), "red").save(folder / "my_file.jpg")
    soundfile.write(folder / "audio.wav", np.zeros(1600, np.float32), 16000)
    with av.open(str(folder / "video.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 64, 48
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 200, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return folder


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """An address at which the files of a folder are."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def infer(server: Server, route: str = "/infer", **inputs: Any) -> Any:
    return Client().infer(f"{server.url}{route}", inputs)["output"]


# -- "Support Multiple Routes"


def test_multiple_routes(tmp_path: Path) -> None:
    with serve(example(tmp_path / "p", "multiple-routes")) as server:
        assert infer(server, prompt="Hello") == "Hello"
        assert infer(server, "/new-route", input_text="one") == "one"
        assert infer(server, "/my-new-route2", input_text="two") == "two"
        assert server.post("/my-new-route", {"input_text": "x"}).status == 404
        paths = server.get("/openapi.json").json()["paths"]
        assert {path for path, methods in paths.items() if "post" in methods} == {
            "/infer",
            "/new-route",
            "/my-new-route2",
        }
        server.wait_for_line("Setting up MultipleRoutesService")


# -- "Send Binary Files as Form Data"


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(example(tmp_path_factory.mktemp("form") / "p", "form-data")) as server:
        yield server


def test_form_data_as_the_page_sends_it(form: Server, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    with open("audio.wav", "rb") as audio:
        response = httpx.post(
            f"{form.url}/infer-form-data",
            files={"file": audio},
            data={"metadata": "Some info about this audio file"},
        )
    assert response.status_code == 200
    assert response.json()["output"] == {
        "file_name": "audio.wav",
        "file_content_type": "audio/x-wav",
        "file_size": (files / "audio.wav").stat().st_size,
        "metadata": "Some info about this audio file",
    }
    assert infer(form, data="x") == "Use /infer-form-data for form data inference"


def test_a_file_over_one_mebibyte_arrives_where_octoais_server_hangs(form: Server) -> None:
    files = {"file": ("big.bin", b"\0" * 5_000_000)}
    response = httpx.post(f"{form.url}/infer-form-data", files=files, data={"metadata": json.dumps({"a": [1]})})
    assert response.json()["output"]["file_size"] == 5_000_000


# -- "Send and Receive Images", "Audio", "Video"

IMAGE_MODEL = "lambda pil: [f'{pil.size} {pil.getpixel((0, 0))[0] > 200}']"


@pytest.fixture(scope="module")
def web(files: Path) -> Iterator[str]:
    with web_server(files) as address:
        yield address


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, web: str) -> Iterator[Server]:
    folder = example(tmp_path_factory.mktemp("image") / "p", "image", IMAGE_MODEL)
    text = (folder / "page.py").read_text()
    # The page forgot this import, without which Python cannot read its example.
    (folder / "page.py").write_text("from octoai.types import Image\n" + text)
    with serve(folder, "--fetch-allow", web.removeprefix("http://")) as server:
        yield server


def test_image_from_a_file(image: Server, files: Path) -> None:
    picture = Image.from_file(str(files / "my_file.jpg"))
    assert infer(image, image=picture.model_dump()) == "(64, 48) True"
    assert infer(image, image=picture) == "(64, 48) True"


def test_image_from_a_url_is_fetched_by_the_endpoint(image: Server, web: str) -> None:
    picture = Image.from_url(f"{web}/my_file.jpg")
    assert picture.model_dump() == {"data": {"url": f"{web}/my_file.jpg"}}
    assert infer(image, image=picture) == "(64, 48) True"


def test_the_image_example_as_it_is_printed_says_what_it_lacks(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    shutil.copy(PAGE / "image/page.py", folder / "service.py")
    with serve(folder, wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for_line("service.py:5: service could not be imported: NameError: name 'Image' is not defined")
        server.wait_for_line("from octoai.types import Image")


def test_audio(tmp_path: Path, files: Path) -> None:
    folder = example(tmp_path / "p", "audio", "lambda array, rate: [f'{array.shape} {rate}']")
    with serve(folder) as server, socket.socket() as nobody:
        assert infer(server, audio=Audio.from_file(str(files / "audio.wav")).model_dump()) == "(1600,) 16000"
        nobody.bind(("127.0.0.1", 0))
        blocked = {"data": {"url": f"http://127.0.0.1:{nobody.getsockname()[1]}/audio.wav"}}
        reply = server.post("/infer", {"audio": blocked})
        assert (reply.status, reply.json()["code"]) == (422, "blocked_url")


def test_video(tmp_path: Path, files: Path) -> None:
    folder = example(
        tmp_path / "p", "video", "lambda frames: [str(frames[0].shape if isinstance(frames, tuple) else frames.shape)]"
    )
    with serve(folder) as server:
        assert infer(server, video=Video.from_file(str(files / "video.mp4")).model_dump()) == "(5, 48, 64, 3)"


# -- "Appendix: OpenAPI Specification and Pydantic Types", "Reference: octoai.yaml Configuration File"


def test_pydantic_entities_in_the_module_that_octoai_yaml_names(tmp_path: Path, files: Path) -> None:
    folder = example(tmp_path / "p", "yolov8")
    entities = (PAGE / "yolov8/entities.py").read_text()
    write_project(folder, {"app/service.py": YOLO_HEAD + entities + YOLO_SERVICE})
    with serve(folder) as server:
        output = infer(server, image=Image.from_file(str(files / "my_file.jpg")).model_dump())
        (detection,) = output["detections"]
        assert detection == {
            "name": "value1",
            "class": 5,
            "confidence": 0.95,
            "box": {"x1": 2.91, "x2": 809.51, "y1": 230.68, "y2": 881.0},
        }
        drawn = Image.from_endpoint_response(output, key="image_with_boxes").to_pil()
        assert (drawn.size, drawn.mode) == ((64, 48), "L")
        document = server.get("/openapi.json").json()
        assert document["info"]["description"] == "Object Detection"
        schemas = document["components"]["schemas"]
        assert schemas["Box"]["description"] == "Represents corners of a detection box."
        assert set(schemas["Detection"]["required"]) == {"name", "class", "confidence", "box"}
        raw = server.request(
            "POST", "/infer", (files / "my_file.jpg").read_bytes(), headers={"content-type": "image/jpeg"}
        )
        assert raw.json()["output"]["detections"] == [detection]


# -- what `octoai init` wrote: the scaffolds inside octoai-sdk 0.10.1

ULTRALYTICS = """
import json

import numpy as np


class YOLO:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, picture):
        return [Result(np.asarray(picture), self.weights)]


class Result:
    def __init__(self, rgb, weights):
        self.rgb, self.weights = rgb, weights

    def tojson(self):
        box = {"x1": 1.5, "x2": float(self.rgb.shape[1]), "y1": 0.5, "y2": float(self.rgb.shape[0])}
        return json.dumps([{"name": self.weights, "class": 5, "confidence": 0.95, "box": box}])

    def plot(self):
        return self.rgb[:, :, ::-1]
"""


@pytest.fixture(scope="module")
def sdk() -> Path:
    return next(octoai_python().parents[1].glob("lib/python3*/site-packages/octoai/scaffolds"))


@pytest.mark.peer
def test_the_sdks_yolov8_scaffold(tmp_path: Path, files: Path, sdk: Path) -> None:
    folder = Path(shutil.copytree(sdk / "yolov8", tmp_path / "p"))
    write_project(folder, {"ultralytics.py": ULTRALYTICS})
    with serve(folder) as server:
        output = infer(server, image=Image.from_file(str(files / "my_file.jpg")).model_dump())
    (detection,) = output["detections"]
    assert (detection["name"], detection["class"]) == ("yolov8l.pt", 5)
    assert detection["box"] == {"x1": 1.5, "x2": 64.0, "y1": 0.5, "y2": 48.0}
    red, green, blue = Image.from_endpoint_response(output, key="image_with_boxes").to_pil().getpixel((5, 5))
    assert red > 240 > 20 > max(green, blue)


@pytest.mark.peer
@pytest.mark.parametrize("name", ["hello-world", "flan-t5", "wav2vec", "yolov8"])
def test_the_sdks_scaffolds_are_described_without_their_packages(sdk: Path, name: str) -> None:
    command = [sys.executable, "-m", "hotplate.cli", "inspect", sdk / name, "-o", "json"]
    contract = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["contract"]
    assert [route["path"] for route in contract["routes"]] == ["/infer"]
    kinds = {"hello-world": ("prompt", "json"), "flan-t5": ("prompt", "json"), "wav2vec": ("audio", "audio")}
    (param,) = contract["routes"][0]["params"]
    assert (param["name"], param["type"]["kind"]) == kinds.get(name, ("image", "image"))
