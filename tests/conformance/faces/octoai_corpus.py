"""Requests to `octoai_service.py`, and for each whether our answer is OctoAI's or which listed difference applies."""

from __future__ import annotations

from dataclasses import dataclass

JSON = "application/json"
FORM = "multipart/form-data; boundary=XX"
URLENCODED = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Request:
    """`differs` names a row of the table "On the wire"; then `status` and `holds` say what our answer is."""

    path: str
    body: bytes
    content_type: str | None = JSON
    differs: str = ""
    status: int = 200
    holds: str = ""


def post(path: str, body: str | bytes, content_type: str | None = JSON, **ours: object) -> Request:
    raw = body.encode() if isinstance(body, str) else body
    return Request(path=path, body=raw, content_type=content_type, **ours)  # type: ignore[arg-type]


def parts(*each: tuple[str, bytes], end: bool = True) -> bytes:
    body = b"".join(b"--XX\r\n%b\r\n\r\n%b\r\n" % (head.encode(), data) for head, data in each)
    return body + b"--XX--\r\n" if end else body


FILE = 'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav'
NAMELESS_FILE = 'Content-Disposition: form-data; name="file"; filename=""\r\nContent-Type: application/octet-stream'
TEXT = 'Content-Disposition: form-data; name="metadata"'
INVALID = "JSON decode error"

HELLO = [
    post("/infer", '{"prompt":"Hello world!"}'),
    post("/infer", '{"prompt":"é😀\\ud83d\\ude00\\n"}'),
    post("/infer", ' {"prompt" : "x", "more": [1, {"a": null}]} '),
    post("/infer", "{}"),
    post("/infer", '{"prompt":5}'),
    post("/infer", '{"prompt":null}'),
    post("/infer", '{"prompt":["a"],"b":1}'),
    post("/infer", "[1,2]"),
    post("/infer", "5"),
    post("/infer", '"text"'),
    post("/infer", "null"),
    post("/infer", "true"),
    post("/infer", ""),
    post("/infer", "", None),
    post("/infer", "", "text/plain"),
]

GRAMMAR = [
    post("/infer", '{"prompt": '),
    post("/infer", "{"),
    post("/infer", '{"prompt":"x"}garbage'),
    post("/infer", "{'prompt':'x'}"),
    post("/infer", '{"prompt":"x",}'),
    post("/infer", '{"prompt":"x'),
    post("/infer", '{"prompt":"\x01"}'),
    post("/infer", '{"prompt":"\\x"}'),
    post("/infer", '{"é":1 "b"}'),
    post("/infer", "\x00"),
    post("/infer", "nul"),
    post("/infer", b'{"prompt":"\xff"}'),
    post("/infer", b'\xef\xbb\xbf{"prompt":"with a byte order mark"}'),
    post("/infer", '{"prompt":"sixteen"}'.encode("utf-16")),
    post("/infer", '{"prompt":"thirty-two"}'.encode("utf-32-be")),
    post("/infer", '{"prompt":"a","prompt":"b"}', differs="json", status=422, holds="occurs twice"),
    post("/infer", '{"prompt":"a","x":{"k":1,"k":1}}', differs="json", status=422, holds="occurs twice"),
    post("/infer", '{"prompt":"\\ud800"}', differs="json", status=422, holds="Lone surrogate"),
    post("/anything", '{"x":NaN}', differs="json", status=422, holds="NaN is not JSON"),
    post("/anything", '{"x":-Infinity}', differs="json", status=422, holds="-Infinity is not JSON"),
    post("/anything", '{"x":1e999}', differs="json", status=422, holds="out of range"),
    post("/anything", '{"x":%s}' % ("1" * 5000), differs="json", status=422, holds="too many digits"),
    post("/anything", '{"x":%s}' % ("[" * 64 + "]" * 64), differs="json", status=422, holds="deeper than 64"),
    post("/anything", '{"x":%s}' % ("[" * 63 + "]" * 63)),
    post("/infer", "[" * 5000, differs="json", status=422, holds="deeper than 64"),
]

