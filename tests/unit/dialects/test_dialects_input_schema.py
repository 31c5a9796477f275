"""Reading an Inferless project: what it declares, in whichever form, and what is wrong with it."""

from __future__ import annotations

import pytest

from hotplate.contract.tensors import tensor_of
from hotplate.errors import ProjectError

APP = "class InferlessPythonModel:\n    def infer(self, inputs):\n        return {}\n"
CLASSES = """
import inferless
from typing import List, Optional
from pydantic import BaseModel, Field

@inferless.request
class Ask(BaseModel):
    prompt: str
    steps: Optional[int] = Field(default=4)
    scale: float = 0.5
    tags: "list[str] | None" = None

@inferless.response()
class Told(BaseModel):
    text: str = Field(default="Test output")

@inferless.config
class Config(BaseModel):
    is_batched_input: bool = True
    batch_size: int = 2
    batch_window: int = 50000
"""


def schema(folder, text, app=APP):
    folder.write("app.py", app)
    folder.write("input_schema.py", text)
    return folder.describe().routes[0]


def entry(text):
    return f"INPUT_SCHEMA = {{'x': {text}}}\n"


def tensors(route):
    return [(param.name, *tensor_of(param.type.schema)[:2], param.required) for param in route.params]


@pytest.mark.parametrize(
    "written",
    [
        "INPUT_SCHEMA = {'x': {'datatype': 'STRING', 'required': True, 'shape': [1], 'example': ['a' * 3]}}",
        "import json\nE = json.dumps({'a': 1})\nINPUT_SCHEMA = dict(x={'datatype': 'BYTES', 'shape': [len([E])]})",
        "INPUT_SCHEMA: dict = {}\nINPUT_SCHEMA['x'] = {'datatype': 'STRING', 'shape': [2 - 1]}",
        "def helper(): pass\nBASE = {'datatype': 'STRING'}\nINPUT_SCHEMA = {'x': {**BASE, 'shape': [1]}}",
    ],
)
def test_expressions_of_literals_are_read(folder, written):
    assert tensors(schema(folder, written)) == [("x", "BYTES", (1,), True)]


@pytest.mark.parametrize("name", ["BOOL", "INT8", "INT64", "UINT8", "UINT64", "FP16", "FP32", "FP64", "BF16", "BYTES"])
@pytest.mark.parametrize("shape", [(1,), (-1,), (2,), (2, -1)])
def test_every_datatype_and_shape_is_in_the_contract(folder, name, shape):
    route = schema(folder, entry({"datatype": name, "required": False, "shape": list(shape)}))
    assert tensors(route) == [("x", name, shape, False)]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (entry("{'datatype': 'STRING', 'shape': 1}"), "shape not specified as a python list for input --> x"),
        (entry("{'datatype': 'STRING', 'shape': []}"), "shape not specified as a python list for input --> x"),
        (entry("{'datatype': 'STRING', 'required': True}"), "shape not specified for input --> x"),
        (entry("{'shape': [1]}"), "Data type not specified for input --> x"),
        (
            entry("{'datatype': 'FLOAT', 'shape': [1]}"),
            "there is no datatype 'FLOAT' (did you mean FP32?) for input --> x",
        ),
        (entry("'STRING'"), "its entry is not a dict, for input --> x"),
        ("X = 1\n", "input_schema.py has no INPUT_SCHEMA"),
        ("INPUT_SCHEMA = open('/etc/passwd').read()\n", "INPUT_SCHEMA cannot be read without running input_schema.py"),
        ("INPUT_SCHEMA = {}\nfor i in range(3):\n    INPUT_SCHEMA[str(i)] = {}\n", "would have to be run"),
        ("INPUT_SCHEMA = {'x' * 10 ** 9: {}}\n", "it makes more than"),
        (entry("{'datatype': 'STRING', 'shape': [1]}") + "BATCH_SIZE = 'two'\n", "BATCH_SIZE is 'two'"),
    ],
)
def test_what_is_wrong_is_said_with_its_file_and_the_next_step(folder, written, text):
    with pytest.raises(ProjectError) as raised:
        schema(folder, written)
    assert text in raised.value.message
    assert raised.value.file == "input_schema.py"
    assert raised.value.line
    assert raised.value.hint


def test_batches_have_a_window(folder):
    one = entry("{'datatype': 'STRING', 'shape': [1]}")
    for written, window in (("BATCH_SIZE = 4\nBATCH_WINDOW = 20", 20.0), ("BATCH_SIZE = 4", 500.0)):
        batching = schema(folder, one + written).batching
        assert (batching.max_size, batching.max_wait_ms) == (4, window)
    assert schema(folder, one + "BATCH_SIZE = 0").batching is None


