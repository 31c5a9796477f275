"""The same models, written in each dialect. What they compute stands once, in `core.py` of every project.

A model that a dialect cannot be written for is missing here, and `differences.py` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Project(NamedTuple):
    """Files, and what `hotplate run` is told besides the folder."""

    files: Mapping[str, str]
    targets: tuple[str, ...] = ()


CORE = '''"""What every project answers with, and how it misbehaves when it is told to."""
import asyncio, os, sys, time
from pathlib import Path

calls = Path(os.environ.get("CALLS", os.devnull))


class Told(Exception):
    """Shaped like Starlette's HTTPException: what it says is for the caller."""

    def __init__(self, status_code, detail):
        self.status_code, self.detail, self.headers = status_code, detail, None


def answer(text, times, scale, loud, tag, numbers):
    with calls.open("a") as file:
        file.write("x")
    if text.startswith("!"):
        return misbehave(text)
    shown = text if len(text) < 1000 else str(len(text))
    kinds = [type(each).__name__ for each in (text, times, scale, loud, tag, numbers)]
    shown = (shown.upper() if loud else shown) * max(0, min(times, 3))
    return {"text": shown, "times": times, "scale": scale, "loud": loud, "tag": tag, "numbers": numbers, "kinds": kinds}


def misbehave(text):
    if text == "!raise":
        raise ValueError("a secret of the author's")
    if text == "!told":
        raise Told(409, "this one is for you")
    if text == "!exit":
        sys.exit(3)
    if text == "!interrupt":
        raise KeyboardInterrupt
    if text == "!die":
        os._exit(9)
    if text == "!set":
        return {"text": {object()}}
    if text == "!nan":
        return {"text": float("nan")}
    gate = Path(text[1:])  # "!PATH": say that it began, then wait as long as there is such a file
    gate.with_suffix(".begun").touch()
    while gate.exists():
        time.sleep(0.01)
    return {"text": "waited"}


def check(payload):
    """What an author writes who has no declared inputs."""
    kinds = {"text": str, "times": int, "scale": (int, float), "loud": bool, "tag": (str, type(None)), "numbers": list}
    if not isinstance(payload, dict) or "text" not in payload:
        raise Told(422, "text is missing")
    for name, kind in kinds.items():
        value = payload.get(name)
        wrong = not isinstance(value, kind) or (kind is int and isinstance(value, bool))
        if name in payload and (wrong or kind is list and any(type(each) is not int for each in value)):
            raise Told(422, f"{name} does not fit")
    payload["scale"] = float(payload.get("scale", 0.5))


async def meet(text):
    """Answer when four calls are here at the same time."""
    global here
    here += 1
    while here < 4:
        await asyncio.sleep(0.01)
    return text


here = 0


def open_up():
    """Wait for the model to be let in, where the test wants to see what callers are told before."""
    while os.environ.get("GATE") and Path(os.environ["GATE"]).exists():
        time.sleep(0.01)