CONTENT_TYPES = [
    post("/infer", '{"prompt":"x"}', "APPLICATION/JSON; charset=latin-1"),
    post("/infer", '{"prompt":"x"}', "application/vnd.model+json"),
    post("/infer", '{"prompt":"x"}', "application/json;"),
    post("/infer", '{"prompt":"x"}', "text/plain"),
    post("/infer", '{"prompt":"x"}', "text/json"),
    post("/infer", '{"prompt":"x"}', "json"),
    post("/infer", '{"prompt":"x"}', "application/x-unknown"),
    post("/infer", '{"prompt":"x"}', URLENCODED),
    post("/infer", '{"prompt":"x"}', "multipart/form-data"),
    post("/infer", '{"prompt":"x"}', None, differs="no-content-type", status=200, holds='"output":"x"'),
    post(
        "/infer", b"\x80\x04\x95.", "application/octet-stream", differs="binary", status=415, holds="application/json"
    ),
    post("/infer", b"\x80\x04\x95.", "text/plain", differs="binary", status=415, holds="application/json"),
    post(
        "/infer", '{"prompt":"x"}', "application/octet-stream", differs="binary", status=415, holds="application/json"
    ),
    post(
        "/infer", "cos\nsystem", "application/x-python-pickle", differs="binary", status=415, holds="application/json"
    ),
]

TYPED = [
    post("/typed", '{"count":41}'),
    post("/typed", '{"count":"41"}'),
    post("/typed", '{"count":1.0,"scale":2}'),
    post("/typed", '{"count":1.5}'),
    post("/typed", '{"count":true}'),
    post("/typed", '{"count":null}'),
    post("/typed", '{"count":1,"scale":"x","mode":"zip","params":{"width":0}}'),
    post("/typed", '{"count":1,"params":{"width":3}}'),
    post("/typed", '{"count":1,"params":{"width":4,"boxes":[{"x1":"a"},5,{}]}}'),
    post("/typed", '{"count":1,"params":5}'),
    post("/typed", '{"count":1,"mode":"slow"}'),
    post("/model", '{"params":{"width":4,"class":"dog","boxes":[{"x1":1}],"more":1}}'),
    post("/model", '{"params":[]}'),
    post("/echo", '{"params":{"width":4}}', differs="aliases", status=200, holds='"class":"cat"'),
    post("/default", "{}"),
    post("/default", '{"names":[],"flag":"yes"}'),
    post("/default", '{"x":"y","names":"z","flag":7}'),
    post("/default", '{"x":null}'),
    post("/union", '{"x":1}'),
    post("/union", '{"x":1.0}'),
    post("/union", '{"x":"1"}'),
    post("/union", '{"x":[1,"2"]}'),
    post("/union", '{"x":{}}'),
    post("/special", '{"day":"2020-02-29","data":"QUJD","pair":[2,"b"]}'),
    post("/special", '{"day":"2021-02-29","data":5,"pair":[2]}'),
    post("/special", '{"day":5e30}'),
    post("/anything", '{"x":[1,2.50,"é",null,{"a":-0.0,"b":1e-7}]}'),
    post("/anything", '{"x":%s}' % ("9" * 40)),
    post("/number", '{"x":"inf"}'),
    post("/number", '{"x":"nan"}'),
    post("/number", '{"x":-0}'),
    post("/floating", '{"x":5}'),
    post("/values", '{"x":"inf"}'),
    post("/wrong", '{"x":"digits"}'),
    post("/wrong", '{"x":"null"}', differs="server-errors", status=500, holds="invalid_output"),
    post("/wrong", '{"x":"word"}', differs="server-errors", status=500, holds="invalid_output"),
    post("/wrong", '{"x":"list"}', differs="server-errors", status=500, holds="invalid_output"),
]

RAISED = [
    post("/raises", '{"how":"http"}'),
    post("/raises", '{"how":"object"}'),
    post("/raises", '{"how":"empty"}'),
    post("/raises", '{"how":"phrase"}'),
    post("/raises", '{"how":"else"}', differs="server-errors", status=500, holds="internal_error"),
]

