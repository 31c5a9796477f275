from __future__ import annotations

from pathlib import Path

from serving import Server, serve

PREDICT = "/v2/models/second/predict/"
FORM = {"content-type": "multipart/form-data; boundary=XX"}


def test_each_model_has_its_own_paths(server: Server) -> None:
    assert [model["name"] for model in server.get("/v2/models/").json()["models"]] == ["first", "second"]
    answer = server.request("POST", "/v2/models/first/predict/?name=n")
    assert answer.json() == {"status": "OK", "predictions": {"name": "n", "times": 2}}


def test_a_class_is_made_an_instance_of_that_keeps_its_state(server: Server) -> None:
    first, second = (server.request("POST", PREDICT).json()["predictions"] for _ in range(2))
    assert second == first + 1 < 50  # warm() ran: it began at 0


def test_an_exception_with_a_status_is_that_status(server: Server) -> None:
    answer = server.request("POST", f"{PREDICT}?fail=true")
    assert (answer.status, answer.body) == (418, b"418: a teapot")


def test_an_uploaded_file_is_gone_after_the_call(server: Server) -> None:
    body = b'--XX\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\nhello\r\n--XX--\r\n'
    answer = server.request("POST", "/v2/models/first/predict/?name=n", body, FORM)
    path, content = answer.json()["predictions"]["data"]
    assert content == "hello"
    assert not Path(path).exists()


def test_the_plain_face_reaches_the_same_models(server: Server) -> None:
    answer = server.post("/first/predict", {"name": "n", "times": "3"})
    assert answer.json()["output"] == {"name": "n", "times": 3}
    refused = server.post("/first/predict", {"times": "x"})
    assert refused.status == 422
    assert {tuple(item["loc"]) for item in refused.json()["detail"]} == {("body", "name"), ("body", "times")}


def test_training_is_declared(server: Server) -> None:
    assert "/v2/models/second/train/" in server.get("/swagger.json").json()["paths"]


def test_the_openapi_document_has_both_faces(server: Server) -> None:
    document = server.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert {"/v2/models/first/predict/", "/first/predict"} <= set(document["paths"])


def test_options_of_deepaas_run_are_taken(several: Path) -> None:
    options = ["--model-name", "second", "--base-path", "/p", "--nowarm", "--notrain-endpoint", "--nodoc-endpoint"]
    options += ["--listen-ip", "127.0.0.1", "--client-max-size", "1000"]
    with serve(several, *options) as server:
        assert [model["name"] for model in server.get("/p/v2/models/").json()["models"]] == ["second"]
        assert server.get("/p").json()["links"] == [
            {"rel": "describedby", "type": "application/json", "href": "/p/swagger.json"}
        ]
        assert server.request("POST", f"/p{PREDICT}").json()["predictions"] == 101
        refused = server.request("POST", "/p/v2/models/second/train/")
        assert (refused.status, refused.body) == (402, b"402: Payment Required")
        assert "/p/v2/models/second/train/" not in server.get("/p/swagger.json").json()["paths"]
        assert server.get("/p/api").status == 404
        assert server.request("POST", f"/p{PREDICT}", b"x" * 1001).status == 413
        assert server.get("/v2/models/").body == b"404: Not Found"


def test_an_unknown_model_ends_the_start(several: Path) -> None:
    with serve(several, "--model-name", "nope", wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
    assert "Model 'nope' not found in namespace 'deepaas.v2.model'" in server.text()
    assert "models there: first, second" in server.text()
