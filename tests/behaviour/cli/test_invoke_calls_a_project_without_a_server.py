"""`hotplate invoke --local`, in each dialect, with files, options in deepaas-cli's way, and models that fail."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.behaviour.faces.test_every_dialect_answers_in_every_face import PROJECTS
from tests.serving import write_project

SERVICE = """
import asyncio, os
from typing import Any, AsyncIterator, Iterator
from hotplate import File, Service, batch

class Model(Service):
    def setup(self) -> None:
        print("loading")
        self.suffix = os.environ["SUFFIX"]

    def infer(self, text: str, times: int = 1) -> str:
        print("working")
        return text * times + self.suffix

    def reverse(self, data: File) -> File:
        return File.from_bytes(data.to_bytes()[::-1])

    def count(self, n: int) -> Iterator[str]:
        for number in range(n):
            print("piece", number)
            yield f"{number} "
            if number == 3:
                raise RuntimeError("three")

    @batch(max_size=4)
    def double(self, n: list[int]) -> list[int]:
        return [2 * each for each in n]

    def boom(self, n: int) -> int:
        raise ValueError("too hot")
ASYNC
    def on_server_shutdown(self) -> None:
        print("unloading")
"""
COROUTINES = """
    async def wait(self, n: int) -> int:
        return n

    async def several(self, n: int) -> AsyncIterator[int]:
        for number in range(n):
            yield number
"""
DEEPAAS = """
from webargs import fields

def warm():
    global WARM
    WARM = True

def get_metadata():
    return {"name": "words", "description": "counts"}

def get_predict_args():
    return {
        "data": fields.Field(required=True, type="file", location="form"),
        "top": fields.Int(load_default=3),
        "flag": fields.Bool(load_default=False),
        "words": fields.List(fields.Str(), load_default=[]),
    }

def predict(data, **more):
    text = open(data.filename).read()
    return {"text": text, "name": data.original_filename, "type": data.content_type, "warm": WARM, **more}

def get_train_args():
    return {"data": fields.Field(required=True, type="file", location="form"), "epochs": fields.Int(load_default=2)}

def train(data, epochs):
    print("training", epochs)
    return {"learned": open(data.filename).read() * epochs}
"""
ENTRY = "[project]\nname = 'w'\nversion = '1'\n\n[project.entry-points.'deepaas.v2.model']\nwords = 'words'\n"


def invoke(*words, cwd):
    command = [sys.executable, "-m", "hotplate.cli", "invoke", "--local", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd)


def answer(*words, cwd):
    done = invoke(*words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("dialect", PROJECTS)
def test_every_dialect(tmp_path, dialect):
    folder = write_project(tmp_path / "shout", PROJECTS[dialect])
    found = json.loads(answer(folder, "prompt=ab", "-o", "json", cwd=tmp_path)) if dialect != "predictor" else None
    told = answer(folder, "prompt=ab", cwd=tmp_path)
    assert "AB" in told
    if found is not None:
        assert found.keys() >= ({"status"} if dialect == "entry_point" else {"output"})


@pytest.mark.parametrize("more", ["", COROUTINES], ids=["plain", "coroutines"])
def test_a_service(tmp_path, more):
    folder = write_project(
        tmp_path / "m", {"service.py": SERVICE.replace("ASYNC", more), "hotplate.yaml": "env: {SUFFIX: '!'}\n"}
    )
    done = invoke("text=ab", "times:=2", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "abab!\n")
    assert done.stderr.split() == ["loading", "working", "unloading"]
    assert answer("infer", "--text", "ab", "--times=3", cwd=folder) == "ababab!\n"
    assert answer("/count", "n:=3", cwd=folder) == "0 1 2 \n"
    assert answer("double", "n:=4", cwd=folder) == "8\n"
    (folder / "some.bin").write_bytes(b"abc" * 100)
    answer("reverse", "data=@some.bin", "--save", "back.bin", cwd=folder)
    assert (folder / "back.bin").read_bytes() == b"cba" * 100
    answer("reverse", "--data", "some.bin", "--save", "again.bin", cwd=folder)
    assert (folder / "again.bin").read_bytes() == b"cba" * 100
    if more:
        assert answer("wait", "n:=4", cwd=folder) == "4\n"
        assert answer("several", "n:=2", cwd=folder) == "0\n1\n"


def test_what_goes_wrong(tmp_path):
    folder = write_project(
        tmp_path / "m", {"service.py": SERVICE.replace("ASYNC", ""), "hotplate.yaml": "env: {SUFFIX: '!'}\n"}
    )
    failed = invoke("boom", "n:=1", cwd=folder)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert 'raise ValueError("too hot")' in failed.stderr
    assert "hotplate/" not in failed.stderr
    assert "boom() failed: ValueError: too hot" in failed.stderr
    broken = invoke("count", "n:=9", cwd=folder)
    assert (broken.returncode, broken.stdout) == (1, "0 1 2 3 \n")
    wrong = invoke("times:=many", cwd=folder)
    assert wrong.returncode == 1
    wrong = invoke("times=many", cwd=folder)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "text: Field required" in wrong.stderr
    assert "times: Input should be a valid integer" in wrong.stderr
    assert "loading" not in wrong.stderr
    assert "Its routes are: infer, boom, count, double, reverse." in invoke("nothing", cwd=folder).stderr
    assert "It takes: text, times." in invoke("infer", "--texts", "a", cwd=folder).stderr
    unset = invoke("-p", "80", "--local", "text=a", "--dialect", "nothing", cwd=folder)
    assert "there is no dialect" in unset.stderr


def test_as_deepaas_cli(tmp_path):
    folder = write_project(tmp_path / "w", {"words.py": DEEPAAS, "pyproject.toml": ENTRY})
    (folder / "text.csv").write_text("a,b")
    options = ("--data", "text.csv", "--top", "2", "--flag", "yes", "--words", "['a', 'b']")
    told = answer("--model-name", "words", "--nodeepaas_with_multiprocessing", "predict", *options, cwd=folder)
    expected = {
        "text": "a,b",
        "name": "text.csv",
        "type": "text/csv",
        "warm": True,
        "top": 2,
        "flag": True,
        "words": ["a", "b"],
    }
    assert json.loads(told) == expected
    assert json.loads(answer("get_metadata", cwd=folder))["description"] == "counts"
    assert answer("warm", cwd=folder) == ""
    answer("--deepaas_method_output", "out.json", "predict", "data=@text.csv", cwd=folder)
    assert json.loads((folder / "out.json").read_text())["predictions"]["top"] == 3
    wrong = invoke("predict", "--top", "many", "--data", "text.csv", cwd=folder)
    assert wrong.returncode == 1
    assert "Not a valid integer" in wrong.stderr
    trained = invoke("--model-name", "words", "train", "--data", "text.csv", "--epochs", "3", cwd=folder)
    assert (trained.returncode, json.loads(trained.stdout)) == (0, {"learned": "a,ba,ba,b"})
    assert trained.stderr == "training 3\n"
    assert "Not a valid integer" in invoke("train", "--epochs", "x", "--data", "text.csv", cwd=folder).stderr
    unknown = invoke("--model-name", "other", "predict", cwd=folder)
    assert "Model 'other' not found" in unknown.stderr
