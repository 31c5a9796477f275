"""A package that DEEPaaS served, found by its entry point, deployed, and called at DEEPaaS's own paths."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

from serving import write_project

PROJECT = {
    "pyproject.toml": """\
[project]
name = "word-count"
version = "1.0"
dependencies = ["webargs>=5.5.3"]

[project.entry-points."deepaas.v2.model"]
word_count = "word_count.api"
""",
    "word_count/__init__.py": "",
    "word_count/api.py": """\
from webargs import fields


def get_metadata():
    return {"name": "Word count", "description": "Counts words", "author": ["An author"], "version": "1.0"}


def get_predict_args():
    return {"text": fields.Str(required=True), "most": fields.Int(load_default=3)}


def predict(text, most):
    return {"words": len(text.split()), "most": most}
""",
}


def test_it_is_deployed_and_called_at_its_own_paths(up, token, tmp_path):
    folder = write_project(tmp_path / "word-count", PROJECT)
    found = up.run("deploy", "-o", "json", folder=folder).json()
    assert found["name"] == "word-count"
    base = found["endpoint"]

    def asked(path, method="GET"):
        request = Request(base + path, headers={"Authorization": f"Bearer {token}"}, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    answered = asked("/v2/models/word_count/predict/?text=one+two+two&most=1", "POST")
    assert answered == {"status": "OK", "predictions": {"words": 3, "most": 1}}
    (model,) = asked("/v2/models/")["models"]
    assert model["name"] == "Word count"
