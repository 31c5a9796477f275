"""`hotplate invoke` against an endpoint that answers what a test tells it to."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

PICTURE = bytes(range(256)) * 2


class Endpoint(HTTPServer):
    """Remembers each call and answers `answer`; gives its description to whoever has the token that calls have."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls = []
        self.answer = (200, "application/json", json.dumps({"output": "Hello!", "analytics": {}}), {})
        self.document = b"{}"

    @property
    def port(self):
        return self.server_address[1]

    @property
    def body(self):
        """The last call's JSON body."""
        return json.loads(self.calls[-1][2])

    def parts(self):
        """The last call's form, as {name: (file name, content type, bytes)}."""
        _, headers, body = self.calls[-1]
        message = BytesParser().parsebytes(b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
        found = {}
        for part in message.get_payload():
            name = part.get_param("name", header="content-disposition")
            kind = part.get("content-type")
            found[name] = (part.get_filename(), kind, part.get_payload(decode=True))
        return found


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path == "/openapi.json" and self.headers.get("authorization") == "Bearer secret"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(self.server.document)

    def do_POST(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length", 0))
        self.server.calls.append((self.path, headers, self.rfile.read(length)))
        status, kind, body, more = self.server.answer
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint(monkeypatch):
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def invoke(cli, endpoint, monkeypatch):
    monkeypatch.setenv("HOTPLATE_PORT", str(endpoint.port))

    def run(*words):
        return cli("invoke", *words)

    return run


def test_a_text_goes_out_and_the_output_comes_back(invoke, endpoint):
    ran = invoke("prompt=Hello world!")
    assert (ran.code, ran.out, ran.err) == (0, "Hello!\n", "")
    path, headers, _ = endpoint.calls[0]
    assert (path, headers["content-type"]) == ("/infer", "application/json")
    assert endpoint.body == {"prompt": "Hello world!"}
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (("/new-route",), "/new-route"),
        (("new-route",), "/new-route"),
        (("http://127.0.0.1:{port}/a/b",), "/a/b"),
        (("http://127.0.0.1:{port}",), "/infer"),
        (("--port", "{port}"), "/infer"),
    ],
)
def test_where_to(cli, endpoint, monkeypatch, target, path):
    if "{port}" not in "".join(target):
        monkeypatch.setenv("HOTPLATE_PORT", str(endpoint.port))
    assert cli("invoke", *(word.format(port=endpoint.port) for word in target), "a=b").code == 0
    assert endpoint.calls[0][0] == path


def test_the_endpoint_that_run_names_for_its_command(cli, endpoint, monkeypatch):
    monkeypatch.setenv("HOTPLATE_URL", f"http://127.0.0.1:{endpoint.port}/")
    monkeypatch.setenv("HOTPLATE_PORT", "1")
    assert cli("invoke", "a=b").code == 0
    assert cli("invoke", "/c", "a=b").code == 0
    assert [path for path, _, _ in endpoint.calls] == ["/infer", "/c"]


def test_values_of_every_kind(invoke, endpoint, tmp_path):
    (tmp_path / "box.json").write_text('{"x": 1}')
    (tmp_path / "photo.png").write_bytes(PICTURE)
    words = ["text=a=b", "empty=", "n:=3", "tags:=[1, null]", "box:=@box.json", "image=@photo.png", 'at:="@x"']
    assert invoke(*words).code == 0
    assert endpoint.body == {
        "text": "a=b",
        "empty": "",
        "n": 3,
        "tags": [1, None],
        "box": {"x": 1},
        "image": {"data": base64.b64encode(PICTURE).decode()},
        "at": "@x",
    }


def test_a_whole_body(invoke, endpoint, tmp_path, monkeypatch):
    (tmp_path / "body.json").write_text('{"from": "file"}')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"from": "stdin"}')))
    for words, body in [
        (['{"from": "argument"}'], {"from": "argument"}),
        (["/route", "[1, 2]"], [1, 2]),
        (["@body.json"], {"from": "file"}),
        (["-"], {"from": "stdin"}),
        ([], {}),
    ]:
        assert invoke(*words).code == 0
        assert endpoint.body == body


def test_a_form(invoke, endpoint, tmp_path):
    (tmp_path / "audio.wav").write_bytes(PICTURE)
    assert invoke("/infer-form-data", "--form", "file=@audio.wav", "metadata=Some info").code == 0
    found = endpoint.parts()
    name, kind, data = found["file"]
    assert (name, data) == ("audio.wav", PICTURE)
    assert kind in ("audio/wav", "audio/x-wav")
    assert found["metadata"] == (None, None, b"Some info")


def test_a_form_of_texts_alone_is_multipart_too(invoke, endpoint):
    assert invoke("--form", "a=1").code == 0
    assert endpoint.parts() == {"a": (None, None, b"1")}


