"""A model whose callers choose the content type with the Accept header."""

import io

from webargs import fields, validate


def get_predict_args():
    return {
        "kind": fields.Str(missing="bytes"),
        "accept": fields.Str(
            missing="image/png",
            location="headers",
            validate=validate.OneOf(["image/png", "application/zip", "application/json"]),
        ),
    }


def predict(**kwargs):
    if kwargs["accept"] in ("application/json", "*/*"):
        return kwargs
    kind = kwargs["kind"]
    return {"bytes": b"\x89PNG", "text": "tüxt", "io": io.BytesIO(b"from memory"), "none": None, "dict": {"a": 1}}[kind]