'''

FACES = "name: parity\nfaces: [plain, open_inference]\n"
TYPED = "text: str, times: int = 2, scale: float = 0.5, loud: bool = False, tag: str | None = None, "
TYPED += "numbers: list[int] = [1, 2]"
PASSED = "text, times, scale, loud, tag, numbers"


def _files(**files: str) -> dict[str, str]:
    return {"core.py": CORE, "hotplate.yaml": FACES, **{name.replace("__", "."): text for name, text in files.items()}}


# -- service ---------------------------------------------------------------------------------------------------

_SERVICE = """from collections.abc import Iterator
from hotplate import File, Service, batch
import core

class Parity(Service):
    def setup(self):
        core.open_up()

"""


def _service(method: str) -> Project:
    body = "".join(f"    {line}\n" for line in method.splitlines())
    return Project(_files(service__py=_SERVICE + body))


SERVICE = {
    "main": _service(f"def infer(self, {TYPED}) -> dict:\n    return core.answer({PASSED})"),
    "stream": _service("def infer(self, count: int) -> Iterator[int]:\n    yield from range(count)"),
    "upload": _service("def infer(self, data: File) -> File:\n    return File.from_bytes(data.to_bytes()[::-1])"),
    "async": _service("async def infer(self, text: str) -> str:\n    return await core.meet(text)"),
    "batch": _service(
        "@batch(max_size=4, max_wait_ms=200)\ndef infer(self, n: list[int]) -> list[list[int]]:\n"
        "    return [[each, len(n)] for each in n]"
    ),
}

# -- function --------------------------------------------------------------------------------------------------

_FUNCTION = """from collections.abc import Iterator
from hotplate import File, batch
import core
core.open_up()

"""


def _function(text: str) -> Project:
    return Project(_files(model__py=_FUNCTION + text + "\n"), ("model.py:predict",))


FUNCTION = {
    "main": _function(f"def predict({TYPED}) -> dict:\n    return core.answer({PASSED})"),
    "stream": _function("def predict(count: int) -> Iterator[int]:\n    yield from range(count)"),
    "upload": _function("def predict(data: File) -> File:\n    return File.from_bytes(data.to_bytes()[::-1])"),
    "async": _function("async def predict(text: str) -> str:\n    return await core.meet(text)"),
    "batch": _function(
        "@batch(max_size=4, max_wait_ms=200)\ndef predict(n: list[int]) -> list[list[int]]:\n"
        "    return [[each, len(n)] for each in n]"
    ),
}

# -- input_schema ----------------------------------------------------------------------------------------------

_APP = """import base64
import core

class InferlessPythonModel:
    def initialize(self):
        core.open_up()

"""


def _input_schema(method: str, fields: str, more: str = "") -> Project:
    body = "".join(f"    {line}\n" for line in method.splitlines())
    return Project(_files(app__py=_APP + body, input_schema__py=f"INPUT_SCHEMA = {{{fields}}}\n{more}"))


def _field(name: str, datatype: str, shape: int = 1, required: bool = False) -> str:
    return f'"{name}": {{"datatype": "{datatype}", "shape": [{shape}], "required": {required}}}, '


INPUT_SCHEMA = {
    "main": _input_schema(
        "def infer(self, inputs):\n"
        "    return core.answer(\n"
        '        inputs["text"], inputs.get("times", 2), inputs.get("scale", 0.5), inputs.get("loud", False),\n'
        '        inputs.get("tag"), inputs.get("numbers", [1, 2])\n'
        "    )",
        _field("text", "STRING", required=True)
        + _field("times", "INT64")
        + _field("scale", "FP64")
        + _field("loud", "BOOL")
        + _field("tag", "STRING")
        + _field("numbers", "INT64", -1),
    ),
    "stream": _input_schema(
        "def infer(self, inputs, stream_output_handler):\n"
        '    for n in range(inputs["count"]):\n'
        '        stream_output_handler.send_streamed_output({"output": n})\n'
        "    stream_output_handler.finalise_streamed_output()",
        _field("count", "INT64", required=True),
        "IS_STREAMING_OUTPUT = True\n",
    ),
    "upload": _input_schema(
        "def infer(self, inputs):\n"
        '    return {"output": base64.b64encode(base64.b64decode(inputs["data"])[::-1]).decode()}',
        _field("data", "STRING", required=True),
    ),
    "async": _input_schema(
        'async def infer(self, inputs):\n    return {"output": await core.meet(inputs["text"])}',
        _field("text", "STRING", required=True),
    ),
    "batch": _input_schema(
        'def infer(self, inputs):\n    return [{"output": [each["n"], len(inputs)]} for each in inputs]',
        _field("n", "INT64", required=True),
        "BATCH_SIZE = 4\nBATCH_WINDOW = 200\n",
    ),
}

# -- predictor -------------------------------------------------------------------------------------------------

_CORTEX = """- name: parity
  kind: RealtimeAPI
  predictor:
    type: python
    path: predictor.py
"""
_PREDICTOR = """import core

class PythonPredictor:
    def __init__(self, config):
        core.open_up()

"""


def _predictor(method: str, more: str = "") -> Project:
    body = "".join(f"    {line}\n" for line in method.splitlines())
    return Project(_files(cortex__yaml=_CORTEX + more, predictor__py=_PREDICTOR + body))


PREDICTOR = {
    "main": _predictor(
        "def predict(self, payload):\n"
        "    core.check(payload)\n"
        "    return core.answer(\n"
        '        payload["text"], payload.get("times", 2), payload.get("scale", 0.5), payload.get("loud", False),\n'
        '        payload.get("tag"), payload.get("numbers", [1, 2])\n'
        "    )"
    ),
    "upload": _predictor("def predict(self, payload):\n    return payload[::-1]"),
    "async": _predictor(
        'async def predict(self, payload):\n    return await core.meet(payload["text"])',
    ),
    "batch": _predictor(
        'def predict(self, payload):\n    return [[each["n"], len(payload)] for each in payload]',
        "    server_side_batching:\n      max_batch_size: 4\n      batch_interval: 0.2s\n    threads_per_process: 4\n",
    ),
}

# -- entry_point -----------------------------------------------------------------------------------------------

_TOML = '[project]\nname = "parity"\nversion = "1"\n\n[project.entry-points."deepaas.v2.model"]\nparity = "model"\n'
_ENTRY = """from webargs import fields
import core

def warm():
    core.open_up()

def get_predict_args():
    return {%s}

%s
"""


def _entry_point(args: str, function: str) -> Project:
    return Project(_files(pyproject__toml=_TOML, model__py=_ENTRY % (args, function)))


ENTRY_POINT = {
    "main": _entry_point(
        '"text": fields.Str(required=True), "times": fields.Int(load_default=2), '
        '"scale": fields.Float(load_default=0.5), "loud": fields.Bool(load_default=False), '
        '"tag": fields.Str(load_default=None), "numbers": fields.List(fields.Int(), load_default=[1, 2])',
        f"def predict({PASSED}):\n    return core.answer({PASSED})",
    ),
    "upload": _entry_point(
        '"data": fields.Field(required=True, metadata={"type": "file", "location": "form"})',
        "def predict(data):\n    import base64\n"
        '    with open(data.filename, "rb") as file:\n        return base64.b64encode(file.read()[::-1]).decode()',
    ),
}

# -- routes ----------------------------------------------------------------------------------------------------


def _routes(function: str, *body: str) -> Project:
    spec = "routes:\n  - path: /predict\n    verb: POST\n    file: model\n    function: predict\n    body:\n"
    fields = "".join(f"      - {{{field}}}\n" for field in body)
    files = _files(model__py=_FUNCTION + function + "\n")
    return Project({**files, "hotplate.yaml": FACES + spec + fields})


ROUTES = {
    "main": _routes(
        f"def predict({PASSED}):\n    return core.answer({PASSED})",
        "name: text, type: str",
        "name: times, type: int, optional: true, default_value: '2'",
        "name: scale, type: float, optional: true, default_value: '0.5'",
        "name: loud, type: bool, optional: true, default_value: 'False'",
        "name: tag, type: str, optional: true, default_value: 'None'",
        "name: numbers, type: list, optional: true, default_value: '[1, 2]'",
    ),
    "upload": _routes(
        "def predict(data):\n    import base64\n    return base64.b64encode(base64.b64decode(data)[::-1]).decode()",
        "name: data, type: str",
    ),
    "async": _routes("async def predict(text):\n    return await core.meet(text)", "name: text, type: str"),
    "batch": _routes(
        "@batch(max_size=4, max_wait_ms=200)\ndef predict(n):\n    return [[each, len(n)] for each in n]",
        "name: n, type: int",
    ),
}

PROJECTS: Mapping[str, Mapping[str, Project]] = {
    "service": SERVICE,
    "function": FUNCTION,
    "input_schema": INPUT_SCHEMA,
    "routes": ROUTES,
    "predictor": PREDICTOR,
    "entry_point": ENTRY_POINT,
}