def test_a_raw_body(invoke, endpoint, tmp_path):
    (tmp_path / "photo.png").write_bytes(PICTURE)
    assert invoke("--raw", "@photo.png").code == 0
    _, headers, body = endpoint.calls[0]
    assert (headers["content-type"], body) == ("image/png", PICTURE)


def test_the_token_of_the_environment(invoke, endpoint, monkeypatch):
    monkeypatch.setenv("HOTPLATE_TOKEN", "hot_secret")
    ran = invoke("a=b")
    assert endpoint.calls[0][1]["authorization"] == "Bearer hot_secret"
    assert "hot_secret" not in ran.out + ran.err


def test_a_deployed_endpoint_is_called_by_its_name_with_this_machines_token(cli, endpoint, monkeypatch, tmp_path):
    (tmp_path / "run").mkdir()
    own = f"http://127.0.0.1:{endpoint.port}"
    (tmp_path / "run" / "supervisor.json").write_text(json.dumps({"url": own}))
    (tmp_path / "admin-token").write_text("hot_admin")
    monkeypatch.setenv("HOTPLATE_HOME", str(tmp_path))
    assert cli("invoke", "--name", "counter", "a=b").code == 0
    assert cli("invoke", "--name", "counter", "/length", "a=b").code == 0
    assert cli("invoke", f"http://localhost:{endpoint.port}/counter/length", "a=b").code == 0
    assert [path for path, _, _ in endpoint.calls] == ["/counter/infer", "/counter/length", "/counter/length"]
    assert {headers["authorization"] for _, headers, _ in endpoint.calls} == {"Bearer hot_admin"}
    assert cli("invoke", "--name", "counter", "--port", "1", "a=b").code != 0
    (tmp_path / "run" / "supervisor.json").write_text(json.dumps({"url": "http://127.0.0.1:1"}))
    cli("invoke", f"{own}/infer", "a=b")
    assert "authorization" not in endpoint.calls[-1][1], "a token of this machine's went to another server"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(invoke, endpoint, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert invoke("a=b").code == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("a=b", "word"), "`word` is no input"),
        (("n:=three",), "`n` is not JSON"),
        (("a=1", "a=2"), "`a` is given twice"),
        (("a=@nowhere.png",), "Cannot read nowhere.png: No such file"),
        (('{"a": ',), "the argument is not JSON"),
        (("--form", "n:=1"), "which a form cannot hold"),
        (("--raw", "a=b"), "--raw takes one body"),
        (("--timeout", "soon", "a=b"), "--timeout must be a time"),
        (("--form", "--raw"), "not allowed with"),
        (("--route", "/length", "a=b"), "--route says how a project is read, so it goes with --local"),
        (("-s", "service", "a=b"), "invoke /ROUTE name=text"),
    ],
)
def test_a_wrong_input_is_refused_before_it_is_sent(invoke, endpoint, words, problem):
    ran = invoke(*words)
    assert ran.code in (1, 2)
    assert problem in ran.err
    assert endpoint.calls == []


def test_values_are_shown_as_json_and_media_by_its_size(invoke, endpoint):
    data = base64.b64encode(PICTURE).decode()
    endpoint.answer = (200, "application/json", json.dumps({"output": {"n": 1, "image": {"data": data}}}), {})
    ran = invoke("a=b")
    assert json.loads(ran.out) == {"n": 1, "image": {"data": "(513 bytes; --save FILE writes them)"}}
    ran = invoke("a=b", "-o", "json")
    assert json.loads(ran.out) == {"output": {"n": 1, "image": {"data": data}}}


def test_media_is_saved(invoke, endpoint, tmp_path):
    data = base64.b64encode(PICTURE).decode()
    one = {"output": {"boxes": [1], "image": {"data": data}}}
    endpoint.answer = (200, "application/json", json.dumps(one), {})
    ran = invoke("a=b", "--save", "out.png")
    assert ran.code == 0
    assert "Saved out.png (512 bytes)." in ran.err
    assert (tmp_path / "out.png").read_bytes() == PICTURE
    several = {"output": [{"data": data}, {"mask": {"data": base64.b64encode(b"mask").decode()}}]}
    endpoint.answer = (200, "application/json", json.dumps(several), {})
    ran = invoke("a=b", "--save", "out.png")
    assert ran.code == 1
    assert "several media: 0, 1.mask" in ran.err
    assert invoke("a=b", "--save", "1.mask=mask.png").code == 0
    assert (tmp_path / "mask.png").read_bytes() == b"mask"
    ran = invoke("a=b", "--save", "2=mask.png")
    assert "no media at `2`" in ran.err


def test_nothing_to_save(invoke):
    ran = invoke("a=b", "--save", "out.png")
    assert (ran.code, ran.err) == (1, "error: The answer holds no media to save.\n")


