from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hotplate.errors import SettingError
from hotplate.faces import registry

HELLO = """
import sys
from hotplate.contract.types import Route
from hotplate.dialects.base import Call, Parameter
from hotplate.faces import registry
parameters = (Parameter(name="prompt", annotation=str),)
call = Call(route=Route(path="/infer", name="infer"), function=str, parameters=parameters, returns=str)
codec = registry.get("plain").codec(call)
body = codec.encode(*codec.decode(b'{"prompt":"a"}', None), None, 1, 1)
assert body.startswith(b'{"output":"a"'), body
import json
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"pydantic", "python_multipart", "pybase64", "logging", "secrets", "asyncio", "email", "hotplate.media"}


def test_the_plain_face_is_there() -> None:
    face = registry.get("plain")
    assert (face.name, face.headers, face.stream_content_type) == ("plain", ("accept",), "text/event-stream")


def test_another_name_gets_the_nearest() -> None:
    with pytest.raises(SettingError) as caught:
        registry.get("plane")
    assert caught.value.hint == "Did you mean 'plain'?"
    with pytest.raises(SettingError) as caught:
        registry.get("nothing like it")
    assert caught.value.hint == f"The faces are: {', '.join(registry.NAMES)}."
    assert {"open_inference", "plain"} <= set(registry.NAMES)


def test_a_call_with_plain_types_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELLO], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(done.stdout))
