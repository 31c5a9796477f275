"""A function that says `numpy.ndarray` is served with numbers in lists, of as many dimensions as the caller sends."""

from __future__ import annotations

from typing import Any

import pytest
from serving import serve, write_project

MODEL = """
from collections.abc import Iterator
from typing import Optional

import numpy as np
import numpy.typing as npt

from hotplate import Image, batch


def double(x: np.ndarray) -> np.ndarray:
    return x * 2


def kind(x: npt.NDArray[np.float32], y: Optional[npt.NDArray[np.int64]] = None) -> dict[str, npt.NDArray[np.float32]]:
    assert x.dtype == np.float32 and (y is None or y.dtype == np.int64)
    return {"x": x, "y": np.asarray(0.0 if y is None else y)}


def small(x: npt.NDArray[np.uint8]) -> tuple[np.ndarray, float]:
    return x, float(x.sum())


def flags(x: npt.NDArray[np.bool_]) -> int:
    return int(x.sum())


def words(x: npt.NDArray[np.str_]) -> list[int]:
    return [len(each) for each in x]


def any_float(x: npt.NDArray[np.floating]) -> str:
    return str(x.ndim)


def several(xs: list[np.ndarray]) -> list[np.ndarray]:
    return xs


def unset(x: np.ndarray = np.zeros(2), y: np.ndarray = None) -> np.ndarray:
    return x if y is None else y


def number(x: float) -> np.ndarray:
    return np.float32(x)


def not_a_number(x: float) -> np.ndarray:
    return np.array([np.nan, np.inf, x])


def too_much(x: float) -> npt.NDArray[np.uint8]:
    return {"u": np.array([300])}["u"]


def perhaps(x: np.ndarray | None) -> np.ndarray | str | None:
    return "empty" if x is not None and not x.size else x


def rows(x: np.ndarray) -> Iterator[np.ndarray]:
    yield from x


@batch(max_size=4, max_wait_ms=5)
def together(xs: list[np.ndarray]) -> list[np.ndarray]:
    return [x + 1 for x in xs]


def beside(image: Image, x: np.ndarray) -> list[int]:
    return [*image.to_pil().size, *x.shape]
"""
NAMES = (
    "double kind small flags words any_float several unset number not_a_number too_much perhaps rows together beside"
)
LISTS = "Input should be a list of numbers, or of such lists"
DEPTH = "Input should be numbers in lists of one depth"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    names = ", ".join(f"model.py:{name}" for name in NAMES.split())
    files = {"model.py": MODEL, "hotplate.yaml": f"functions: [{names}]\nname: arrays\nfaces: [open_inference]\n"}
    with serve(write_project(tmp_path_factory.mktemp("arrays"), files)) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "given", "output"),
    [
        ("/double", {"x": [[1, 2], [3, 4]]}, [[2, 4], [6, 8]]),
        ("/double", {"x": [1.5, 2]}, [3.0, 4.0]),
        ("/double", {"x": []}, []),
        ("/double", {"x": [[[0.25]]]}, [[[0.5]]]),
        ("/kind", {"x": [1, 0.5]}, {"x": [1.0, 0.5], "y": 0.0}),
        ("/kind", {"x": [1], "y": [2.0, 3]}, {"x": [1.0], "y": [2.0, 3.0]}),
        ("/kind", {"x": [1], "y": None}, {"x": [1.0], "y": 0.0}),
        ("/small", {"x": [255, 0]}, [[255, 0], 255.0]),
        ("/small", {"x": []}, [[], 0.0]),
        ("/flags", {"x": [True, False, True]}, 2),
        ("/words", {"x": ["a", "bcd"]}, [1, 3]),
        ("/any-float", {"x": [[1]]}, "2"),
        ("/several", {"xs": [[1], [2, 3]]}, [[1], [2, 3]]),
        ("/unset", {}, [0.0, 0.0]),
        ("/unset", {"y": [7]}, [7]),
        ("/number", {"x": 1.5}, 1.5),
        ("/not-a-number", {"x": 1}, [None, None, 1.0]),
        ("/perhaps", {"x": None}, None),
        ("/perhaps", {"x": []}, "empty"),
        ("/perhaps", {"x": [1, 2]}, [1, 2]),
        ("/together", {"xs": [1, 2]}, [2, 3]),
    ],
)
def test_it_is_taken_and_given(server, path: str, given: Any, output: Any):
    answer = server.post(path, given)
    assert (answer.status, answer.json().get("output")) == (200, output), answer.json()


