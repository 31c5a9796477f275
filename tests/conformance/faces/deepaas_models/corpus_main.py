"""A model in module style, with an argument of every kind. It answers with what it was called with."""

import base64

from webargs import fields, validate


def get_metadata():
    return {"description": "Echo ü", "author": ["a", "b"], "license": "MIT", "extra": {"x": 1}}


def get_predict_args():
    return {
        "req": fields.Str(required=True, description="Required text"),
        "i": fields.Int(missing=3, validate=validate.Range(min=1, max=100)),
        "strict": fields.Int(strict=True),
        "f": fields.Float(),
        "b": fields.Bool(missing=False),
        "s": fields.Str(validate=validate.Length(min=3, max=8)),
        "choice": fields.Str(enum=["x", "y"], validate=validate.OneOf(["x", "y"])),
        "free": fields.Str(enum=["x", "y"]),
        "lst": fields.List(fields.Int()),
        "words": fields.DelimitedList(fields.Str()),
        "d": fields.Dict(),
        "nested": fields.Nested({"a": fields.Int(required=True)}),
        "u": fields.UUID(),
        "day": fields.Date(),
        "url": fields.Url(),
        "nil": fields.Str(allow_none=True),
        "null": fields.Str(missing=None),
        "aliased": fields.Str(data_key="a-k"),
        "q": fields.Str(location="query"),
        "body": fields.Str(location="json"),
        "form": fields.Str(location="form"),
        "head": fields.Str(location="headers", data_key="X-Head"),
        "cookie": fields.Str(location="cookies"),
        "data": fields.Field(required=False, missing=None, type="file", location="form", description="A file"),
        "not a field": 5,
        "fail": fields.Str(),
    }


def predict(**kwargs):
    fail = kwargs.pop("fail", "")
    if fail == "raise":
        raise ValueError("inside")
    if fail == "not implemented":
        raise NotImplementedError
    if fail:
        return {"set": {1}, "bytes": b"x", "nan": float("nan"), "none": None, "list": [1, "ü"], "text": "t"}[fail]
    data = kwargs.get("data")
    if data is not None and not isinstance(data, str):
        with open(data.filename, "rb") as file:
            content = base64.b64encode(file.read()).decode()
        kwargs["data"] = [type(data).__name__, data.name, content, data.content_type, data.original_filename]
    return [
        [name, value if isinstance(value, (str, int, float, list, dict)) else repr(value)]
        for name, value in kwargs.items()
    ]


def get_train_args():
    return {"epochs": fields.Int(required=True)}


def train(**kwargs):
    return kwargs
