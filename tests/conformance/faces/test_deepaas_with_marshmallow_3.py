"""What DEEPaaS's models pin, marshmallow 3 and webargs 5, serves them alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from serving import serve

from tests.peers import marshmallow3_python

HERE = Path(__file__).parent

pytestmark = pytest.mark.peer


def test_a_model_is_served_with_its_pinned_libraries(tmp_path: Path) -> None:
    shutil.copy(HERE / "deepaas_models" / "corpus_main.py", tmp_path)
    (tmp_path / "setup.cfg").write_text("[entry_points]\ndeepaas.v2.model =\n    main = corpus_main\n")
    with serve(tmp_path, python=str(marshmallow3_python())) as server:
        path = "/v2/models/main/predict/"
        answer = server.request("POST", f"{path}?req=r&lst=1&lst=2&words=a,b")
        assert dict(answer.json()["predictions"])["lst"] == [1, 2]
        assert dict(answer.json()["predictions"])["words"] == ["a", "b"]
        refused = server.post(path, {"i": 0, "nested": {"b": 1}})
        assert refused.status == 422
        assert refused.json() == {
            "req": ["Missing data for required field."],
            "i": ["Must be greater than or equal to 1 and less than or equal to 100."],
            "nested": {"a": ["Missing data for required field."], "b": ["Unknown field."]},
        }