MEDIA = [
    post("/picture", '{"image":{"data":"QUJDRA=="}}'),
    post("/picture", '{"image":{"data":"%s"}}' % ("QUJD" * 5000)),
    post("/picture", '{"image":{"data":{"url":"https://a.example/b.png"}}}'),
    post("/picture", '{"image":{"data":"QUJD"},"zoom":"x"}'),
    post("/picture", '{"image":{"data":5}}', differs="media-errors", status=422, holds='"model_attributes_type"'),
    post("/picture", '{"image":{"data":{"url":"ftp://a.example"}}}'),
    post("/picture", '{"image":{"data":{}}}'),
    post("/picture", '{"image":5}'),
    post("/picture", '{"image":null}'),
    post("/picture", '{"image":["QUJD"]}'),
    post("/picture", "{}"),
    post("/size", '{"image":{"data":"QUJD"}}'),
    post("/pictures", '{"images":[{"data":"QUJD"},{"data":{"url":"https://a.example/b.png"}}]}'),
    post("/pictures", '{"images":[{"data":5}]}', differs="media-errors", status=422, holds='"model_attributes_type"'),
    post("/picture", '{"image":"QUJD"}', differs="media-input", holds='"data":"QUJD"'),
    post("/picture", '{"image":"data:image/png;base64,QUJD"}', differs="media-input", holds='"data":"QUJD"'),
    post("/picture", '{"image":{"url":"https://a.example/b"}}', differs="media-input", holds="https://a.example/b"),
    post("/size", b"\x89PNG", "image/png", differs="media-input", holds='"output":4'),
    post("/size", b"\x89PNG", "audio/wav", differs="binary", status=415, holds="image/*"),
    post(
        "/size",
        parts(('Content-Disposition: form-data; name="image"; filename="a"', b"abc")),
        FORM,
        differs="media-input",
        holds='"output":3',
    ),
    post("/picture", '{"image":{"data":"!!!"}}', differs="media-base64", status=422, holds="base64"),
    post("/size", '{"image":{"data":"QUJ"}}', differs="media-base64", status=422, holds="base64"),
    post("/picture", '{"image":{}}', differs="media-base64", status=422, holds='"loc":["body","image","data"]'),
]

FORMS = [
    post("/form", parts((FILE, b"RIFF1234 and more"), (TEXT, b"Some info")), FORM),
    post("/form", parts((TEXT, "é".encode()), (FILE, b"")), FORM),
    post("/form", parts((NAMELESS_FILE, b"RIFF"), (TEXT, b"x")), FORM),
    post("/form", parts((FILE, b"RIFF"), (TEXT, b"first"), (TEXT, b"last")), FORM),
    post("/form", parts((FILE, b"RIFF"), (TEXT, b"\xff\xfe")), FORM),
    post("/form", parts((FILE, b"RIFF")), FORM),
    post("/form", parts((TEXT, b"x")), FORM),
    post("/form", parts((FILE, b"RIFF"), (TEXT, b"")), FORM),
    post("/form", parts((TEXT, b"x"), (TEXT.replace("metadata", "file"), b"not a file")), FORM),
    post("/form", parts((FILE, b"RIFF"), (TEXT, b"x"), end=False), FORM),
    post("/form", parts((FILE, b"RIFF"), ("X: y", b"x")), FORM),
    post("/form", parts((FILE, b"RIFF"), (TEXT, b"x" * 1_100_000)), FORM),
    post("/form", "garbage", FORM),
    post("/form", "", FORM),
    post("/form", parts((FILE, b"RIFF")), "multipart/form-data"),
    post("/form", '{"file":"a","metadata":"b"}'),
    post("/form", "text", "text/plain"),
    post("/form", "", None),
    post("/form", "file=abc&metadata=hi", URLENCODED),
    post("/form", "metadata=&file=", URLENCODED),
    post("/form", "metadata=%C3%A9+b", URLENCODED),
    post(
        "/form",
        parts((FILE, b"RIFF"), (TEXT + '; filename="z"', b"Some")),
        FORM,
        differs="file-as-text",
        status=422,
        holds='"input":{"filename":"z"',
    ),
    post(
        "/form",
        parts(*[(TEXT, b"x")] * 65),
        FORM,
        differs="form-limits",
        status=400,
        holds="Maximum number of fields is 64",
    ),
]

CORPUS = [*HELLO, *GRAMMAR, *CONTENT_TYPES, *TYPED, *RAISED, *MEDIA, *FORMS]
