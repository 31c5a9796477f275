from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, serve, write_project

PROJECT = {
    "pyproject.toml": """\
[project]
name = "several"
version = "0.1"

[project.entry-points."deepaas.v2.model"]
first = "models:first"
second = "models:Second"
""",
    "models.py": """\
import types
from deepaas.model.v2.base import BaseModel
from deepaas.model.v2.wrapper import UploadedFile
from webargs import fields

def _first_args():
    return {
        "name": fields.Str(required=True),
        "times": fields.Int(missing=2),
        "more": fields.Str(),
        "data": fields.Field(missing=None, type="file", location="form"),
    }

def _first(**kwargs):
    data = kwargs.pop("data")
    if data is not None:
        assert isinstance(data, UploadedFile)
        kwargs["data"] = [data.filename, open(data.filename).read()]
    return kwargs

first = types.SimpleNamespace(get_predict_args=_first_args, predict=_first)

class HTTPTeapot(Exception):
    status, reason = 418, "a teapot"

class Second(BaseModel):
    def __init__(self):
        self.calls = 100
    def get_metadata(self):
        return {"description": "counts"}
    def warm(self):
        self.calls = 0
    def get_predict_args(self):
        return {"fail": fields.Bool(missing=False)}
    def predict(self, fail):
        if fail:
            raise HTTPTeapot
        self.calls += 1
        return self.calls
    def get_train_args(self):
        return {}
    def train(self, **kwargs):
        return kwargs
""",
    "hotplate.yaml": "faces: [plain]\n",
}


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("several"), PROJECT)


@pytest.fixture(scope="session")
def server(several: Path) -> Iterator[Server]:
    with serve(several) as running:
        yield running
