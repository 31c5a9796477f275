"""Content types are an allow-list: a pickle under any of them is refused, and what it would run never runs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from hotplate.faces.base import Head
from hotplate.media import File, Image
from tests.unit.faces.calls import codec_of

TYPES = [
    "application/octet-stream",
    "application/pickle",
    "application/x-pickle",
    "application/python-pickle",
    "application/x-python-pickle",
    "application/vnd.bentoml+pickle",
    "application/vnd.cloudpickle",
    "application/x-python-serialize",
    "application/x-python",
    "application/x-joblib",
    "application/x-dill",
    "application/x-msgpack",
    "application/java-serialized-object",
    "application/x-java-serialized-object",
    "application/x-hdf5",
    "application/zip",
    "application/x-npz",
    "text/plain",
    "text/x-python",
    "application/yaml",
    "",
    "application/json",
    "application/json+pickle",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=XX",
]


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("content_type", TYPES)
def test_it_is_refused(content_type: str, protocol: int, tmp_path: Path) -> None:
    def infer(x: Any) -> Any: ...

    def see(image: Image) -> Any: ...

    def infer_form_data(file: File) -> Any: ...

    path = tmp_path / "canary"
    body = pickle.dumps(Canary(path), protocol)
    for codec in (codec_of(infer), codec_of(see), codec_of(infer_form_data, body="form")):
        head = Head(content_type=content_type, headers={})
        try:
            values = codec.decode(body, head)
        except Exception as error:
            assert codec.error(error, "request-1").status in (400, 415, 422)
        else:  # a raw body is what it is: bytes
            assert content_type == "application/octet-stream" and values[0].to_bytes() == body
    assert not path.exists()


@pytest.mark.parametrize("content_type", TYPES[:17])
def test_a_route_of_plain_types_says_415(content_type: str) -> None:
    def infer(x: Any) -> Any: ...

    codec = codec_of(infer)
    with pytest.raises(Exception) as caught:
        codec.decode(pickle.dumps(Canary(Path("/nowhere")), 4), Head(content_type=content_type, headers={}))
    assert codec.error(caught.value, "request-1").status == 415