def test_an_answer_that_is_media_itself(invoke, endpoint, tmp_path):
    endpoint.answer = (200, "image/png", PICTURE, {})
    assert invoke("a=b", "--save", "out.png", "--accept", "image/png").code == 0
    assert endpoint.calls[0][1]["accept"] == "image/png"
    assert (tmp_path / "out.png").read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("status", "body", "more", "text"),
    [
        (422, {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}, {}, "body.prompt: Field required"),
        (
            422,
            {"detail": [{"loc": ["body", "a"], "msg": "One"}, {"loc": ["body", "b", 0], "msg": "Two"}]},
            {},
            "\n  body.a: One\n  body.b.0: Two",
        ),
        (404, {"detail": "Not Found"}, {}, "404 Not Found from /infer: Not Found"),
        (503, {"detail": "The queue is full."}, {"retry-after": "7"}, "The queue is full. Try again in 7 s."),
        (500, "oops", {}, "500 Internal Server Error from /infer: oops"),
        (502, "", {}, "no more was said"),
        (400, [1], {}, "400 Bad Request from /infer: 1"),
        (500, "\x1b[31mred", {}, "\ufffd[31mred"),
    ],
)
def test_an_error_is_told_in_words(invoke, endpoint, status, body, more, text):
    data = body if isinstance(body, str) else json.dumps(body)
    endpoint.answer = (status, "application/json", data, more)
    ran = invoke("a=b")
    assert (ran.code, ran.out) == (1, "")
    assert text in ran.err
    assert str(status) in ran.err


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            b'{"paths": {"/greet": {"post": {}}, "/ping": {"get": {}}, "/slow": {"post": {}}}}',
            "at /greet, /slow: write",
        ),
        (b'{"paths": {}}', ""),
        (b'{"paths": 1}', ""),
        (b"[]", ""),
        (b"\xff", ""),
    ],
)
def test_where_it_would_answer_is_told_where_it_does_not(cli, endpoint, monkeypatch, document, told):
    monkeypatch.setenv("HOTPLATE_TOKEN", "secret")
    endpoint.answer, endpoint.document = (404, "application/json", '{"detail": "Not Found"}', {}), document
    for words in ((f"http://127.0.0.1:{endpoint.port}", "a=b"), ("--port", str(endpoint.port), "/gret", "a=b")):
        ran = cli("invoke", *words)
        assert (ran.code, "Not Found\n" in ran.err) == (1, True)
        assert told in ran.err if told else "answers at" not in ran.err, ran.err


def test_nobody_listens(cli):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        ran = cli("invoke", "--port", str(probe.getsockname()[1]), "a=b")
    assert ran.code == 1
    assert "Cannot connect to http://127.0.0.1:" in ran.err
    assert "`hotplate run` starts one" in ran.err


@pytest.mark.parametrize("url", ["http://[bad/infer", "http://127.0.0.1:99999/infer"])
def test_a_url_that_is_none(cli, url):
    ran = cli("invoke", url)
    assert ran.code == 1
    assert "Traceback" not in ran.err


def test_an_endpoint_that_takes_too_long(cli):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ran = cli("invoke", "--port", str(silent.getsockname()[1]), "--timeout", "50ms", "a=b")
    assert ran.code == 1
    assert "did not answer within 50ms" in ran.err


class TestStreams:
    @pytest.fixture(autouse=True)
    def _needs_the_client(self):
        pytest.importorskip("hotplate.client.sse")

    def test_pieces_of_text_make_one_text(self, invoke, endpoint):
        endpoint.answer = (200, "text/event-stream", 'data: "Hel"\n\ndata: "lo"\n\ndata: [DONE]\n\n', {})
        assert invoke("a=b").out == "Hello\n"

    def test_other_values_stand_on_a_line_each(self, invoke, endpoint):
        endpoint.answer = (200, "text/event-stream", 'data: {"output": 1}\n\ndata: 2\n\n', {})
        assert invoke("a=b").out == "1\n2\n"

    def test_programs_get_each_piece_as_it_is(self, invoke, endpoint):
        endpoint.answer = (200, "text/event-stream", 'data: "Hel"\n\ndata: {"output":1}\n\n', {})
        assert invoke("a=b", "-o", "json").out == '"Hel"\n{"output":1}\n'

    def test_a_stream_that_breaks_off_is_an_error(self, invoke, endpoint):
        body = 'data: "Hel"\n\nevent: error\ndata: {"detail": "It broke."}\n\n'
        endpoint.answer = (200, "text/event-stream", body, {})
        ran = invoke("a=b")
        assert (ran.code, ran.out) == (1, "Hel\n")
        assert "The stream broke off: It broke." in ran.err
