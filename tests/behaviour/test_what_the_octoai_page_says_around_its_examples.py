"""What OctoAI's page says around its examples: media by URL, large forms, and the scaffolds that its command wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from peers import octoai_python
from serving import Server, serve, write_project

from hotplate.client import Client
from hotplate.media import Image

SEEDS = Path(__file__).parents[1] / "seeds"

SERVICE = """
from octoai.service import Service
from octoai.types import Image


class MyService(Service):
    def infer(self, image: Image) -> str:
        pil = image.to_pil()
        return f"{pil.size} {pil.getpixel((0, 0))[0] > 200}"
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    PIL.Image.new("RGB", (64, 48), "red").save(folder / "my_file.jpg")
    return folder


@pytest.fixture(scope="module")
def web(files: Path) -> Iterator[str]:
    """The address of a web server that has the files."""
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(files)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def infer(server: Server, **inputs: Any) -> Any:
    return Client().infer(f"{server.url}/infer", inputs)["output"]


# -- "Send Media as URL References"


def test_media_by_url_is_fetched_by_the_endpoint(tmp_path: Path, files: Path, web: str) -> None:
    picture = Image.from_url(f"{web}/my_file.jpg")
    assert picture.model_dump() == {"data": {"url": f"{web}/my_file.jpg"}}
    with serve(
        write_project(tmp_path, {"service.py": SERVICE}), "--fetch-allow", web.removeprefix("http://")
    ) as server:
        for sent in (picture, picture.model_dump(), Image.from_file(str(files / "my_file.jpg"))):
            assert infer(server, image=sent) == "(64, 48) True"


def test_a_private_address_is_not_fetched_unless_the_operator_says_so(tmp_path: Path, web: str) -> None:
    with serve(write_project(tmp_path, {"service.py": SERVICE})) as server:
        reply = server.post("/infer", {"image": {"data": {"url": f"{web}/my_file.jpg"}}})
    assert (reply.status, reply.json()["code"]) == (422, "blocked_url")
    assert "fetch_allow" in reply.json()["detail"]


# -- "Send Binary Files as Form Data"


def test_a_file_over_one_mebibyte_arrives_where_octoais_server_hangs(tmp_path: Path) -> None:
    with serve(Path(shutil.copytree(SEEDS / "form_data", tmp_path / "p"))) as server:
        response = httpx.post(
            f"{server.url}/infer-form-data",
            files={"file": ("big.bin", b"\0" * 5_000_000)},
            data={"metadata": json.dumps({"a": [1]})},
        )
    assert response.json()["output"]["file_size"] == 5_000_000
    assert response.json()["output"]["metadata"] == '{"a": [1]}'


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