@pytest.mark.parametrize(
    ("path", "given", "place", "text"),
    [
        ("/double", {"x": [[1, 2], [3]]}, ["x"], "Input should have lists of one length at each depth"),
        ("/double", {"x": 5}, ["x"], LISTS),
        ("/double", {"x": "a"}, ["x"], LISTS),
        ("/double", {"x": {"a": 1}}, ["x"], LISTS),
        ("/double", {"x": None}, ["x"], LISTS),
        ("/double", {"x": ["a"]}, ["x"], DEPTH),
        ("/double", {"x": [1, "a"]}, ["x"], DEPTH),
        ("/double", {"x": [None]}, ["x"], DEPTH),
        ("/double", {"x": [{}]}, ["x"], DEPTH),
        ("/double", {"x": [10**30]}, ["x"], DEPTH),
        ("/double", {}, ["x"], "Field required"),
        ("/kind", {"x": [1e39]}, ["x"], "Input should be values that float32 can have"),
        ("/kind", {"x": [1], "y": [1.5]}, ["y"], "Input should be values that int64 can have"),
        ("/small", {"x": [256]}, ["x"], "Input should be values that uint8 can have"),
        ("/small", {"x": [-1]}, ["x"], "Input should be values that uint8 can have"),
        ("/flags", {"x": [1]}, ["x"], "Input should be values that bool can have"),
        ("/words", {"x": [1]}, ["x"], "Input should be texts in lists of one depth"),
        ("/several", {"xs": [[1], ["a"]]}, ["xs", 1], DEPTH),
        ("/beside", {"image": "", "x": ["a"]}, ["x"], DEPTH),
    ],
)
def test_what_is_no_such_array_is_the_callers_to_mend(server, path: str, given: Any, place: list[Any], text: str):
    answer = server.post(path, given)
    errors = [(each["loc"], each["msg"]) for each in answer.json()["detail"]]
    assert (answer.status, (["body", *place], text) in errors) == (422, True), errors


def test_a_value_that_its_own_type_cannot_have_is_the_authors(server):
    answer = server.post("/too-much", {"x": 1})
    assert (answer.status, answer.json()["code"]) == (500, "invalid_output")


def test_a_stream_and_a_picture_beside_it(server):
    assert server.post("/rows", {"x": [[1, 2], [3, 4]]}).body == b"data: [1,2]\n\ndata: [3,4]\n\ndata: [DONE]\n\n"
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    assert server.post("/beside", {"image": {"data": pixel}, "x": [[1], [2]]}).json()["output"] == [1, 1, 2, 1]


def test_a_tensor_is_made_of_the_arrays_type(server):
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}
    answer = server.post("/v2/models/kind/infer", {"inputs": [tensor]}).json()
    assert answer["outputs"][0] == {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}


def test_its_schema_is_a_list_of_anything(server):
    schemas = server.get("/openapi.json").json()["components"]["schemas"]
    for name, example in (("Double", [1, 2, 3]), ("Small", [1, 2, 3]), ("Flags", [True, False]), ("Words", ["a", "b"])):
        x = schemas[f"{name}Input"]["properties"]["x"]
        assert x == {"type": "array", "items": {}, "examples": [example]}
        assert server.post(f"/{name.lower()}", {"x": example}).status == 200
    assert schemas["UnsetInput"]["properties"]["x"]["default"] == [0.0, 0.0]
