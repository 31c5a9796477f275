"""A function that says `torch.Tensor`, or gives one without saying so, is served with numbers in lists."""

from __future__ import annotations

import pytest
from serving import serve, write_project

from tests import scaffolds

pytestmark = [pytest.mark.torch, pytest.mark.timeout(1800)]  # the first run installs torch
MODEL = """
from typing import Optional

import torch


def double(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.Parameter(x.float()) * 2


def kind(x: torch.Tensor, y: Optional[torch.Tensor] = None) -> str:
    return f"{x.dtype} {tuple(x.shape)} {y is None}"


def both(x: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"sum": x.sum(), "half": (x / 2).to(torch.bfloat16)}


def unsaid(n: int):
    return {"ones": torch.ones(n), "weight": torch.nn.Parameter(torch.zeros(1))}
"""
NAMES = ("double", "kind", "both", "unsaid")
NUMBERS = "Input should be numbers, in lists of one length at each depth"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    python = scaffolds.environment("torch", ("flan-t5", "wav2vec"), with_pip=["torch==2.13.0"])
    names = ", ".join(f"model.py:{name}" for name in NAMES)
    files = {"model.py": MODEL, "hotplate.yaml": f"functions: [{names}]\nname: tensors\nfaces: [open_inference]\n"}
    with serve(write_project(tmp_path_factory.mktemp("tensors"), files), python=str(python)) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "given", "output"),
    [
        ("/double", {"x": [[1, 2], [3, 4.5]]}, [[2, 4], [6, 9]]),
        ("/double", {"x": []}, []),
        ("/kind", {"x": [[1, 2]]}, "torch.int64 (1, 2) True"),
        ("/kind", {"x": [0.5], "y": [True]}, "torch.float32 (1,) False"),
        ("/both", {"x": [1, 3]}, {"sum": 4, "half": [0.5, 1.5]}),
        ("/unsaid", {"n": 2}, {"ones": [1, 1], "weight": [0]}),
    ],
)
def test_it_is_taken_and_given(server, path, given, output):
    answer = server.post(path, given)
    assert (answer.status, answer.json().get("output")) == (200, output), answer.json()


@pytest.mark.parametrize("x", [[[1], [1, 2]], ["a"], [None], [{}], [10**30], "a", 5, None, {}])
def test_what_is_none_is_the_callers_to_mend(server, x):
    answer = server.post("/double", {"x": x})
    assert (answer.status, answer.json()["detail"][0]["type"]) == (422, "array_type"), answer.json()


def test_a_tensor_of_the_protocol_is_one_of_torchs(server):
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2.5]}
    answer = server.post("/v2/models/double/infer", {"inputs": [tensor]})
    if answer.status == 404:
        answer = server.post("/v2/models/tensors/infer", {"inputs": [tensor]})
    (made,) = answer.json()["outputs"]
    assert (made["shape"], made["data"]) == ([1, 2], [2, 5])