def test_classes_are_read_from_their_text(folder):
    folder.write("app.py", CLASSES + APP)
    contract = folder.describe()
    assert tensors(contract.routes[0]) == [
        ("prompt", "BYTES", (1,), True),
        ("steps", "INT64", (1,), False),
        ("scale", "FP64", (1,), False),
        ("tags", "BYTES", (-1,), False),
    ]
    assert (contract.routes[0].batching.max_size, contract.routes[0].batching.max_wait_ms) == (2, 50.0)
    assert contract.routes[0].returns.schema["required"] == ["text"]


def test_two_declarations_at_once_are_an_error_that_names_both(folder):
    folder.write("input_schema.py", entry("{'datatype': 'STRING', 'shape': [1]}"))
    folder.write("app.py", CLASSES + APP)
    with pytest.raises(ProjectError, match=r"declared twice: by Ask in app\.py and by INPUT_SCHEMA"):
        folder.describe()


def test_a_class_field_of_no_datatype_is_an_error_at_its_line(folder):
    folder.write("app.py", CLASSES.replace("prompt: str", "prompt: dict") + APP)
    with pytest.raises(ProjectError, match="Data type - dict - not supported for input --> prompt") as raised:
        folder.describe()
    assert raised.value.line == 8


def test_the_older_json_files_are_read(folder):
    folder.write("app.py", APP)
    folder.write(
        "input.json",
        '{"inputs": [{"name": "ids", "shape": [1, 10], "datatype": "INT64", "data": [[1]]},'
        ' {"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}',
    )
    folder.write("output.json", '{"outputs": [{"name": "text", "shape": [1], "datatype": "FP64", "data": ["x"]}]}')
    contract = folder.describe()
    assert tensors(contract.routes[0]) == [("ids", "INT64", (10,), True), ("prompt", "BYTES", (1,), True)]
    assert contract.routes[0].returns.schema == {"type": "object", "properties": {"text": {}}, "required": ["text"]}
    with pytest.raises(Exception, match="Required Output text not found in the inference response"):
        folder.load().calls[0].function([1] * 10, "a")


@pytest.mark.parametrize(
    ("written", "warnings"),
    [
        ("{'datatype': 'INT8', 'shape': [2], 'example': [12, 1]}", ()),
        ("{'datatype': 'STRING', 'shape': [1], 'example': ['a'], 'note': 'for people'}", ()),
        (
            "{'datatype': 'INT8', 'shape': [2], 'example': [512, 1]}",
            ("the example of x would be refused: Input should be within the range of INT8, -128 to 127",),
        ),
        (
            "{'datatype': 'UINT8', 'shape': [1], 'example': [-1]}",
            ("the example of x would be refused: Input should be within the range of UINT8, 0 to 255",),
        ),
        (
            "{'datatype': 'FP32', 'shape': [3], 'example': [1.0]}",
            ("the example of x would be refused: Input should have shape [3]: dimension 0 has 1 elements, not 3",),
        ),
        (
            "{'datatype': 'STRING', 'shape': [1], 'requred': False}",
            ("the input x has `requred`, which is passed over: did you mean `required`?",),
        ),
    ],
)
def test_what_a_schema_will_not_have_meant_is_told(folder, written, warnings):
    schema(folder, entry(written))
    assert folder.describe().warnings == tuple(f"input_schema.py:1 {text}" for text in warnings)


def test_the_yaml_files_give_name_and_limits_and_say_what_is_not_installed(folder):
    folder.write("inferless.yaml", "version: 1.0.0\nname: my-model\nconfiguration:\n  inference_time: '180'\n")
    folder.write("inferless-runtime-config.yaml", "build:\n  python_packages:\n  - zz-none==1.0\n  - msgspec\n  run:\n")
    schema(folder, entry("{'datatype': 'STRING', 'shape': [1]}"))
    contract = folder.describe()
    assert (contract.name, contract.limits.timeout_s) == ("my-model", 180.0)
    assert contract.warnings == ("inferless-runtime-config.yaml names packages that are not installed: zz-none==1.0",)


@pytest.mark.parametrize("signature", ["self", "self, args", "self, *args", "self, context=None", "self, a, b=1"])
def test_hooks_are_called_with_what_they_take(folder, signature):
    app = APP + f"    def initialize({signature}): self.loaded = True\n    def finalize({signature}): pass\n"
    folder.write("input_schema.py", entry("{'datatype': 'STRING', 'shape': [1]}"))
    folder.write("app.py", app)
    loaded = folder.load()
    assert (loaded.contract.lifecycle.setup, loaded.contract.lifecycle.shutdown) == (True, True)
    loaded.setup()
    loaded.shutdown()


def test_a_streaming_schema_needs_a_handler(folder):
    with pytest.raises(ProjectError, match="infer takes no stream_output_handler") as raised:
        schema(folder, entry("{'datatype': 'STRING', 'shape': [1]}") + "IS_STREAMING_OUTPUT = True")
    assert (raised.value.file, raised.value.line) == ("app.py", 2)
