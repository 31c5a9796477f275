"""`proximl job create endpoint`'s own arguments, given to `hotplate deploy`."""

from __future__ import annotations

from serving import write_project

ROUTE = (
    '{"verb": "POST", "path": "/predict", "file": "predict", "positional": true, '
    '"body": [{"name": "filename", "type": "str"}], "function": "predict_image"}'
)
MODEL = """
print("loading the model")


def predict_image(filename):
    return [{"file": filename}]
"""


def test_a_route_of_the_command_line_is_deployed(up, token, tmp_path):
    write_project(tmp_path / "model", {"predict.py": MODEL})
    done = up.run("deploy", "--model-dir", "model", "--route", ROUTE, "New Inference Endpoint", folder=tmp_path)
    url = f"{up.supervisor['url']}/new-inference-endpoint"
    assert f'Your endpoint "new-inference-endpoint" has been successfully deployed at {url}.' in done.out
    assert up.call("/new-inference-endpoint/predict", {"filename": "a.jpg"}, token) == (200, [{"file": "a.jpg"}])
    assert up.call("/new-inference-endpoint/predict", {}, token)[0] == 422

    # The same route again is the same revision; another one is a new one.
    again = up.run("deploy", "--model-dir", "model", "--route", ROUTE, "New Inference Endpoint", folder=tmp_path)
    assert "is there already" in again.err
    other = ROUTE.replace('"/predict"', '"/classify"')
    up.run("deploy", "--model-dir", "model", "--route", other, "New Inference Endpoint", folder=tmp_path)
    assert up.call("/new-inference-endpoint/classify", {"filename": "a.jpg"}, token) == (200, [{"file": "a.jpg"}])
    up.run("rollback", "new-inference-endpoint")
    assert up.call("/new-inference-endpoint/predict", {"filename": "b.jpg"}, token) == (200, [{"file": "b.jpg"}])
