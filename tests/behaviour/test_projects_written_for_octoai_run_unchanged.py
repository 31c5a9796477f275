"""The examples of OctoAI's own page run as they stand (tests/seeds): same files, `hotplate run` for `octoai run`."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image

from tests import scaffolds
from tests.serving import Server, serve

SEEDS = Path(__file__).parents[1] / "seeds"

A_MODEL = """
from service import MyService as AsOnThePage


class MyService(AsOnThePage):
    def setup(self):
        self.model = {model}
"""
"""The page's media examples call `self.model` and leave it to the reader."""


WITH_A_MODEL = ("--service-module", "app", "--service-class", "MyService")


def project(seed: str, folder: Path, **files: str) -> Path:
    shutil.copytree(SEEDS / seed, folder, dirs_exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def base64_of(data: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()}


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 16), colour).save(buffer, format="PNG")
    return buffer.getvalue()


def wav(frames: int, rate: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(frames), rate, format="WAV")
    return buffer.getvalue()


def mp4(frames: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode())
    return buffer.getvalue()


def test_hello_world_and_its_client(tmp_path):
    with serve(project("hello_world", tmp_path)) as server:
        command = [sys.executable, "-c", f"import test_request; test_request.main({server.url!r})"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("{'output': 'Hello world!', 'analytics': {'inference_time_ms': ")
        server.wait_for_line("Setting up.")


def test_flan_t5_asks_the_hub_for_the_model_that_the_page_names(tmp_path):
    stand_in = """
class T5Tokenizer:
    @classmethod
    def from_pretrained(cls, name):
        assert name == "google/flan-t5-small"
        return cls()

    def __call__(self, prompt, return_tensors):
        return {"prompt": prompt}

    def batch_decode(self, outputs, skip_special_tokens):
        return [text.upper() for text in outputs]


class T5ForConditionalGeneration(T5Tokenizer):
    def generate(self, prompt):
        return [prompt]
"""
    with serve(project("flan_t5", tmp_path, transformers=stand_in)) as server:
        assert scaffolds.infer(server, prompt="what country is california in?") == "WHAT COUNTRY IS CALIFORNIA IN?"


def test_multiple_routes(tmp_path):
    with serve(project("multiple_routes", tmp_path)) as server:
        assert scaffolds.infer(server, prompt="Hi") == "Hi"
        for route in ("/new-route", "/my-new-route2"):
            assert server.post(route, {"input_text": "Hi there"}).json()["output"] == "Hi there"
        assert server.post("/my-new-route", {"input_text": "Hi there"}).status == 404


def test_form_data(tmp_path):
    sound = wav(2_000_000, 48_000)
    with serve(project("form_data", tmp_path)) as server:
        assert send_as_the_page_does(server, sound, tmp_path)["output"] == {
            "file_name": "audio.wav",
            "file_content_type": "audio/x-wav",
            "file_size": len(sound),
            "metadata": "Some info about this audio file",
        }
        assert scaffolds.infer(server, data="x") == "Use /infer-form-data for form data inference"


def send_as_the_page_does(server: Server, sound: bytes, folder: Path) -> dict[str, object]:
    """Run the page's own request, with the address of this server in it, on a file of this content."""
    (folder / "audio.wav").write_bytes(sound)
    script = (SEEDS / "form_data/request.py").read_text()
    address = "https://<your-endpoint>.octoai.run"
    assert address in script
    script = f"{script.replace(address, server.url)}\nprint(response.text)"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_image_service_needs_the_import_that_the_page_forgot(tmp_path):
    folder = project("image", tmp_path, app=A_MODEL.format(model="lambda picture: [str(picture.getpixel((0, 0)))]"))
    with serve(folder, *WITH_A_MODEL, wait=False) as server:
        server.wait_for(lambda server: server.ended, "the end")
        assert server.process.wait(10) != 0
        assert "service.py:5" in server.text()
        assert "add: from octoai.types import Image" in server.text()
    as_on_the_page = (folder / "service.py").read_text()
    (folder / "service.py").write_text(f"from octoai.types import Image\n{as_on_the_page}")
    with serve(folder, *WITH_A_MODEL) as server:
        assert scaffolds.infer(server, image=base64_of(png("red"))) == "(255, 0, 0)"


def test_an_audio_service(tmp_path):
    model = "lambda samples, rate: [f'{len(samples)} samples at {rate} Hz']"
    with serve(project("audio", tmp_path, app=A_MODEL.format(model=model)), *WITH_A_MODEL) as server:
        assert scaffolds.infer(server, audio=base64_of(wav(400, 8000))) == "400 samples at 8000 Hz"


def test_a_video_service(tmp_path):
    model = "lambda frames: [f'{len(frames)} frames, each {frames[0].shape}']"
    with serve(project("video", tmp_path, app=A_MODEL.format(model=model)), *WITH_A_MODEL) as server:
        assert scaffolds.infer(server, video=base64_of(mp4(5))) == "5 frames, each (48, 64, 3)"


def test_the_yolo_entities_are_in_the_schema_and_in_the_answer(tmp_path):
    imports = """
from typing import List
from octoai.service import Service
from octoai.types import Image
from pydantic import BaseModel, Field

"""
    service = """

class YOLOv8Service(Service):
    def infer(self, image: Image) -> YOLOResponse:
        detections = [{
            'name': 'bus', 'class': 5, 'confidence': 0.95,
            'box': {'x1': 2.91, 'x2': 809.51, 'y1': 230.68, 'y2': 881.00}
        }]
        return YOLOResponse(
            detections=[Detection(**d) for d in detections],
            image_with_boxes=Image.from_pil(image.to_pil().rotate(90, expand=True)),
        )
"""
    (tmp_path / "service.py").write_text(imports + (SEEDS / "yolo_entities/entities.py").read_text() + service)
    with serve(tmp_path) as server:
        output = scaffolds.infer(server, image=base64_of(png("blue")))
        schemas = server.get("/openapi.json").json()["components"]["schemas"]
    box = {"x1": 2.91, "x2": 809.51, "y1": 230.68, "y2": 881.00}
    assert output["detections"] == [{"name": "bus", "class": 5, "confidence": 0.95, "box": box}]
    assert Image.open(io.BytesIO(base64.b64decode(output["image_with_boxes"]["data"]))).size == (16, 32)
    assert set(schemas["Detection"]["properties"]) == {"name", "class", "confidence", "box"}
    assert schemas["Box"]["description"] == "Represents corners of a detection box."


def test_the_full_configuration_file(tmp_path):
    shutil.copy(SEEDS / "octoai.yaml", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").touch()
    (tmp_path / "app/service.py").write_text(
        "import os\n"
        "from octoai.service import Service\n"
        "class AppService(Service):\n"
        "    def infer(self, name: str) -> str:\n"
        "        return os.environ[name]\n"
    )
    with serve(tmp_path, env={"mykey": "s1", "mysecondkey": "s2"}) as server:
        assert [scaffolds.infer(server, name=name) for name in ("key1", "key2", "mykey")] == ["value1", "value2", "s1"]
